"""No secret comes out: not in the log, not in an answer, not on the way to a developer's screen (P10)."""

from __future__ import annotations

import io
from contextlib import contextmanager
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve
from twisted.logger import globalLogPublisher, jsonFileLogObserver, textFileLogObserver
from zope.interface import implementer

from oci_twisted.auth.authentication import Authentication
from oci_twisted.auth.challenges import BearerChallenge
from oci_twisted.interfaces import Decision, IAuthorizer, WrongCredentials
from oci_twisted.storage.memory.metadata import MemoryMetadata
from tests.app.canaries import OBJECTS, REQUESTS, Canaries, Object, Request, basic
from tests.auth.test_authentication import OnePassword, Prefixed
from tests.http.fronts import Mounted
from tests.http.stacks import Stack
from tests.wire.messages import get
from tests.wire.peers import ScriptedAPI, Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from twisted.logger import LogEvent

    from oci_twisted.interfaces import Action, Credentials, Principal
    from oci_twisted.spec.names import RepositoryName

PATIENCE = 30.0


def test_a_canary_is_found() -> None:
    """Whatever form a secret has taken, the search finds it, and nothing else."""
    canaries = Canaries()
    secret = canaries("secret")
    assert canaries.leaked("nothing of the kind", b"\xff") == []
    encoded = [basic(user, secret) for user in ("", "a", "ab", "abc", "abcd")]
    percent = "".join(f"%{ord(letter):02X}" for letter in secret)
    for text in (secret, repr({"x": secret}), secret.encode().hex(), percent, *encoded):
        assert canaries.leaked("something", f"in {text} there") == ["secret"]
    assert canaries("secret") == secret
    assert canaries("other") != secret


class Faulty(MemoryMetadata):
    """Metadata that fail in a way nobody has thought of, when a listing is asked for."""

    async def repositories(self, *_arguments: Any) -> Any:  # noqa: ANN401 - it never answers
        """Fail."""
        raise ZeroDivisionError("an injected fault")


class Secure(Authentication):
    """Takes every connection for an encrypted one."""

    async def authenticate(self, credentials: Credentials) -> Principal:
        """Answer who it is."""
        return await super().authenticate(evolve(credentials, secure=True))

    def challenge(self, credentials: Credentials, *others: Any) -> str:  # noqa: ANN401 - as Authentication's own
        """Answer the challenge."""
        return super().challenge(evolve(credentials, secure=True), *others)


@implementer(IAuthorizer)
class Reluctant:
    """Permits everything to those who log in, and fails over one of them."""

    async def decide(self, principal: Principal, action: Action, name: RepositoryName | None) -> Decision:
        """Decide."""
        del action, name
        if principal.name is not None and principal.name.startswith("eve"):
            raise ZeroDivisionError("an injected fault")
        return Decision(permitted=principal.name is not None, by="reluctance")


def open_to_all() -> Stack:
    """Make a registry that asks nobody, and fails where one looks for repositories."""
    return Stack(metadata=Faulty(), api=ScriptedAPI)


def closed() -> Stack:
    """Make a registry that asks everybody, and fails over some."""
    authenticator = Secure(BearerChallenge("registry"), passwords=OnePassword(), tokens=[Prefixed("one_")])
    return Stack(authenticator=authenticator, authorizer=Reluctant(), metadata=Faulty(), api=ScriptedAPI)


def in_the_clear() -> Stack:
    """Make a registry that takes no credentials, because others can read them."""
    authenticator = Authentication(BearerChallenge("registry"), passwords=OnePassword())
    return Stack(authenticator=authenticator, authorizer=Reluctant(), metadata=Faulty(), api=ScriptedAPI)


def streamed(stack: Stack) -> Wire:
    """Put our own front before a registry."""
    return Wire(stack=stack)


FRONTS = pytest.mark.parametrize("front", [streamed, Mounted], ids=["streamed", "mounted"])


@contextmanager
def written() -> Iterator[Callable[[], str]]:
    """Lend what all events read, of every level, as text and as JSON."""
    text, lines = io.StringIO(), io.StringIO()
    observers = [textFileLogObserver(text), jsonFileLogObserver(lines)]

    def observe(event: LogEvent) -> None:
        # The site under which a registry is mounted has an access log of its own, and that has the whole target.
        if event.get("log_namespace") != "twisted.python.log":
            for observer in observers:
                observer(event)

    globalLogPublisher.addObserver(observe)  # type: ignore[arg-type]  # any function is one
    try:
        yield lambda: text.getvalue() + lines.getvalue()
    finally:
        globalLogPublisher.removeObserver(observe)  # type: ignore[arg-type]  # any function is one


@FRONTS
@pytest.mark.parametrize("stack", [open_to_all, closed, in_the_clear])
@pytest.mark.parametrize("request_", REQUESTS, ids=attrgetter("name"))
def test_no_request_leaves_a_secret(
    request_: Request, stack: Callable[[], Stack], front: Callable[[Stack], Wire]
) -> None:
    """Neither the log, with its tracebacks, nor the answer repeats what a client has kept secret."""
    canaries = Canaries()
    with written() as log:
        peer = front(stack()).send(request_.make(canaries))
        if request_.broken_off:
            peer.hang_up()
        peer.pass_time(200)
    assert canaries.leaked(peer.received, log()) == []
    # Under twisted.web there is no answer to a line that is too long.
    assert peer.received.startswith(b"HTTP/1.1 ") or request_.broken_off or front is Mounted


@FRONTS
@pytest.mark.parametrize(
    ("stack", "header", "status"),
    [
        (open_to_all, lambda canary: basic("ada", canary("ignored")), 500),
        (closed, lambda canary: f"Authorization: Bearer one_eve{canary('token')}", 500),
        (closed, lambda canary: basic(canary("user"), f"one_eve{canary('token as password')}"), 500),
        (closed, lambda canary: basic("ada", canary("wrong password")), 401),
        (closed, lambda canary: basic(canary("nobody"), canary("nobody's password")), 401),
        (closed, lambda canary: f"Authorization: Bearer {canary('unknown token')}", 401),
        (closed, lambda canary: f"Authorization: {canary('no scheme')}", 401),
        (in_the_clear, lambda canary: basic("ada", canary("in the clear")), 403),
    ],
)
def test_what_goes_wrong_tells_no_secret(
    front: Callable[[Stack], Wire], stack: Callable[[], Stack], header: Callable[[Canaries], str], status: int
) -> None:
    """A fault of ours has a traceback, and a refusal a reason, but neither has what the client has shown."""
    canaries = Canaries()
    with written() as log:
        peer = front(stack()).send(get(f"/v2/_catalog?token={canaries('query')}", header(canaries)))
        peer.pass_time(1)
    assert peer.answer().status == status
    assert ("ZeroDivisionError: an injected fault" in log()) == (status == 500)
    # Who has sent a request is in its access line, and a token stands for its owner here.
    assert [name for name in canaries.leaked(peer.received, log()) if name not in {"token", "token as password"}] == []
    assert canaries.leaked(peer.received) == []


class Careless(Secure):
    """Repeats what it was shown, to the client or to the log."""

    async def authenticate(self, credentials: Credentials) -> Principal:
        """Give everything away."""
        if credentials.authorization is not None and "one_" in credentials.authorization:
            raise ZeroDivisionError(credentials.authorization)
        raise WrongCredentials(f"{credentials.authorization} is no good")


@FRONTS
@pytest.mark.parametrize(("prefix", "answer", "log"), [("", True, False), ("one_", False, True)])
def test_carelessness_would_be_found(
    front: Callable[[Stack], Wire],
    prefix: str,
    answer: bool,  # noqa: FBT001 - what a test is given
    log: bool,  # noqa: FBT001 - likewise
) -> None:
    """What is looked at here is where secrets would come out: one that is given away is found, in either place."""
    canaries = Canaries()
    wire = front(Stack(authenticator=Careless(BearerChallenge("registry")), authorizer=Reluctant()))
    with written() as lines:
        peer = wire.send(get("/v2/", f"Authorization: Bearer {prefix}{canaries('token')}"))
        peer.pass_time(1)
    assert canaries.leaked(peer.received) == ["token"] * answer
    assert canaries.leaked(lines()) == ["token"] * log


@pytest.mark.parametrize("thing", OBJECTS, ids=attrgetter("name"))
def test_nothing_shows_what_it_holds(thing: Object) -> None:
    """What a developer prints, and a traceback may show, has no secret in it."""
    canaries = Canaries()
    made = thing.make(canaries)
    assert canaries.leaked(repr(made), str(made), f"{made}") == []
