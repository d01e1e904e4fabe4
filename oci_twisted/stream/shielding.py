"""
Work that must not be left half done because a client went away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.logger import Logger

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from twisted.python.failure import Failure

T = TypeVar("T")

_log = Logger()


async def shielded(work: Coroutine[Deferred[Any], Any, T]) -> T:
    """
    Await ``work``; when the waiter is cancelled, let the work run to its end all the same.

    What such abandoned work answers is dropped; what it raises is logged.
    """
    waiter: Deferred[T] = Deferred()
    running = Deferred.fromCoroutine(work)

    def succeeded(result: T) -> None:
        if not waiter.called:
            waiter.callback(result)

    def failed(failure: Failure) -> None:
        if waiter.called:
            _log.failure("work that nobody waits for any more failed", failure)
        else:
            waiter.errback(failure)

    running.addCallbacks(succeeded, failed)
    return await waiter
