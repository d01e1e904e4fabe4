"""
What a client goes through: challenged, a token, served; and what ends it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import pytest

from oci_twisted.auth.authentication import Authentication
from oci_twisted.auth.challenges import BearerChallenge
from oci_twisted.auth.tokens.jwts import LEEWAY, LIFETIME
from oci_twisted.auth.tokens.service import TokenService
from oci_twisted.interfaces import TokenKind
from oci_twisted.spec.pages import PageRequest
from oci_twisted.spec.scopes import parse_scope
from tests.auth.tokens.makings import SERVICE, Makings
from tests.auth.tokens.test_service import PASSWORD, Passwords, Rules, basic
from tests.http.stacks import Stack, at_once, document, header

if TYPE_CHECKING:
    from oci_twisted.http.replies import Reply

HERE, HOST = "127.0.0.1", "127.0.0.1:5000"
FORM = "application/x-www-form-urlencoded"


class Client:
    """
    A client of a registry on this machine that speaks the token protocol.

    :ivar stack: the registry.
    """

    def __init__(self, makings: Makings) -> None:
        rules = Rules()
        tokens = [makings.access, makings.jwts]
        authentication = Authentication(BearerChallenge(SERVICE), passwords=Passwords(), tokens=tokens)
        service = TokenService(authentication, rules, makings.jwts, access=makings.access, realm="registry")
        self.stack = Stack(authenticator=authentication, authorizer=rules, tokens=service)

    def ask(self, method: str, target: str, authorization: str = "") -> Reply:
        """Ask for something; over loopback, since nothing is encrypted."""
        # No credentials at all and "Basic Og==" are the same to a client.
        return self.stack.ask(method, target, peer=HERE, host=HOST, authorization=authorization or "Basic Og==")

    def post(self, **fields: str) -> Any:  # noqa: ANN401 - JSON
        """Send a form to the token service, and answer what it says."""
        body = urlencode(fields).encode()
        return document(self.stack.ask("POST", "/token", body, HERE, host=HOST, content_type=FORM))

    def token(self, challenge: str, authorization: str = "", more: str = "") -> str:
        """Go where a challenge says."""
        found = re.fullmatch(r'Bearer realm="http://127\.0\.0\.1:5000(/token)",service="([^"]*)"(.*)', challenge)
        assert found is not None
        scope = re.search(r'scope="([^"]*)"', found[3])
        scopes = "".join(f"&scope={quote(one)}" for one in (scope[1].split() if scope else ()))
        reply = self.ask("GET", f"{found[1]}?service={quote(found[2])}{scopes}{more}", authorization)
        assert reply.status == 200
        token: str = document(reply)["token"]
        return f"Bearer {token}"


def challenge_of(reply: Reply) -> str:
    """Answer the challenge of a refusal."""
    assert reply.status == 401
    return header(reply, "WWW-Authenticate") or ""


@pytest.fixture
def client(makings: Makings) -> Client:
    """Make a client."""
    return Client(makings)


ADA = basic("ada", PASSWORD)
TAGS, UPLOADS = "/v2/team/app/tags/list", "/v2/team/app/blobs/uploads/"


def test_a_login_is_a_token_for_nothing(client: Client) -> None:
    """Who follows the challenge of the first request with a password is known from then on."""
    challenge = challenge_of(client.ask("GET", "/v2/"))
    token = client.token(challenge, ADA, "&account=ada&client_id=docker")
    assert client.ask("GET", "/v2/", token).status == 200


def test_a_push_asks_for_what_it_needs(client: Client) -> None:
    """A token for too little is told what to ask for, and the next is good."""
    login = client.token(challenge_of(client.ask("GET", "/v2/")), ADA)
    challenge = challenge_of(client.ask("POST", UPLOADS, login))
    assert 'scope="repository:team/app:pull,push",error="insufficient_scope"' in challenge
    token = client.token(challenge, ADA)
    assert client.ask("POST", UPLOADS, token).status == 202
    assert client.ask("GET", TAGS, token).status == 404
    assert challenge_of(client.ask("GET", "/v2/team/other/tags/list", token)).endswith('error="insufficient_scope"')


def test_anonymous_clients_get_what_is_for_everybody(client: Client) -> None:
    """A token without a name pulls where anybody may, and is asked to log in elsewhere."""
    client.stack.add_blob("library/alpine", b"bytes")
    token = client.token(challenge_of(client.ask("GET", "/v2/")))
    login = challenge_of(client.ask("POST", "/v2/library/alpine/blobs/uploads/", token))
    assert 'scope="repository:library/alpine:pull,push"' in login
    narrowed = client.token(login)
    assert client.ask("GET", "/v2/library/alpine/tags/list", narrowed).status == 200
    assert client.ask("POST", "/v2/library/alpine/blobs/uploads/", narrowed).status == 401


def test_a_token_expires(client: Client, makings: Makings) -> None:
    """The client is told that it is the token, and gets another."""
    first = client.token(challenge_of(client.ask("POST", UPLOADS)), ADA)
    makings.clock.advance(LIFETIME + LEEWAY)
    challenge = challenge_of(client.ask("POST", UPLOADS, first))
    assert challenge.endswith('scope="repository:team/app:pull,push",error="invalid_token"')
    assert client.ask("POST", UPLOADS, client.token(challenge, ADA)).status == 202


@pytest.mark.parametrize("kind", [TokenKind.PERSONAL, TokenKind.ROBOT])
def test_an_access_token_is_used_in_every_way_until_it_is_revoked(
    client: Client, makings: Makings, kind: TokenKind
) -> None:
    """As a password, as a bearer token, or for a token; at the request after its revocation each is refused."""
    text, access = makings.create("ada", kind, (parse_scope("repository:team/*:pull,push"),))
    ways = [
        basic("ada", text),
        f"Bearer {text}",
        client.token(challenge_of(client.ask("POST", UPLOADS)), basic("x", text)),
    ]
    assert [client.ask("POST", UPLOADS, way).status for way in ways] == [202, 202, 202]
    assert [client.ask("POST", "/v2/a/blobs/uploads/", way).status for way in ways] == [403, 403, 403]
    assert [client.ask("GET", "/v2/_catalog", way).status for way in ways] == [403, 403, 403]
    at_once(makings.store.revoke_token(access.token_id))
    assert [client.ask("POST", UPLOADS, way).status for way in ways] == [401, 401, 401]


def test_a_login_lasts_until_it_is_revoked(client: Client, makings: Makings) -> None:
    """A refresh token buys tokens by itself, and when it is revoked these end with it."""
    first = client.post(
        grant_type="password", username="ada", password=PASSWORD, access_type="offline", client_id="docker"
    )
    refresh = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    token = client.post(**refresh, scope="repository:team/app:pull,push")["access_token"]
    assert client.ask("POST", UPLOADS, f"Bearer {token}").status == 202
    [login] = at_once(makings.store.tokens_of("ada", PageRequest(10))).items
    assert (login.name, login.kind) == ("docker", TokenKind.REFRESH)
    at_once(makings.store.revoke_token(login.token_id))
    assert client.ask("POST", UPLOADS, f"Bearer {token}").status == 401
    assert "revoked" in client.post(**refresh)["errors"][0]["message"]
    assert client.ask("GET", "/v2/", f"Bearer {first['refresh_token']}").status == 401
