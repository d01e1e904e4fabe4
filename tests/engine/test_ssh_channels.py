"""Channels of SSH, over a connection that notes what is sent, and whose other end reads as much as a test lets it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from zope.interface import implementer

from oci_twisted.engine.address import SshFiles
from oci_twisted.engine.transport.known_hosts import KnownHosts
from oci_twisted.engine.transport.ssh import SshTransport
from oci_twisted.engine.transport.ssh_channels import SocketChannel

if TYPE_CHECKING:
    from twisted.python.failure import Failure

_PACKET = 4


class _Transport:
    is_lost = False


class _Connection:
    """
    The connection of one channel.

    :ivar sent: what was sent, in its order: bytes, or the name of a message.
    """

    transport = _Transport()

    def __init__(self) -> None:
        self.sent: list[bytes | str] = []

    def sendData(self, channel: SocketChannel, content: bytes) -> None:
        assert not channel.localClosed
        assert 0 < len(content) <= _PACKET
        self.sent.append(content)

    def sendEOF(self, channel: SocketChannel) -> None:
        assert not channel.localClosed
        self.sent.append("EOF")

    def sendClose(self, channel: SocketChannel) -> None:
        assert not channel.localClosed
        channel.localClosed = 1
        self.sent.append("CLOSE")

    def adjustWindow(self, channel: SocketChannel, size: int) -> None:
        assert not channel.paused
        channel.localWindowLeft += size

    @property
    def content(self) -> bytes:
        """All bytes that were sent."""
        return b"".join(part for part in self.sent if isinstance(part, bytes))

    @property
    def messages(self) -> list[str]:
        """What was sent behind the first message."""
        return [part if isinstance(part, str) else repr(part) for part in self.sent[self._first_message() :]]

    def _first_message(self) -> int:
        return next((place for place, part in enumerate(self.sent) if isinstance(part, str)), len(self.sent))


@implementer(IHalfCloseableProtocol)
class _Reader(Protocol):
    def __init__(self) -> None:
        self.events: list[str | bytes] = []

    def dataReceived(self, data: bytes) -> None:
        self.events.append(data)

    def readConnectionLost(self) -> None:
        self.events.append("end")

    def writeConnectionLost(self) -> None:
        """Never."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.events.append(type(reason.value).__name__)


class _Bench:
    """An open channel, whose other end takes ``window`` bytes before it has to read."""

    def __init__(self, window: int, protocol: Protocol | None = None) -> None:
        self.clock = Clock()
        self.ended: list[SocketChannel] = []
        self.connection = _Connection()
        self.reader = protocol or _Reader()
        channel = SocketChannel(self.clock, "/engine", self.ended.append)
        channel.conn = self.connection
        channel.remoteWindowLeft, channel.remoteMaxPacket = window, _PACKET
        channel.channelOpen(b"")
        channel.protocol = self.reader
        self.channel = channel
        self.reader.makeConnection(channel)

    def read(self, size: int) -> None:
        """Let the other end read so many bytes."""
        self.channel.addWindowBytes(size)
        self.turn()

    def turn(self) -> None:
        """Let everything happen that needs no time."""
        for _ in range(20):
            self.clock.advance(0)


class _Pusher:
    """Writes as much as it may, whenever it may."""

    def __init__(self, bench: _Bench, piece: int = 10) -> None:
        self._bench = bench
        self._piece = piece
        self.written = b""
        self.pauses = 0
        self.is_paused = False
        self.is_stopped = False

    def push(self) -> None:
        """Write until we are paused, or for long enough."""
        for _ in range(100):
            if self.is_paused or self.is_stopped:
                return
            piece = bytes(len(self.written) + place & 0xFF for place in range(self._piece))
            self.written += piece
            self._bench.channel.write(piece)

    def pauseProducing(self) -> None:
        assert not self.is_paused
        self.is_paused = True
        self.pauses += 1

    def resumeProducing(self) -> None:
        assert self.is_paused
        self.is_paused = False
        self.push()

    def stopProducing(self) -> None:
        self.is_stopped = True


class _Puller:
    """Writes a piece each time that it is asked for one, and counts how often it is."""

    def __init__(self, bench: _Bench, size: int, piece: int = 3) -> None:
        self._bench = bench
        self._left = size
        self._piece = piece
        self.asked = 0
        self.is_stopped = False

    def resumeProducing(self) -> None:
        self.asked += 1
        piece = bytes(min(self._piece, self._left))
        self._left -= len(piece)
        self._bench.channel.write(piece)
        if not self._left:
            self._bench.channel.unregisterProducer()

    def stopProducing(self) -> None:
        self.is_stopped = True


def test_a_producer_is_paused_whenever_the_window_is_full() -> None:
    """It is ahead of what is sent by no more than a piece, however often the other end has read."""
    bench = _Bench(25)
    producer = _Pusher(bench)
    bench.channel.registerProducer(producer, True)
    producer.push()
    for times in range(1, 50):
        assert producer.pauses == times
        assert len(producer.written) - len(bench.connection.content) <= 10
        bench.read(10 * times)
    assert bench.connection.content == producer.written[: len(bench.connection.content)]


def test_a_producer_that_comes_late_is_paused_at_once() -> None:
    """Whoever writes while the window is full has to wait, also with what is written from the pause to the next."""
    bench = _Bench(4)
    bench.channel.write(b"0123456789")
    producer = _Pusher(bench)
    bench.channel.registerProducer(producer, True)
    assert producer.is_paused
    bench.read(3)
    assert producer.is_paused
    bench.read(1000)
    assert bench.connection.content.startswith(b"0123456789\0\1\2\3")


def test_a_producer_waits_for_the_host_and_for_the_window() -> None:
    """While either takes nothing, nobody is asked to write."""
    bench = _Bench(1000)
    producer = _Pusher(bench)
    bench.channel.registerProducer(producer, True)
    bench.channel.stopWriting()
    assert producer.is_paused
    bench.channel.stopWriting()
    bench.read(1000)
    assert producer.is_paused
    bench.channel.startWriting()
    assert len(producer.written) >= 1000
    assert producer.is_paused is (len(producer.written) > 2000)


def test_one_who_is_to_be_asked_is_asked_until_the_window_is_full() -> None:
    """It is asked again when its piece has left, and once for each piece."""
    bench = _Bench(10)
    producer = _Puller(bench, 100)
    bench.channel.registerProducer(producer, False)
    bench.turn()
    assert producer.asked == 4
    assert bench.connection.content == bytes(10)
    bench.read(1)
    assert producer.asked == 4
    bench.read(1000)
    assert producer.asked == 34
    assert bench.connection.content == bytes(100)
    assert bench.clock.getDelayedCalls() == []


def test_one_who_is_asked_and_has_nothing_is_not_asked_again() -> None:
    """Until it has written, it knows that it may."""
    bench = _Bench(10)
    asked: list[bool] = []

    class Hesitant:
        def resumeProducing(self) -> None:
            asked.append(True)

        def stopProducing(self) -> None:
            asked.append(False)

    bench.channel.registerProducer(Hesitant(), False)
    bench.read(10)
    assert asked == [True]
    bench.channel.write(b"at last")
    bench.turn()
    assert asked == [True, True]
    bench.channel.abortConnection()
    bench.turn()
    assert asked == [True, True, False]


def test_the_end_is_said_once_and_behind_everything() -> None:
    """A half that is closed while bytes wait ends behind them; later news of the window change nothing."""
    bench = _Bench(4)
    bench.channel.write(b"0123456789")
    bench.channel.loseWriteConnection()
    bench.channel.write(b"too late")
    bench.read(3)
    assert bench.connection.sent == [b"0123", b"456"]
    for _ in range(5):
        bench.read(3)
    bench.channel.loseWriteConnection()
    assert bench.connection.content == b"0123456789"
    assert bench.connection.messages == ["EOF"]


def test_a_channel_is_closed_behind_what_waits() -> None:
    """Its protocol knows in a later turn, once; the connection is needed until the other side has closed it, too."""
    bench = _Bench(4)
    reader = bench.reader
    assert isinstance(reader, _Reader)
    bench.channel.write(b"0123456789")
    bench.channel.loseConnection()
    bench.channel.write(b"too late")
    bench.read(4)
    assert reader.events == []
    bench.channel.addWindowBytes(4)
    assert bench.connection.content == b"0123456789"
    assert bench.connection.messages == ["CLOSE"]
    assert reader.events == []
    bench.turn()
    assert reader.events == ["ConnectionDone"]
    assert bench.ended == []
    bench.channel.closed()
    bench.turn()
    assert reader.events == ["ConnectionDone"]
    assert bench.ended == [bench.channel]
    assert bench.clock.getDelayedCalls() == []


def test_a_channel_that_is_never_closed_by_the_other_side_is_forgotten() -> None:
    """Nobody waits for ever for what was written to arrive."""
    bench = _Bench(4)
    bench.channel.write(b"0123")
    bench.channel.loseConnection()
    bench.turn()
    assert bench.ended == []
    bench.clock.advance(30)
    assert bench.ended == [bench.channel]
    bench.channel.closed()
    assert bench.ended == [bench.channel]
    assert bench.clock.getDelayedCalls() == []


def test_a_channel_that_is_aborted_sends_nothing_more() -> None:
    """What waits is thrown away, and whoever writes is told to stop."""
    bench = _Bench(4)
    producer = _Pusher(bench)
    bench.channel.registerProducer(producer, True)
    producer.push()
    bench.channel.abortConnection()
    bench.channel.abortConnection()
    bench.read(100)
    assert bench.connection.sent == [b"\0\1\2\3", "CLOSE"]
    assert producer.is_stopped
    assert bench.ended == [bench.channel]
    late = _Pusher(bench)
    bench.channel.registerProducer(late, True)
    assert late.is_stopped


@given(
    closes=st.booleans(),
    pieces=st.lists(st.binary(max_size=40), max_size=12),
    reads=st.lists(st.integers(1, 50), max_size=20),
    window=st.integers(0, 30),
)
def test_bytes_arrive_in_their_order(*, closes: bool, pieces: list[bytes], reads: list[int], window: int) -> None:
    """However writing and reading take turns, all bytes come, then the end, and no window is overdrawn."""
    bench = _Bench(window)
    allowed = window
    for place in range(max(len(pieces), len(reads))):
        if place < len(pieces):
            bench.channel.write(pieces[place])
        if place == len(pieces):
            _end(bench, closes=closes)
        if place < len(reads):
            bench.read(reads[place])
            allowed += reads[place]
        assert len(bench.connection.content) <= allowed
    _end(bench, closes=closes)
    bench.read(1000)
    assert bench.connection.content == b"".join(pieces)
    assert bench.connection.messages == ["CLOSE" if closes else "EOF"]


def _end(bench: _Bench, *, closes: bool) -> None:
    if closes:
        bench.channel.loseConnection()
    else:
        bench.channel.loseWriteConnection()


class _Greedy(_Reader):
    """Pauses and resumes in the middle of what it does with a piece."""

    transport: Any

    def dataReceived(self, data: bytes) -> None:
        self.events.append(b"<" + data)
        self.transport.pauseProducing()
        self.transport.resumeProducing()
        self.events.append(data + b">")


def test_pieces_come_one_after_the_other() -> None:
    """Whoever resumes in the middle of a piece gets the next one behind it, as from a socket."""
    reader = _Greedy()
    bench = _Bench(100, reader)
    bench.channel.pauseProducing()
    for piece in (b"a", b"b", b"c"):
        bench.channel.dataReceived(piece)
    bench.channel.resumeProducing()
    bench.channel.eofReceived()
    bench.turn()
    assert reader.events == [b"<a", b"a>", b"<b", b"b>", b"<c", b"c>", "end"]


def test_what_has_come_is_delivered_behind_a_pause() -> None:
    """Bytes and their end wait while nobody reads; what the other side closes is delivered before that is said."""
    bench = _Bench(100)
    reader = bench.reader
    assert isinstance(reader, _Reader)
    bench.channel.pauseProducing()
    bench.channel.dataReceived(b"a")
    bench.channel.eofReceived()
    bench.turn()
    assert reader.events == []
    bench.channel.resumeProducing()
    bench.turn()
    assert reader.events == [b"a", "end"]
    bench = _Bench(100)
    reader = bench.reader
    assert isinstance(reader, _Reader)
    bench.channel.pauseProducing()
    bench.channel.dataReceived(b"a")
    bench.channel.closeReceived()
    bench.channel.closed()
    bench.turn()
    assert reader.events == [b"a", "ConnectionDone"]


class _Socket(StringTransport):
    def setTcpNoDelay(self, on: bool) -> None:  # noqa: FBT001 - Twisted's
        assert on


def test_a_connection_is_closed_though_somebody_writes() -> None:
    """A socket with a producer that it has paused is not closed before that has written: there is none any more."""
    socket = _Socket()  # type: ignore[no-untyped-call]  # Twisted's is not annotated
    transport = SshTransport(Clock(), "me", SshFiles(), KnownHosts.read([], "host", 22), lambda _: None)
    transport.makeConnection(socket)  # type: ignore[no-untyped-call]  # nor is Conch
    assert socket.producer is not None
    transport.sendDisconnect(2, b"what was sent is not SSH")
    assert socket.producer is None
    assert socket.disconnecting
