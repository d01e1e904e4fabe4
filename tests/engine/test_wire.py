"""HTTP on one connection, byte by byte."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import Clock

from oci_twisted.engine.errors import ConnectionFailed, StreamCorrupt, TimedOut
from oci_twisted.engine.transport.limits import DEFAULT_LIMITS, Limits, Turns
from oci_twisted.engine.transport.pool import Pool
from oci_twisted.engine.transport.wire import Answer, Exchange
from oci_twisted.testing.pipes import PipeEndpoint

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from twisted.internet.interfaces import IAddress
    from twisted.python.failure import Failure

GET = Exchange("GET", "/a", first_byte=10, idle=10)


class Peer(Protocol):
    """An engine of which every byte is written by the test."""

    def __init__(self) -> None:
        self.received = b""
        self.is_open = True

    def dataReceived(self, data: bytes) -> None:
        """Take bytes."""
        self.received += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Know that it is over."""
        del reason
        self.is_open = False


class Collector(Protocol):
    """What is attached to a process."""

    def __init__(self) -> None:
        self.received = b""
        self.lost = False

    def dataReceived(self, data: bytes) -> None:
        """Take bytes."""
        self.received += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Know that it is over."""
        del reason
        self.lost = True


class Line(Factory):
    """A pool, and the peers at the other ends of its connections."""

    noisy = False

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        self.clock = Clock()
        self.peers: list[Peer] = []
        self.lost = 0
        self.pool = Pool(self.clock, PipeEndpoint(self.clock, self), host="engine", lost=self._lose, limits=limits)

    def _lose(self) -> None:
        self.lost += 1

    def buildProtocol(self, addr: IAddress | None) -> Peer:
        """Make a peer."""
        del addr
        self.peers.append(Peer())
        return self.peers[-1]

    def turn(self) -> None:
        """Let everything happen that needs no time."""
        for _ in range(100):
            self.clock.advance(0)

    def send(self, exchange: Exchange) -> Deferred[Answer]:
        """Send a request."""
        return self.begin(self.pool.send(exchange, Turns.CALLS))

    def begin(self, work: Coroutine[Deferred[Any], Any, Any]) -> Deferred[Any]:
        """Start some work."""
        started = Deferred.fromCoroutine(work)
        self.turn()
        return started

    def reply(self, content: bytes, *, end: bool = False) -> None:
        """Let the latest peer say something."""
        transport: Any = self.peers[-1].transport
        transport.write(content)
        if end:
            transport.loseConnection()
        self.turn()


def result(started: Deferred[Any]) -> Any:  # noqa: ANN401 - whatever it was
    """Answer what something has answered, or raise what it raised."""
    results: list[Any] = []
    started.addCallbacks(results.append, lambda failure: results.append(failure.value))
    assert results, "it is not done yet"
    if isinstance(results[0], BaseException):
        raise results[0]
    return results[0]


async def body_of(answer: Answer) -> bytes:
    """Read a body to its end."""
    assert answer.stream is not None
    return b"".join([piece async for piece in answer.stream])


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    ],
)
def test_an_answer_comes_in_any_pieces(reply: bytes, size: int) -> None:
    """However an answer is framed and split, it is the same, and its connection serves the next request."""
    line = Line()
    for _ in range(2):
        sent = line.send(GET)
        for start in range(0, len(reply), size):
            line.reply(reply[start : start + size])
        answer = result(sent)
        assert answer.status == 200
        assert result(line.begin(body_of(answer))) == b"hello"
    assert len(line.peers) == 1
    assert line.peers[0].received.count(b"GET /a HTTP/1.1\r\nHost: engine\r\n") == 2


def test_a_body_may_end_with_its_connection() -> None:
    """Without a length and without chunks, a body ends where the connection does."""
    line = Line()
    sent = line.send(GET)
    line.reply(b"HTTP/1.1 200 OK\r\n\r\nhello", end=True)
    assert result(line.begin(body_of(result(sent)))) == b"hello"
    assert line.pool.connections == 0


@pytest.mark.parametrize("framing", [b"Content-Length: 9", b"Transfer-Encoding: chunked"])
def test_a_body_that_breaks_off_is_said(framing: bytes) -> None:
    """A body that ends before its end gives what there was of it, and then `StreamCorrupt`."""
    line = Line()
    sent = line.send(GET)
    line.reply(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n5\r\nhel", end=True)
    with pytest.raises(StreamCorrupt, match="broke off"):
        result(line.begin(body_of(result(sent))))
    assert line.lost == 1


def test_what_nobody_asked_for_costs_the_connection() -> None:
    """A second answer cannot be that to the next request, which goes out on a new connection."""
    line = Line()
    sent = line.send(GET)
    line.reply(b"HTTP/1.1 204 No Content\r\n\r\n" * 2)
    assert result(sent).status == 204
    line.send(GET)
    assert len(line.peers) == 2


def test_a_connection_that_went_stale_is_replaced() -> None:
    """A GET that meets the end of a kept connection is sent again on a new one; nothing else is."""
    line = Line()
    for exchange in (GET, Exchange("POST", "/b")):
        sent = line.send(GET)
        line.reply(b"HTTP/1.1 204 No Content\r\n\r\n")
        result(sent)
        transport: Any = line.peers[-1].transport
        sent = Deferred.fromCoroutine(line.pool.send(exchange, Turns.CALLS))
        transport.loseConnection()
        line.turn()
        if exchange is GET:
            assert len(line.peers) == 2
            line.reply(b"HTTP/1.1 204 No Content\r\n\r\n")
            assert result(sent).status == 204
        else:
            with pytest.raises(ConnectionFailed):
                result(sent)


def test_a_pause_in_a_body_is_bounded_and_its_length_is_not() -> None:
    """A body that goes on takes as long as it takes; one that stops for too long is given up."""
    line = Line()
    sent = line.send(GET)
    line.reply(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    reading = line.begin(body_of(result(sent)))
    for _ in range(20):
        line.clock.advance(9)
        line.reply(b"a")
    assert not reading.called
    line.clock.advance(10)
    line.turn()
    with pytest.raises(TimedOut, match="paused in the middle of its answer for 10 s"):
        result(reading)
    assert not line.peers[0].is_open


def test_a_reader_that_takes_its_time_is_not_a_pause_of_the_engine() -> None:
    """While the reader keeps the connection waiting, nothing is given up."""
    line = Line()
    sent = line.send(GET)
    line.reply(b"HTTP/1.1 200 OK\r\nContent-Length: 600000\r\n\r\n" + b"a" * 600_000)
    answer = result(sent)
    line.clock.advance(10_000)
    line.turn()
    assert len(result(line.begin(body_of(answer)))) == 600_000


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 101 UPGRADED\r\nContent-Type: raw\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: raw\r\n\r\n",
    ],
)
@pytest.mark.parametrize("early", [b"", b"first "])
def test_a_connection_is_taken_over(head: bytes, early: bytes) -> None:
    """In both forms, no byte is lost, none is read before there is a protocol, and both directions are open."""
    line = Line()
    sent = line.send(Exchange("POST", "/attach", takes_over=True))
    assert b"Upgrade: tcp\r\n" in line.peers[0].received
    line.reply(head + early)
    duplex = result(sent).duplex
    assert duplex.media_type == "raw"
    line.reply(b"second")
    collector = Collector()
    duplex.start(collector)
    line.turn()
    assert collector.received == early + b"second"
    duplex.transport.write(b"typed")
    line.turn()
    assert line.peers[0].received.endswith(b"typed")
    line.reply(b" last", end=True)
    assert collector.received == early + b"second last"
    assert collector.lost
    assert line.pool.connections == 0


def test_a_refusal_is_no_duplex() -> None:
    """An engine that does not give its connection away answers as always."""
    line = Line()
    sent = line.send(Exchange("POST", "/attach", takes_over=True))
    line.reply(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno")
    answer = result(sent)
    assert answer.duplex is None
    assert result(line.begin(body_of(answer))) == b"no"


def produce(pieces: int, log: list[int]) -> Callable[[], AsyncIterator[bytes]]:
    """Answer a source of pieces of 64 KiB that notes how many were asked for."""

    async def source() -> AsyncIterator[bytes]:
        for number in range(pieces):
            log.append(number)
            yield b"a" * 65_536

    return source


def test_a_request_s_body_is_asked_for_as_it_leaves() -> None:
    """While the engine does not read, no more of a body is made than a connection holds."""
    line = Line()
    log: list[int] = []
    sent = Deferred.fromCoroutine(
        line.pool.send(Exchange("POST", "/load", body=produce(100, log)()), Turns.STREAMS),
    )
    peer: Any = line.peers[-1].transport
    peer.pauseProducing()
    line.turn()
    assert len(log) < 10
    peer.resumeProducing()
    for _ in range(50):
        line.turn()
    assert len(log) == 100
    assert line.peers[-1].received.endswith(b"\r\n0\r\n\r\n")
    line.reply(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert result(sent).status == 204


def test_an_answer_before_the_end_of_the_request_stops_the_body() -> None:
    """An engine that refuses early is not sent the rest, and its connection is not used again."""
    line = Line()
    log: list[int] = []
    sent = Deferred.fromCoroutine(
        line.pool.send(Exchange("POST", "/load", body=produce(1000, log)()), Turns.STREAMS),
    )
    line.peers[0].transport.pauseProducing()  # type: ignore[union-attr]
    line.turn()
    line.reply(b"HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno")
    assert result(line.begin(body_of(result(sent)))) == b"no"
    line.turn()
    assert len(log) < 20
    assert line.pool.connections == 0


def test_an_engine_that_does_not_take_the_body_is_given_up() -> None:
    """A body that does not move for too long is `TimedOut`."""
    line = Line()
    log: list[int] = []
    sent = Deferred.fromCoroutine(
        line.pool.send(Exchange("POST", "/load", body=produce(1000, log)(), idle=10), Turns.STREAMS),
    )
    line.peers[0].transport.pauseProducing()  # type: ignore[union-attr]
    line.turn()
    line.clock.advance(10)
    line.turn()
    with pytest.raises(TimedOut):
        result(sent)


def test_a_source_that_fails_behind_the_answers_beginning() -> None:
    """Its error comes out of the answer, and neither the connection nor a turn is left behind."""
    line = Line(Limits(streams=1))
    go_on: Deferred[None] = Deferred()

    async def source() -> AsyncIterator[bytes]:
        yield b"a"
        await go_on
        raise RuntimeError("mine")

    sent = line.begin(line.pool.send(Exchange("POST", "/load", body=source()), Turns.STREAMS))
    line.reply(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    answer = result(sent)
    go_on.callback(None)
    line.turn()
    with pytest.raises(RuntimeError, match="mine"):
        result(line.begin(body_of(answer)))
    assert line.pool.connections == 0


def test_a_line_break_in_a_header_is_refused() -> None:
    """Nobody smuggles a header into a request."""
    line = Line()
    with pytest.raises(ValueError, match="line break"):
        result(line.send(Exchange("GET", "/", {"X-Registry-Auth": "a\r\nX-Other: b"})))


@pytest.mark.parametrize("value", ["a\nb", "\N{SNOWMAN}"])
def test_a_header_that_cannot_be_sent_costs_no_turn(value: str) -> None:
    """What is refused before it is sent leaves neither a connection nor a turn behind."""
    line = Line(Limits(calls=1))
    for _ in range(2):
        with pytest.raises(ValueError, match=r"line break|encode"):
            result(line.send(Exchange("GET", "/", {"X-Registry-Auth": value})))
        line.turn()
        assert line.pool.connections == 0
    line.send(GET)
    assert line.peers[-1].received.startswith(b"GET /a ")


def test_a_second_answer_is_not_the_end_of_the_first() -> None:
    """What comes behind an answer, though it be in one piece with it, is no part of its body."""
    line = Line()
    sent = line.send(GET)
    line.reply(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello" * 2)
    assert result(line.begin(body_of(result(sent)))) == b"hello"


def test_a_header_without_an_end_is_given_up() -> None:
    """A line of the head that does not end is refused before it fills the memory."""
    line = Line()
    sent = line.send(GET)
    line.reply(b"HTTP/1.1 200 OK\r\nX: ")
    for _ in range(10):
        line.reply(b"a" * 10_000)
    with pytest.raises(StreamCorrupt, match="endless head"):
        result(sent)
    assert not line.peers[0].is_open


def test_a_connection_that_is_given_away_unasked_is_no_answer() -> None:
    """An engine that switches to another protocol, when it was asked for a document, is not understood."""
    line = Line()
    sent = line.send(GET)
    line.reply(b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nhello")
    with pytest.raises(StreamCorrupt):
        result(sent)
    assert not line.peers[0].is_open


def test_whoever_waited_for_a_turn_has_the_connection_too() -> None:
    """Calls that wait for their turn make no more connections than there are turns."""
    line = Line(Limits(calls=1))
    calls = [line.send(GET) for _ in range(3)]
    for call in calls:
        line.reply(b"HTTP/1.1 204 No Content\r\n\r\n")
        assert result(call).status == 204
    assert len(line.peers) == 1


def test_closing_waits_for_every_connection() -> None:
    """A pool that is closed has none, and whoever waited knows."""
    line = Line()
    waiting = line.send(GET)
    closing = line.begin(line.pool.close())
    result(closing)
    with pytest.raises(ConnectionFailed, match="closed"):
        result(waiting)
    assert line.pool.connections == 0
    assert not line.peers[0].is_open
