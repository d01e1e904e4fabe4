"""
Requests as bytes, and answers out of bytes.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable

HOST = "registry.test"


@frozen
class Answer:
    """
    An answer, as the peer read it.

    :ivar headers: in their order.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """Answer the only value of a header, or ``None``."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        assert len(values) < 2, f"{name} is there {len(values)} times"
        return values[0] if values else None

    def json(self) -> Any:  # noqa: ANN401 - JSON
        """Answer the JSON in the body."""
        assert self.header("Content-Type") == "application/json"
        return json.loads(self.body)

    @property
    def codes(self) -> list[str]:
        """The codes of an error document."""
        return [error["code"] for error in self.json()["errors"]]

    @property
    def closes(self) -> bool:
        """Whether it says that the connection ends behind it."""
        return self.header("Connection") == "close"


def message(method: str, target: str, *headers: str, body: bytes | None = None) -> bytes:
    """Write a request; one that has a body says how long it is."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {HOST}", *headers]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


def get(target: str = "/v2/", *headers: str) -> bytes:
    """Write a GET."""
    return message("GET", target, *headers)


def chunks(*pieces: bytes, trailers: bytes = b"") -> bytes:
    """Write a chunked body."""
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n" + trailers + b"\r\n"


def chunked(method: str, target: str, *headers: str, pieces: Iterable[bytes]) -> bytes:
    """Write a request with a chunked body."""
    return message(method, target, "Transfer-Encoding: chunked", *headers) + chunks(*pieces)


def read_answers(stream: bytes, methods: Iterable[str]) -> tuple[list[Answer], bytes]:
    """
    Read answers as a client does, which knows what it has asked, and what is left of the bytes.

    :param methods: of the requests in their order; GET for what comes behind them.
    """
    answers = []
    asked = iter(methods)
    start = 0
    while (end := stream.find(b"\r\n\r\n", start)) >= 0:
        first, *lines = stream[start:end].decode("latin-1").split("\r\n")
        version, status, _phrase = first.split(" ", 2)
        assert version == "HTTP/1.1"
        headers = tuple((name, value) for name, _, value in (line.partition(": ") for line in lines))
        method = "GET" if status.startswith("1") else next(asked, "GET")
        length = 0
        if method != "HEAD" and status not in {"100", "204", "304"}:
            (announced,) = (value for name, value in headers if name == "Content-Length")
            length = int(announced)
        body = stream[end + 4 : end + 4 + length]
        if len(body) < length:
            break
        answers.append(Answer(int(status), headers, body))
        start = end + 4 + length
    return answers, stream[start:]
