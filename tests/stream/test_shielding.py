"""
Work that is not left half done.
"""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from zope.interface import implementer

from oci_twisted.stream.shielding import shielded
from oci_twisted.testing.waiting import waits


async def wait_for(deferred: Deferred[int], steps: list[str]) -> int:
    """Do something before a wait and after it."""
    steps.append("begun")
    result = await deferred
    steps.append("ended")
    return result


@waits
async def test_work_is_awaited() -> None:
    """What the work answers is answered, whether it waits or not."""
    steps: list[str] = []
    ready: Deferred[int] = Deferred()
    ready.callback(1)
    assert await shielded(wait_for(ready, steps)) == 1
    later: Deferred[int] = Deferred()
    waiting = Deferred.fromCoroutine(shielded(wait_for(later, steps)))
    assert not waiting.called
    later.callback(2)
    assert await waiting == 2


@waits
async def test_errors_are_raised() -> None:
    """What the work raises is raised."""
    broken: Deferred[int] = Deferred()
    waiting = Deferred.fromCoroutine(shielded(wait_for(broken, [])))
    broken.errback(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        await waiting


@waits
async def test_work_outlives_its_waiter() -> None:
    """Work whose waiter is cancelled runs to its end, and its result is dropped."""
    steps: list[str] = []
    later: Deferred[int] = Deferred()
    waiting = Deferred.fromCoroutine(shielded(wait_for(later, steps)))
    waiting.cancel()
    with pytest.raises(CancelledError):
        await waiting
    assert steps == ["begun"]
    later.callback(1)
    assert steps == ["begun", "ended"]


@waits
async def test_abandoned_error_is_logged() -> None:
    """What work raises that nobody waits for any more is not lost: the log has it."""
    logged: list[object] = []

    @implementer(ILogObserver)
    def observe(event: LogEvent) -> None:
        logged.append(event["log_failure"].value)

    later: Deferred[int] = Deferred()
    waiting = Deferred.fromCoroutine(shielded(wait_for(later, [])))
    waiting.cancel()
    with pytest.raises(CancelledError):
        await waiting
    globalLogPublisher.addObserver(observe)
    try:
        error = ZeroDivisionError()
        later.errback(error)
    finally:
        globalLogPublisher.removeObserver(observe)
    assert logged == [error]
