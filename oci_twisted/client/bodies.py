"""
The bodies of answers: collected up to a limit, or handed on as they come.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss
from zope.interface import implementer

from oci_twisted.spec.digests import hasher
from oci_twisted.spec.errors import Unavailable

if TYPE_CHECKING:
    from twisted.internet.interfaces import IConsumer
    from twisted.python.failure import Failure
    from twisted.web.iweb import IResponse

    from oci_twisted.spec.digests import Digest


async def collect(response: IResponse, limit: int) -> bytes | None:
    """
    Answer a whole body, or ``None`` when it is longer than ``limit``.

    :raise Unavailable: when it breaks off.
    """
    collector = _Collector(limit)
    response.deliverBody(collector)
    return await collector.finished


async def deliver(
    response: IResponse, consumer: IConsumer, skip: int, length: int, digest: Digest | None = None
) -> None:
    """
    Hand ``length`` bytes of a body to ``consumer``, behind the first ``skip``, as fast as it takes them.

    :param digest: what those bytes must have, where that can be checked.
    :raise Unavailable: when the body ends early, or has another digest.
    :raise CancelledError: when the consumer calls ``stopProducing``.
    """
    delivery = _Delivery(consumer, skip, length, digest, exact=response.length == skip + length)
    consumer.registerProducer(delivery, streaming=True)
    try:
        response.deliverBody(delivery)
        await delivery.finished
    finally:
        # A consumer that has stopped its producer has let go of it.
        if not delivery.stopped:
            consumer.unregisterProducer()


class _Body(Protocol):
    # A response gives its body no more of the connection than this.
    transport: IPushProducer | None  # type: ignore[assignment]

    def break_off(self) -> None:
        """Close the connection: nobody wants the rest."""
        if self.transport is not None:
            self.transport.stopProducing()


class _Collector(_Body):
    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._pieces: list[bytes] = []
        self._received = 0
        self.finished: Deferred[bytes | None] = Deferred(lambda _: self.break_off())

    def dataReceived(self, data: bytes) -> None:
        if self.finished.called:
            return
        self._received += len(data)
        if self._received > self._limit:
            self.finished.callback(None)
            self.break_off()
        else:
            self._pieces.append(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self.finished.called:
            return
        # A body without a length ends with the connection; whether that is all of it, its reader will see.
        if reason.check(ResponseDone, PotentialDataLoss):
            self.finished.callback(b"".join(self._pieces))
        else:
            self.finished.errback(Unavailable(f"the answer broke off: {reason.getErrorMessage()}"))


@implementer(IPushProducer)
class _Delivery(_Body):
    def __init__(self, consumer: IConsumer, skip: int, length: int, digest: Digest | None, *, exact: bool) -> None:
        self._consumer = consumer
        self._skip = skip
        self._left = length
        self._digest = digest
        self._state = hasher(digest.algorithm) if digest is not None and digest.verifiable else None
        # What came while the consumer was pausing: at most what one read from the connection gives.
        self._held = b""
        # Whether the answer ends with the last byte that is wanted, and whether it has ended.
        self._exact = exact
        self._ended = False
        self._paused = False
        self.stopped = False
        self.finished: Deferred[None] = Deferred(lambda _: self.break_off())

    # The connection calls:

    def dataReceived(self, data: bytes) -> None:
        if self.finished.called:
            # A server that does not know ranges sends the rest of the blob as well.
            self.break_off()
            return
        skipped = min(self._skip, len(data))
        self._skip -= skipped
        self._held += data[skipped : skipped + self._left - len(self._held)]
        if self._paused:
            self._pause_connection()
        else:
            self._hand_over()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._ended = True
        missing = self._left - len(self._held)
        if self.finished.called:
            return
        if self._left == 0:
            self._finish()
        elif missing:
            why = "it is shorter" if reason.check(ResponseDone) else reason.getErrorMessage()
            self.finished.errback(Unavailable(f"the blob broke off {missing} bytes before its end: {why}"))

    # The consumer calls:

    def pauseProducing(self) -> None:
        """Wait."""
        self._paused = True
        self._pause_connection()

    def resumeProducing(self) -> None:
        """Go on."""
        self._paused = False
        self._hand_over()
        if not self._paused:
            self._resume_connection()

    def stopProducing(self) -> None:
        """Nobody wants the rest."""
        self.stopped = True
        if not self.finished.called:
            self.finished.errback(CancelledError())
        self.break_off()

    def _pause_connection(self) -> None:
        if self.transport is not None:
            self.transport.pauseProducing()

    def _resume_connection(self) -> None:
        if self.transport is not None:
            self.transport.resumeProducing()

    def _hand_over(self) -> None:
        piece, self._held = self._held, b""
        if not piece or self.finished.called:
            return
        self._left -= len(piece)
        if self._state is not None:
            self._state.update(piece)
        # May call back into any of the three above.
        self._consumer.write(piece)
        if self._left == 0 and not self.finished.called:
            # The end of the answer has still to pass, so that the connection can serve another request.
            self._resume_connection()
            if self._ended or not self._exact:
                self._finish()

    def _finish(self) -> None:
        if self._state is not None and self._digest is not None and self._state.hexdigest() != self._digest.encoded:
            self.finished.errback(Unavailable(f"what came for blob {self._digest} has another digest"))
        else:
            self.finished.callback(None)
