"""
What goes wrong on demand.
"""

from __future__ import annotations

import json

from attrs import frozen


@frozen
class Fault:
    """
    What an operation does instead of what it should.

    :ivar reply: the bytes that are sent instead of an answer; ``None`` for the answer itself.
    :ivar after: how many bytes of the answer's body are sent before the connection is closed; ``None`` for all.
    :ivar silent: whether nothing is sent, and the connection left open.
    """

    reply: bytes | None = None
    after: int | None = None
    silent: bool = False


def refuse(status: int, message: str) -> Fault:
    """Answer with an error, in the engine's own form."""
    body = json.dumps({"message": message}).encode()
    return Fault(reply=_head(status, "application/json", len(body)) + body)


def html(status: int = 500) -> Fault:
    """Answer with a page of HTML, as a proxy in between does."""
    body = b"<html><head><title>Oops</title></head><body><h1>Something went wrong</h1></body></html>"
    return Fault(reply=_head(status, "text/html", len(body)) + body)


def complain(message: str) -> Fault:
    """Begin as if all were well, and say in the middle of the stream what is wrong."""
    lines = ({"status": "Working"}, {"errorDetail": {"message": message}, "error": message})
    body = b"".join(json.dumps(line).encode() + b"\r\n" for line in lines)
    return Fault(reply=_head(200, "application/json", len(body)) + body)


def garbage(content: bytes = b"\x15\x03\x01\x00\x02\x02\x16") -> Fault:
    """Answer with what is not HTTP: an alert of TLS, if nothing else is said."""
    return Fault(reply=content)


def break_after(size: int) -> Fault:
    """Close the connection behind so many bytes of the answer's body."""
    return Fault(after=size)


def silence() -> Fault:
    """Take the request, and never answer."""
    return Fault(silent=True)


def _head(status: int, media_type: str, length: int) -> bytes:
    # The connection is closed behind it, and whoever reads this must not use it for what comes next.
    lines = (
        f"HTTP/1.1 {status} Fault",
        f"Content-Type: {media_type}",
        f"Content-Length: {length}",
        "Connection: close",
    )
    return "\r\n".join([*lines, "", ""]).encode()
