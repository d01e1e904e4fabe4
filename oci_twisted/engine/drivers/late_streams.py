"""
Streams whose answer has not begun yet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from twisted.internet.defer import CancelledError, Deferred
from zope.interface import implementer

from oci_twisted.engine.interfaces import IByteStream

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from twisted.internet.interfaces import IConsumer
    from twisted.python.failure import Failure


@implementer(IByteStream)
class LateStream:
    """
    A stream that is there at once, although the engine begins to answer only when it has something to say.

    What goes wrong before it begins is raised by who reads.

    :param coming: answers the stream, some time.
    """

    def __init__(self, coming: Coroutine[Deferred[Any], Any, IByteStream]) -> None:
        self._stream: IByteStream | None = None
        self._error: BaseException | None = None
        self._waiter: Deferred[None] | None = None
        self._closed = False
        self._coming = Deferred.fromCoroutine(coming)
        self._coming.addCallbacks(self._arrive, self._fail)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        return await (await self._there()).__anext__()

    async def deliver(self, consumer: IConsumer) -> int:
        """Write all of it to a consumer, which has no producer before the stream begins."""
        return await (await self._there()).deliver(consumer)

    def close(self) -> None:
        """Break off, or give up."""
        self._closed = True
        if self._stream is not None:
            self._stream.close()
        elif self._error is None:
            self._coming.cancel()

    async def _there(self) -> IByteStream:
        if self._stream is None and self._error is None:
            self._waiter = Deferred(lambda _: self.close())
            await self._waiter
        if self._stream is None:
            raise self._error or CancelledError
        return self._stream

    def _arrive(self, stream: IByteStream) -> None:
        self._stream = stream
        if self._closed:
            stream.close()
        self._wake()

    def _fail(self, failure: Failure) -> None:
        self._error = failure.value
        self._wake()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            waiter.callback(None)
