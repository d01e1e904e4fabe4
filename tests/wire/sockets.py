"""
Connections over real sockets, on the loopback interface.
"""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

from twisted.internet.defer import maybeDeferred
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.task import deferLater

from oci_twisted.stream.sockets import Outbox
from tests.wire.messages import read_answers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
    from twisted.internet.tcp import Connection
    from twisted.python.failure import Failure

    from oci_twisted.http.channel import Channel
    from oci_twisted.http.site import RegistrySite
    from tests.wire.messages import Answer

# Far longer than anything here takes.
PATIENCE = 20.0


def real_reactor() -> Any:  # noqa: ANN401 - all of its interfaces together have no type
    """Answer the reactor, which pytest-twisted has installed."""
    from twisted.internet import reactor  # noqa: PLC0415 - to import it is to install it

    return reactor


def connections(site: RegistrySite) -> set[Channel]:
    """Answer a site's connections."""
    return site._channels  # noqa: SLF001 - nobody else needs to know


def sent(channel: Channel) -> int:
    """Answer how much of the current answer's body a connection has handed to the kernel."""
    current = channel._current  # noqa: SLF001 - nobody else needs to know
    return 0 if current is None else current.sent


async def eventually(condition: Callable[[], object]) -> None:
    """
    Wait until something is so, giving the reactor its turns.

    :raise AssertionError: when it is not so for a long time.
    """
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "this takes too long"
        await deferLater(real_reactor(), 0.001)


class Client(Protocol):
    """
    A client over a socket.

    :ivar received: what came.
    :ivar closed: why the connection ended, once it has.
    """

    transport: Connection

    def __init__(self) -> None:
        self.received = bytearray()
        self.closed: Failure | None = None

    def dataReceived(self, data: bytes) -> None:
        """Keep what comes."""
        self.received += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Note why it ended."""
        self.closed = reason

    async def answers(self, count: int, *methods: str) -> list[Answer]:
        """
        Wait for a number of answers, and for no more than these.

        :param methods: of the requests, where they are not all GET.
        """
        found: list[Answer] = []
        rest = b""
        length = -1

        def complete() -> bool:
            nonlocal found, rest, length
            if len(self.received) != length:
                length = len(self.received)
                found, rest = read_answers(bytes(self.received), methods)
            return len(found) >= count or self.closed is not None

        await eventually(complete)
        assert (len(found), len(rest)) == (count, 0), self.closed
        return found


class Served:
    """
    A site that listens.

    :ivar port: its number.
    """

    def __init__(self, site: RegistrySite, port: int) -> None:
        self.port = port
        self._site = site

    async def connect(self) -> Client:
        """Connect a client."""
        endpoint = HostnameEndpoint(real_reactor(), "127.0.0.1", self.port)
        return cast("Client", await connectProtocol(endpoint, Client()))

    async def channel(self) -> Channel:
        """Answer the server's end of the only connection."""
        await eventually(lambda: connections(self._site))
        (channel,) = connections(self._site)
        return channel


@asynccontextmanager
async def listening(site: RegistrySite, endpoint: IStreamServerEndpoint | None = None) -> AsyncIterator[Served]:
    """Let a site listen, for plain connections by default, and end all that is connected to it behind that."""
    # The turns are the real reactor's, whatever tells the site the time.
    site.outbox = Outbox(real_reactor())
    port: IListeningPort = (
        real_reactor().listenTCP(0, site, interface="127.0.0.1") if endpoint is None else await endpoint.listen(site)
    )
    try:
        yield Served(site, port.getHost().port)  # type: ignore[attr-defined]  # it listens on TCP
    finally:
        await maybeDeferred(port.stopListening)
        for channel in list(connections(site)):
            channel.abort()
        await eventually(lambda: not connections(site))
