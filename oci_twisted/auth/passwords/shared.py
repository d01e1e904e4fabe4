"""
Work that is done once for everyone who wants it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.logger import Logger

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from twisted.python.failure import Failure

T = TypeVar("T")


class Shared(Generic[T]):
    """
    Work for whose outcome several wait.

    It begins with the first of them.  Whoever is cancelled leaves; the work goes on to its end all the same, for the
    others and when there are none.
    """

    _log = Logger()

    def __init__(self, work: Coroutine[Deferred[Any], Any, T]) -> None:
        self._work: Coroutine[Deferred[Any], Any, T] | None = work
        self._waiters: list[Deferred[T]] = []

    async def outcome(self) -> T:
        """Answer what the work answers, or raise what it raises.  Not to be called when the work has ended."""
        waiter: Deferred[T] = Deferred()
        self._waiters.append(waiter)
        work, self._work = self._work, None
        if work is not None:
            Deferred.fromCoroutine(work).addCallbacks(self._succeeded, self._failed)
        return await waiter

    def _succeeded(self, result: T) -> None:
        for waiter in self._left():
            waiter.callback(result)

    def _failed(self, failure: Failure) -> None:
        left = self._left()
        if not left:
            self._log.failure("work that nobody waits for any more failed", failure)
        for waiter in left:
            waiter.errback(failure)

    def _left(self) -> list[Deferred[T]]:
        waiters, self._waiters = self._waiters, []
        return [waiter for waiter in waiters if not waiter.called]
