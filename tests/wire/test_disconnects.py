"""
Clients that vanish, and those that get into each other's way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from twisted.internet.defer import CancelledError, Deferred
from zope.interface import implementer

from oci_twisted.http.replies import BlobBody, Reply
from oci_twisted.interfaces import IBlobReader
from oci_twisted.spec.digests import digest_of
from oci_twisted.spec.ranges import ByteRange
from tests.http.stacks import at_once
from tests.wire.logs import access_lines, errors
from tests.wire.messages import chunked, get, message

if TYPE_CHECKING:
    from twisted.internet.interfaces import IConsumer

    from oci_twisted.http.calls import Call
    from tests.wire.peers import Wire

CONTENT = bytes(range(256)) * 40
DIGEST = digest_of(CONTENT)


def location(wire: Wire) -> str:
    """Begin an upload session and answer its path."""
    return f"/v2/a/blobs/uploads/{wire.stack.begin_upload('a')}"


@pytest.mark.parametrize("cut", [0, 1, 100, 5000, len(CONTENT) - 1])
@pytest.mark.parametrize("framing", ["length", "chunks"])
def test_an_upload_goes_on_where_it_broke_off(wire: Wire, cut: int, framing: str) -> None:
    """What came of a PATCH before its client vanished is in the session, and the rest makes the blob."""
    target = location(wire)
    if framing == "length":
        head = message("PATCH", target, f"Content-Length: {len(CONTENT)}")
        lost = wire.send(head, CONTENT[:cut])
    else:
        lost = wire.send(chunked("PATCH", target, pieces=[CONTENT])[: -len(CONTENT) - 7], CONTENT[:cut])
    lost.hang_up()
    assert lost.received == b""
    status = wire.send(get(target)).answer()
    assert (status.status, status.header("Range")) == (204, f"0-{max(cut - 1, 0)}")
    rest = CONTENT[cut:]
    peer = wire.send(
        message("PATCH", target, f"Content-Range: {cut}-{len(CONTENT) - 1}", body=rest),
        message("PUT", f"{target}?digest={DIGEST}", body=b""),
        get(f"/v2/a/blobs/{DIGEST}"),
    )
    patch, put, blob = peer.answers()
    assert (patch.status, put.status, blob.body) == (202, 201, CONTENT)


def test_a_single_request_that_broke_off_leaves_nothing(wire: Wire) -> None:
    """The session of a push in one POST has no name that anybody was told, so it ends with its connection."""
    peer = wire.send(message("POST", f"/v2/a/blobs/uploads/?digest={DIGEST}", "Content-Length: 10000") + b"abc")
    peer.hang_up()
    assert at_once(wire.stack.metadata.idle_uploads(float("inf"), 10)) == ()


def test_one_session_has_one_writer(wire: Wire) -> None:
    """A second writer is told to wait, and can go on as soon as the first is gone."""
    target = location(wire)
    first = wire.send(message("PATCH", target, "Content-Length: 6") + b"abc")
    for method, path in (("PATCH", target), ("PUT", f"{target}?digest={DIGEST}"), ("DELETE", target)):
        busy = wire.send(message(method, path, body=b"xyz")).answer()
        assert (busy.status, busy.codes, busy.header("Retry-After")) == (409, ["BLOB_UPLOAD_INVALID"], "1")
    # Whoever only asks is no writer.
    assert wire.send(get(target)).answer().header("Range") == "0-2"
    first.hang_up()
    second = wire.send(message("PATCH", target, "Content-Range: 3-5", body=b"def")).answer()
    assert (second.status, second.header("Range")) == (202, "0-5")


def test_one_blob_may_be_pushed_by_many(wire: Wire) -> None:
    """Pushes of one digest at the same time all succeed, whoever is first."""
    targets = [location(wire) for _ in range(5)]
    head, tail = CONTENT[:5000], CONTENT[5000:]
    peers = [
        wire.send(message("PUT", f"{target}?digest={DIGEST}", f"Content-Length: {len(CONTENT)}") + head)
        for target in targets
    ]
    for peer in reversed(peers):
        peer.send(tail)
    assert [peer.answer().status for peer in peers] == [201] * 5
    assert wire.send(get(f"/v2/a/blobs/{DIGEST}")).answer().body == CONTENT
    assert [wire.send(get(target)).answer().status for target in targets] == [404] * 5


def test_an_endpoint_is_cancelled_where_it_waits(wire: Wire) -> None:
    """An endpoint whose client is gone sees `CancelledError`, and what it says then goes nowhere."""
    seen: list[str] = []

    async def wait(_call: Call) -> Reply:
        try:
            await Deferred()
        except CancelledError:
            seen.append("cancelled")
            raise
        raise AssertionError

    wire.scripts[b"/wait"] = wait
    peer = wire.send(get("/wait"), get("/wait"))
    with access_lines() as lines:
        peer.hang_up()
        peer.pass_time(1)
    assert seen == ["cancelled"]
    assert peer.received == b""
    # The one that was begun has a line; the other never was a request.
    assert [(line["path"], line["status"]) for line in lines] == [("/wait", 499)]


def test_an_endpoint_may_go_on_for_a_while(wire: Wire) -> None:
    """One that has to finish something does, and its answer is thrown away, the blob in it closed."""
    gate: Deferred[None] = Deferred()
    reader = at_once(wire.stack.blobs.open(wire.stack.add_blob("a", CONTENT)))
    closed = Closable(reader)

    async def finish(_call: Call) -> Reply:
        try:
            await Deferred()
        except CancelledError:
            await gate
        return Reply(200, (), BlobBody(closed, (ByteRange(0, len(CONTENT)),)))

    wire.scripts[b"/finish"] = finish
    peer = wire.send(get("/finish"))
    peer.hang_up()
    assert not closed.closed
    gate.callback(None)
    assert closed.closed
    assert peer.received == b""


@implementer(IBlobReader)
class Closable:
    """
    A reader that remembers whether it was closed.

    It is no `IFileBacked`, whatever ``reader`` is.
    """

    def __init__(self, reader: IBlobReader) -> None:
        self._reader = reader
        self.size = reader.size
        self.closed = False

    async def send(self, consumer: IConsumer, start: int, stop: int) -> None:
        """Write some of the blob's bytes."""
        await self._reader.send(consumer, start, stop)

    def close(self) -> None:
        """Close."""
        self.closed = True
        self._reader.close()


def test_a_download_that_nobody_reads_any_more_ends(wire: Wire) -> None:
    """A client that vanishes in the middle of a blob leaves no producer and no open reader behind."""
    content = CONTENT * 100
    reader = Closable(at_once(wire.stack.blobs.open(wire.stack.add_blob("a", content))))

    async def answer(_call: Call) -> Reply:
        return Reply(200, (), BlobBody(reader, (ByteRange(0, len(content)),)))

    wire.scripts[b"/blob"] = answer
    peer = wire.connect()
    peer.transport.window = 100_000
    with access_lines() as lines, errors() as logged:
        peer.send(get("/blob"))
        assert not reader.closed
        peer.hang_up()
        peer.pass_time(1)
    assert reader.closed
    assert [(line["status"], line["bytes"] < len(content)) for line in lines] == [(499, True)]
    assert logged == []


def test_what_is_cancelled_by_something_else_is_answered(wire: Wire) -> None:
    """A `CancelledError` that no vanished client has caused is a fault, and no reason to leave the client waiting."""

    async def give_up(_call: Call) -> Reply:
        waiting: Deferred[None] = Deferred()
        waiting.cancel()
        await waiting
        raise AssertionError

    wire.scripts[b"/give-up"] = give_up
    with errors() as logged:
        peer = wire.send(get("/give-up"), get())
    fault, ping = peer.answers()
    assert (fault.status, fault.codes, ping.status) == (500, ["UNKNOWN"], 200)
    assert [failure.type for failure in logged if failure] == [CancelledError]


def test_a_client_that_vanishes_between_requests_leaves_nothing(wire: Wire) -> None:
    """The site looks after a connection as long as it is there."""
    peers = [wire.send(get()) for _ in range(3)]
    for peer in peers:
        peer.hang_up()
        peer.pass_time(1)
    peers[0].pass_time(2)
    assert wire.stack.clock.getDelayedCalls() == []
