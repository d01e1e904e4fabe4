"""Engines that are killed, and clients that are looked at afterwards."""

from __future__ import annotations

import gc
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from twisted.internet.threads import deferToThread
from twisted.logger import capturedLogs

from oci_twisted.engine import EngineClient
from oci_twisted.engine.credentials.keychains import NoKeychain
from oci_twisted.testing.waiting import turn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from oci_twisted.engine.drivers.connection import HttpConnection
    from oci_twisted.engine.interfaces import IDriver
    from tests.clients.engines import Program
    from tests.clients.processes import Daemon

_TURNS = 1000


class Killable:
    """
    A real engine.

    :ivar name: of its driver.
    """

    def __init__(self, name: str, program: Program) -> None:
        self.name = name
        self.address = program.address
        self._program = program
        self._daemon: Daemon | None = None

    def kill(self) -> None:
        """End it as a power cut would."""
        daemon, self._daemon = self._daemon, None
        assert daemon is not None
        daemon.kill()
        if self._program.pid_file is not None:
            # Its containerd has ended with it.  Where nobody buries orphans, as in many containers, the next dockerd
            # would wait for the dead one, for the number is taken.
            self._program.pid_file.unlink()

    async def start(self) -> None:
        """Start it unless it runs, and wait until it answers, while the reactor goes on."""
        if self._daemon is None:
            self._daemon = await deferToThread(self._program.start)

    def stop(self) -> None:
        """Let it end in peace, and its containers with it."""
        # One that was killed has left its containers behind, and ends them when it is there again.
        daemon = self._daemon or self._program.start()
        self._daemon = None
        daemon.stop()


@asynccontextmanager
async def client_of(address: str, driver: str | IDriver) -> AsyncIterator[EngineClient]:
    """
    Lend a client, close it, and look at what it leaves behind.

    :raise AssertionError: when there is a connection, a timer, or an error that nobody has taken.
    """
    reactor = the_reactor()
    with capturedLogs() as events:
        client = await EngineClient.connect(address, reactor=reactor, driver=driver, keychain=NoKeychain())
        connection: HttpConnection = client.connection  # type: ignore[assignment]  # that of HTTP
        try:
            yield client
        finally:
            await client.close()
        for _ in range(_TURNS):
            if not _timers(reactor):
                break
            await turn()
        gc.collect()
        assert connection.transports == 0
        assert _timers(reactor) == []
        # What we log we have taken; what Twisted logs, nobody has.
        failures = [event for event in events if "log_failure" in event]
        assert [event for event in failures if not event["log_namespace"].startswith("oci_twisted.")] == []


def _timers(reactor: Any) -> list[Any]:  # noqa: ANN401 - every kind of reactor
    return [call for call in reactor.getDelayedCalls() if _is_ours(call.func)]


def _is_ours(function: Any) -> bool:  # noqa: ANN401 - whatever is called
    return str(getattr(function, "__module__", "")).startswith("oci_twisted.engine")


def the_reactor() -> Any:  # noqa: ANN401 - every kind of reactor
    """Answer the reactor that pytest-twisted runs."""
    from twisted.internet import reactor  # noqa: PLC0415 - to import it is to install it

    return reactor
