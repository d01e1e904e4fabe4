"""An engine in memory on a clock that the tests turn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from oci_twisted.testing.engine.memory import MemoryEngine
from oci_twisted.testing.engine.registries import ADA, Place

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from oci_twisted.engine import EngineClient
    from oci_twisted.engine.transport.limits import Timeouts

T = TypeVar("T")

_TURNS = 200


def with_registries(reactor: Any, **more: Any) -> MemoryEngine:  # noqa: ANN401 - the engine's parameters
    """Make an engine that has the registries of `OwnRegistries`."""
    engine = MemoryEngine(reactor, **more)
    engine.accounts[OwnRegistries.GUARDED] = {ADA.username: ADA.password}
    return engine


class OwnRegistries:
    """The registries of a contract suite, where the engine in memory has them itself."""

    GUARDED = "guarded.test"

    @pytest.fixture
    def registry(self) -> Place:
        """Give a registry of the engine's own."""
        return Place("registry.test")

    @pytest.fixture
    def guarded(self) -> Place:
        """Give another one, which knows a user."""
        return Place(self.GUARDED)


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
