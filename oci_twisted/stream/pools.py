"""
Where blocking work goes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool
from zope.interface import implementer

from oci_twisted.interfaces import IBlockingPool

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


@implementer(IBlockingPool)
class ThreadedPool:
    """
    A named pool of threads, beside the reactor's own.

    :param reactor: its shutdown ends the threads too, behind everything else, so that a pool which nobody has stopped
        does not keep the process alive.
    :param threads: at most this many; they start as they are needed.
    """

    def __init__(self, reactor: Any, name: str, threads: int) -> None:  # noqa: ANN401 - it provides several interfaces
        self._reactor = reactor
        self._pool = ThreadPool(minthreads=0, maxthreads=threads, name=name)
        self._pool.start()
        self._stopped = False
        self._at_shutdown = reactor.addSystemEventTrigger("after", "shutdown", self._stop)

    async def run(self, work: Callable[[], T]) -> T:
        """Call ``work`` on a thread of the pool."""
        return await deferToThreadPool(self._reactor, self._pool, work)

    async def stop(self) -> None:
        """Wait for what was begun, then end the threads."""
        if not self._stopped:
            self._reactor.removeSystemEventTrigger(self._at_shutdown)
            self._stop()

    def _stop(self) -> None:
        self._stopped = True
        self._pool.stop()


@implementer(IBlockingPool)
class InlinePool:
    """Does the work where it stands: for tests that have no reactor running, and for scripts."""

    async def run(self, work: Callable[[], T]) -> T:
        """Call ``work``."""
        return work()

    async def stop(self) -> None:
        """Nothing is ever left to wait for."""
