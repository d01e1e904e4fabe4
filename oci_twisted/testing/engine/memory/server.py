"""
HTTP/1.1 for one engine in memory: as little of it as its clients need.
"""

from __future__ import annotations

import json
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from typing import Protocol as Typed

import httptools
from attrs import field, frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from zope.interface import implementer

from oci_twisted.engine.transport.uploads import Upload

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from twisted.internet.interfaces import IAddress, IProtocol
    from twisted.python.failure import Failure

    from oci_twisted.testing.engine.memory.faults import Fault


@frozen
class Call:
    """
    A request.

    :ivar headers: by lower-case names.
    """

    verb: str
    target: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@frozen
class Reply:
    """
    An answer: bytes, or pieces as they come, or a protocol that takes the connection over.
    """

    status: int = 200
    headers: Mapping[str, str] = field(factory=dict)
    body: bytes = b""
    pieces: AsyncIterator[bytes] | None = None
    takes_over: Callable[[], IProtocol] | None = None


NOTHING = Reply(204)


def as_json(document: object, status: int = 200) -> Reply:
    """Answer with a document."""
    return Reply(status, {"Content-Type": "application/json"}, json.dumps(document).encode() + b"\n")


def as_messages(pieces: AsyncIterator[bytes]) -> Reply:
    """Answer with messages, a line of JSON each."""
    return Reply(200, {"Content-Type": "application/json"}, pieces=pieces)


class Answering(Typed):
    """What the server asks."""

    async def answer(self, call: Call) -> tuple[Reply, Fault | None]:
        """Answer a request; and what goes wrong with the answer, if anything."""


@implementer(IHalfCloseableProtocol)
class Server(Protocol):
    """One connection of a client's."""

    _log = Logger()

    def __init__(self, engine: Answering, closed: Callable[[Server], None]) -> None:
        self._engine = engine
        self._closed = closed
        self._parser = httptools.HttpRequestParser(self)
        self._target = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._working: Deferred[None] | None = None
        self._taken: IProtocol | None = None

    def abort(self) -> None:
        """Close the connection, as an engine does that ends."""
        self._transport.abortConnection()

    @property
    def _transport(self) -> Any:  # noqa: ANN401 - that of a pipe, or of a socket
        return self.transport

    def dataReceived(self, data: bytes) -> None:
        """Take bytes."""
        if self._taken is not None:
            self._taken.dataReceived(data)
            return
        # Whether the connection is taken over is for the answer to say.
        with suppress(httptools.HttpParserUpgrade):
            self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        """A request begins."""
        self._target, self._headers, self._body = b"", {}, []

    def on_url(self, target: bytes) -> None:
        """Take some of the target."""
        self._target += target

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, data: bytes) -> None:
        """Take some of the body."""
        self._body.append(data)

    def on_message_complete(self) -> None:
        """Answer."""
        verb = self._parser.get_method().decode("ascii")
        call = Call(verb, self._target.decode("latin-1"), self._headers, b"".join(self._body))
        self._working = Deferred.fromCoroutine(self._work(call))
        self._working.addErrback(self._failed)

    async def _work(self, call: Call) -> None:
        reply, fault = await self._engine.answer(call)
        if fault is not None and fault.silent:
            return
        if fault is not None and fault.reply is not None:
            self._transport.write(fault.reply)
            self._transport.loseConnection()
        elif reply.takes_over is not None:
            self._write_head(101, {"Connection": "Upgrade", "Upgrade": "tcp", **reply.headers})
            self._taken = reply.takes_over()
            self._taken.makeConnection(self._transport)
        else:
            await self._write(call, reply, None if fault is None else fault.after)

    async def _write(self, call: Call, reply: Reply, after: int | None) -> None:
        if reply.pieces is None:
            self._write_head(reply.status, {**reply.headers, "Content-Length": str(len(reply.body))})
            if call.verb != "HEAD":
                self._transport.write(reply.body[:after])
        else:
            self._write_head(reply.status, {**reply.headers, "Transfer-Encoding": "chunked"})
            pieces = reply.pieces if after is None else _first(reply.pieces, after)
            await Upload(self._transport, lambda: None).send(pieces)
        if after is not None:
            # Whatever was said of the length, the rest does not come.
            self._transport.loseConnection()

    def _write_head(self, status: int, headers: Mapping[str, str]) -> None:
        lines = [
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        self._transport.write("\r\n".join([*lines, "", ""]).encode("latin-1"))

    def _failed(self, failure: Failure) -> None:
        if failure.check(_Broken):
            # What was sent so far shall arrive.
            self._transport.loseConnection()
            return
        if not failure.check(CancelledError):
            self._log.failure("the engine in memory failed", failure)
        self._transport.abortConnection()

    def readConnectionLost(self) -> None:
        """The client says no more, which is all that it has to say to a process."""
        halves = IHalfCloseableProtocol(self._taken, None)
        if halves is None:
            self._transport.loseConnection()
        else:
            halves.readConnectionLost()

    def writeConnectionLost(self) -> None:
        """Never: we close both halves at once."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Nobody waits any more."""
        self._closed(self)
        if self._taken is not None:
            self._taken.connectionLost(reason)
        if self._working is not None:
            self._working.cancel()


class _Broken(Exception):
    """As much was sent as there should be."""


async def _first(pieces: AsyncIterator[bytes], size: int) -> AsyncIterator[bytes]:
    """Give the first ``size`` bytes, and break off."""
    async for piece in pieces:
        yield piece[:size]
        size -= len(piece)
        if size <= 0:
            break
    raise _Broken


class ServerFactory(Factory):
    """
    Makes the servers of one engine.

    :ivar servers: those whose connections are open.
    """

    noisy = False

    def __init__(self, engine: Answering) -> None:
        self._engine = engine
        self.servers: set[Server] = set()

    def buildProtocol(self, addr: IAddress | None) -> Server:
        """Make one."""
        del addr
        server = Server(self._engine, self.servers.discard)
        self.servers.add(server)
        return server
