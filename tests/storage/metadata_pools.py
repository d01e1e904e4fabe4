"""
Pools that the tests of metadata hold in their hands, and coroutines without a reactor.
"""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from twisted.internet.defer import Deferred, maybeDeferred
from zope.interface import implementer

from oci_twisted.interfaces import IBlockingPool

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")


def answer(coroutine: Coroutine[Any, Any, T]) -> T:
    """Answer what a coroutine answers that has nothing to wait for."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise AssertionError("it waits")


def begin(coroutine: Coroutine[Any, Any, object]) -> tuple[Deferred[object], list[object]]:
    """Begin what has to wait; answer it, and where its outcome will be."""
    outcomes: list[object] = []
    waiting = Deferred.fromCoroutine(coroutine)
    waiting.addBoth(outcomes.append)
    return waiting, outcomes


@implementer(IBlockingPool)
class HeldPool:
    """Does a piece of work when it is told to."""

    def __init__(self) -> None:
        self.held: deque[Callable[[], None]] = deque()

    async def run(self, work: Callable[[], T]) -> T:
        """Keep ``work`` until `release`."""
        done: Deferred[T] = Deferred()
        self.held.append(partial(self._do, work, done))
        return await done

    def release(self) -> None:
        """Do the work that has been held for longest."""
        self.held.popleft()()

    async def stop(self) -> None:
        """Nothing is ever under way."""

    @staticmethod
    def _do(work: Callable[[], T], done: Deferred[T]) -> None:
        maybeDeferred(work).chainDeferred(done)


@implementer(IBlockingPool)
class BrokenPool:
    """Takes no work."""

    async def run(self, work: Callable[[], T]) -> T:
        """Refuse."""
        raise RuntimeError(f"no thread for {work}")

    async def stop(self) -> None:
        """Nothing is ever under way."""
