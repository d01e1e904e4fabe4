"""
Channels of SSH to sockets at the other end, as transports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.conch.error import ConchError
from twisted.conch.ssh.channel import SSHChannel
from twisted.conch.ssh.common import NS
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer, ITransport
from twisted.python.failure import Failure
from zope.interface import implementer

from oci_twisted.engine.errors import ConnectionFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IProtocol, IReactorTime

# What may be under way, and waits here while nobody reads.
_WINDOW = 1 << 20
_PACKET = 32 << 10


@implementer(ITransport, IPushProducer)
class SocketChannel(SSHChannel):
    """
    A connection to a socket at the other end, as OpenSSH makes it.

    It pushes back both ways, alone: the other channels of its connection go on.

    :ivar opened: fires when the socket is connected to.
    :param ended: called once, when it will neither read nor write any more.
    """

    name = b"direct-streamlocal@openssh.com"
    conn: Any

    def __init__(self, clock: IReactorTime, path: str, ended: Callable[[SocketChannel], None]) -> None:
        super().__init__(localWindow=_WINDOW, localMaxPacket=_PACKET)
        self._clock = clock
        self._path = path
        self._ended = ended
        self.opened: Deferred[None] = Deferred(lambda _: self.abortConnection())
        self.protocol: IProtocol | None = None
        self.paused = False
        self._received: list[bytes] = []
        self._read_all = False
        self._is_open = False
        self._write_closing = False
        self._flushing = False
        self._producer: Any = None
        self._streaming = True
        self._over = False

    def request(self) -> bytes:
        """Answer what is asked for when it is opened."""
        return NS(self._path.encode()) + NS(b"") + bytes(4)

    # Conch calls:

    def channelOpen(self, specificData: bytes) -> None:  # noqa: N803 - Conch's name
        """The socket is connected to."""
        del specificData
        self._is_open = True
        if self._over:
            # Nobody wants it any more.
            self.conn.sendClose(self)
        else:
            self.opened.callback(None)

    def openFailed(self, reason: Any) -> None:  # noqa: ANN401 - an exception of Conch's, or of Twisted's
        """It cannot be connected to."""
        if self._over:
            return
        why = "the SSH connection was lost"
        if isinstance(reason, ConchError):
            # Servers do not say which of these it is.
            why = (
                f"the SSH server does not connect to {self._path}: nothing listens there, or it is not ours to use,"
                " or the server is not to connect to sockets (AllowStreamLocalForwarding)"
            )
        self._finish()
        if not self.opened.called:
            self.opened.errback(ConnectionFailed(why))

    def dataReceived(self, data: bytes) -> None:
        """Take bytes."""
        if not self._over:
            self._received.append(data)
            self._deliver()

    def eofReceived(self) -> None:
        """No more bytes will come."""
        self._read_all = True
        self._deliver()

    def closeReceived(self) -> None:
        """The other side has closed it."""
        self.paused = False
        self._deliver()
        if not self.localClosed:
            self.conn.sendClose(self)

    def closed(self) -> None:
        """Both sides have closed it, or the connection is lost."""
        self._end(ConnectionLost() if self.conn.transport.is_lost else ConnectionDone())

    def stopWriting(self) -> None:
        """The other end does not read: whoever writes shall pause."""
        if self._producer is not None and self._streaming:
            self._producer.pauseProducing()

    def startWriting(self) -> None:
        """The other end reads again."""
        if self._producer is not None:
            self._producer.resumeProducing()

    def addWindowBytes(self, data: int) -> None:
        """The other end has read so many bytes."""
        # Conch writes again what has waited.
        self._flushing = True
        super().addWindowBytes(data)
        self._flushing = False
        self._close_writing()

    # A protocol calls:

    def write(self, data: bytes) -> None:
        """Send bytes."""
        if self._flushing or not (self._over or self.closing or self._write_closing):
            super().write(data)

    def loseWriteConnection(self) -> None:
        """Send no more bytes, and go on reading."""
        self._write_closing = True
        self._close_writing()

    def loseConnection(self) -> None:
        """Close it, behind what has been written."""
        if self._over or not self._is_open:
            self.abortConnection()
            return
        super().loseConnection()
        if self.localClosed:
            # As with a socket, nobody waits for the other side's consent.
            self._clock.callLater(0, self._end, ConnectionDone())

    def abortConnection(self) -> None:
        """Close it at once, which the protocol learns in a later turn of the reactor."""
        if self._over:
            return
        self.buf = b""
        if self._is_open and not self.localClosed:
            self.conn.sendClose(self)
        self._clock.callLater(0, self._end, ConnectionAborted())

    def pauseProducing(self) -> None:
        """Read no more than what fits into the window."""
        self.paused = True

    def resumeProducing(self) -> None:
        """Read again."""
        self.paused = False
        self._deliver()
        if self._is_open and not self._over and self.localWindowLeft < self.localWindowSize // 2:
            self.conn.adjustWindow(self, self.localWindowSize - self.localWindowLeft)

    def stopProducing(self) -> None:
        """Close it."""
        self.loseConnection()

    def registerProducer(self, producer: Any, streaming: bool) -> None:  # noqa: ANN401, FBT001 - Twisted's
        """Let something be told when to pause."""
        if self._over:
            producer.stopProducing()
            return
        self._producer, self._streaming = producer, streaming
        if not streaming:
            producer.resumeProducing()
        elif self.buf:
            producer.pauseProducing()

    def unregisterProducer(self) -> None:
        """Tell nobody any more."""
        self._producer = None

    def _close_writing(self) -> None:
        if self._write_closing and self._is_open and not self.buf and not self.localClosed:
            self.conn.sendEOF(self)

    def _deliver(self) -> None:
        while self._received and not self.paused and not self._over and self.protocol is not None:
            self.protocol.dataReceived(self._received.pop(0))
        if self._read_all and not self._received and not self._over and self.protocol is not None:
            self._read_all = False
            half = IHalfCloseableProtocol(self.protocol, None)
            if half is not None:
                half.readConnectionLost()
            else:
                self.loseConnection()

    def _end(self, reason: Exception) -> None:
        if self._over:
            return
        self._finish()
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.stopProducing()
        protocol, self.protocol = self.protocol, None
        if protocol is not None:
            protocol.connectionLost(Failure(reason))
        elif not self.opened.called:
            self.opened.errback(ConnectionFailed("the SSH connection was lost"))

    def _finish(self) -> None:
        self._over = True
        self._received.clear()
        self._ended(self)
