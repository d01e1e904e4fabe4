"""Containers for one command, on a clock that the test turns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from twisted.internet.defer import CancelledError, Deferred

from oci_twisted.engine.containers.config import ContainerConfig
from tests.engine.memory import Bench

if TYPE_CHECKING:
    from oci_twisted.engine.interfaces import IHandler
    from oci_twisted.engine.requests import Request, Response


class Gate:
    """Lets removals wait, as they do for their turn when an engine has much to do."""

    def __init__(self) -> None:
        self.waiting: list[Deferred[None]] = []

    def wrap(self, handler: IHandler) -> IHandler:
        """Put it around a handler."""
        gate = self

        class Handler:
            async def handle(self, request: Request) -> Response:
                if request.method == "container.remove":
                    turn: Deferred[None] = Deferred()
                    gate.waiting.append(turn)
                    await turn
                return await handler.handle(request)

        return Handler()  # type: ignore[return-value]

    def open(self) -> None:
        """Let them go on."""
        for turn in self.waiting:
            turn.callback(None)


@pytest.mark.parametrize("command", ["true", "absent"])
def test_a_removal_is_not_cancelled(command: str) -> None:
    """Whether the command ran or not, whoever cancels while its container is removed waits for that."""
    bench, gate = Bench(), Gate()
    bench.engine.add_image("image")
    client = bench.client.wrapped(gate.wrap)
    running = bench.begin(client.containers.run(ContainerConfig("image", (command,))))
    assert gate.waiting
    results: list[object] = []
    running.addErrback(lambda failure: results.append(failure.type))
    running.cancel()
    bench.turn()
    assert results == []
    gate.open()
    bench.turn()
    assert results == [CancelledError]
    assert bench.engine.containers == {}
