"""
Bytes of a file on their way to a socket without passing through the process: ``sendfile``.

The reactor never waits for the disk: whether a window of the file is in the page cache is asked first, and a cold
one is read by a pool.
"""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IPushProducer, ISSLTransport
from twisted.internet.tcp import Connection
from zope.interface import implementer

from oci_twisted.spec.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IConsumer
    from twisted.python.failure import Failure

    from oci_twisted.interfaces import IBlockingPool

WINDOW = 1 << 20
# Other connections get their turn in between.
_WINDOWS_A_TURN = 4
# Linux's way to ask; where there is none, everything is read by the pool.
_NOWAIT: int | None = getattr(os, "RWF_NOWAIT", None)


def takes_sendfile(transport: object) -> bool:
    """Answer whether a transport is a socket of the kernel's own that nothing encrypts."""
    return isinstance(transport, Connection) and not ISSLTransport.providedBy(transport)


def read_hot(descriptor: int, start: int, length: int) -> bytes | None:
    """Read some bytes of a file if that takes no waiting for the disk; ``None`` when it does, or they are not there."""
    if _NOWAIT is None:
        return None
    buffer = bytearray(length)
    try:
        read = os.preadv(descriptor, [buffer], start, _NOWAIT)
    except OSError:
        # Not in the page cache, or a file system that cannot tell.
        return None
    return bytes(buffer) if read == length else None


async def send_file(
    transport: Connection,
    consumer: IConsumer,
    pool: IBlockingPool,
    descriptor: int,
    start: int,
    stop: int,
    sent: Callable[[int], None],
) -> None:
    """
    Send a file's bytes from ``start`` up to but not including ``stop``.

    :param transport: a socket for which `takes_sendfile` is true; what was written to it before goes first.
    :param consumer: where the producer is registered, so that it is resumed when the socket can take more.
    :param descriptor: open for reading until this returns.
    :param sent: is told of every step forward, in bytes.
    :raise Unavailable: when the file is shorter.
    :raise OSError: when the connection or the disk fails.
    """
    producer = _FileProducer(transport, pool, descriptor, start, stop, sent)
    consumer.registerProducer(producer, streaming=True)
    try:
        producer.wait_for_socket()
        await producer.finished
    finally:
        producer.stopProducing()
        consumer.unregisterProducer()


def _read(descriptor: int, length: int, start: int) -> None:
    try:
        os.pread(descriptor, length, start)
    finally:
        os.close(descriptor)


@implementer(IPushProducer)
class _FileProducer:
    def __init__(
        self,
        transport: Connection,
        pool: IBlockingPool,
        descriptor: int,
        start: int,
        stop: int,
        sent: Callable[[int], None],
    ) -> None:
        self._transport = transport
        self._pool = pool
        self._descriptor = descriptor
        self._offset = start
        self._stop = stop
        self._sent = sent
        self._warm_until = start
        self._warming = False
        self.finished: Deferred[None] = Deferred()

    def wait_for_socket(self) -> None:
        # The reactor's own protocol with a producer: it resumes one that it believes paused as soon as the socket is
        # writable and its buffers are empty.
        self._transport.producerPaused = True
        self._transport.startWriting()

    def pauseProducing(self) -> None:
        """Nothing is sent but in `resumeProducing`."""

    def stopProducing(self) -> None:
        """The connection is gone, or the work is done."""
        if not self.finished.called:
            self.finished.errback(CancelledError())

    def resumeProducing(self) -> None:
        """Send until the socket is full."""
        if self._warming or self.finished.called:
            return
        try:
            if not self._send():
                self._warm()
                return
        except Exception:  # noqa: BLE001 - handed over, not handled
            self.finished.errback()
            return
        if self._offset >= self._stop:
            self.finished.callback(None)
        else:
            self.wait_for_socket()

    def _send(self) -> bool:
        """Answer whether the file is ready for more, or the disk has to be waited for."""
        for _ in range(_WINDOWS_A_TURN):
            window = min(WINDOW, self._stop - self._offset)
            if window == 0:
                break
            if not self._is_warm(self._offset + window):
                return False
            try:
                count = os.sendfile(self._transport.fileno(), self._descriptor, self._offset, window)
            except BlockingIOError:
                break
            if count == 0:
                raise Unavailable("the blob is shorter in storage than it should be")
            self._offset += count
            self._sent(count)
        return True

    def _is_warm(self, until: int) -> bool:
        if until <= self._warm_until:
            return True
        # The kernel reads ahead, so the last byte of a window tells for the window.
        if read_hot(self._descriptor, until - 1, 1) is None:
            return False
        self._warm_until = until
        return True

    def _warm(self) -> None:
        until = min(self._offset + WINDOW, self._stop)
        # Of its own, because ours may be closed, and be another file's, before a thread comes to it.
        descriptor = os.dup(self._descriptor)
        self._warming = True
        work = Deferred.fromCoroutine(self._pool.run(partial(_read, descriptor, until - self._offset, self._offset)))
        work.addCallbacks(self._warmed, self._failed, callbackArgs=(until,))

    def _warmed(self, _nothing: None, until: int) -> None:
        self._warming = False
        self._warm_until = until
        if not self.finished.called:
            self.wait_for_socket()

    def _failed(self, failure: Failure) -> None:
        self._warming = False
        if not self.finished.called:
            self.finished.errback(failure)
