"""
Registries that are not ours: what they answer is written down beforehand.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from attrs import field, frozen
from twisted.internet.protocol import Factory, Protocol

from oci_twisted.spec.digests import digest_of
from tests.client.fronts import connect

if TYPE_CHECKING:
    from twisted.internet.interfaces import IAddress, ITransport

    from oci_twisted.client import RemoteRegistry
    from oci_twisted.spec.digests import Digest

_REASON = "Because"
_END_OF_HEAD = b"\r\n\r\n"


@frozen
class Said:
    """
    An answer.

    :ivar length: what ``Content-Length`` says; by default the truth, and nothing for ``None``.
    :ivar cut: break the connection off behind the body.
    """

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    length: int | None = field(kw_only=True)
    cut: bool = field(default=False, kw_only=True)

    @length.default
    def _body_length(self) -> int:
        return len(self.body)

    def __bytes__(self) -> bytes:
        lines = [f"HTTP/1.1 {self.status} {_REASON}", *(f"{name}: {value}" for name, value in self.headers)]
        if self.length is not None:
            lines.append(f"Content-Length: {self.length}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + self.body


def said_json(document: object, status: int = 200, *headers: tuple[str, str]) -> Said:
    """Answer a JSON document."""
    return Said(status, (("Content-Type", "application/json"), *headers), json.dumps(document).encode())


def said_error(status: int, code: str, detail: object = None, *headers: tuple[str, str]) -> Said:
    """Answer an error document."""
    return said_json({"errors": [{"code": code, "message": f"{code}!", "detail": detail}]}, status, *headers)


def said_blob(content: bytes, digest: Digest | None = None) -> Said:
    """Answer a blob, whose answer to HEAD is the same."""
    return Said(200, (("Docker-Content-Digest", str(digest or digest_of(content))),), content)


def said_at(location: str, *headers: tuple[str, str], status: int = 202) -> Said:
    """Answer where a session is."""
    return Said(status, (("Location", location), *headers), length=None if status == 204 else 0)


@frozen
class Asked:
    """A request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    def __str__(self) -> str:
        return f"{self.method} {self.target}"


class Script(Factory):
    """
    A server that answers its requests one after the other, each on a connection of its own.

    :ivar asked: what was asked so far.
    """

    noisy = False

    def __init__(self, *answers: Said) -> None:
        self._answers = list(answers)
        self.asked: list[Asked] = []

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        """Make a connection's protocol."""
        del addr
        return _Connection(self)

    def answer(self, asked: Asked) -> Said:
        """Answer the next request."""
        self.asked.append(asked)
        assert self._answers, f"nobody expected {asked}"
        return self._answers.pop(0)

    def check_over(self, *targets: str) -> None:
        """Check that everything was asked, and in which order."""
        assert [str(asked) for asked in self.asked] == list(targets)
        assert self._answers == []


class _Connection(Protocol):
    transport: ITransport

    def __init__(self, script: Script) -> None:
        self._script = script
        self._received = b""
        self._answered = False

    def dataReceived(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(_END_OF_HEAD)
        if not end or self._answered:
            return
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        if len(body) < int(headers.get("content-length", "0")):
            return
        self._answered = True
        method, target, _ = first.split(" ")
        said = self._script.answer(Asked(method, target, headers, body))
        if method == "HEAD":
            said = Said(said.status, said.headers, length=said.length)
        self.transport.write(bytes(said))
        if said.cut or said.length is None:
            self.transport.loseConnection()


def scripted(*answers: Said) -> tuple[RemoteRegistry, Script]:
    """Make a client of a server that gives these answers."""
    script = Script(*answers)
    return connect(script), script
