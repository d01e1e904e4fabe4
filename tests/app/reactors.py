"""A reactor that stands still, and connections that are only text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import define, field
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from zope.interface import implementer

from oci_twisted.storage.memory.blobs import MemoryBlobs
from oci_twisted.storage.memory.metadata import MemoryMetadata

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from twisted.internet.interfaces import IProtocolFactory

    from oci_twisted.spec.names import RepositoryName, Tag
    from oci_twisted.spec.pages import Page, PageRequest

Trigger: TypeAlias = "tuple[str, str, Callable[[], Deferred[None]]]"


class StillReactor(MemoryReactorClock):
    """
    A reactor whose time a test moves, and which can be told to shut down.

    :ivar shutdown_triggers: what it was asked to call then.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Twisted's
        self.shutdown_triggers: list[Trigger] = []

    def addSystemEventTrigger(self, phase: str, eventType: str, callable: Callable[[], Any]) -> Trigger:  # type: ignore[override]  # noqa: A002, N803 - Twisted's names
        """Remember what to call."""
        trigger = (phase, eventType, callable)
        self.shutdown_triggers.append(trigger)
        return trigger

    def removeSystemEventTrigger(self, triggerID: Trigger) -> None:  # noqa: N803 - Twisted's name
        """Forget it."""
        self.shutdown_triggers.remove(triggerID)

    def callFromThread(self, call: Callable[[], Any]) -> None:
        """Call something in the next turn."""
        self.callLater(0, call)

    def shut_down(self) -> list[Deferred[None]]:
        """Do what a reactor does first when it is stopped; answer what it would wait for."""
        first = [trigger for trigger in self.shutdown_triggers if trigger[:2] == ("before", "shutdown")]
        self.shutdown_triggers = [trigger for trigger in self.shutdown_triggers if trigger not in first]
        return [call() for _phase, _event, call in first]


class Connection:
    """A client's connection, from this machine, to a factory of servers."""

    def __init__(self, factory: IProtocolFactory) -> None:
        self.transport = StringTransport(peerAddress=IPv4Address("TCP", "127.0.0.1", 4321))
        protocol: Any = factory.buildProtocol(self.transport.getPeer())
        self._protocol = protocol
        protocol.makeConnection(self.transport)

    def send(self, method: str, path: str, body: bytes = b"", *lines: str) -> None:
        """Send a request, with further lines in its head."""
        fields = "".join(f"{line}\r\n" for line in ("Host: registry", f"Content-Length: {len(body)}", *lines))
        head = f"{method} {path} HTTP/1.1\r\n{fields}\r\n"
        self._protocol.dataReceived(head.encode() + body)

    def ask(self, method: str, path: str, body: bytes = b"", *lines: str) -> str:
        """Send a request and answer what comes back."""
        self.transport.clear()
        self.send(method, path, body, *lines)
        return self.received

    @property
    def received(self) -> str:
        """What has come back."""
        return str(self.transport.value(), "utf-8")

    def lose(self) -> None:
        """Take note that the connection is closed."""
        self._protocol.connectionLost(Failure(ConnectionError()))


@implementer(IListeningPort)
@define(eq=False)
class FakePort:
    """What listens, in name only."""

    events: list[str]
    host: object = None

    def startListening(self) -> None:
        """Do nothing."""

    def stopListening(self) -> None:
        """Note that it was asked to."""
        self.events.append("stopped listening")

    def getHost(self) -> Any:  # noqa: ANN401 - an address
        """Answer its address."""
        return self.host


@implementer(IStreamServerEndpoint)
@define(eq=False)
class FakeEndpoint:
    """
    An endpoint whose outcome a test decides.

    :ivar listening: fired with a port, or with a failure.
    :ivar factory: what it was asked to serve.
    """

    listening: Deferred[Any] = field(factory=Deferred)
    factory: Any = None

    def listen(self, factory: IProtocolFactory) -> Deferred[Any]:
        """Begin to listen when the test says so."""
        self.factory = factory
        return self.listening


class NotedBlobs(MemoryBlobs):
    """Blobs that note their end."""

    def __init__(self, events: list[str]) -> None:
        super().__init__()
        self._events = events

    async def close(self) -> None:
        """Let go."""
        self._events.append("closed blobs")


class GatedMetadata(MemoryMetadata):
    """
    Metadata that note their end, and answer a listing of tags when they are told to.
    """

    def __init__(self, events: list[str]) -> None:
        super().__init__()
        self._events = events
        self._waiting: list[Deferred[None]] = []

    async def tags(self, name: RepositoryName, page: PageRequest) -> Page[Tag]:
        """List a repository's tags, in time."""
        waiter: Deferred[None] = Deferred()
        self._waiting.append(waiter)
        await waiter
        return await super().tags(name, page)

    def open_gate(self) -> None:
        """Let the listings go on that have begun."""
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            waiter.callback(None)

    async def close(self) -> None:
        """Let go."""
        self._events.append("closed metadata")


def begun(work: Coroutine[Deferred[Any], Any, Any] | Deferred[Any]) -> list[Any]:
    """Begin some work; answer a list that will have its result, or its failure, as its only item."""
    results: list[Any] = []
    deferred = work if isinstance(work, Deferred) else Deferred.fromCoroutine(work)
    deferred.addBoth(results.append)
    return results
