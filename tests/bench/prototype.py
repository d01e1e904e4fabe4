"""
The least that a registry's front can be, to measure ours against: a peer that every machine has.

Run as ``python -m tests.bench.prototype FOLDER``; it prints where it listens.  A Twisted protocol over llhttp,
werkzeug's table through a cache, a coroutine driven by hand, an answer in one write, a large blob by ``sendfile``, a
push that is hashed and written where it stands and synced.  It has no authorization, access log, request ids, limits,
errors, sessions that outlast their request, or anything else that makes a registry.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import sys
import uuid
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import httptools
from attrs import define
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import LoopingCall
from twisted.web.http import datetimeToString
from werkzeug.routing import Map, Rule
from zope.interface import implementer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from twisted.internet.address import IPv4Address
    from twisted.internet.interfaces import IListeningPort
    from twisted.internet.tcp import Connection

_RECEIVED_AT_ONCE = 1 << 18
_SMALL = 1 << 16
_WINDOW = 1 << 20
_WINDOWS_A_TURN = 4
_PHRASES = {200: "OK", 201: "Created", 202: "Accepted"}


class Body:
    """The pieces of a body, one at a time; the client waits while one does."""

    def __init__(self, transport: Connection) -> None:
        self._transport = transport
        self._piece = b""
        self._ended = False
        self._waiter: Deferred[None] | None = None

    def deliver(self, piece: bytes) -> None:
        """Take a piece; an empty one is the end."""
        self._ended = not piece
        self._piece += piece
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            waiter.callback(None)
        elif piece:
            self._transport.pauseProducing()

    async def read(self) -> bytes:
        """Answer the next piece; an empty one behind the last."""
        if not (self._piece or self._ended):
            self._waiter = Deferred()
            self._transport.resumeProducing()
            await self._waiter
        piece, self._piece = self._piece, b""
        return piece


@define
class Call:
    """A request."""

    method: str
    query: bytes
    headers: dict[bytes, bytes]
    body: Body


@define
class Reply:
    """An answer; its body may be an open file and the file's size."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes | tuple[int, int] = b""


class Prototype:
    """A handful of endpoints on a folder and an SQLite file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._database = sqlite3.connect(folder / "prototype.sqlite", isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute(
            "CREATE TABLE manifest (name, reference, content, media_type, digest, PRIMARY KEY (name, reference))"
        )
        table: dict[tuple[str, str], Callable[..., Awaitable[Reply]]] = {
            ("GET", "/v2/"): self.ping,
            ("GET", "/v2/<path:name>/manifests/<reference>"): self.get_manifest,
            ("PUT", "/v2/<path:name>/manifests/<reference>"): self.put_manifest,
            ("GET", "/v2/<path:name>/blobs/<digest>"): self.get_blob,
            ("POST", "/v2/<path:name>/blobs/uploads/"): self.begin_upload,
            ("PUT", "/v2/<path:name>/blobs/uploads/<session>"): self.finish_upload,
        }
        rules = [Rule(path, methods=[method], endpoint=endpoint) for (method, path), endpoint in table.items()]
        self.find = lru_cache(4096)(Map(rules).bind("prototype").match)
        self.date = ""

    def look_at_clock(self) -> None:
        """Make the line that is good for a second."""
        self.date = f"Date: {datetimeToString().decode('ascii')}\r\n"

    async def ping(self, call: Call) -> Reply:
        """Answer that this is a registry."""
        del call
        return Reply(200, (("Content-Type", "application/json"),), b"{}")

    async def get_manifest(self, call: Call, name: str, reference: str) -> Reply:
        """Answer a manifest."""
        del call
        query = "SELECT content, media_type, digest FROM manifest WHERE name = ? AND reference = ?"
        content, media_type, digest = self._database.execute(query, (name, reference)).fetchone()
        return Reply(200, (("Content-Type", media_type), ("Docker-Content-Digest", digest)), content)

    async def put_manifest(self, call: Call, name: str, reference: str) -> Reply:
        """Keep a manifest."""
        content = b""
        while piece := await call.body.read():
            content += piece
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        row = (name, reference, content, call.headers[b"content-type"].decode("ascii"), digest)
        self._database.execute("INSERT INTO manifest VALUES (?, ?, ?, ?, ?)", row)
        return Reply(201, (("Location", f"/v2/{name}/manifests/{digest}"),))

    async def get_blob(self, call: Call, name: str, digest: str) -> Reply:
        """Answer a blob."""
        del call, name
        headers = (("Content-Type", "application/octet-stream"), ("Docker-Content-Digest", digest))
        descriptor = os.open(self._folder / digest, os.O_RDONLY)
        size = os.fstat(descriptor).st_size
        if size > _SMALL:
            return Reply(200, headers, (descriptor, size))
        content = os.read(descriptor, size)
        os.close(descriptor)
        return Reply(200, headers, content)

    async def begin_upload(self, call: Call, name: str) -> Reply:
        """Begin a session, of which nothing is kept."""
        del call
        return Reply(202, (("Location", f"/v2/{name}/blobs/uploads/{uuid.uuid4()}"),))

    async def finish_upload(self, call: Call, name: str, session: str) -> Reply:
        """Take a blob, hashed and written where it stands."""
        path = self._folder / session
        state = hashlib.sha256()
        with path.open("wb", buffering=0) as file:
            while piece := await call.body.read():
                state.update(piece)
                file.write(piece)
            os.fsync(file.fileno())
        digest = f"sha256:{state.hexdigest()}"
        assert call.query == f"digest={digest}".encode()
        path.rename(self._folder / digest)
        return Reply(201, (("Location", f"/v2/{name}/blobs/{digest}"),))


class Channel(Protocol):
    """A connection: one request at a time, from a client that does not pipeline."""

    transport: Connection

    def __init__(self, prototype: Prototype) -> None:
        self._prototype = prototype
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._headers: dict[bytes, bytes] = {}

    def connectionMade(self) -> None:
        """Set the socket up."""
        self.transport.setTcpNoDelay(True)
        self.transport.bufferSize = _RECEIVED_AT_ONCE

    def dataReceived(self, data: bytes) -> None:
        """Take bytes from the peer."""
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._url = b""
        self._headers = {}

    def on_url(self, url: bytes) -> None:
        """Take some of the target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        """Start the endpoint."""
        self._body = Body(self.transport)
        path, _, query = self._url.partition(b"?")
        method = self._parser.get_method().decode("ascii")
        endpoint, values = self._prototype.find(path.decode("ascii"), method)
        self._run(endpoint(Call(method, query, self._headers, self._body), **values))

    def on_body(self, piece: bytes) -> None:
        """Take some of the body."""
        self._body.deliver(piece)

    def on_message_complete(self) -> None:
        """End the body."""
        self._body.deliver(b"")

    def _run(self, coroutine: Coroutine[Deferred[None], Any, Reply]) -> None:
        try:
            waiting = coroutine.send(None)
        except StopIteration as stop:
            self._answer(stop.value)
        else:
            waiting.addCallback(lambda _: self._run(coroutine))

    def _answer(self, reply: Reply) -> None:
        length = len(reply.body) if isinstance(reply.body, bytes) else reply.body[1]
        lines = [f"HTTP/1.1 {reply.status} {_PHRASES[reply.status]}\r\n", self._prototype.date]
        lines += [f"{name}: {value}\r\n" for name, value in reply.headers]
        lines.append(f"Content-Length: {length}\r\n\r\n")
        head = "".join(lines).encode("latin-1")
        if isinstance(reply.body, bytes):
            self.transport.write(head + reply.body)
            if not self._parser.should_keep_alive():
                self.transport.loseConnection()
        else:
            self.transport.write(head)
            producer = FileProducer(self.transport, *reply.body, persistent=self._parser.should_keep_alive())
            self.transport.registerProducer(cast("Any", producer), streaming=True)
            producer.wait_for_socket()


@implementer(IPushProducer)
class FileProducer:
    """A file's way out."""

    def __init__(self, transport: Connection, descriptor: int, size: int, *, persistent: bool) -> None:
        self._transport = transport
        self._descriptor = descriptor
        self._offset = 0
        self._size = size
        self._persistent = persistent

    def wait_for_socket(self) -> None:
        """Be resumed when the socket can take more."""
        self._transport.producerPaused = True
        self._transport.startWriting()

    def pauseProducing(self) -> None:
        """Nothing is sent but in `resumeProducing`."""

    def resumeProducing(self) -> None:
        """Send until the socket is full."""
        for _ in range(_WINDOWS_A_TURN):
            count = min(_WINDOW, self._size - self._offset)
            try:
                self._offset += os.sendfile(self._transport.fileno(), self._descriptor, self._offset, count)
            except BlockingIOError:
                break
            if self._offset == self._size:
                os.close(self._descriptor)
                self._transport.unregisterProducer()
                if not self._persistent:
                    self._transport.loseConnection()
                return
        self.wait_for_socket()

    def stopProducing(self) -> None:
        """The connection is gone."""
        os.close(self._descriptor)


def main() -> None:
    """Serve until somebody ends the process."""
    from twisted.internet import reactor  # noqa: PLC0415 - importing it any earlier would choose it for the importer

    prototype = Prototype(Path(sys.argv[1]))
    LoopingCall(prototype.look_at_clock).start(1.0)

    def listens(port: IListeningPort) -> None:
        host = cast("IPv4Address", port.getHost())
        print(f"listening on {host.host}:{host.port}", flush=True)

    factory = Factory.forProtocol(lambda: Channel(prototype))
    TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(factory).addCallback(listens)
    cast("Any", reactor).run()


if __name__ == "__main__":
    main()
