"""
Where blocking work goes.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from functools import partial
from threading import Thread, get_native_id
from typing import TYPE_CHECKING, Any, TypeVar

from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool
from zope.interface import implementer

from oci_twisted.interfaces import IBlockingPool

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class _NiceThread(Thread):
    """A thread that stands back."""

    def __init__(self, niceness: int, **arguments: Any) -> None:  # noqa: ANN401 - those of a thread
        super().__init__(**arguments)
        self._niceness = niceness

    def run(self) -> None:
        """Stand back, then do what a thread does."""
        # Where even that is forbidden the work is done all the same.
        with suppress(OSError):
            here = get_native_id()
            os.setpriority(os.PRIO_PROCESS, here, os.getpriority(os.PRIO_PROCESS, here) + self._niceness)
        super().run()


@implementer(IBlockingPool)
class ThreadedPool:
    """
    A named pool of threads, beside the reactor's own.

    :param reactor: its shutdown ends the threads too, behind everything else, so that a pool which nobody has stopped
        does not keep the process alive.
    :param threads: at most this many; they start as they are needed.
    :param niceness: how much the threads stand back behind the rest of the process, from 0 to 19, when the processor is
        wanted elsewhere.  Only Linux has it for a thread; on other systems they do not.
    """

    def __init__(
        self,
        reactor: Any,  # noqa: ANN401 - it provides several interfaces
        name: str,
        threads: int,
        *,
        niceness: int = 0,
    ) -> None:
        self._reactor = reactor
        self._pool = ThreadPool(minthreads=0, maxthreads=threads, name=name)
        if niceness and sys.platform == "linux":
            self._pool.threadFactory = partial(_NiceThread, niceness)  # type: ignore[assignment]  # it makes a thread
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
