"""
Bytes that somebody has, on their way to somebody who may have to slow them down.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from oci_twisted.spec.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from twisted.internet.interfaces import IConsumer

PIECE = 256 * 1024
# How much a consumer that never pauses gets before others have their turn.
BURST = 4 * 1024 * 1024


async def send_pieces(
    read: Callable[[int, int], Coroutine[Deferred[Any], Any, bytes]],
    consumer: IConsumer,
    start: int,
    stop: int,
    give_way: Callable[[], Coroutine[Deferred[Any], Any, None]] | None = None,
) -> None:
    """
    Write the bytes from ``start`` up to but not including ``stop`` to ``consumer``, `PIECE` at a time.

    A push producer is registered meanwhile.  One piece is held at most, and none is read while the consumer pauses.

    :param read: answers bytes from an offset on: at most as many as it is asked for, and none where there are none.
    :param give_way: returns when others have had their turn; awaited behind every `BURST` that nothing else has slowed
        down.  Needed where a consumer that does not pause must not keep the reactor to itself.
    :raise Unavailable: when the bytes end early.
    :raise CancelledError: when the consumer calls ``stopProducing``.
    """
    gate = _Gate()
    consumer.registerProducer(gate, streaming=True)
    burst = 0
    try:
        while start < stop:
            if await gate.passed():
                burst = 0
            elif burst >= BURST and give_way is not None:
                await give_way()
                burst = 0
            piece = await read(start, min(PIECE, stop - start))
            if not piece:
                raise Unavailable("the blob is shorter in storage than it should be; push it again to mend it")
            # Reading may have taken its time.
            await gate.passed()
            consumer.write(piece)
            start += len(piece)
            burst += len(piece)
        if gate.stopped:
            raise CancelledError
    finally:
        # A consumer that has stopped its producer has let go of it, and may be past answering.
        if not gate.stopped:
            consumer.unregisterProducer()


@implementer(IPushProducer)
class _Gate:
    """Where the sender waits while the consumer pauses."""

    def __init__(self) -> None:
        self.stopped = False
        self._paused = False
        self._waiter: Deferred[None] | None = None

    def pauseProducing(self) -> None:
        """Close."""
        self._paused = True

    def resumeProducing(self) -> None:
        """Open."""
        self._paused = False
        self._wake()

    def stopProducing(self) -> None:
        """Let nobody pass any more."""
        self.stopped = True
        self._wake()

    async def passed(self) -> bool:
        """
        Wait until it is open, and answer whether that took waiting.

        :raise CancelledError: when the consumer has stopped the producer.
        """
        waited = False
        while self._paused and not self.stopped:
            waited = True
            self._waiter = Deferred()
            await self._waiter
        if self.stopped:
            raise CancelledError
        return waited

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            waiter.callback(None)
