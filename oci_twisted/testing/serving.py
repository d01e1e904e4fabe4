"""
The other end of `oci_twisted.testing.process`: a process that serves registries in memory.

It reads requests from its standard input, one JSON document a line, answers each the same way, and ends when there is
nothing more to read.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.stdio import StandardIO
from twisted.logger import FileLogObserver, eventAsText, globalLogBeginner
from twisted.protocols.basic import LineReceiver

from oci_twisted.app import Registry
from oci_twisted.http.limits import Limits
from oci_twisted.registry.policy import Policy

if TYPE_CHECKING:
    from twisted.internet.address import IPv4Address
    from twisted.logger import LogEvent
    from twisted.python.failure import Failure

    from oci_twisted.app.service import RegistryService

# A test that is over waits for no answer; and one that hangs must not hang its successors.
_LIMITS = Limits(drain_time=0.5)


class Control(LineReceiver):
    """
    Does what the tests ask for.

    :param reactor: stopped at the end of the input.
    """

    delimiter = b"\n"

    def __init__(self, reactor: Any) -> None:  # noqa: ANN401 - as Registry's own
        self._reactor = reactor
        self._services: dict[int, RegistryService] = {}

    def lineReceived(self, line: bytes) -> None:
        """Take a request."""
        request: dict[str, Any] = json.loads(line)
        Deferred.fromCoroutine(self._do(request)).addErrback(self._refuse)

    async def _do(self, request: dict[str, Any]) -> None:
        if "stop" in request:
            await self._services.pop(request["stop"]).stopService()
            self._answer({})
        else:
            self._answer({"port": self._serve(Policy(**request["serve"]))})

    def _serve(self, policy: Policy) -> int:
        service = Registry.in_memory(self._reactor, policy=policy, limits=_LIMITS).service("tcp:0:interface=127.0.0.1")
        service.startService()
        assert service.port is not None
        port = cast("IPv4Address", service.port.getHost()).port
        self._services[port] = service
        return port

    def _refuse(self, failure: Failure) -> None:
        self._answer({"error": failure.getErrorMessage()})

    def _answer(self, answer: dict[str, Any]) -> None:
        self.sendLine(json.dumps(answer).encode())  # type: ignore[no-untyped-call]  # Twisted's

    def connectionLost(self, reason: Failure | None = None) -> None:
        """Nobody asks any more."""
        del reason
        self._reactor.stop()


def _shown(event: LogEvent) -> str | None:
    # Twisted's own words on ports that open and close say nothing to a test.
    if not str(event.get("log_namespace", "")).startswith("oci_twisted") and "log_failure" not in event:
        return None
    return f"{eventAsText(event, includeTimestamp=False, includeSystem=False)}\n"


def main() -> None:
    """Serve until the input ends."""
    from twisted.internet import reactor  # noqa: PLC0415 - nobody who imports this module gets one by it

    globalLogBeginner.beginLoggingTo([FileLogObserver(sys.stderr, _shown)], redirectStandardIO=False)
    StandardIO(Control(reactor))
    reactor.run()


if __name__ == "__main__":
    main()
