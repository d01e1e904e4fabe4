"""
Bodies of answers, as streams that push back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from oci_twisted.engine.errors import EngineError
from oci_twisted.engine.interfaces import IByteStream

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IConsumer

    from oci_twisted.engine.requests import Request

# What waits to be taken before nothing more is read.
HIGH_WATER = 256 << 10


@implementer(IByteStream)
class ByteStream:
    """
    The body of one answer.

    :param pause: stops reading from the connection.
    :param resume: reads on.
    :param abandon: closes the connection.
    :ivar request: what it is the answer to, for errors; whoever knows sets it.
    """

    def __init__(self, pause: Callable[[], None], resume: Callable[[], None], abandon: Callable[[], None]) -> None:
        self._pause = pause
        self._resume = resume
        self._abandon = abandon
        self._pieces: list[bytes] = []
        self._size = 0
        self._paused = False
        self._ended = False
        self._closed = False
        self._error: BaseException | None = None
        self._waiter: Deferred[None] | None = None
        self.request: Request | None = None

    # The reader calls:

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if not self._pieces and not self._ended:
            if self._waiter is not None:
                raise RuntimeError("a stream has one reader")
            self._waiter = Deferred(lambda _: self.close())
            try:
                await self._waiter
            finally:
                self._waiter = None
        if self._pieces:
            return self._take()
        if self._error is not None:
            if isinstance(self._error, EngineError) and self._error.request is None:
                self._error.request = self.request
            raise self._error
        raise StopAsyncIteration

    def _take(self) -> bytes:
        taken = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self._size = 0
        if self._paused:
            self._paused = False
            self._resume()
        return taken

    async def deliver(self, consumer: IConsumer) -> int:
        """Write everything to ``consumer``, as fast as it takes it; see `IByteStream.deliver`."""
        flow = _Flow(self)
        consumer.registerProducer(flow, streaming=True)
        delivered = 0
        try:
            async for piece in self:
                delivered += len(piece)
                consumer.write(piece)
                await flow.open()
        except BaseException:
            self.close()
            raise
        finally:
            # A consumer that has stopped its producer has let go of it.
            if not flow.stopped:
                consumer.unregisterProducer()
        return delivered

    def close(self) -> None:
        """Break off, unless everything has arrived."""
        if self._closed:
            return
        self._closed = True
        self._pieces.clear()
        self._size = 0
        if not self._ended:
            self._ended = True
            self._error = CancelledError()
            self._abandon()
            self._wake()

    # The connection calls:

    @property
    def is_paused(self) -> bool:
        """Whether the reader keeps the connection waiting."""
        return self._paused

    def receive(self, piece: bytes) -> None:
        """Take a piece from the connection."""
        if self._ended:
            return
        self._pieces.append(piece)
        self._size += len(piece)
        if self._size >= HIGH_WATER and not self._paused:
            self._paused = True
            self._pause()
        self._wake()

    def end(self, error: BaseException | None = None) -> None:
        """Know that nothing more comes; why, if that is wrong."""
        if self._ended:
            return
        self._ended = True
        self._error = error
        # What is behind the end is somebody else's, whatever the reader does.
        self._paused = False
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.called:
            self._waiter.callback(None)


@implementer(IPushProducer)
class _Flow:
    """What a consumer holds to pause a delivery."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._gate: Deferred[None] | None = None
        self._paused = False
        self.stopped = False

    async def open(self) -> None:
        """Wait until the consumer takes more."""
        if self.stopped:
            raise CancelledError
        if self._paused:
            self._gate = Deferred()
            await self._gate

    def pauseProducing(self) -> None:
        """Wait."""
        self._paused = True

    def resumeProducing(self) -> None:
        """Go on."""
        self._paused = False
        gate, self._gate = self._gate, None
        if gate is not None:
            gate.callback(None)

    def stopProducing(self) -> None:
        """Nobody wants the rest."""
        self.stopped = True
        self._stream.close()
        gate, self._gate = self._gate, None
        if gate is not None:
            gate.errback(CancelledError())
