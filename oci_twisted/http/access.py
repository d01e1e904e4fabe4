"""
The access log: a line a request.
"""

from __future__ import annotations

import json
from enum import Enum
from typing import TYPE_CHECKING

from twisted.logger import Logger

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall, IReactorTime

    from oci_twisted.http.calls import Call

_log = Logger(namespace="oci_twisted.access")

# To publish an event costs twice what a small request costs.  A request that comes alone has an event of its own, at
# once; what follows it within this many seconds shares the next.
WINDOW = 0.05
_MOST_LINES = 256
# As nginx has it, for the log alone: the client went away before the answer was out.
CLIENT_GONE = 499


class AccessFormat(Enum):
    """How the line reads."""

    TEXT = "text"
    JSON = "json"
    OFF = "off"


class AccessLog:
    """
    Writes the lines through ``twisted.logger``, under the namespace ``oci_twisted.access``.

    An event has one line or, under load, several; ``requests`` has the same facts as dictionaries, for an observer that
    wants them.  Neither the query nor any header is among them, since both may carry secrets.

    :param clock: tells when to publish.
    """

    def __init__(self, clock: IReactorTime, form: AccessFormat = AccessFormat.TEXT) -> None:
        self._clock = clock
        self._form = form
        self._requests: list[dict[str, str | int | float]] = []
        self._window: IDelayedCall | None = None

    def write(self, call: Call, status: int, sent: int, seconds: float) -> None:
        """
        Write the line of a request that is over.

        :param status: of the answer; 499 when the client went away before it was out.
        :param sent: bytes of its body.
        :param seconds: from the complete head of the request to the end of the answer.
        """
        if self._form is AccessFormat.OFF:
            return
        name = call.principal.name
        self._requests.append(
            {
                "client": call.peer,
                "user": _shown(name) if name else "-",
                "method": call.method,
                "path": call.raw_path.decode("ascii", "backslashreplace").replace('"', "%22"),
                "status": status,
                "bytes": sent,
                "seconds": round(seconds, 6),
                "decision": call.decision.by,
                "request_id": call.request_id,
            }
        )
        if self._window is None:
            self._publish()
            self._window = self._clock.callLater(WINDOW, self._close_window)
        elif len(self._requests) >= _MOST_LINES:
            self._publish()

    def flush(self) -> None:
        """Publish what waits, and open no new window: the process is about to end."""
        if self._window is not None:
            self._window.cancel()
            self._close_window()

    def _close_window(self) -> None:
        self._window = None
        if self._requests:
            self._publish()

    def _publish(self) -> None:
        requests, self._requests = self._requests, []
        render = json.dumps if self._form is AccessFormat.JSON else _text
        _log.info("{access}", access="\n".join(map(render, requests)), requests=requests)


def _shown(name: str) -> str:
    """Write a name, which may come from elsewhere, so that it cannot break out of its place in a line."""
    return "".join(character if "!" <= character <= "~" and character not in '"\\' else "?" for character in name)


def _text(request: dict[str, str | int | float]) -> str:
    # A third of what str.format_map takes.
    return (
        f'{request["client"]} {request["user"]} "{request["method"]} {request["path"]}" {request["status"]} '
        f'{request["bytes"]} {request["seconds"]:.6f} {request["request_id"]} "{request["decision"]}"'
    )
