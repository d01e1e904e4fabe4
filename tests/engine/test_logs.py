"""How logs are taken apart."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred

from oci_twisted.engine.containers.frames import Stream
from oci_twisted.engine.containers.logs import Log, LogLine
from oci_twisted.engine.drivers.late_streams import LateStream
from oci_twisted.engine.errors import ConnectionFailed, EngineError, StreamCorrupt
from oci_twisted.engine.instants import encode_instant, encode_nanoseconds, parse_instant
from oci_twisted.testing.consumers import CheckingConsumer, PausingConsumer
from oci_twisted.testing.engine.memory.attachments import frame
from tests.engine.test_streams import Source, everything, outcome

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from twisted.internet.interfaces import IProducer

    from oci_twisted.engine.interfaces import IByteStream

LINES = st.lists(st.tuples(st.sampled_from(Stream), st.binary(max_size=30).map(lambda text: text.replace(b"\n", b""))))
CUTS = st.lists(st.integers(1, 600), max_size=20)
TIME = "2026-01-02T03:04:05.123456789Z"


class Gone(CheckingConsumer):
    """A consumer whose connection is lost: it stops whoever comes, as Twisted's transports do."""

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:  # noqa: FBT001 - Twisted's signature
        """Refuse."""
        del streaming
        producer.stopProducing()


class Busy(CheckingConsumer):
    """A consumer that has a producer already."""

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:  # noqa: FBT001 - Twisted's signature
        """Refuse."""
        del producer, streaming
        raise RuntimeError("there is one")


class Slowly:
    """A stream that gives one piece after the other."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = iter(pieces)

    async def __anext__(self) -> bytes:
        for piece in self._pieces:
            return piece
        raise StopAsyncIteration

    def close(self) -> None:
        """Give no more."""
        self._pieces = iter(())


def log_of(content: bytes, cuts: list[int] | None = None, *, tty: bool = False, timestamps: bool = False) -> Log:
    """Make a log whose bytes come in pieces."""
    places = sorted({0, *(cut for cut in cuts or () if cut < len(content)), len(content)})
    pieces = [content[start:end] for start, end in itertools.pairwise(places)]
    return Log(Slowly(pieces), tty=tty, timestamps=timestamps)  # type: ignore[arg-type]  # as much of one as is needed


async def lines_of(log: Log, limit: int = 1000) -> list[LogLine]:
    """Read to the end."""
    return [line async for line in log.lines(limit=limit)]


def result(work: Coroutine[Deferred[Any], Any, Any]) -> Any:  # noqa: ANN401 - whatever it answers
    """Answer what some work answers that waits for nothing, or raise what it raises."""
    (answer,) = outcome(Deferred.fromCoroutine(work))
    if hasattr(answer, "raiseException"):
        answer.raiseException()
    return answer


@given(LINES, CUTS)
def test_any_split_gives_the_same_lines(lines: list[tuple[Stream, bytes]], cuts: list[int]) -> None:
    """However the bytes are split, the same lines come, in the order in which they were written."""
    content = b"".join(frame(stream, line + b"\n") for stream, line in lines)
    assert result(lines_of(log_of(content, cuts))) == [LogLine(stream, line) for stream, line in lines]


@given(LINES, CUTS)
def test_any_split_gives_the_same_times(lines: list[tuple[Stream, bytes]], cuts: list[int]) -> None:
    """So it is when each line has its time."""
    content = b"".join(frame(stream, f"{TIME} ".encode() + line + b"\n") for stream, line in lines)
    found = result(lines_of(log_of(content, cuts, timestamps=True)))
    assert found == [LogLine(stream, line, TIME) for stream, line in lines]


@given(st.binary(max_size=50), st.binary(max_size=50), CUTS)
def test_a_line_in_several_frames_has_one_time(first: bytes, second: bytes, cuts: list[int]) -> None:
    """Of a long line that the engine has cut, all parts but the first lose theirs; another output may come between."""
    first, second = first.replace(b"\n", b""), second.replace(b"\n", b"")
    head = f"{TIME} ".encode()
    content = frame(1, head + first) + frame(2, head + b"other\n") + frame(1, b"later " + second + b"\n")
    found = result(lines_of(log_of(content, cuts, timestamps=True)))
    assert found == [LogLine(Stream.STDERR, b"other", TIME), LogLine(Stream.STDOUT, first + second, TIME)]


@given(st.lists(st.sampled_from([b"one", b"", b"two\rthree"])), CUTS)
def test_a_terminals_lines(lines: list[bytes], cuts: list[int]) -> None:
    """Without frames, lines are told apart by their ends alone."""
    content = b"".join(line + b"\r\n" for line in lines)
    assert result(lines_of(log_of(content, cuts, tty=True))) == [LogLine(Stream.STDOUT, line) for line in lines]


@given(st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"").removesuffix(b"\r"))), CUTS)
def test_a_terminals_lines_have_their_times(lines: list[bytes], cuts: list[int]) -> None:
    """Pieces of a terminal's output, which has no frames, end anywhere: no line loses its beginning or its time."""
    content = b"".join(f"{TIME} ".encode() + line + b"\r\n" for line in lines)
    found = result(lines_of(log_of(content, cuts, tty=True, timestamps=True)))
    assert found == [LogLine(Stream.STDOUT, line, TIME) for line in lines]


def test_a_last_line_may_have_no_end() -> None:
    """What was written last is given, although its line has not ended."""
    assert result(lines_of(log_of(frame(1, b"one\ntw") + frame(1, b"o")))) == [
        LogLine(Stream.STDOUT, b"one"),
        LogLine(Stream.STDOUT, b"two"),
    ]


def test_an_endless_line_is_given_in_parts() -> None:
    """No more than the limit is kept of a line that does not end."""
    found = result(lines_of(log_of(b"".join(frame(1, b"x" * 10) for _ in range(100)), list(range(0, 1800, 36))), 50))
    assert all(len(line.content) < 80 for line in found)
    assert b"".join(line.content for line in found) == b"x" * 1000


@pytest.mark.parametrize("timestamps", [False, True])
def test_a_log_that_breaks_off_is_said(timestamps: bool) -> None:  # noqa: FBT001 - what a test is given
    """The end in the middle of a frame, and what is no frame, are `StreamCorrupt`, behind what came before."""
    for content in (frame(1, b"one\n") + frame(1, b"two\n")[:10], frame(1, b"one\n") + b"nonsense"):
        with pytest.raises(StreamCorrupt):
            result(lines_of(log_of(content, [12], timestamps=timestamps)))


@pytest.mark.parametrize("timestamps", [False, True])
def test_what_came_before_an_error_is_given(timestamps: bool) -> None:  # noqa: FBT001 - what a test is given
    """Though it came in one piece with it, and whichever way the log is read."""
    head = f"{TIME} ".encode() if timestamps else b""
    content = frame(1, head + b"one\n") + frame(3, b"disk on fire\n") + frame(1, head + b"two\n")
    for wait in (content, content[:-3]):
        chunks, lines = log_of(wait, timestamps=timestamps), log_of(wait, timestamps=timestamps)
        assert result(anext(chunks)).content == head + b"one\n"
        with pytest.raises(EngineError, match=r"disk on fire\. "):
            result(anext(chunks))
        reader = lines.lines()
        assert result(anext(reader)).content == b"one"
        with pytest.raises(EngineError, match=r"disk on fire\. "):
            result(anext(reader))


@pytest.mark.parametrize("refusing", [Gone, Busy])
@pytest.mark.parametrize("is_first", [True, False])
def test_a_consumer_that_takes_nothing_ends_the_delivery(
    refusing: type[CheckingConsumer],
    is_first: bool,  # noqa: FBT001 - what a test is given
) -> None:
    """Though it says so at once: the other one has no producer then, and is free for another."""
    source, other = Source(), CheckingConsumer()
    pair = (refusing(), other) if is_first else (other, refusing())
    log = Log(source.stream, tty=False, timestamps=False)
    (failure,) = outcome(Deferred.fromCoroutine(log.deliver(*pair)))
    assert failure.check(CancelledError, RuntimeError)  # type: ignore[attr-defined]
    assert not other.registered


def test_what_came_before_an_error_is_delivered() -> None:
    """A consumer gets it, and the coroutine raises, without waiting for more."""
    source, consumer = Source(), CheckingConsumer()
    log = Log(source.stream, tty=False, timestamps=False)
    results = outcome(Deferred.fromCoroutine(log.deliver(consumer)))
    source.stream.receive(frame(1, b"one") + frame(3, b"disk on fire"))
    assert consumer.content == b"one"
    assert isinstance(results[0].value, EngineError)  # type: ignore[attr-defined]
    assert source.calls == ["abandon"]


@pytest.mark.parametrize("timestamps", [False, True])
def test_a_long_line_costs_no_more_than_its_bytes(timestamps: bool) -> None:  # noqa: FBT001 - what a test is given
    """Its many pieces are not put together anew for each: that would take minutes here."""
    line = f"{TIME} ".encode() * timestamps + b"a" * 3_000_000
    content = frame(1, line + b"\n")
    log = log_of(content, list(range(0, len(content), 32)), timestamps=timestamps)
    assert [len(one.content) for one in result(lines_of(log, 4_000_000))] == [3_000_000]


def test_closing_a_log_closes_its_stream() -> None:
    """Whichever way it is read."""
    source = Source()
    Log(source.stream, tty=False, timestamps=False).lines().close()
    assert source.calls == ["abandon"]


def test_either_consumer_sets_the_pace() -> None:
    """While one of two consumers pauses, nothing is written to either."""
    source, slow, quick = Source(), PausingConsumer(), CheckingConsumer()
    log = Log(source.stream, tty=False, timestamps=False)
    results = outcome(Deferred.fromCoroutine(log.deliver(slow, quick)))
    source.stream.receive(frame(1, b"one") + frame(2, b"two") + frame(1, b"three"))
    assert (slow.content, quick.content) == (b"onethree", b"two")
    source.stream.receive(frame(2, b"four"))
    assert quick.content == b"two"
    slow.resume()
    assert quick.content == b"twofour"
    source.stream.end()
    assert results == [15]
    assert not slow.registered
    assert not quick.registered


def test_a_consumer_that_stops_ends_a_delivery() -> None:
    """The log is closed, the delivery is cancelled, and the other consumer is let go."""
    source, first, second = Source(), CheckingConsumer(), CheckingConsumer()
    log = Log(source.stream, tty=False, timestamps=False)
    results = outcome(Deferred.fromCoroutine(log.deliver(first, second)))
    second.stop()
    (failure,) = results
    assert failure.check(CancelledError)  # type: ignore[attr-defined]
    assert source.calls == ["abandon"]
    assert not first.registered


def test_a_stream_may_begin_late() -> None:
    """Who reads before it begins waits, and who gives up closes whatever comes."""
    source = Source()
    begins: Deferred[IByteStream] = Deferred()

    async def coming() -> IByteStream:
        return await begins

    results = outcome(Deferred.fromCoroutine(everything(LateStream(coming()))))  # type: ignore[arg-type]
    begins.callback(source.stream)
    source.stream.receive(b"all")
    source.stream.end()
    assert results == [b"all"]


def test_a_late_stream_can_be_given_up() -> None:
    """A wait for its beginning is cancelled like one for a piece, and so is the request behind it."""
    begins: Deferred[IByteStream] = Deferred()

    async def coming() -> IByteStream:
        return await begins

    stream = LateStream(coming())
    waiting = Deferred.fromCoroutine(stream.__anext__())
    results = outcome(waiting)  # type: ignore[arg-type]
    waiting.cancel()
    stream.close()
    assert results[0].check(CancelledError)  # type: ignore[attr-defined]
    assert begins.called


def test_a_late_stream_that_fails_is_said() -> None:
    """What goes wrong before it begins is raised to each who reads."""

    async def coming() -> IByteStream:
        raise ConnectionFailed("gone")

    stream = LateStream(coming())
    for _ in range(2):
        with pytest.raises(ConnectionFailed, match="gone"):
            result(stream.__anext__())


def test_times_are_written_for_engines() -> None:
    """A time is seconds since 1970, with as much of a fraction as there is; one without a zone could be any."""
    instant = parse_instant("2026-01-02T03:04:05.123456789Z")
    assert encode_instant(instant) == "1767323045.123456"
    assert encode_instant(12) == "12"
    assert encode_instant(None) is None
    assert encode_nanoseconds(1_000_000_002) == "1.000000002"
    with pytest.raises(ValueError, match="zone"):
        encode_instant(instant.replace(tzinfo=None))
