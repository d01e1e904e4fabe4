"""How long is waited, and for what."""

from __future__ import annotations

import ast
import inspect
import socket
import textwrap
from typing import TYPE_CHECKING, Any, cast

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint, connectProtocol
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from zope.interface import implementer

from oci_twisted.engine.address import Address
from oci_twisted.engine.calls import Calls
from oci_twisted.engine.client import EngineClient
from oci_twisted.engine.containers.archives import ContainerFiles
from oci_twisted.engine.containers.containers import Containers
from oci_twisted.engine.containers.execs import ContainerExecs
from oci_twisted.engine.containers.logs import ContainerLogs
from oci_twisted.engine.containers.stats import ContainerStats
from oci_twisted.engine.drivers import podman
from oci_twisted.engine.drivers.connection import HttpConnection
from oci_twisted.engine.drivers.docker import API, OPERATIONS
from oci_twisted.engine.errors import ConnectionFailed, TimedOut
from oci_twisted.engine.images.images import Images
from oci_twisted.engine.manifests import Manifests
from oci_twisted.engine.networks import Networks
from oci_twisted.engine.pods import Pods
from oci_twisted.engine.system import System
from oci_twisted.engine.transport.endpoints import endpoint_for
from oci_twisted.engine.transport.limits import Limits, Timeouts
from oci_twisted.engine.volumes import Volumes
from oci_twisted.testing.pipes import PipeEndpoint
from oci_twisted.testing.waiting import waits

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from twisted.internet.address import IPv4Address
    from twisted.internet.interfaces import IProtocol, IProtocolFactory

TIMEOUTS = Timeouts(connect=5, first_byte=10, idle=20, kept=30)


@implementer(IStreamClientEndpoint)
class Nowhere:
    """Connects to nothing, and takes its time."""

    def __init__(self) -> None:
        self.cancelled = 0

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:  # noqa: N803 - Twisted's name
        """Begin to connect."""
        del protocolFactory

        def cancel(_: Deferred[IProtocol]) -> None:
            self.cancelled += 1

        return Deferred(cancel)


class Scripted(Protocol):
    """An engine that says what the test lets it say."""

    transport: Any

    def __init__(self) -> None:
        self.received = b""
        self.is_open = True

    def dataReceived(self, data: bytes) -> None:
        """Take bytes."""
        self.received += data

    def connectionLost(self, reason: object = None) -> None:
        """Know that it is over."""
        del reason
        self.is_open = False


class Stage:
    """A client, and the engines at the other ends of its connections."""

    def __init__(self, endpoint: IStreamClientEndpoint | None = None, limits: Limits | None = None) -> None:
        self.clock = Clock()
        self.engines: list[Scripted] = []
        factory = Factory()
        factory.buildProtocol = self._build  # type: ignore[method-assign]  # one of ours
        self.connection = HttpConnection(
            OPERATIONS,
            self.clock,
            endpoint or PipeEndpoint(self.clock, factory),
            host="engine",
            timeouts=TIMEOUTS,
            limits=limits or Limits(),
            docker=API,
        )
        self.client = EngineClient(Calls(self.connection, self.clock))

    def _build(self, addr: object) -> Scripted:
        del addr
        self.engines.append(Scripted())
        return self.engines[-1]

    def begin(self, work: Coroutine[Deferred[Any], Any, Any]) -> list[Any]:
        """Begin some work, and answer where its result, or its failure, will be."""
        results: list[Any] = []
        Deferred.fromCoroutine(work).addBoth(results.append)
        self.wait(0)
        return results

    def wait(self, seconds: float) -> None:
        """Let some time pass."""
        self.clock.advance(seconds)
        for _ in range(50):
            self.clock.advance(0)

    def say(self, text: str) -> None:
        """Let the youngest engine say something."""
        self.engines[-1].transport.write(text.replace("\n", "\r\n").encode())
        self.wait(0)

    def greet(self) -> None:
        """Answer the question for the version."""
        assert b"GET /_ping" in self.engines[-1].received
        self.say("HTTP/1.1 200 OK\nApi-Version: 1.41\nContent-Length: 2\n\nOK")

    def is_quiet(self) -> bool:
        """Answer whether neither a connection nor a timer is left."""
        return self.connection.transports == 0 and not self.clock.getDelayedCalls()


def test_one_who_does_not_accept_is_given_up() -> None:
    """The attempt is cancelled after the time for it, and says how long that was."""
    nowhere = Nowhere()
    stage = Stage(nowhere)
    asked = stage.begin(stage.client.images.list())
    stage.wait(4.9)
    assert asked == []
    stage.wait(0.1)
    with pytest.raises(TimedOut, match="did not accept a connection within 5 s"):
        asked[0].raiseException()
    assert nowhere.cancelled == 1
    assert stage.is_quiet()


def test_an_attempt_ends_with_the_client() -> None:
    """Whoever closes the client breaks off attempts to connect."""
    nowhere = Nowhere()
    stage = Stage(nowhere)
    asked = stage.begin(stage.client.images.list())
    assert stage.begin(stage.client.close()) == [None]
    with pytest.raises(ConnectionFailed, match="the client is closed"):
        asked[0].raiseException()
    assert nowhere.cancelled == 1
    assert stage.is_quiet()


def test_one_who_accepts_and_does_not_answer_is_given_up() -> None:
    """The question for the version has a bound as well: nothing else is sent, and the connection is closed."""
    stage = Stage()
    asked = stage.begin(stage.client.images.list())
    stage.wait(9.9)
    assert asked == []
    stage.wait(0.1)
    with pytest.raises(TimedOut, match="did not begin to answer for 10 s"):
        asked[0].raiseException()
    assert b"/images" not in stage.engines[0].received
    assert not stage.engines[0].is_open
    assert stage.is_quiet()


def test_a_head_that_does_not_end_is_given_up() -> None:
    """An answer has begun when its head is complete."""
    stage = Stage()
    asked = stage.begin(stage.client.images.list())
    stage.greet()
    stage.say("HTTP/1.1 200 OK\n")
    stage.wait(10)
    with pytest.raises(TimedOut):
        asked[0].raiseException()


def test_a_body_that_pauses_is_given_up() -> None:
    """A document may come in pieces for as long as it likes, but not pause."""
    stage = Stage()
    asked = stage.begin(stage.client.images.list())
    stage.greet()
    stage.say("HTTP/1.1 200 OK\nContent-Length: 100\n\n[")
    for _ in range(90):
        stage.wait(19)
        stage.say(" ")
    assert asked == []
    stage.wait(20)
    with pytest.raises(TimedOut, match="paused in the middle of its answer for 20 s"):
        asked[0].raiseException()
    assert stage.is_quiet()


def test_a_stream_lasts_as_long_as_it_likes() -> None:
    """Nothing bounds the events: neither their beginning, nor a pause, nor the whole."""
    stage = Stage()
    asked = stage.begin(stage.client.calls.messages("system.events"))
    stage.greet()
    stage.wait(100_000)
    stage.say("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n")
    (events,) = asked
    for _ in range(3):
        stage.wait(100_000)
        stage.say('c\n{"a": "b"}\n\n')
        assert stage.begin(events.__anext__()) == [{"a": "b"}]
    waiting = stage.begin(events.__anext__())
    events.close()
    stage.wait(0)
    assert len(waiting) == 1
    assert not stage.engines[-1].is_open
    assert stage.begin(stage.client.close()) == [None]
    assert stage.is_quiet()


def unbounded(group: type) -> set[str]:
    """Answer the coroutines of a group that ask for what an engine may take any time for."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(group))).body
    assert isinstance(definition, ast.ClassDef)
    found = set()
    for one in definition.body:
        if isinstance(one, ast.AsyncFunctionDef) and not one.name.startswith("_"):
            words = {node.value for node in ast.walk(one) if isinstance(node, ast.Constant)}
            if any(operation.patient for method, operation in podman.OPERATIONS.items() if method in words):
                found.add(one.name)
    return found


@pytest.mark.parametrize(
    "group",
    [
        System, Images, Containers, ContainerExecs, ContainerLogs, ContainerStats, ContainerFiles, Networks, Volumes,
        Pods, Manifests,
    ],
)  # fmt: skip
def test_a_group_names_what_nothing_bounds(group: type) -> None:
    """Whoever calls what may take for ever is told so, and that it is theirs to bound."""
    said = " ".join((inspect.getdoc(group) or "").split()).lower()
    names = unbounded(group)
    assert ("nothing bounds" in said) == bool(names)
    assert {name for name in names if f"`{name}`" not in said} == set()


def test_who_waits_for_a_turn_gets_it_when_another_is_given_up() -> None:
    """An engine that is silent keeps nobody waiting for ever, however many calls there are."""
    stage = Stage(limits=Limits(calls=1))
    asked = [stage.begin(stage.client.system.ping()) for _ in range(4)]
    for count in range(1, 5):
        stage.wait(10)
        assert sum(len(one) for one in asked) == count
    for one in asked:
        with pytest.raises(TimedOut):
            one[0].raiseException()
    assert stage.is_quiet()


@waits
async def test_a_machine_that_has_gone_is_found_out() -> None:
    """Connections over TCP ask whether the other end is there, within two minutes."""
    from twisted.internet import reactor  # noqa: PLC0415 - pytest-twisted installs it

    factory = Factory.forProtocol(Scripted)
    listening = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(factory)
    port = cast("IPv4Address", listening.getHost()).port
    endpoint = endpoint_for(reactor, Address("tcp", host="127.0.0.1", port=port))
    protocol = await connectProtocol(endpoint, Scripted())
    handle: socket.socket = protocol.transport.getHandle()
    assert handle.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    seconds = [handle.getsockopt(socket.IPPROTO_TCP, option) for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL)]
    assert seconds[0] + seconds[1] * handle.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT) <= 120
    protocol.transport.abortConnection()
    await listening.stopListening()


@pytest.mark.parametrize("scheme", ["tcp", "tls"])
@waits
async def test_an_attempt_can_be_cancelled(scheme: str) -> None:
    """Also while the host is looked for, of which nobody says that it was not found."""
    from twisted.internet import reactor  # noqa: PLC0415 - pytest-twisted installs it

    endpoint = endpoint_for(reactor, Address(scheme, host="127.0.0.1", port=1))
    attempt = endpoint.connect(Factory.forProtocol(Scripted))
    attempt.cancel()
    with pytest.raises(CancelledError):
        await attempt
