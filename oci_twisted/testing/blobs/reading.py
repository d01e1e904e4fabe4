"""
Blobs on their way to a consumer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred

from oci_twisted.spec.digests import digest_of
from oci_twisted.testing.blobs.examples import LARGE, PATTERN, examples, push, some_bytes
from oci_twisted.testing.consumers import CheckingConsumer, FlutteringConsumer, PausingConsumer, StoppingConsumer
from oci_twisted.testing.waiting import turn, waits

if TYPE_CHECKING:
    from oci_twisted.interfaces import IBlobStore


class ReadingContract:
    """What readers do."""

    @examples
    @given(bounds=st.tuples(st.integers(0, LARGE), st.integers(0, LARGE)).map(sorted))
    @waits
    async def test_any_range_is_sent_exactly(self, store: IBlobStore, bounds: list[int]) -> None:
        """Whatever range of a blob is asked for, exactly that is sent."""
        digest = digest_of(PATTERN)
        if await store.stat(digest) is None:
            await push(store, PATTERN)
        start, stop = bounds
        reader = await store.open(digest)
        consumer = CheckingConsumer()
        await reader.send(consumer, start, stop)
        assert consumer.content == PATTERN[start:stop]
        reader.close()

    @pytest.mark.parametrize("consumer_type", [CheckingConsumer, FlutteringConsumer])
    @waits
    async def test_producer_is_registered_while_it_sends(
        self, store: IBlobStore, consumer_type: type[CheckingConsumer]
    ) -> None:
        """A push producer is registered before the first byte, and unregistered before the reader returns."""
        content = some_bytes(LARGE)
        reader = await store.open(await push(store, content))
        consumer = consumer_type()
        await reader.send(consumer, 0, reader.size)
        assert consumer.content == content
        assert consumer.registrations == 1
        assert not consumer.registered
        reader.close()

    @waits
    async def test_nothing_is_sent_while_the_consumer_pauses(self, store: IBlobStore) -> None:
        """A consumer that pauses gets nothing until it resumes, and then the rest."""
        content = some_bytes(LARGE)
        reader = await store.open(await push(store, content))
        consumer = PausingConsumer()
        sending = Deferred.fromCoroutine(reader.send(consumer, 0, reader.size))
        while len(consumer.content) < len(content):
            await consumer.paused()
            received = len(consumer.pieces)
            for _ in range(3):
                await turn()
            assert len(consumer.pieces) == received
            if len(consumer.content) < len(content):
                consumer.resume()
        await sending
        assert consumer.content == content
        assert not consumer.registered
        reader.close()

    @waits
    async def test_consumer_stops_while_it_takes(self, store: IBlobStore) -> None:
        """A consumer that stops the producer within a write gets nothing more, and the call ends as cancelled."""
        reader = await store.open(await push(store, some_bytes(LARGE)))
        consumer = StoppingConsumer(after=1)
        with pytest.raises(CancelledError):
            await reader.send(consumer, 0, reader.size)
        assert len(consumer.pieces) == 1
        reader.close()

    @waits
    async def test_consumer_stops_at_the_last_byte(self, store: IBlobStore) -> None:
        """A consumer that stops the producer within the last write ends the call as cancelled too."""
        reader = await store.open(await push(store, b"short"))
        with pytest.raises(CancelledError):
            await reader.send(StoppingConsumer(after=1), 0, reader.size)
        reader.close()

    @waits
    async def test_consumer_stops_while_it_pauses(self, store: IBlobStore) -> None:
        """A consumer that has paused may stop the producer, and the call ends as cancelled."""
        reader = await store.open(await push(store, some_bytes(LARGE)))
        consumer = PausingConsumer()
        sending = Deferred.fromCoroutine(reader.send(consumer, 0, reader.size))
        await consumer.paused()
        consumer.stop()
        with pytest.raises(CancelledError):
            await sending
        reader.close()

    @waits
    async def test_send_iscancelled(self, store: IBlobStore) -> None:
        """A call that is cancelled stops, and has unregistered its producer."""
        reader = await store.open(await push(store, some_bytes(LARGE)))
        consumer = PausingConsumer()
        sending = Deferred.fromCoroutine(reader.send(consumer, 0, reader.size))
        await consumer.paused()
        sending.cancel()
        with pytest.raises(CancelledError):
            await sending
        assert not consumer.registered
        reader.close()

    @waits
    async def test_one_reader_sends_several_ranges(self, store: IBlobStore) -> None:
        """A reader sends one range after another, wherever they lie."""
        reader = await store.open(await push(store, b"0123456789"))
        consumer = CheckingConsumer()
        for start, stop in ((5, 10), (0, 3), (4, 4), (2, 6)):
            await reader.send(consumer, start, stop)
        assert consumer.content == b"567890122345"
        reader.close()

    @waits
    async def test_open_reader_outlives_the_blob(self, store: IBlobStore) -> None:
        """A blob that is deleted, or pushed again, stays readable to those who have opened it."""
        content = some_bytes(LARGE)
        digest = await push(store, content)
        readers = [await store.open(digest)]
        await push(store, content)
        readers.append(await store.open(digest))
        await store.delete(digest)
        for reader in readers:
            consumer = CheckingConsumer()
            await reader.send(consumer, 0, reader.size)
            assert consumer.content == content
            reader.close()

    @waits
    async def test_reader_may_be_closed_again(self, store: IBlobStore) -> None:
        """Closing a reader again has no effect, not even on another reader."""
        content = some_bytes(100)
        digest = await push(store, content)
        reader = await store.open(digest)
        reader.close()
        other = await store.open(digest)
        reader.close()
        consumer = CheckingConsumer()
        await other.send(consumer, 0, other.size)
        assert consumer.content == content
        other.close()
