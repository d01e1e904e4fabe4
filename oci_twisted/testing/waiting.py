"""
Tests that wait.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pytest_twisted import ensureDeferred  # type: ignore[import-untyped]
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from twisted.internet.interfaces import IReactorTime

Test = TypeVar("Test", bound="Callable[..., Coroutine[Deferred[Any], Any, None]]")
T = TypeVar("T")


def waits(test: Test) -> Test:
    """Let pytest-twisted run a test, below ``given`` if there is one.  It must not take long."""

    @functools.wraps(test)
    async def bounded(*arguments: object, **fixtures: object) -> None:
        await soon(test(*arguments, **fixtures))

    return cast("Test", ensureDeferred(bounded))


async def soon(work: Coroutine[Deferred[Any], Any, T], seconds: float = 60.0) -> T:
    """
    Await some work that ought to be done long before ``seconds`` have passed.

    :raise TimeoutError: when it is not.
    """
    return await Deferred.fromCoroutine(work).addTimeout(seconds, _clock())


async def turn() -> None:
    """Let everybody else have a turn."""
    await deferLater(_clock(), 0.0)


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds that another process has a part in."""
    while not holds():
        await turn()


def _clock() -> IReactorTime:
    # To import the reactor is to install it, which is pytest-twisted's to do.
    from twisted.internet import reactor  # noqa: PLC0415

    return cast("IReactorTime", reactor)
