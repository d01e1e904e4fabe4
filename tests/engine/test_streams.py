"""Streams of bytes and of messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from twisted.internet.defer import CancelledError, Deferred

from oci_twisted.engine.drivers.messages import MESSAGE_LIMIT, MessageStream
from oci_twisted.engine.errors import StreamCorrupt
from oci_twisted.engine.transport.streams import HIGH_WATER, ByteStream
from oci_twisted.testing.consumers import CheckingConsumer

if TYPE_CHECKING:
    from oci_twisted.engine.requests import Json


class Source:
    """The connection's end of a stream."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.stream = ByteStream(
            lambda: self.calls.append("pause"),
            lambda: self.calls.append("resume"),
            lambda: self.calls.append("abandon"),
        )


async def everything(stream: ByteStream) -> bytes:
    """Read to the end."""
    return b"".join([piece async for piece in stream])


async def messages(stream: MessageStream) -> list[dict[str, Json]]:
    """Read to the end."""
    return [message async for message in stream]


def outcome(waiting: Deferred[object]) -> list[object]:
    """Answer what came of something so far: nothing, or one result."""
    results: list[object] = []
    waiting.addBoth(results.append)
    return results


def test_pieces_come_in_order() -> None:
    """A reader gets all bytes, whether they were there before it or come while it waits, and then the end."""
    source = Source()
    source.stream.receive(b"one")
    source.stream.receive(b"two")
    results = outcome(Deferred.fromCoroutine(everything(source.stream)))
    source.stream.receive(b"three")
    assert results == []
    source.stream.end()
    assert results == [b"onetwothree"]
    assert source.calls == []


def test_a_slow_reader_pauses_the_connection() -> None:
    """As soon as the high-water mark is reached, nothing more is read until the reader has taken it."""
    source = Source()
    source.stream.receive(b"a" * (HIGH_WATER - 1))
    assert source.calls == []
    source.stream.receive(b"b")
    assert source.calls == ["pause"]
    (piece,) = outcome(Deferred.fromCoroutine(source.stream.__anext__()))
    assert isinstance(piece, bytes)
    assert len(piece) == HIGH_WATER
    assert source.calls == ["pause", "resume"]


def test_an_error_comes_behind_what_was_received() -> None:
    """What arrived before a stream broke off is delivered first."""
    source = Source()
    source.stream.receive(b"some")
    source.stream.end(StreamCorrupt("broken"))
    assert outcome(Deferred.fromCoroutine(source.stream.__anext__())) == [b"some"]
    (failure,) = outcome(Deferred.fromCoroutine(source.stream.__anext__()))
    assert failure.check(StreamCorrupt)  # type: ignore[attr-defined]


def test_closing_abandons_the_connection_once() -> None:
    """A reader that waits while the stream is closed is cancelled."""
    source = Source()
    results = outcome(Deferred.fromCoroutine(source.stream.__anext__()))
    source.stream.close()
    source.stream.close()
    assert source.calls == ["abandon"]
    (failure,) = results
    assert failure.check(CancelledError)  # type: ignore[attr-defined]


def test_cancelling_a_read_closes_the_stream() -> None:
    """Who gives up the next piece gives up the stream."""
    source = Source()
    waiting = Deferred.fromCoroutine(source.stream.__anext__())
    waiting.cancel()
    assert source.calls == ["abandon"]
    waiting.addErrback(lambda failure: failure.trap(CancelledError))


def test_closing_behind_the_end_lets_the_connection_be() -> None:
    """When everything has arrived, the connection is somebody else's already."""
    source = Source()
    source.stream.receive(b"all")
    source.stream.end()
    source.stream.close()
    assert source.calls == []


def test_a_consumer_sets_the_pace() -> None:
    """Nothing is written while the consumer pauses, and all of it in the end."""
    source, consumer = Source(), CheckingConsumer()
    results = outcome(Deferred.fromCoroutine(source.stream.deliver(consumer)))
    source.stream.receive(b"one")
    assert consumer.content == b"one"
    producer = consumer._producer  # noqa: SLF001 - a consumer of a test
    assert producer is not None
    producer.pauseProducing()
    source.stream.receive(b"two")
    source.stream.receive(b"three")
    source.stream.end()
    producer.resumeProducing()
    assert consumer.content == b"onetwothree"
    assert results == [11]
    assert not consumer.registered


@pytest.mark.parametrize("size", [1, 2, 5, 1000])
def test_messages_come_whole(size: int) -> None:
    """Any split of the bytes gives the same messages; empty lines, and the end of the last one, may be missing."""
    source = Source()
    content = b'{"a": 1}\r\n\n{"b": "\xc3\xa4"}\n{"c": {}}'
    for start in range(0, len(content), size):
        source.stream.receive(content[start : start + size])
    source.stream.end()
    assert outcome(Deferred.fromCoroutine(messages(MessageStream(source.stream)))) == [
        [{"a": 1}, {"b": "\xe4"}, {"c": {}}]
    ]


@pytest.mark.parametrize(
    "content", [b'{"a": 1', b'{"a": 1}\n{"b"', b"nonsense\n", b"[1]\n", b"x" * (MESSAGE_LIMIT + 1), b"\xff\n"]
)
def test_what_is_no_message_is_said(content: bytes) -> None:
    """A message that is cut off, not JSON, no object or endless is `StreamCorrupt`."""
    source = Source()
    source.stream.receive(content)
    source.stream.end()
    (failure,) = outcome(Deferred.fromCoroutine(messages(MessageStream(source.stream))))
    assert failure.check(StreamCorrupt)  # type: ignore[attr-defined]


def test_a_long_message_costs_no_more_than_its_bytes() -> None:
    """Its many pieces are not put together anew for each: that would take hours here."""
    piece = b" " * 32

    class Pieces:
        """A stream of a message that goes up to the limit, and of another one."""

        def __init__(self) -> None:
            self._left = MESSAGE_LIMIT // len(piece) - 1

        async def __anext__(self) -> bytes:
            self._left -= 1
            if self._left < -1:
                raise StopAsyncIteration
            return piece if self._left >= 0 else b'{"a": 1}\n{"b": 2}\n'

        def close(self) -> None:
            """Never."""

    stream = MessageStream(Pieces())  # type: ignore[arg-type]  # as much of a stream as is needed
    assert outcome(Deferred.fromCoroutine(messages(stream))) == [[{"a": 1}, {"b": 2}]]
