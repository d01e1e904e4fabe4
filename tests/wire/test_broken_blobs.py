"""
Blobs that cannot be sent to their end: nobody may take what came of them for the whole (P2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from twisted.internet.defer import Deferred
from zope.interface import implementer

from oci_twisted.http.replies import BlobBody, Reply
from oci_twisted.interfaces import IBlobReader, IRedirected
from oci_twisted.spec.digests import digest_of
from oci_twisted.spec.errors import Unavailable
from oci_twisted.spec.ranges import ByteRange
from oci_twisted.storage.memory.blobs import MemoryBlobs
from tests.http.stacks import Stack
from tests.wire.logs import access_lines, errors
from tests.wire.messages import get, message
from tests.wire.peers import ScriptedAPI, Wire

if TYPE_CHECKING:
    from twisted.internet.interfaces import IConsumer

    from oci_twisted.http.calls import Call
    from oci_twisted.spec.digests import Digest

SIZE = 200_000


@implementer(IBlobReader)
class BreakingReader:
    """
    A reader that breaks off.

    :param sound: how many bytes there are before that.
    :ivar gate: it breaks off behind it.
    """

    size = SIZE

    def __init__(self, sound: int, error: Exception) -> None:
        self._sound = sound
        self._error = error
        self.gate: Deferred[None] = Deferred()
        self.closed = False

    async def send(self, consumer: IConsumer, start: int, stop: int) -> None:
        """Write what there is."""
        del start, stop
        consumer.write(b"x" * self._sound)
        await self.gate
        raise self._error

    def close(self) -> None:
        """Close."""
        self.closed = True


def serve(wire: Wire, reader: BreakingReader, *parts: bytes | ByteRange, path: bytes = b"/blob") -> None:
    """Let a path answer what a reader gives."""

    async def answer(_call: Call) -> Reply:
        return Reply(200, (), BlobBody(reader, parts or (ByteRange(0, SIZE),)))

    wire.scripts[path] = answer


@pytest.mark.parametrize("sound", [0, 1, SIZE - 1, SIZE])
@pytest.mark.parametrize("error", [Unavailable("torn"), OSError("torn"), ZeroDivisionError("torn")])
def test_a_blob_that_breaks_off_ends_the_connection(wire: Wire, sound: int, error: Exception) -> None:
    """Behind the first byte nothing polite can be said: the connection is aborted, and nothing is appended."""
    reader = BreakingReader(sound, error)
    serve(wire, reader)
    with errors() as logged, access_lines() as lines:
        peer = wire.send(get("/blob"), get())
        reader.gate.callback(None)
        peer.pass_time(1)
    head, _, body = peer.received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert body == b"x" * sound
    assert peer.transport.aborted
    assert not peer.connected
    assert reader.closed
    assert len(logged) == 1
    assert len(lines) == 1


def test_a_client_that_leaves_is_no_error(wire: Wire) -> None:
    """That the connection broke is the client's affair, and nothing for the log of errors."""
    reader = BreakingReader(1, BrokenPipeError())
    serve(wire, reader)
    with errors() as logged:
        peer = wire.send(get("/blob"))
        reader.gate.callback(None)
    assert logged == []
    assert peer.transport.aborted
    assert reader.closed


def test_a_part_that_breaks_off_ends_the_connection(wire: Wire) -> None:
    """The same holds between the parts of several ranges."""
    reader = BreakingReader(3, Unavailable("torn"))
    serve(wire, reader, b"--a", ByteRange(0, 5), b"--b")
    peer = wire.send(get("/blob"))
    reader.gate.callback(None)
    assert peer.received.endswith(b"\r\n\r\n--axxx")
    assert peer.transport.aborted


class TornBlobs(MemoryBlobs):
    """Blobs in memory that can be damaged."""

    def tear(self, digest: Digest, content: bytes | None) -> None:
        """Replace a blob's bytes, or lose them."""
        if content is None:
            del self._blobs[digest]
        else:
            self._blobs[digest] = content


@pytest.mark.parametrize(
    "content", [None, b"short", b"", b"0123456789 and more"], ids=["lost", "short", "empty", "long"]
)
def test_damage_that_shows_at_once_is_refused(content: bytes | None) -> None:
    """A blob of another size than it had is not there, so that a client pushes it again; the log says why."""
    blobs = TornBlobs()
    wire = Wire(stack=Stack(blobs=blobs, api=ScriptedAPI))
    digest = wire.stack.add_blob("a", b"0123456789")
    blobs.tear(digest, content)
    with errors() as logged:
        peer = wire.send(get(f"/v2/a/blobs/{digest}"), get())
    refusal, ping = peer.answers()
    assert (refusal.status, refusal.codes, ping.status) == (404, ["BLOB_UNKNOWN"], 200)
    assert len(logged) == 1


@implementer(IRedirected)
class RedirectedReader(BreakingReader):
    """A reader whose blob is elsewhere."""

    url = "https://elsewhere.test/blob?signature=a%2Bb"


class RedirectedBlobs(MemoryBlobs):
    """
    Blobs that are elsewhere.

    :ivar reader: the last that was opened.
    """

    async def open(self, digest: Digest) -> IBlobReader:
        """Open a blob."""
        size = await self.stat(digest)
        self.reader = RedirectedReader(0, OSError("nobody should read"))
        self.reader.size = size or 0
        return self.reader


def test_a_blob_elsewhere_is_redirected_to() -> None:
    """A reader that knows a URL is answered by 307, without a body, and closed; HEAD is answered here."""
    blobs = RedirectedBlobs()
    wire = Wire(stack=Stack(blobs=blobs, api=ScriptedAPI))
    target = f"/v2/a/blobs/{wire.stack.add_blob('a', b'0123456789')}"
    redirect = wire.send(get(target)).answer()
    assert (redirect.status, redirect.header("Location")) == (307, RedirectedReader.url)
    assert (redirect.header("Content-Length"), redirect.body) == ("0", b"")
    assert blobs.reader.closed
    head = wire.send(message("HEAD", target)).answer("HEAD")
    assert (head.status, head.header("Content-Length")) == (200, "10")
    unchanged = wire.send(get(target, f'If-None-Match: "{digest_of(b"0123456789")}"')).answer()
    assert unchanged.status == 304
    assert blobs.reader.closed
