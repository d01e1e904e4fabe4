"""Protocols of processes that fail themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import capturedLogs

from tests.engine.test_processes import bench_with_container, transports

if TYPE_CHECKING:
    from twisted.python.failure import Failure


class Failing(ProcessProtocol):
    """
    A protocol with a bug.

    :param where: the method that has it.
    """

    def __init__(self, where: str) -> None:
        self.called: list[str] = []
        self._where = where

    def _note(self, what: str) -> None:
        self.called.append(what)
        if what == self._where:
            raise ArithmeticError(what)

    def connectionMade(self) -> None:
        """Fail, perhaps."""
        self._note("connectionMade")

    def childDataReceived(self, childFD: int, data: bytes) -> None:  # noqa: N803 - Twisted's name
        """Fail, perhaps."""
        del childFD, data
        self._note("childDataReceived")

    def childConnectionLost(self, childFD: int) -> None:  # noqa: N803 - Twisted's name
        """Fail, perhaps."""
        self._note(f"childConnectionLost {childFD}")

    def processExited(self, reason: Failure) -> None:
        """Fail, perhaps."""
        del reason
        self._note("processExited")

    def processEnded(self, reason: Failure) -> None:
        """Fail, perhaps."""
        del reason
        self._note("processEnded")


def test_a_protocol_that_fails_at_once_has_no_process() -> None:
    """What it raises comes out of the call, and no connection is left for a process that nobody has."""
    bench, id_ = bench_with_container("sleep", "1000")
    with pytest.raises(ArithmeticError):
        bench.result(bench.client.containers.exec(id_, ["cat"], Failing("connectionMade"), stdin=True))
    bench.pass_time(100)
    assert transports(bench) == 0


@pytest.mark.parametrize("where", ["childConnectionLost 1", "processExited", "processEnded"])
def test_a_protocol_that_fails_at_the_end_keeps_nobody_waiting(where: str) -> None:
    """The other calls follow, whoever waits has the exit code, and the error is logged."""
    bench, id_ = bench_with_container("sleep", "1000")
    protocol = Failing(where)
    with capturedLogs() as events:
        process = bench.result(bench.client.containers.exec(id_, ["sh", "-c", "echo a; sleep 1; exit 3"], protocol))
        waiting = bench.begin(process.wait())
        bench.pass_time(1)
        bench.pass_time(10)
        assert bench.result(waiting) == 3
    assert protocol.called[-2:] == ["processExited", "processEnded"]
    assert [event["log_failure"].type for event in events if "log_failure" in event] == [ArithmeticError]
