"""
The token service on the wire.
"""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

import pytest
from twisted.web.server import Site
from zope.interface import implementer

from oci_twisted.http.mounted import MountedAPI
from oci_twisted.interfaces import Credentials, IssuedToken, ITokenService, TokenRequest
from oci_twisted.spec.errors import Denied, TooManyAttempts, Unauthorized
from oci_twisted.spec.scopes import parse_scopes
from tests.http.fronts import ADDRESS
from tests.http.stacks import START, FixedTokens, Stack, codes, document, header
from tests.wire.logs import access_lines, events
from tests.wire.messages import get, message
from tests.wire.peers import Peer, ScriptedAPI, Wire

FORM = "application/x-www-form-urlencoded"
SERVICE = "the registry"
PASSWORD = "hush-canary"
REFRESH = "ocir_hush-canary"
SCOPES = ("repository:a/b:pull,push", "repository:c:pull")


def basic(user: str, password: str) -> str:
    """Write an ``Authorization``."""
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


def credentials(authorization: str | None = None) -> Credentials:
    """Answer what a request by `Stack.ask` says of its sender."""
    return Credentials(authorization, "", "192.0.2.1", secure=False)


@pytest.fixture
def tokens() -> FixedTokens:
    """Make a token service."""
    return FixedTokens()


@pytest.fixture
def stack(tokens: FixedTokens) -> Stack:
    """Make a registry with it."""
    return Stack(tokens=tokens)


def test_a_token_is_an_answer_that_nobody_keeps(stack: Stack) -> None:
    """Every client finds what it reads in it, and no cache stores it."""
    reply = stack.ask("GET", f"/token?scope={SCOPES[0]}&offline_token=true")
    assert (reply.status, header(reply, "Content-Type")) == (200, "application/json")
    assert header(reply, "Cache-Control") == "no-store"
    assert document(reply) == {
        "token": "fixed",
        "access_token": "fixed",
        "expires_in": 300,
        "issued_at": "2027-01-15T08:00:00Z",
        "scope": SCOPES[0],
        "refresh_token": "refresh",
    }
    assert set(document(stack.ask("GET", "/token"))) == {"token", "access_token", "expires_in", "issued_at"}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", TokenRequest(credentials())),
        # docker login, and docker push with a mount.
        (
            "account=ada&client_id=docker&offline_token=true&service=the%20registry",
            TokenRequest(credentials(), offline=True, client="docker", service=SERVICE),
        ),
        (
            "account=ada&scope=repository%3Aa%2Fb%3Apull%2Cpush&scope=repository%3Ac%3Apull&service=the+registry",
            TokenRequest(credentials(), parse_scopes(SCOPES), service=SERVICE),
        ),
        (f"scope={quote(' '.join(SCOPES))}", TokenRequest(credentials(), parse_scopes(SCOPES))),
        (f"scope={'+'.join(SCOPES)}", TokenRequest(credentials(), parse_scopes(SCOPES))),
        ("scope=", TokenRequest(credentials())),
        ("service=a%2Bb", TokenRequest(credentials(), service="a+b")),
        ("offline_token=false&other=1&other=2", TokenRequest(credentials())),
    ],
)
def test_what_is_asked_by_query(stack: Stack, tokens: FixedTokens, query: str, expected: TokenRequest) -> None:
    """Scopes come in a parameter each or in one; what is not understood is let be."""
    assert stack.ask("GET", f"/token?{query}").status == 200
    assert tokens.requests == [expected]


def test_credentials_are_for_the_service_to_judge(stack: Stack, tokens: FixedTokens) -> None:
    """The gate does not look at them, and the service is shown them as they came."""
    for authorization in (basic("ada", PASSWORD), "Bearer x", "nonsense"):
        assert stack.ask("GET", "/token", Authorization=authorization).status == 200
        assert tokens.requests.pop() == TokenRequest(credentials(authorization))


def test_head_leaves_nothing_behind(stack: Stack, tokens: FixedTokens) -> None:
    """It is answered as GET is, but begins no login that lasts."""
    assert stack.ask("HEAD", "/token?offline_token=true").status == 200
    assert tokens.requests == [TokenRequest(credentials())]


def form(**fields: str | list[str]) -> bytes:
    """Write a form."""
    return urlencode(fields, doseq=True).encode()


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        # containerd, and docker with an identity token.
        (
            {
                "grant_type": "password",
                "service": SERVICE,
                "client_id": "containerd-client",
                "scope": " ".join(SCOPES),
                "username": "ada",
                "password": PASSWORD,
            },
            TokenRequest(
                credentials(basic("ada", PASSWORD)),
                parse_scopes(SCOPES),
                client="containerd-client",
                service=SERVICE,
            ),
        ),
        (
            {"grant_type": "refresh_token", "refresh_token": REFRESH, "scope": list(SCOPES)},
            TokenRequest(credentials(), parse_scopes(SCOPES), refresh_token=REFRESH),
        ),
        (
            {"grant_type": "password", "username": "ada", "password": "a+b &=%:ü", "access_type": "offline"},
            TokenRequest(credentials(basic("ada", "a+b &=%:ü")), offline=True),
        ),
        (
            {"grant_type": "password", "username": "robot+ci", "password": PASSWORD, "access_type": "online"},
            TokenRequest(credentials(basic("robot+ci", PASSWORD))),
        ),
    ],
    ids=["containerd", "docker", "characters", "robot"],
)
@pytest.mark.parametrize("content_type", [FORM, f"{FORM}; charset=utf-8", FORM.upper()])
def test_what_is_asked_by_form(
    stack: Stack, tokens: FixedTokens, fields: dict[str, str | list[str]], expected: TokenRequest, content_type: str
) -> None:
    """A name and a password count as Basic, whatever is in them; in a form a plus sign is a space."""
    reply = stack.ask("POST", "/token", form(**fields), Content_Type=content_type)
    assert (reply.status, header(reply, "Cache-Control")) == (200, "no-store")
    assert tokens.requests == [expected]


@pytest.mark.parametrize(
    ("body", "content_type", "reason"),
    [
        (b"{}", "application/json", f"of Content-Type {FORM}"),
        (form(grant_type="password", username="a", password="b"), "", f"of Content-Type {FORM}"),
        (b"", FORM, "grant_type=password or grant_type=refresh_token"),
        (form(grant_type="client_credentials"), FORM, "grant_type=password or"),
        (form(grant_type=["password", "password"]), FORM, "send grant_type once"),
        (form(grant_type="password", password="x"), FORM, "send username too"),
        (form(grant_type="password", username="ada"), FORM, "send password too"),
        (form(grant_type="password", username="a:b", password="x"), FORM, "no colon"),
        (form(grant_type="refresh_token"), FORM, "send refresh_token too"),
        (form(grant_type="refresh_token", refresh_token=""), FORM, "send refresh_token too"),
        (form(grant_type="refresh_token", refresh_token="x", scope="nonsense"), FORM, "is not a scope"),
        (b"grant_type=%ff", FORM, "not UTF-8"),
        (b"grant_type=%", FORM, "two hexadecimal digits"),
        (b"a=b&" * 300, FORM, "at most 256 parameters"),
    ],
)
def test_a_form_that_makes_no_sense_is_refused(
    stack: Stack, tokens: FixedTokens, body: bytes, content_type: str, reason: str
) -> None:
    """400 makes clients that can do both go on by query; the sentence says what to send."""
    headers = {"Content-Type": content_type} if content_type else {}
    reply = stack.ask("POST", "/token", body, **headers)
    assert (reply.status, codes(reply)) == (400, ["UNSUPPORTED"])
    assert reason in document(reply)["errors"][0]["message"]
    assert tokens.requests == []


def test_a_form_has_an_end(stack: Stack, tokens: FixedTokens) -> None:
    """64 KiB are read and no more, said or unsaid."""
    whole = form(grant_type="refresh_token", refresh_token="x", filling="")
    longest = whole + b"x" * ((64 << 10) - len(whole))
    assert stack.ask("POST", "/token", longest, Content_Type=FORM).status == 200
    reply = stack.ask("POST", "/token", longest + b"x", Content_Type=FORM)
    assert (reply.status, codes(reply)) == (413, ["SIZE_INVALID"])
    assert len(tokens.requests) == 1


@implementer(ITokenService)
class Refusing:
    """A token service that refuses."""

    def __init__(self, refusal: Exception) -> None:
        self._refusal = refusal

    async def issue(self, request: TokenRequest) -> IssuedToken:
        """Refuse."""
        assert request is not None
        raise self._refusal

    def keys(self) -> list[None]:
        """Answer none."""
        return []


@pytest.mark.parametrize(
    ("refusal", "status", "extra"),
    [
        (Unauthorized("wrong user name or password", 'Basic realm="x"'), 401, ("WWW-Authenticate", 'Basic realm="x"')),
        (TooManyAttempts(30), 429, ("Retry-After", "30")),
        (Denied("not over plain HTTP"), 403, ("Content-Type", "application/json")),
    ],
)
def test_a_refusal_is_an_error_document(refusal: Exception, status: int, extra: tuple[str, str]) -> None:
    """Clients show its sentence; a wrong password is told by a challenge of Basic."""
    stack = Stack(tokens=Refusing(refusal))
    fields = form(grant_type="password", username="ada", password="x")
    for reply in (stack.ask("GET", "/token"), stack.ask("POST", "/token", fields, Content_Type=FORM)):
        assert (reply.status, header(reply, extra[0])) == (status, extra[1])
        assert document(reply)["errors"][0]["message"] == str(refusal)


def test_the_keys_are_published(stack: Stack) -> None:
    """As a JSON Web Key Set."""
    reply = stack.ask("GET", "/token/keys")
    assert (reply.status, header(reply, "Content-Type")) == (200, "application/json")
    assert document(reply) == {"keys": [{"kty": "OKP", "kid": "fixed"}]}


@pytest.mark.parametrize("path", ["/token", "/token/", "/token/keys", "/token/other", "/token?scope=x"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE"])
def test_without_a_service_there_is_nothing(path: str, method: str) -> None:
    """The paths are answered as any other is at which there is nothing."""
    stack = Stack(tokens=False)
    assert stack.ask(method, path) == stack.ask(method, "/nowhere")
    assert stack.ask(method, path).status == 404


def test_other_paths_are_not_the_service(stack: Stack) -> None:
    """With one, what is below its paths, or only begins like them, is still nothing, and other methods are told so."""
    assert [stack.ask("GET", path).status for path in ("/tokens", "/token/other", "/v2/token")] == [404] * 3
    assert stack.ask("PUT", "/token").status == 405


def test_a_secret_is_in_no_log() -> None:
    """Neither the query, nor the form, nor the answer leaves anything in the log, served or refused (P10)."""
    refusing = Stack(tokens=Refusing(ValueError(7)), api=ScriptedAPI)
    serving = Stack(api=ScriptedAPI)
    filled = [
        form(grant_type="password", username="ada", password=PASSWORD),
        form(grant_type="refresh_token", refresh_token=REFRESH),
        form(grant_type=PASSWORD, refresh_token=REFRESH),
    ]
    with events() as logged, access_lines() as lines:
        for wire in (Wire(stack=serving), Wire(stack=refusing)):
            wire.send(
                get(f"/token?scope=repository:a:pull&account={PASSWORD}", f"Authorization: {basic('ada', PASSWORD)}"),
                *(message("POST", "/token", f"Content-Type: {FORM}", body=body) for body in filled),
            ).pass_time(1)
    assert [line["status"] for line in lines] == [200, 200, 200, 400, 500, 500, 500, 400]
    failures = [event["log_failure"] for event in logged if event.get("log_failure") is not None]
    shown = repr(logged) + "".join(failure.getTraceback() for failure in failures)
    assert len(failures) == 3
    assert [secret for secret in (PASSWORD, REFRESH, basic("ada", PASSWORD)[6:], "fixed") if secret in shown] == []


@pytest.mark.parametrize("parsed", [True, False])
def test_a_form_is_found_under_somebody_else_s_site(parsed: bool) -> None:  # noqa: FBT001 - what a test is given
    """Also where their server has read the form already, to fill the arguments of a request of theirs."""
    tokens = FixedTokens()
    stack = Stack(tokens=tokens)
    site = Site(MountedAPI(stack.api), reactor=stack.clock, parsePOSTFormSubmission=parsed)
    site.startFactory()
    peer = Peer(site.buildProtocol(ADDRESS), stack.clock)
    body = form(grant_type="password", username="ada", password=PASSWORD)
    peer.send(message("POST", "/token?service=other", f"Content-Type: {FORM}", body=body))
    [answer] = peer.answers()
    assert (answer.status, answer.json()["token"]) == (200, "fixed")
    assert tokens.requests[0].credentials.authorization == basic("ada", PASSWORD)
    assert tokens.requests[0].service is None


def test_the_time_is_in_universal_time(stack: Stack) -> None:
    """It is what the service said, to the second."""
    issued = datetime.strptime(document(stack.ask("GET", "/token"))["issued_at"], "%Y-%m-%dT%H:%M:%S%z")
    assert (issued.timestamp(), issued.tzinfo) == (START, UTC)
