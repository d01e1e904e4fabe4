"""
Channels of SSH to sockets at the other end, as transports.
"""

from __future__ import annotations

from collections import deque
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

    from twisted.internet.interfaces import IDelayedCall, IProtocol, IReactorTime

# What may be under way, and waits here while nobody reads.
_WINDOW = 1 << 20
_PACKET = 32 << 10
# How long the connection to the host is kept for what has been written to a channel that is closed.
_LINGER = 30.0


@implementer(ITransport, IPushProducer)
class SocketChannel(SSHChannel):
    """
    A connection to a socket at the other end, as OpenSSH makes it.

    It pushes back both ways, alone: the other channels of its connection go on.  What is written waits here, and not as
    Conch has it, for whom the end of the window is a hint: there, whoever goes on when it opens again is never paused
    again.

    :ivar opened: fires when the socket is connected to.
    :param ended: called once, when nothing more will be sent for it: the other side has closed it, too, or did not in
        time, or what was written is of no interest.
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
        self._received: deque[bytes] = deque()
        self._read_all = False
        self._delivering = False
        self._is_open = False
        self._over = False
        self._has_left = False
        self._lingering: IDelayedCall | None = None
        # What is written, and how it ends:
        self._unsent = bytearray()
        self._write_closing = False
        self._end_sent = False
        # Who writes, and whether they may:
        self._producer: Any = None
        self._streaming = True
        self._producer_paused = False
        self._host_full = False
        self._asking: IDelayedCall | None = None
        self._owing = False

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
        self._over = True
        self._leave()
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
        self._leave()

    def addWindowBytes(self, data: int) -> None:
        """The other end has read so many bytes."""
        self.remoteWindowLeft += data
        self._send()
        self._regulate()

    # The connection to the host calls:

    def stopWriting(self) -> None:
        """The host does not read: whoever writes shall pause."""
        self._host_full = True
        self._regulate()

    def startWriting(self) -> None:
        """The host reads again."""
        self._host_full = False
        self._regulate()

    # A protocol calls:

    def write(self, data: bytes) -> None:
        """Send bytes, when the other end has room for them."""
        if self._over or self.localClosed or self.closing or self._write_closing:
            return
        self._owing = False
        self._unsent += data
        self._send()
        self._regulate()

    def loseWriteConnection(self) -> None:
        """Send no more bytes, and go on reading."""
        self._write_closing = True
        self._send()

    def loseConnection(self) -> None:
        """Close it, behind what has been written."""
        if self._over or not self._is_open:
            self.abortConnection()
            return
        self.closing = 1
        self._send()

    def abortConnection(self) -> None:
        """Close it at once, which the protocol learns in a later turn of the reactor."""
        if self._over:
            return
        self._unsent.clear()
        if self._is_open and not self.localClosed:
            self.conn.sendClose(self)
        self._clock.callLater(0, self._abort)

    def pauseProducing(self) -> None:
        """Read no more than what fits into the window."""
        self.paused = True

    def resumeProducing(self) -> None:
        """Read again."""
        self.paused = False
        if self._received or self._read_all:
            # As from a socket, for whoever resumes may be in the middle of a piece.
            self._clock.callLater(0, self._deliver)
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
        self._producer, self._streaming, self._producer_paused = producer, streaming, False
        if not streaming:
            self._ask()
        self._regulate()

    def unregisterProducer(self) -> None:
        """Tell nobody any more."""
        self._producer, self._owing = None, False
        self._stop_asking()

    def _send(self) -> None:
        """Send what the other end has room for; behind the last of it, the end."""
        size = min(len(self._unsent), self.remoteWindowLeft)
        self.remoteWindowLeft -= size
        leaving = bytes(self._unsent[:size])
        del self._unsent[:size]
        for start in range(0, size, self.remoteMaxPacket):
            self.conn.sendData(self, leaving[start : start + self.remoteMaxPacket])
        if self._unsent or self.localClosed or not self._is_open:
            return
        if self.closing:
            self._lingering = self._clock.callLater(_LINGER, self._leave)
            self.conn.sendClose(self)
            # As with a socket, nobody waits for the other side's consent; but what was sent has to arrive.
            self._clock.callLater(0, self._end, ConnectionDone())
        elif self._write_closing and not self._end_sent:
            self._end_sent = True
            self.conn.sendEOF(self)

    def _regulate(self) -> None:
        """Let whoever writes wait, or go on."""
        has_room = not self._unsent and self.remoteWindowLeft > 0 and not self._host_full
        if self._producer is None:
            return
        if not self._streaming:
            if has_room and not self._owing and self._asking is None:
                self._asking = self._clock.callLater(0, self._ask)
        elif self._producer_paused is has_room:
            self._producer_paused = not has_room
            if has_room:
                self._producer.resumeProducing()
            else:
                self._producer.pauseProducing()

    def _ask(self) -> None:
        """Let a producer that is to be asked write once."""
        self._asking, self._owing = None, True
        self._producer.resumeProducing()

    def _stop_asking(self) -> None:
        asking, self._asking = self._asking, None
        if asking is not None:
            asking.cancel()

    def _deliver(self) -> None:
        if self._delivering:
            return
        self._delivering = True
        try:
            while self._received and not self.paused and not self._over and self.protocol is not None:
                self.protocol.dataReceived(self._received.popleft())
        finally:
            self._delivering = False
        if self._read_all and not self._received and not self._over and self.protocol is not None:
            self._read_all = False
            half = IHalfCloseableProtocol(self.protocol, None)
            if half is not None:
                half.readConnectionLost()
            else:
                self.loseConnection()

    def _abort(self) -> None:
        self._end(ConnectionAborted())
        self._leave()

    def _end(self, reason: Exception) -> None:
        if self._over:
            return
        self._over = True
        self._received.clear()
        self._unsent.clear()
        producer = self._producer
        self.unregisterProducer()
        if producer is not None:
            producer.stopProducing()
        protocol, self.protocol = self.protocol, None
        if protocol is not None:
            protocol.connectionLost(Failure(reason))
        elif not self.opened.called:
            self.opened.errback(ConnectionFailed("the SSH connection was lost"))

    def _leave(self) -> None:
        lingering, self._lingering = self._lingering, None
        if lingering is not None and lingering.active():
            lingering.cancel()
        if not self._has_left:
            self._has_left = True
            self._ended(self)
