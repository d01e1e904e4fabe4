"""
Connections in memory: a client and a server of this process, with no socket between them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer, IStreamClientEndpoint, ITransport
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.client import Agent
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from twisted.internet.interfaces import (
        IAddress,
        IProtocol,
        IProtocolFactory,
        IReactorTime,
    )
    from twisted.web.client import URI, HTTPConnectionPool

# As much as a socket would take before its writer has to wait.
_BUFFER = 1 << 16


@implementer(ITransport)
@define(eq=False)
class PipeTransport:
    """
    One end of a connection.  What is written arrives at the other end in a later turn of the reactor.

    It pushes back as a socket does: a producer is paused while the other end does not read, and stopped when the
    connection is lost.  Half of it can be closed.
    """

    _log = Logger()

    reactor: IReactorTime
    host: IPv4Address
    peer_address: IPv4Address
    protocol: IProtocol | None = None
    peer: PipeTransport | None = field(default=None, repr=False)
    connected: bool = True
    disconnecting: bool = False
    _reading: bool = True
    _buffer: bytearray = field(factory=bytearray, repr=False)
    _scheduled: bool = False
    _half_closing: bool = False
    _half_closed: bool = False
    _producer: Any = None
    _producer_paused: bool = False

    def write(self, data: bytes) -> None:
        """Send bytes."""
        if not self.connected or self.disconnecting or self._half_closing:
            return
        self._buffer += data
        if self._producer is not None and len(self._buffer) > _BUFFER and not self._producer_paused:
            self._producer_paused = True
            self._producer.pauseProducing()
        self.schedule()

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """Send bytes."""
        self.write(b"".join(data))

    def loseConnection(self) -> None:
        """Close, behind what has been written."""
        self.disconnecting = True
        self.schedule()

    def loseWriteConnection(self) -> None:
        """Close this end's half, behind what has been written."""
        if not self._half_closing:
            self._half_closing = True
            self.schedule()

    def abortConnection(self) -> None:
        """Close at once, which the protocols learn in a later turn of the reactor."""
        self._buffer.clear()
        self.disconnecting = True
        self.reactor.callLater(0, self._close, ConnectionLost())

    def registerProducer(self, producer: Any, streaming: bool) -> None:  # noqa: ANN401, FBT001 - Twisted's
        """Tell a push producer when to wait."""
        self._producer = producer if streaming else IPushProducer(producer)

    def unregisterProducer(self) -> None:
        """Forget it."""
        self._producer = None
        self._producer_paused = False
        if self.disconnecting or self._half_closing:
            self.schedule()

    def pauseProducing(self) -> None:
        """Do not deliver to this end's protocol."""
        self._reading = False

    def resumeProducing(self) -> None:
        """Deliver again."""
        self._reading = True
        if self.peer is not None:
            self.peer.schedule()

    def stopProducing(self) -> None:
        """Close."""
        self.loseConnection()

    @property
    def wants_more(self) -> bool:
        """Whether this end's protocol takes bytes: one that is closing does not."""
        return self._reading and not self.disconnecting

    def getHost(self) -> IAddress:
        """Answer this end's address."""
        return self.host

    def getPeer(self) -> IAddress:
        """Answer the other end's."""
        return self.peer_address

    def schedule(self) -> None:
        """Deliver what was written, in a later turn of the reactor."""
        if not self._scheduled and self.connected:
            self._scheduled = True
            self.reactor.callLater(0, self._deliver)

    def _deliver(self) -> None:
        self._scheduled = False
        peer = self.peer
        if not self.connected or peer is None or peer.protocol is None:
            return
        if self._buffer and peer.wants_more:
            data = bytes(self._buffer[:_BUFFER])
            del self._buffer[:_BUFFER]
            try:
                peer.protocol.dataReceived(data)
            except Exception:  # noqa: BLE001 - a reactor, too, logs it and closes
                self._log.failure("{protocol!r} failed", protocol=peer.protocol)
                self._close(ConnectionLost())
                return
        if self._buffer:
            if peer.wants_more:
                self.schedule()
        elif self._producer is not None and self._producer_paused:
            # A socket is not closed then, either, before its producer is unregistered.
            self._producer_paused = False
            self._producer.resumeProducing()
        elif self.disconnecting:
            self._close(ConnectionDone())
        elif self._half_closing and peer.connected and peer.wants_more:
            self._end_half(peer.protocol)

    def _end_half(self, protocol: IProtocol) -> None:
        halves = IHalfCloseableProtocol(protocol, None)
        if halves is None:
            # As Twisted's sockets do for a protocol that does not know of halves.
            self._close(ConnectionDone())
        elif not self._half_closed:
            self._half_closed = True
            halves.readConnectionLost()

    def _close(self, reason: Exception) -> None:
        for end in (self, self.peer):
            if end is not None and end.connected:
                end.lose(reason)

    def lose(self, reason: Exception) -> None:
        """Tell this end's producer and protocol that there is no connection any more."""
        self.connected = False
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.stopProducing()
        if self.protocol is not None:
            self.protocol.connectionLost(Failure(reason))


@implementer(IStreamClientEndpoint)
@define
class PipeEndpoint:
    """Connects to a server factory of this process."""

    reactor: IReactorTime
    factory: IProtocolFactory

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:  # noqa: N803 - Twisted's name
        """Make both protocols and the pipe between them."""
        here = IPv4Address("TCP", "127.0.0.1", 50000)
        there = IPv4Address("TCP", "127.0.0.1", 80)
        client = PipeTransport(self.reactor, here, there)
        server = PipeTransport(self.reactor, there, here, peer=client)
        client.peer = server
        server.protocol = self.factory.buildProtocol(here)
        client.protocol = protocolFactory.buildProtocol(there)
        assert server.protocol is not None
        assert client.protocol is not None
        server.protocol.makeConnection(server)
        client.protocol.makeConnection(client)
        return succeed(client.protocol)


@implementer(IAgentEndpointFactory)
@define
class _PipeEndpoints:
    endpoint: PipeEndpoint

    def endpointForURI(self, uri: URI) -> PipeEndpoint:
        del uri
        return self.endpoint


def pipe_agent(reactor: Any, factory: IProtocolFactory, pool: HTTPConnectionPool | None = None) -> Agent:  # noqa: ANN401 - as Agent's own
    """
    Answer an agent whose every request reaches ``factory``, whatever host its URL names.

    :param factory: of a server's protocols, such as `Registry.site`.
    :param pool: keeps connections for further requests; without one, every request has its own.
    """
    agent: Agent = Agent.usingEndpointFactory(reactor, _PipeEndpoints(PipeEndpoint(reactor, factory)), pool)
    return agent
