"""
The access log: a line a request.
"""

from __future__ import annotations

import json
from enum import Enum
from typing import TYPE_CHECKING

from twisted.logger import Logger

if TYPE_CHECKING:
    from oci_twisted.http.calls import Call


_log = Logger(namespace="oci_twisted.access")


class AccessFormat(Enum):
    """How the line reads."""

    TEXT = "text"
    JSON = "json"
    OFF = "off"


class AccessLog:
    """
    Writes the lines through ``twisted.logger``, under the namespace ``oci_twisted.access``.

    Every event has the facts as fields of their own too, for an observer that wants them.  Neither the query nor any
    header is among them, since both may carry secrets.
    """

    def __init__(self, form: AccessFormat = AccessFormat.TEXT) -> None:
        self._form = form

    def write(self, call: Call, status: int, sent: int, seconds: float) -> None:
        """
        Write the line of a request that is over.

        :param status: of the answer; 499 when the client went away before it was out.
        :param sent: bytes of its body.
        :param seconds: from the complete head of the request to the end of the answer.
        """
        if self._form is AccessFormat.OFF:
            return
        path = ascii(call.raw_path.decode("latin-1"))[1:-1]
        if self._form is AccessFormat.TEXT:
            line = f'{call.peer} "{call.method} {path}" {status} {sent} {seconds:.6f} {call.request_id}'
        else:
            line = json.dumps(
                {
                    "client": call.peer,
                    "method": call.method,
                    "path": path,
                    "status": status,
                    "bytes": sent,
                    "seconds": round(seconds, 6),
                    "request_id": call.request_id,
                }
            )
        _log.info(
            "{access}",
            access=line,
            client=call.peer,
            method=call.method,
            path=path,
            status=status,
            bytes=sent,
            seconds=seconds,
            request_id=call.request_id,
        )
