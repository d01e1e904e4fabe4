"""
Pieces on their way to a consumer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred, succeed

from oci_twisted.spec.errors import Unavailable
from oci_twisted.stream.senders import BURST, PIECE, send_pieces
from oci_twisted.testing.consumers import CheckingConsumer, FlutteringConsumer, PausingConsumer, StoppingConsumer

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

CONTENT = (bytes(range(251)) * 8000)[: 7 * PIECE + 1]


def reads(content: bytes, most: int = PIECE) -> Callable[[int, int], Coroutine[Deferred[Any], Any, bytes]]:
    """Answer something that reads at most so many bytes at a time."""

    async def read(start: int, length: int) -> bytes:
        assert 0 < length <= PIECE
        return content[start : start + min(length, most)]

    return read


def send(consumer: CheckingConsumer, start: int = 0, stop: int = len(CONTENT)) -> Deferred[None]:
    """Send what is in memory."""
    return Deferred.fromCoroutine(send_pieces(reads(CONTENT), consumer, start, stop))


def result_of(deferred: Deferred[None]) -> None:
    """Raise what it was ended by; it has ended."""
    results: list[object] = []
    deferred.addErrback(lambda failure: results.append(failure.value))
    assert deferred.called
    for error in results:
        assert isinstance(error, BaseException)
        raise error


@given(
    bounds=st.tuples(st.integers(0, 2000), st.integers(0, 2000)).map(sorted),
    most=st.integers(1, 300),
)
def test_short_reads_are_gone_on_with(bounds: list[int], most: int) -> None:
    """However little each read gives, exactly what was asked for is sent."""
    start, stop = bounds
    consumer = CheckingConsumer()
    result_of(Deferred.fromCoroutine(send_pieces(reads(CONTENT, most), consumer, start, stop)))
    assert consumer.content == CONTENT[start:stop]
    assert consumer.registrations == 1
    assert not consumer.registered


@pytest.mark.parametrize("consumer_type", [CheckingConsumer, FlutteringConsumer])
def test_willing_consumer_gets_all_at_once(consumer_type: type[CheckingConsumer]) -> None:
    """A consumer that takes it, even if it pauses and resumes meanwhile, has everything when the call returns."""
    consumer = consumer_type()
    result_of(send(consumer))
    assert consumer.content == CONTENT
    assert not consumer.registered


def test_pausing_consumer_gets_a_piece_at_a_time() -> None:
    """A consumer that pauses gets one piece for every time that it resumes."""
    consumer = PausingConsumer()
    sending = send(consumer)
    for pieces in range(1, 8):
        assert len(consumer.pieces) == pieces
        assert not sending.called
        consumer.resume()
    result_of(sending)
    assert consumer.content == CONTENT


def test_pause_can_be_waited_for() -> None:
    """The consumer that tests use says when it has paused, whether that is now or later."""
    reading: Deferred[bytes] = Deferred()

    async def read(start: int, length: int) -> bytes:
        del start, length
        return await reading

    consumer = PausingConsumer()
    sending = Deferred.fromCoroutine(send_pieces(read, consumer, 0, 7))
    early = Deferred.fromCoroutine(consumer.paused())
    assert not early.called
    reading.callback(b"content")
    result_of(early)
    result_of(Deferred.fromCoroutine(consumer.paused()))
    result_of(sending)


def test_consumer_that_pauses_at_the_last_piece_is_not_waited_for() -> None:
    """The call returns when the last piece was handed over, paused or not."""
    consumer = PausingConsumer()
    result_of(send(consumer, 0, 10))
    assert consumer.content == CONTENT[:10]


def test_consumer_may_resume_for_no_reason() -> None:
    """To resume a producer that runs, or twice, changes nothing."""
    reading: Deferred[bytes] = Deferred()

    async def read(start: int, length: int) -> bytes:
        del start, length
        return await reading

    consumer = CheckingConsumer()
    sending = Deferred.fromCoroutine(send_pieces(read, consumer, 0, 7))
    consumer.resume()
    consumer.pause()
    consumer.resume()
    consumer.resume()
    assert consumer.content == b""
    reading.callback(b"content")
    result_of(sending)
    assert consumer.content == b"content"


class PausedConsumer(CheckingConsumer):
    """Pauses the producer when it is registered, as a connection does whose buffer is full already."""

    def registerProducer(self, producer: Any, streaming: bool) -> None:  # noqa: ANN401, FBT001 - Twisted's signature
        """Pause."""
        super().registerProducer(producer, streaming)
        self.pause()


def test_consumer_that_begins_paused() -> None:
    """A consumer that pauses the producer while it is registered gets nothing before it resumes."""
    consumer = PausedConsumer()
    sending = send(consumer)
    assert consumer.content == b""
    consumer.resume()
    result_of(sending)
    assert consumer.content == CONTENT


class StoppedConsumer(CheckingConsumer):
    """Stops the producer when it is registered, as a connection does that is lost already."""

    def registerProducer(self, producer: Any, streaming: bool) -> None:  # noqa: ANN401, FBT001 - Twisted's signature
        """Stop."""
        super().registerProducer(producer, streaming)
        self.stop()


@pytest.mark.parametrize("stop", [0, 10])
def test_consumer_that_is_gone_already(stop: int) -> None:
    """A consumer that stops the producer while it is registered gets nothing, and the call ends as cancelled."""
    consumer = StoppedConsumer()
    with pytest.raises(CancelledError):
        result_of(send(consumer, 0, stop))
    assert consumer.content == b""


class GoneConsumer(StoppingConsumer):
    """Cannot be asked anything any more when it has stopped the producer, like a request whose connection is lost."""

    def unregisterProducer(self) -> None:
        """Fail."""
        raise AttributeError("unregisterProducer")


@pytest.mark.parametrize("after", [1, PIECE + 1, len(CONTENT)])
def test_consumer_that_goes(after: int) -> None:
    """A consumer that stops the producer gets nothing more, and is not asked to unregister what it has let go of."""
    consumer = GoneConsumer(after)
    with pytest.raises(CancelledError):
        result_of(send(consumer))
    assert after <= len(consumer.content) < after + PIECE
    assert consumer.content == CONTENT[: len(consumer.content)]


def test_consumer_that_fails() -> None:
    """What the consumer raises goes to the caller, and the producer is unregistered."""

    class FailingConsumer(CheckingConsumer):
        def written(self) -> None:
            raise ConnectionError

    consumer = FailingConsumer()
    with pytest.raises(ConnectionError):
        result_of(send(consumer))
    assert not consumer.registered


def test_cancelled_call() -> None:
    """A call that is cancelled while the consumer pauses ends, and the producer is unregistered."""
    consumer = PausingConsumer()
    sending = send(consumer)
    sending.cancel()
    with pytest.raises(CancelledError):
        result_of(sending)
    assert not consumer.registered
    assert len(consumer.pieces) == 1


def test_bytes_that_end_early() -> None:
    """Where there are fewer bytes than promised the call raises, whatever was sent."""
    consumer = CheckingConsumer()
    with pytest.raises(Unavailable, match="shorter"):
        result_of(Deferred.fromCoroutine(send_pieces(reads(b"short"), consumer, 0, 6)))
    assert consumer.content == b"short"
    assert not consumer.registered


def test_greedy_consumer_gives_way() -> None:
    """Between one burst and the next others have their turn, unless the consumer has paused of itself."""
    turns: list[int] = []
    consumer = CheckingConsumer()

    async def give_way() -> None:
        turns.append(len(consumer.content))
        await succeed(None)

    content = bytes(3 * BURST)
    result_of(Deferred.fromCoroutine(send_pieces(reads(content), consumer, 0, len(content), give_way)))
    assert turns == [BURST, 2 * BURST]
    turns.clear()
    modest = PausingConsumer()
    sending = Deferred.fromCoroutine(send_pieces(reads(content), modest, 0, len(content), give_way))
    while not sending.called:
        modest.resume()
    assert modest.content == content
    assert turns == []
