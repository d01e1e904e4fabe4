"""An engine in memory on a clock that the tests turn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from oci_twisted.testing.engine.memory import MemoryEngine

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from oci_twisted.engine import EngineClient
    from oci_twisted.engine.transport.limits import Timeouts

T = TypeVar("T")

_TURNS = 200


class Bench:
    """
    An engine, a client of it, and their time.
    """

    def __init__(self, timeouts: Timeouts | None = None) -> None:
        self.clock = Clock()
        self.engine = MemoryEngine(self.clock)
        self.client: EngineClient = self.result(self.engine.client(timeouts))

    def begin(self, work: Coroutine[Deferred[Any], Any, T]) -> Deferred[T]:
        """Start some work, and let it come as far as it does without time."""
        started = Deferred.fromCoroutine(work)
        self.turn()
        return started

    def turn(self) -> None:
        """Let everything happen that needs no time."""
        for _ in range(_TURNS):
            self.clock.advance(0)

    def pass_time(self, seconds: float) -> None:
        """Let some time pass."""
        self.clock.advance(seconds)
        self.turn()

    def result(self, work: Coroutine[Deferred[Any], Any, T] | Deferred[T]) -> T:
        """Answer what some work that needs no time answers, or raise what it raises."""
        started = work if isinstance(work, Deferred) else self.begin(work)
        results: list[Any] = []
        started.addBoth(results.append)
        assert results, "it is not done yet"
        if isinstance(results[0], Failure):
            results[0].raiseException()
        answer: T = results[0]
        return answer
