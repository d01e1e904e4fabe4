"""
Blobs, pulled in part and at the consumer's pace.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from twisted.internet.defer import CancelledError, Deferred

from oci_twisted.spec.digests import digest_of
from oci_twisted.testing.consumers import (
    CheckingConsumer,
    FlutteringConsumer,
    PausingConsumer,
    StoppingConsumer,
)
from oci_twisted.testing.repository.examples import ALPINE, push_blob
from oci_twisted.testing.waiting import turn, waits

if TYPE_CHECKING:
    from oci_twisted.interfaces import IBlobReader, IRegistry

# More than any buffer on the way holds; no two pieces are alike.
CONTENT = (bytes(range(251)) * 8000)[:2_000_003]
SIZE = len(CONTENT)


async def open_example(registry: IRegistry) -> IBlobReader:
    """Push the example and open it."""
    repository = registry.repository(ALPINE)
    await push_blob(repository, CONTENT)
    return await repository.open_blob(digest_of(CONTENT))


class RangeContract:
    """What a repository's readers do."""

    @pytest.mark.parametrize(
        ("start", "stop"),
        [
            (0, SIZE),
            (0, 0),
            (0, 1),
            (1, 2),
            (7, SIZE),
            (SIZE - 1, SIZE),
            (SIZE, SIZE),
            (0, SIZE - 1),
            (65_535, 65_537),
            (100_000, 1_900_000),
        ],
    )
    @waits
    async def test_any_part_can_be_pulled(self, registry: IRegistry, start: int, stop: int) -> None:
        """Exactly the bytes from ``start`` up to ``stop`` are sent, by a producer that is registered meanwhile."""
        reader = await open_example(registry)
        consumer = CheckingConsumer()
        await reader.send(consumer, start, stop)
        assert consumer.content == CONTENT[start:stop]
        assert not consumer.registered
        reader.close()

    @waits
    async def test_a_reader_sends_more_than_once(self, registry: IRegistry) -> None:
        """The parts of a blob can be had in any order, and again, from one reader, which may be closed twice."""
        reader = await open_example(registry)
        assert reader.size == SIZE
        for start, stop in ((5, 9), (0, 4), (5, 9)):
            consumer = CheckingConsumer()
            await reader.send(consumer, start, stop)
            assert consumer.content == CONTENT[start:stop]
        reader.close()
        reader.close()

    @waits
    async def test_a_consumer_that_pauses_gets_nothing_meanwhile(self, registry: IRegistry) -> None:
        """Bytes come only while the consumer wants some, and all of them come in the end."""
        reader = await open_example(registry)
        consumer = PausingConsumer()
        sending = Deferred.fromCoroutine(reader.send(consumer, 0, SIZE))
        await consumer.paused()
        while (held := len(consumer.content)) < SIZE:
            for _ in range(3):
                await turn()
            assert len(consumer.content) == held
            consumer.resume()
            await consumer.paused()
        await sending
        assert consumer.content == CONTENT
        reader.close()

    @waits
    async def test_a_consumer_may_pause_and_resume_within_a_write(self, registry: IRegistry) -> None:
        """A consumer that makes up its mind at once gets every byte once."""
        reader = await open_example(registry)
        consumer = FlutteringConsumer()
        await reader.send(consumer, 3, SIZE)
        assert consumer.content == CONTENT[3:]
        reader.close()

    @pytest.mark.parametrize("after", [1, 300_000, SIZE])
    @waits
    async def test_a_consumer_that_stops_gets_no_more(self, registry: IRegistry, after: int) -> None:
        """When the consumer stops the producer, sending ends as if it had been cancelled; the reader can go on."""
        reader = await open_example(registry)
        consumer = StoppingConsumer(after)
        with pytest.raises(CancelledError):
            await reader.send(consumer, 0, SIZE)
        received = consumer.content
        for _ in range(3):
            await turn()
        assert consumer.content == received == CONTENT[: len(received)]
        again = CheckingConsumer()
        await reader.send(again, 0, SIZE)
        assert again.content == CONTENT
        reader.close()

    @waits
    async def test_sending_can_be_cancelled(self, registry: IRegistry) -> None:
        """When the caller loses interest, the consumer gets no more and is free for another producer."""
        reader = await open_example(registry)
        consumer = PausingConsumer()
        sending = Deferred.fromCoroutine(reader.send(consumer, 0, SIZE))
        await consumer.paused()
        sending.cancel()
        with pytest.raises(CancelledError):
            await sending
        assert not consumer.registered
        received = len(consumer.content)
        for _ in range(3):
            await turn()
        assert len(consumer.content) == received
        reader.close()
