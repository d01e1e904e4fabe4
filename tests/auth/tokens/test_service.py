"""
The built-in token service.
"""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve
from zope.interface import implementer
from zope.interface.verify import verifyObject

from oci_twisted.auth.authentication import Authentication
from oci_twisted.auth.challenges import BearerChallenge
from oci_twisted.auth.tokens.jwts import LIFETIME
from oci_twisted.auth.tokens.service import TokenService
from oci_twisted.interfaces import (
    Credentials,
    Decision,
    IAuthorizer,
    IPasswords,
    IssuedToken,
    ITokenService,
    Principal,
    TokenKind,
    TokenRequest,
    WrongCredentials,
)
from oci_twisted.spec.errors import Denied, RequestInvalid, TooManyAttempts, Unauthorized
from oci_twisted.spec.pages import PageRequest
from oci_twisted.spec.scopes import Scope, parse_scope, parse_scopes
from tests.auth.tokens.makings import SERVICE, Makings
from tests.http.stacks import START, at_once
from tests.wire.logs import events

if TYPE_CHECKING:
    from oci_twisted.interfaces import AccessToken, Action
    from oci_twisted.spec.names import RepositoryName

DAY = 24 * 60 * 60
PASSWORD = "lovelace-canary"


def basic(user: str, password: str) -> str:
    """Write an ``Authorization``."""
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


def shown(authorization: str | None = None, *, peer: str = "127.0.0.1", certificate: str | None = None) -> Credentials:
    """Make a request's credentials."""
    return Credentials(authorization, "registry.test", peer, secure=certificate is not None, certificate=certificate)


ADA = shown(basic("ada", PASSWORD))


@implementer(IPasswords)
class Passwords:
    """Knows ada, who brings no groups, and bob, who does."""

    async def verify(self, user: str, password: str, peer: str) -> Principal:
        """Compare."""
        if user == "mallory":
            raise TooManyAttempts(30)
        if user not in {"ada", "bob"} or password != PASSWORD:
            raise WrongCredentials(f"wrong user name or password, {peer}")
        return Principal(user, frozenset({"builders"} if user == "bob" else ()))


@implementer(IAuthorizer)
class Rules:
    """
    Anybody may pull library/*, ada may do everything in team/* and see the catalog, builders may push there.

    :ivar asked: how often it was asked.
    """

    asked = 0

    async def decide(self, principal: Principal, action: Action, name: RepositoryName | None) -> Decision:
        """Look it up."""
        self.asked += 1
        text = "catalog" if name is None else name.text
        permitted = (
            (principal.name == "ada" and not text.startswith("secret/"))
            or (text.startswith("library/") and action.value == "pull")
            or (text.startswith("team/") and "builders" in principal.groups and action.value != "delete")
        )
        return Decision(permitted, by="the rules")


@pytest.fixture
def service(makings: Makings) -> TokenService:
    """Make a service that knows ada, bob and access tokens."""
    return service_of(makings)


def service_of(makings: Makings, **options: Any) -> TokenService:  # noqa: ANN401 - the service's own
    """Make a service with options of its own."""
    authentication = Authentication(
        BearerChallenge(SERVICE), passwords=Passwords(), tokens=[makings.access, makings.jwts], certificates=True
    )
    whole: dict[str, Any] = {"access": makings.access, "realm": "registry"} | options
    return TokenService(authentication, Rules(), makings.jwts, **whole)


def ask(tokens: TokenService, credentials: Credentials, *scopes: str, **options: Any) -> IssuedToken:  # noqa: ANN401 - a request's own
    """Ask for a token."""
    return at_once(tokens.issue(TokenRequest(credentials, parse_scopes(scopes), **options)))


def granted(issued: IssuedToken) -> list[str]:
    """Answer what a token is for."""
    return list(map(str, issued.scopes))


def kept(makings: Makings) -> list[AccessToken]:
    """Answer what is known of access tokens."""
    return list(at_once(makings.store.tokens_of(None, PageRequest(100))).items)


def test_it_is_what_it_says(service: TokenService) -> None:
    """It provides its interface."""
    verifyObject(ITokenService, service)


@pytest.mark.parametrize(
    ("credentials", "asked", "expected"),
    [
        (ADA, ["repository:team/app:pull,push"], ["repository:team/app:pull,push"]),
        (ADA, ["repository:team/app:push,pull"], ["repository:team/app:pull,push"]),
        (ADA, ["repository:team/app:*"], ["repository:team/app:delete,pull,push"]),
        (ADA, ["registry:catalog:*"], ["registry:catalog:*"]),
        (ADA, ["repository(plugin):team/app:pull"], ["repository:team/app:pull"]),
        (ADA, ["repository:a:pull", "repository:b:push"], ["repository:a:pull", "repository:b:push"]),
        (ADA, ["repository:a:pull repository:b:push"], ["repository:a:pull", "repository:b:push"]),
        (
            ADA,
            ["repository:a:pull", "repository:b:push", "repository:a:push"],
            ["repository:a:pull,push", "repository:b:push"],
        ),
        # Of what one may not, nothing; of what one may in part, the part.
        (ADA, ["repository:secret/app:pull", "repository:a:pull"], ["repository:a:pull"]),
        (shown(), ["repository:library/alpine:pull,push"], ["repository:library/alpine:pull"]),
        (shown(), ["repository:library/alpine:*"], ["repository:library/alpine:pull"]),
        (shown(), ["repository:team/app:pull,push"], []),
        (shown(), ["registry:catalog:*"], []),
        (shown("Basic Og=="), ["repository:library/alpine:pull"], ["repository:library/alpine:pull"]),
        (shown(basic("bob", PASSWORD)), ["repository:team/app:*"], ["repository:team/app:pull,push"]),
        (shown(certificate="ada"), ["repository:team/app:pull"], ["repository:team/app:pull"]),
        # What gives no rights here.
        (ADA, [], []),
        (ADA, ["repository:team/app:"], []),
        (ADA, ["repository:team/app:fly"], []),
        (ADA, ["registry:catalog:pull"], []),
        (ADA, ["registry:other:*"], []),
        (ADA, ["plan:team/app:pull"], []),
        # A name that no repository has, above all a pattern, which would be good for whatever it matches.
        (ADA, ["repository:Team:pull", "repository:host:5000/app:pull"], []),
        (ADA, ["repository:team/*:pull", "repository:**:*", "repository:*:*"], []),
    ],
    ids=str,
)
def test_it_grants_what_is_permitted_of_what_is_asked(
    makings: Makings, service: TokenService, credentials: Credentials, asked: list[str], expected: list[str]
) -> None:
    """To be permitted less, or nothing, is no error; the token is good for just that."""
    issued = ask(service, credentials, *asked)
    assert granted(issued) == expected
    principal = at_once(makings.jwts.verify(issued.token))
    assert principal.token == issued.scopes
    assert (issued.lifetime, issued.issued, issued.refresh_token) == (LIFETIME, START, None)


@pytest.mark.parametrize(
    ("credentials", "expected"),
    [
        (shown(), Principal(None, token=())),
        (ADA, Principal("ada", token=())),
        (shown(basic("bob", PASSWORD)), Principal("bob", frozenset({"builders"}), token=())),
    ],
)
def test_a_token_is_for_who_asks(
    makings: Makings, service: TokenService, credentials: Credentials, expected: Principal
) -> None:
    """Its bearer is taken for who showed the credentials, with the groups that came with them."""
    assert at_once(makings.jwts.verify(ask(service, credentials).token)) == expected


@pytest.mark.parametrize(
    "credentials",
    [
        shown(basic("ada", "wrong")),
        shown(basic("eve", PASSWORD)),
        shown("Basic !"),
        shown("Bearer nonsense"),
        shown("Digest x"),
    ],
)
def test_wrong_credentials_are_refused(service: TokenService, credentials: Credentials) -> None:
    """The challenge is of Basic: this is where passwords go."""
    with pytest.raises(Unauthorized) as refused:
        ask(service, credentials, "repository:library/alpine:pull")
    assert refused.value.challenge == 'Basic realm="registry", charset="UTF-8"'


def test_too_many_attempts_and_plain_http_are_refused_as_elsewhere(service: TokenService) -> None:
    """What the authenticator says goes."""
    with pytest.raises(TooManyAttempts):
        ask(service, shown(basic("mallory", "x")))
    with pytest.raises(Denied, match="plain HTTP"):
        ask(service, evolve(ADA, peer="192.0.2.7"))
    with pytest.raises(Denied, match="plain HTTP"):
        ask(service, shown(peer="192.0.2.7"), refresh_token="ocir_x")
    assert granted(ask(service, shown(peer="192.0.2.7"), "repository:library/a:pull")) == ["repository:library/a:pull"]


def test_a_token_for_another_service_is_refused(service: TokenService) -> None:
    """It would be good for nothing there; who names none gets one of ours."""
    for named in (None, "", SERVICE):
        ask(service, ADA, service=named)
    with pytest.raises(RequestInvalid, match=f"for the service '{SERVICE}', and no other"):
        ask(service, ADA, service="another")


def test_what_a_token_can_hold_is_bounded(service: TokenService) -> None:
    """More scopes than anybody needs, and a token that no header could hold, are refused before and after."""
    with pytest.raises(RequestInvalid, match="at most 100"):
        ask(service, ADA, *(f"repository:a{number}:pull" for number in range(101)))
    assert len(granted(ask(service, ADA, *(f"repository:a{number}:pull" for number in range(100))))) == 100
    with pytest.raises(RequestInvalid, match="too long"):
        ask(service, ADA, *(f"repository:{'n' * 200}{number}:*" for number in range(100)))


def test_a_token_buys_no_other(makings: Makings, service: TokenService) -> None:
    """One that is for little, and was stolen, is not exchanged for one that is for more, or that lives on."""
    narrow = ask(service, ADA, "repository:a:pull").token
    for authorization in (f"Bearer {narrow}", basic("ada", narrow)):
        with pytest.raises(Unauthorized, match="nobody gets a token for a token"):
            ask(service, shown(authorization), "repository:a:push", offline=True)
    assert kept(makings) == []


@pytest.mark.parametrize("kind", [TokenKind.PERSONAL, TokenKind.ROBOT])
def test_an_access_token_gives_tokens_within_its_limits(
    makings: Makings, service: TokenService, kind: TokenKind
) -> None:
    """Shown as a password or as a bearer token, it is good for what its owner may and its limits allow."""
    limits = (Scope("repository", "team/*", frozenset({"pull"})),)
    text, access = makings.create("ada", kind, limits)
    for authorization in (f"Bearer {text}", basic("whoever", text)):
        issued = ask(
            service, shown(authorization), "repository:team/app:pull,push", "repository:a:pull", "registry:catalog:*"
        )
        assert granted(issued) == ["repository:team/app:pull"]
        principal = at_once(makings.jwts.verify(issued.token))
        assert (principal.name, principal.limits, principal.token_id) == ("ada", limits, access.token_id)
    at_once(makings.store.revoke_token(access.token_id))
    with pytest.raises(WrongCredentials, match="not good any more"):
        at_once(makings.jwts.verify(issued.token))
    with pytest.raises(Unauthorized, match="revoked"):
        ask(service, shown(authorization))


def test_a_refresh_token_is_given_for_a_password(makings: Makings, service: TokenService) -> None:
    """Who asks for it gets one, which is listed under the client's name and buys tokens until it expires."""
    issued = ask(service, ADA, "repository:team/app:pull", offline=True, client="docker\x1b[1m" + "x" * 100)
    [token] = kept(makings)
    assert (token.owner, token.kind, token.limits) == ("ada", TokenKind.REFRESH, None)
    assert token.name == ("docker[1m" + "x" * 100)[:64]
    assert token.expires == START + 90 * DAY
    makings.clock.advance(89 * DAY)
    again = ask(service, shown(), "repository:team/app:push", refresh_token=issued.refresh_token, offline=True)
    assert (granted(again), again.refresh_token) == (["repository:team/app:push"], None)
    assert at_once(makings.jwts.verify(again.token)).token_id == token.token_id
    makings.clock.advance(DAY)
    with pytest.raises(Unauthorized, match="expired"):
        ask(service, shown(), refresh_token=issued.refresh_token)
    assert len(kept(makings)) == 1


def test_a_revoked_login_is_over(makings: Makings, service: TokenService) -> None:
    """Neither the refresh token nor what was issued for it is good any more."""
    refresh = ask(service, ADA, offline=True).refresh_token
    issued = ask(service, shown(), refresh_token=refresh)
    at_once(makings.store.revoke_token(kept(makings)[0].token_id))
    with pytest.raises(WrongCredentials, match="not good any more"):
        at_once(makings.jwts.verify(issued.token))
    with pytest.raises(Unauthorized, match="revoked"):
        ask(service, shown(), refresh_token=refresh)


def test_nobody_else_gets_a_refresh_token(makings: Makings, service: TokenService) -> None:
    """Neither anonymous, nor for an access token or a certificate, nor with groups of today, nor who does not ask."""
    text, _ = makings.create()
    others = [
        shown(),
        shown(basic("x", text)),
        shown(f"Bearer {text}"),
        shown(certificate="ada"),
        shown(basic("bob", PASSWORD)),
    ]
    assert [ask(service, credentials, offline=True).refresh_token for credentials in others] == [None] * 5
    assert ask(service, ADA).refresh_token is None
    assert len(kept(makings)) == 1


@pytest.mark.parametrize("options", [{"refresh_lifetime": None}, {"access": None}])
def test_a_service_may_give_no_refresh_tokens(makings: Makings, options: dict[str, None]) -> None:
    """Then nobody gets one, and that is no error."""
    issued = ask(service_of(makings, **options), ADA, offline=True)
    assert (issued.refresh_token, kept(makings)) == (None, [])


def test_what_is_no_refresh_token_is_refused(makings: Makings, service: TokenService) -> None:
    """A bearer token, an access token, an invented one, and any at all where there are none."""
    access, _ = makings.create()
    for wrong in ("", "nonsense", access, ask(service, ADA).token):
        with pytest.raises(Unauthorized, match=r"refresh|revoked"):
            ask(service, shown(), refresh_token=wrong)
    refresh = ask(service, ADA, offline=True).refresh_token
    with pytest.raises(Unauthorized, match="gives out no refresh tokens"):
        ask(service_of(makings, access=None), shown(), refresh_token=refresh)


def test_the_policy_is_asked_for_no_more_than_was_asked(makings: Makings) -> None:
    """A token for two actions costs two decisions, and a login none."""
    rules = Rules()
    authentication = Authentication(BearerChallenge(SERVICE), passwords=Passwords())
    service = TokenService(authentication, rules, makings.jwts, realm="registry")
    ask(service, ADA)
    assert rules.asked == 0
    ask(service, ADA, "repository:a:pull,push", "repository:b:pull")
    assert rules.asked == 3


def test_the_published_keys_hold_nothing_private(makings: Makings, service: TokenService) -> None:
    """Each is what a verifier needs, and no more."""
    [key] = service.keys()
    assert isinstance(key, dict)
    assert set(key) == {"kty", "crv", "x", "kid", "use", "alg"}
    assert key["kid"] == makings.keys.signing().kid


def test_nothing_shows_a_secret(makings: Makings, service: TokenService) -> None:
    """No value, refusal or log event holds a password or a token."""
    shown_: list[str] = []
    with events() as logged:
        issued = ask(service, ADA, "repository:a:pull", offline=True)
        refresh = issued.refresh_token or ""
        for credentials, token in ((shown(basic("ada", PASSWORD + "x")), None), (shown(), refresh[:-1])):
            request = TokenRequest(credentials, parse_scopes(["repository:a:pull"]), refresh_token=token)
            with pytest.raises(Unauthorized) as refused:
                at_once(service.issue(request))
            shown_ += [repr(request), str(refused.value), repr(refused.value), refused.value.challenge]
    shown_ += [repr(issued), repr(kept(makings)), repr(logged), repr(service), repr(parse_scope("repository:a:pull"))]
    secrets = (PASSWORD, basic("ada", PASSWORD)[6:20], refresh[5:20], issued.token[-20:])
    assert [text for text in shown_ for secret in secrets if secret in text] == []
