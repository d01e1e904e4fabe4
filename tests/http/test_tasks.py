"""
Coroutines without a Deferred around them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.python.failure import Failure

from oci_twisted.http.tasks import Task
from oci_twisted.stream.shielding import shielded

if TYPE_CHECKING:
    from collections.abc import Coroutine


class Outcome:
    """
    A task that runs, and what came of it.

    :ivar results: what it was told that it is done with.
    """

    def __init__(self, coroutine: Coroutine[Deferred[Any], Any, Any]) -> None:
        self.results: list[tuple[Any, BaseException | None]] = []
        self.task = Task(coroutine, lambda result, error: self.results.append((result, error)))
        self.task.run()

    @property
    def error(self) -> type[BaseException] | None:
        """What kind of error it ended with."""
        ((result, error),) = self.results
        assert result is None or error is None
        return type(error) if error is not None else None


async def answer(waiting: Deferred[int]) -> int:
    """Answer one more than what is waited for."""
    return await waiting + 1


def test_what_never_waits_is_done_at_once() -> None:
    """No Deferred is made, and none is needed."""
    assert Outcome(answer(succeed(1))).results == [(2, None)]


def test_what_waits_goes_on() -> None:
    """It goes on where it was when what it waits for is there."""
    waiting: Deferred[int] = Deferred()
    outcome = Outcome(answer(waiting))
    assert outcome.results == []
    waiting.callback(1)
    assert outcome.results == [(2, None)]


def test_it_may_wait_often() -> None:
    """Also for thousands of things, one behind the other, some of them there already."""

    async def count() -> int:
        total = 0
        for number in range(5000):
            total += await (gates[number] if number % 2 else succeed(1))
        return total

    gates = [Deferred[int]() for _ in range(5000)]
    outcome = Outcome(count())
    for gate in gates:
        gate.callback(1)
    assert outcome.results == [(5000, None)]


def test_what_raises_is_handed_over() -> None:
    """An error ends it, whether it was waiting or not."""

    async def fail(waiting: Deferred[None]) -> None:
        await waiting
        raise ZeroDivisionError

    gate: Deferred[None] = Deferred()
    assert Outcome(fail(succeed(None))).error is ZeroDivisionError
    late = Outcome(fail(gate))
    gate.callback(None)
    assert late.error is ZeroDivisionError


@pytest.mark.parametrize("early", [True, False])
def test_a_failure_is_raised_where_it_is_awaited(*, early: bool) -> None:
    """A coroutine can catch what goes wrong with what it waits for, as what it is, and go on."""

    async def recover(waiting: Deferred[int]) -> str:
        try:
            await waiting
        except ZeroDivisionError as error:
            return f"caught {error} and went on {await after}"
        raise AssertionError

    gate: Deferred[int] = Deferred()
    after: Deferred[int] = Deferred()
    if early:
        gate.errback(ZeroDivisionError("it"))
    outcome = Outcome(recover(gate))
    if not early:
        gate.errback(ZeroDivisionError("it"))
    after.callback(7)
    assert outcome.results == [("caught it and went on 7", None)]


def test_a_failure_from_deep_below_keeps_its_kind() -> None:
    """Coroutines that await coroutines, and shields between them, change nothing of that."""

    async def outer(waiting: Deferred[int]) -> int:
        return await shielded(answer(waiting))

    gate: Deferred[int] = Deferred()
    outcome = Outcome(outer(gate))
    gate.errback(Failure(ZeroDivisionError()))
    assert outcome.error is ZeroDivisionError


def test_cancelling_is_seen_where_it_waits() -> None:
    """The coroutine sees `CancelledError`, and may clean up, even by waiting again."""
    steps: list[str] = []

    async def clean_up() -> None:
        try:
            await gate
        except CancelledError:
            steps.append("cancelled")
            await after
            steps.append("clean")
            raise

    gate: Deferred[None] = Deferred()
    after: Deferred[None] = Deferred()
    outcome = Outcome(clean_up())
    outcome.task.cancel()
    assert (steps, outcome.results) == (["cancelled"], [])
    after.callback(None)
    assert steps == ["cancelled", "clean"]
    assert outcome.error is CancelledError


def test_cancelling_what_is_done_is_nothing() -> None:
    """There is nothing left to cancel."""
    outcome = Outcome(answer(succeed(1)))
    outcome.task.cancel()
    assert outcome.results == [(2, None)]


def test_a_shield_holds() -> None:
    """What was shielded runs to its end when the task is cancelled."""
    done: list[int] = []

    async def commit() -> None:
        done.append(await gate)

    gate: Deferred[int] = Deferred()
    outcome = Outcome(shielded(commit()))
    outcome.task.cancel()
    assert outcome.error is CancelledError
    gate.callback(1)
    assert done == [1]
