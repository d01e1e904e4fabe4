"""No secret comes out: not in the log, not in an answer, not on the way to a developer's screen (P10)."""

from __future__ import annotations

import io
import os
import signal
import socket
import ssl
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve
from twisted.logger import globalLogPublisher, jsonFileLogObserver, textFileLogObserver
from zope.interface import implementer

from oci_twisted.auth.authentication import Authentication
from oci_twisted.auth.challenges import BearerChallenge
from oci_twisted.interfaces import Decision, IAuthorizer, WrongCredentials
from oci_twisted.storage.memory.metadata import MemoryMetadata
from tests.app.canaries import COMMANDS, OBJECTS, REQUESTS, Canaries, Command, Object, Request, basic, look_for_key
from tests.app.test_running import LISTENING, TWIST
from tests.auth.test_authentication import OnePassword, Prefixed
from tests.clients.processes import Daemon
from tests.http.fronts import Mounted
from tests.http.stacks import Stack
from tests.wire.certificates import certify
from tests.wire.messages import get, message
from tests.wire.peers import ScriptedAPI, Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from twisted.logger import LogEvent

    from oci_twisted.interfaces import Action, Credentials, Principal
    from oci_twisted.spec.names import RepositoryName

PATIENCE = 30.0


def name_of(one: Request | Command | Object) -> str:
    """Answer what a test is called."""
    return one.name


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
@pytest.mark.parametrize("request_", REQUESTS, ids=name_of)
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


@pytest.mark.parametrize("thing", OBJECTS, ids=name_of)
def test_nothing_shows_what_it_holds(thing: Object) -> None:
    """What a developer prints, and a traceback may show, has no secret in it."""
    canaries = Canaries()
    made = thing.make(canaries)
    assert canaries.leaked(repr(made), str(made), f"{made}") == []


@pytest.mark.parametrize("command", COMMANDS, ids=name_of)
def test_no_command_tells_a_secret(command: Command, tmp_path: Path) -> None:
    """Neither the help nor an error has what lies in files and in the environment."""
    canaries = Canaries()
    for name, content in command.files(canaries).items():
        (tmp_path / name).write_text(content)
    environment = {**os.environ, **command.environment(canaries)}
    words = [*TWIST, "--log-level=debug", "oci-registry", *command.arguments]
    outcome = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, timeout=60, check=False)  # noqa: S603 - our own
    assert outcome.stdout + outcome.stderr
    assert canaries.leaked(outcome.stdout, outcome.stderr) == []
    assert b"Traceback" not in outcome.stderr


class Besieged:
    """
    The command, running on the lowest level of logging, with secrets all around it.

    :ivar canaries: the secrets.
    :ivar answers: what it has answered.
    """

    def __init__(self, folder: Path, log_format: str, *, tls: bool) -> None:
        self.canaries = Canaries()
        self.answers: list[bytes] = []
        self._folder = folder
        self._tls = tls
        arguments = ["--port", "0", "--storage", "memory", "--config", "registry.toml"]
        (folder / "registry.toml").write_text(f"# {self.canaries('comment')}\n[log]\naccess = 'json'\n")
        if tls:
            pair = certify("registry.test")
            look_for_key(self.canaries, "key", pair.key_pem.decode())
            pair.write(folder / "pair.pem")
            (folder / "ca.pem").write_bytes(pair.certificate_pem)
            arguments += ["--tls-cert", "pair.pem", "--tls-key", "pair.pem"]
        environment = {"PYTHONUNBUFFERED": "1", "REGISTRY_PASSWORD": self.canaries("environment")}
        words = [*TWIST, "--log-level=debug", f"--log-format={log_format}", "oci-registry", *arguments]
        self.daemon = Daemon(words, folder / "log", env=environment)
        self.daemon.wait_until(lambda: LISTENING.search(self.daemon.log) is not None)
        found = LISTENING.search(self.daemon.log)
        assert found is not None
        self._address = (found[1], int(found[2]))

    def _connect(self) -> socket.socket:
        plain = socket.create_connection(self._address, timeout=PATIENCE)
        if not self._tls:
            return plain
        context = ssl.create_default_context(cafile=str(self._folder / "ca.pem"))
        return context.wrap_socket(plain, server_hostname="127.0.0.1")

    def send(self, request: Request) -> None:
        """Send a request, and wait for the answer if there shall be one."""
        with self._connect() as client:
            client.sendall(request.make(self.canaries))
            if not request.broken_off:
                self.answers.append(client.recv(1 << 16))

    def send_in_the_clear(self) -> None:
        """Send a request to a port that speaks TLS, or TLS to one that does not."""
        with socket.create_connection(self._address, timeout=PATIENCE) as client:
            if self._tls:
                client.sendall(get("/v2/", f"Authorization: Bearer {self.canaries('in the clear')}"))
            else:
                client.sendall(b"\x16\x03\x01\x02\x00" + self.canaries("ticket").encode() * 20)
            self.answers.append(client.recv(1 << 16))

    def break_key(self) -> None:
        """Put something in the place of the key, and have it read."""
        (self._folder / "pair.pem").write_text(self.canaries("broken key"))
        os.kill(self.daemon.pid, signal.SIGHUP)
        self.daemon.wait_until(lambda: "the old certificate is kept" in self.daemon.log)


@pytest.mark.parametrize(("log_format", "tls"), [("text", False), ("json", True)])
def test_a_process_keeps_its_secrets(
    log_format: str,
    tls: bool,  # noqa: FBT001 - what a test is given
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On debug level, through everything that clients send and operators do wrong, nothing secret is written."""
    monkeypatch.chdir(tmp_path)
    besieged = Besieged(tmp_path, log_format, tls=tls)
    try:
        for request in REQUESTS:
            besieged.send(request)
        besieged.send_in_the_clear()
        if tls:
            besieged.break_key()
        besieged.send(Request("the last", lambda _canary: message("GET", "/last", "Connection: close")))
        besieged.daemon.wait_until(lambda: "/last" in besieged.daemon.log)
    finally:
        besieged.daemon.stop()
    answered = [answer for answer in besieged.answers if answer.startswith(b"HTTP/1.1 ")]
    assert len(answered) > sum(not request.broken_off for request in REQUESTS)
    assert "/v2/_catalog" in besieged.daemon.log
    assert besieged.canaries.leaked(besieged.daemon.log, *besieged.answers) == []
