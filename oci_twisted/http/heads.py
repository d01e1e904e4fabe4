"""
The head of an answer, as bytes.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from twisted.web.http import datetimeToString

if TYPE_CHECKING:
    from oci_twisted.http.replies import Reply

_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def common_headers(now: float) -> str:
    """Answer the headers that every answer has; good for a second."""
    date = datetimeToString(now).decode("ascii")
    return f"Server: oci-twisted\r\nDate: {date}\r\nDocker-Distribution-API-Version: registry/2.0\r\n"


def render_head(reply: Reply, common: str, request_id: str, connection: str | None) -> bytes:
    """
    Answer the status line and the headers.

    :param common: from `common_headers`.
    :param connection: the value of ``Connection``, where it has to be said.
    """
    lines = [_STATUS_LINES[reply.status], common, f"X-Request-Id: {request_id}\r\n"]
    lines += [f"{name}: {value}\r\n" for name, value in reply.headers]
    if reply.length is not None:
        lines.append(f"Content-Length: {reply.length}\r\n")
    if connection is not None:
        lines.append(f"Connection: {connection}\r\n")
    lines.append("\r\n")
    return "".join(lines).encode("latin-1")
