"""
Canaries: secrets that are put wherever a secret can be, and looked for wherever none may come out.

Tables say where they are put.  Whoever adds a place for secrets adds a line to one of them:

- `REQUESTS`: what a client sends, right or wrong, whole or broken off;
- `OBJECTS`: what holds a secret and may be shown by accident;
- `COMMANDS`, in `tests.app.canary_commands`: commands that end by themselves.
"""

from __future__ import annotations

import base64
import io
import secrets
import urllib.parse
from typing import TYPE_CHECKING, Any

from attrs import frozen

from oci_twisted.app import Auth
from oci_twisted.app.auth import Admission
from oci_twisted.app.settings import load_settings
from oci_twisted.auth.authentication import Authentication
from oci_twisted.auth.challenges import BasicChallenge
from oci_twisted.auth.passwords import InMemoryUsers
from oci_twisted.auth.policy import parse_rules
from oci_twisted.auth.tokens.keyrings import MemoryShelf
from oci_twisted.auth.tokens.keys import ES256, make_key
from oci_twisted.http.calls import Call
from oci_twisted.http.mounted import SpooledBody
from oci_twisted.http.parser import RequestParser
from oci_twisted.interfaces import Credentials, IssuedToken, TokenRequest
from oci_twisted.storage.memory.tokens import MemoryTokens
from tests.app.reactors import StillReactor
from tests.wire.messages import chunked, get, message

if TYPE_CHECKING:
    from collections.abc import Callable


class Canaries:
    """
    Secrets by name, which occur nowhere else.
    """

    def __init__(self) -> None:
        self._secrets: dict[str, str] = {}

    def __call__(self, name: str) -> str:
        """Answer the secret of a name, always the same."""
        return self._secrets.setdefault(name, f"Canary{secrets.token_hex(12)}")

    def add(self, name: str, secret: str) -> None:
        """Look for a secret that was made elsewhere."""
        self._secrets[name] = secret

    def leaked(self, *texts: str | bytes) -> list[str]:
        """Answer the names of those that are in one of the texts, as they are or encoded."""
        found = [text if isinstance(text, bytes) else text.encode() for text in texts]
        return [
            name
            for name, secret in self._secrets.items()
            if any(form in text for form in _forms(secret.encode()) for text in found)
        ]


def _forms(secret: bytes) -> list[bytes]:
    # What base64 makes of bytes depends on how many stand before them; at either end it mixes them with others.
    shifted = [base64.b64encode(bytes(before) + secret)[4 if before else 0 : -4] for before in range(3)]
    percent = "".join(f"%{byte:02x}" for byte in secret).encode()
    return [secret, secret.hex().encode(), percent, percent.upper(), urllib.parse.quote(secret).encode(), *shifted]


@frozen
class Request:
    """
    Bytes that a client sends.

    :ivar make: writes them.
    :ivar broken_off: the client is gone behind them, and waits for no answer.
    """

    name: str
    make: Callable[[Canaries], bytes]
    broken_off: bool = False


@frozen
class Object:
    """
    Something that holds a secret.

    :ivar make: makes it.
    """

    name: str
    make: Callable[[Canaries], object]


def basic(user: str, password: str) -> str:
    """Write a header."""
    return "Authorization: Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


# Of the first line of a key, in letters.
_BEGINNING = 48

UPLOADS = "/v2/some/thing/blobs/uploads/"
MANIFEST = "/v2/some/thing/manifests/v1"
FORM = "Content-Type: application/x-www-form-urlencoded"


def form(**fields: str) -> bytes:
    """Write a form for the token service."""
    return message("POST", "/token", FORM, body=urllib.parse.urlencode(fields).encode())


REQUESTS = (
    Request("basic", lambda canary: get("/v2/", basic("ada", canary("password")))),
    Request("basic in a user name", lambda canary: get("/v2/", basic(canary("user that is a token"), ""))),
    Request("basic without a colon", lambda canary: get("/v2/", f"Authorization: Basic {canary('not base64')}")),
    Request("basic with a wrong password", lambda canary: get("/v2/", basic("ada", canary("wrong password")))),
    Request("basic with an access token", lambda canary: get("/v2/", basic("ada", canary("access token")))),
    Request("basic with an identity token", lambda canary: get("/v2/", basic("oidc", canary("identity token")))),
    Request("an access token", lambda canary: get("/v2/", f"Authorization: Bearer {canary('access token')}")),
    Request("no access token", lambda canary: get("/v2/", f"Authorization: Bearer ocit_{canary('no token')}000000")),
    Request("a refresh token", lambda canary: get("/v2/", f"Authorization: Bearer {canary('refresh token')}")),
    Request("a bearer token", lambda canary: get("/v2/", f"Authorization: Bearer {canary('bearer token')}")),
    Request("a changed one", lambda canary: get("/v2/", f"Authorization: Bearer {canary('bearer token')}x")),
    Request("an identity token", lambda canary: get("/v2/", f"Authorization: Bearer {canary('identity token')}")),
    Request("another's", lambda canary: get("/v2/", f"Authorization: Bearer {canary('token of a stranger')}")),
    Request("a forged one", lambda canary: get("/v2/", f"Authorization: Bearer {canary('forged token')}")),
    Request("a token for a token", lambda canary: get("/token", f"Authorization: Bearer {canary('bearer token')}")),
    Request(
        "a token for an access token",
        lambda canary: get("/token?scope=repository:team/app:pull", basic("ada", canary("access token"))),
    ),
    Request("a login", lambda canary: get("/token?offline_token=true&client_id=c", basic("ada", canary("password")))),
    Request("bearer", lambda canary: get("/v2/_catalog", f"Authorization: Bearer {canary('token')}")),
    Request("bearer like a JWT", lambda canary: get("/v2/", f"Authorization: Bearer a.{canary('claims')}.c")),
    Request("another scheme", lambda canary: get("/v2/", f'Authorization: Digest response="{canary("digest")}"')),
    Request("no scheme", lambda canary: get("/v2/", f"Authorization: {canary('bare')}")),
    Request("twice", lambda canary: get("/v2/", basic("a", canary("one")), basic("b", canary("two")))),
    Request("for a proxy", lambda canary: get("/v2/", f"Proxy-Authorization: Basic {canary('proxy')}")),
    Request("a cookie", lambda canary: get("/v2/", f"Cookie: session={canary('cookie')}")),
    Request("a query", lambda canary: get(f"/v2/_catalog?access_token={canary('query')}")),
    Request("a query twice", lambda canary: get(f"/v2/_catalog?n=1&n=2&token={canary('query twice')}")),
    Request("a query that is broken", lambda canary: get(f"/v2/_catalog?%zz&token={canary('broken query')}")),
    Request("a query that leads nowhere", lambda canary: get(f"/nowhere?token={canary('query nowhere')}")),
    Request("a query to /token", lambda canary: get(f"/token?account=ada&password={canary('query to /token')}")),
    Request("a URL with a password", lambda canary: get(f"http://ada:{canary('userinfo')}@registry.test/v2/")),
    Request("another URL with one", lambda canary: get(f"ftp://ada:{canary('other userinfo')}@registry.test/v2/")),
    Request("a fragment", lambda canary: get(f"/v2/?a#access_token={canary('fragment')}")),
    Request("a referer", lambda canary: get("/v2/", f"Referer: https://a.test/?token={canary('referer')}")),
    Request("a user agent", lambda canary: get("/v2/", f"User-Agent: curl/{canary('agent')}")),
    Request("a forwarded secret", lambda canary: get("/v2/", f"X-Forwarded-For: {canary('forwarded')}")),
    Request(
        "a form",
        lambda canary: message("POST", "/token", FORM, body=f"grant_type=password&password={canary('form')}".encode()),
    ),
    Request("a form with a refresh token", lambda canary: form(grant_type="refresh_token", refresh_token=canary("r"))),
    Request(
        "a form with one that is good",
        lambda canary: form(grant_type="refresh_token", refresh_token=canary("refresh token")),
    ),
    Request(
        "a form with an access token in its place",
        lambda canary: form(grant_type="refresh_token", refresh_token=canary("access token")),
    ),
    Request(
        "a form with a password",
        lambda canary: form(grant_type="password", username="ada", password=canary("password"), access_type="offline"),
    ),
    Request(
        "a form with a wrong password",
        lambda canary: form(grant_type="password", username="ada", password=canary("wrong password in a form")),
    ),
    Request(
        "a form with a user name that cannot be",
        lambda canary: form(grant_type="password", username=f"a:{canary('name in a form')}", password="x"),
    ),
    Request("a form of another kind", lambda canary: form(grant_type="client", client_secret=canary("client secret"))),
    Request("a form for another service", lambda canary: form(service="x", password=canary("service's password"))),
    Request(
        "a form with a field twice",
        lambda canary: message(
            "POST", "/token", FORM, body=f"grant_type=password&password=a&password={canary('twice')}".encode()
        ),
    ),
    Request("a form that is too long", lambda canary: form(grant_type="password", password=canary("long form") * 3000)),
    Request("a form that is put", lambda canary: message("PUT", "/token", FORM, body=canary("put").encode())),
    Request(
        "a form that is none", lambda canary: message("POST", "/token", body=canary("formless").encode() + b"\xff%zz")
    ),
    Request("a header with a space", lambda canary: get("/v2/", f"Authorization : Bearer {canary('space')}")),
    Request("a header that is folded", lambda canary: get("/v2/", f"A: b\r\n Bearer {canary('folded')}")),
    Request("a request line that is none", lambda canary: f"{canary('line')}\r\n\r\n".encode()),
    Request("no host", lambda canary: f"GET /v2/ HTTP/1.1\r\n{basic('a', canary('no host'))}\r\n\r\n".encode()),
    Request("a head that is too long", lambda canary: get("/v2/", f"Authorization: Bearer {canary('long') * 2000}")),
    Request("a blob", lambda canary: message("POST", UPLOADS, body=canary("blob").encode())),
    Request(
        "a blob of another digest",
        lambda canary: message("POST", f"{UPLOADS}?digest=sha256:{'0' * 64}", body=canary("wrong blob").encode()),
    ),
    Request(
        "a manifest that is none",
        lambda canary: message(
            "PUT",
            MANIFEST,
            "Content-Type: application/vnd.oci.image.manifest.v1+json",
            body=f'{{"annotations": {{"password": "{canary("manifest")}"}}, "schemaVersion": nonsense'.encode(),
        ),
    ),
    Request(
        "a manifest with a secret in the wrong place",
        lambda canary: message(
            "PUT",
            MANIFEST,
            "Content-Type: application/vnd.oci.image.manifest.v1+json",
            body=f'{{"schemaVersion": 2, "config": "{canary("config")}", "layers": []}}'.encode(),
        ),
    ),
    Request(
        "chunks that break",
        lambda canary: chunked("POST", UPLOADS, pieces=[canary("chunk").encode()])[:-5] + b"zz\r\n",
    ),
    Request(
        "a head that is broken off",
        lambda canary: get("/v2/", basic("ada", canary("half a head")))[:-2],
        broken_off=True,
    ),
    Request(
        "a body that is broken off",
        lambda canary: (
            message("POST", UPLOADS, basic("ada", canary("half")), "Content-Length: 100000", FORM)
            + canary("half a body").encode()
        ),
        broken_off=True,
    ),
)


def look_for_key(canary: Canaries, name: str, pem: str) -> None:
    """Look for the lines of a key as well."""
    first, *lines = pem.splitlines()[1:-1]
    # How it begins is the same in all keys of a kind.
    for number, line in enumerate([first[_BEGINNING:], *lines]):
        canary.add(f"{name}, line {number}", line)


class _Ignored:
    """Takes what a parser finds."""

    head: Any = None

    def head_received(self, head: Any) -> None:  # noqa: ANN401 - a Head
        """Keep it."""
        self.head = head

    def body_received(self, data: bytes) -> None:
        """Let it be."""

    def request_ended(self) -> None:
        """Let it be."""

    def broken(self, error: Exception) -> None:
        """Let it be."""


def _parsed(request: bytes) -> object:
    receiver = _Ignored()
    RequestParser(receiver, 1 << 15).feed(request)
    assert receiver.head is not None
    return receiver.head


def _call(canary: Canaries) -> Call:
    query, headers = f"token={canary('query of a call')}", {b"authorization": canary("header of a call").encode()}
    body = SpooledBody(io.BytesIO(canary("body of a call").encode()))
    call = Call("GET", b"/v2/", query.encode(), headers, body, request_id="a-1", peer="192.0.2.7", secure=True)
    assert call.query
    return call


def _credentials(canary: Canaries) -> Credentials:
    return Credentials(canary("credentials"), "registry.test", "127.0.0.1", secure=False)


def _auth(canary: Canaries) -> Auth:
    rules = parse_rules({"rule": [{"repositories": "**", "allow": "pull", "to": "user:*"}]}, "a test")
    return Auth(rules=rules, users=[InMemoryUsers({"ada": canary("password of a user")})])


def _signing_key(canary: Canaries) -> object:
    key = make_key(ES256, 0.0)
    look_for_key(canary, "private key", key.pem().decode())
    return key


OBJECTS = (
    Object(
        "the head of a request", lambda canary: _parsed(get(f"/v2/?token={canary('head')}", basic("a", canary("b"))))
    ),
    Object("a call", _call),
    Object("credentials", _credentials),
    Object("credentials of a call", lambda canary: _call(canary).credentials()),
    Object("a request for a token", lambda canary: TokenRequest(_credentials(canary), refresh_token=canary("renewal"))),
    Object("a token", lambda canary: IssuedToken(canary("issued"), 60, 0.0, (), canary("issued too"))),
    Object("an authentication", lambda _canary: Authentication(BasicChallenge("registry"))),
    Object("who may do what", _auth),
    Object(
        "who may do what, at work",
        lambda canary: Admission(_auth(canary), StillReactor(), MemoryTokens(), MemoryShelf()),
    ),
    Object("users", lambda canary: InMemoryUsers({"ada": canary("user's")})),
    Object("a signing key", _signing_key),
    Object("settings", lambda _canary: load_settings({}, {})),
)
