"""
Who is slow makes the other side wait, and memory stays bounded (P5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from twisted.internet.defer import Deferred

from oci_twisted.http.body import HIGH_WATER
from oci_twisted.http.limits import Limits
from oci_twisted.http.replies import Reply
from oci_twisted.stream.senders import PIECE
from tests.wire.messages import chunked, get, message
from tests.wire.peers import Peer, Wire, WireSocket

if TYPE_CHECKING:
    from collections.abc import Callable

    from oci_twisted.http.calls import Call

LIMITS = Limits()
MIB = 1 << 20
SOON = 2
# What the transport takes from a producer before it pauses it, besides a piece.
BUFFER = 1 << 16


class Reader:
    """
    An endpoint that reads its body when it is told to.

    :ivar pieces: what it has read.
    """

    def __init__(self, wire: Wire) -> None:
        self.pieces: list[bytes] = []
        self._gate: Deferred[None] = Deferred()
        wire.scripts[b"/reader"] = self._answer

    async def _answer(self, call: Call) -> Reply:
        await self._gate
        while piece := await call.body.read():
            self.pieces.append(piece)
            await self._gate
        return Reply(200)

    def read(self, peer: Peer) -> None:
        """Read once more."""
        gate, self._gate = self._gate, Deferred()
        gate.callback(None)
        peer.settle()


@pytest.mark.parametrize("framed", [message, chunked], ids=["length", "chunks"])
def test_a_body_that_nobody_reads_is_not_taken(wire: Wire, framed: Callable[..., bytes]) -> None:
    """The client keeps what the endpoint has no room for: at most a receive buffer more than the high water."""
    reader = Reader(wire)
    body = bytes(range(256)) * (4 * MIB // 256)
    request = message("PUT", "/reader", body=body) if framed is message else chunked("PUT", "/reader", pieces=[body])
    peer = wire.send(request)
    most = HIGH_WATER + peer.transport.bufferSize
    assert not peer.transport.reading
    assert peer.unread > len(body) - most
    held = len(body) - peer.unread
    peer.pass_time(10)
    # Each time it reads it gets all that there is, and as much comes in again.
    while peer.unread:
        before = peer.unread
        reader.read(peer)
        assert before - peer.unread <= HIGH_WATER + HIGH_WATER
    assert held <= most
    while not peer.received:
        reader.read(peer)
    assert peer.answer().status == 200
    assert b"".join(reader.pieces) == body
    assert max(map(len, reader.pieces)) <= 2 * HIGH_WATER


def test_a_body_that_is_read_is_taken_in_larger_pieces(wire: Wire) -> None:
    """While an endpoint waits for its body the transport reads as much as it can hold; between requests, little."""
    seen = []

    async def take(call: Call) -> Reply:
        while await call.body.read():
            seen.append(peer.transport.bufferSize)
        return Reply(200)

    wire.scripts[b"/take"] = take
    peer = wire.connect()
    peer.send(message("PUT", "/take", "Content-Length: 1000000"), b"x" * 1_000_000, get())
    assert [answer.status for answer in peer.answers()] == [200, 200]
    assert set(seen) == {HIGH_WATER}
    assert peer.transport.bufferSize == BUFFER


def test_an_endpoint_that_ends_makes_room(wire: Wire) -> None:
    """A full buffer that nobody will read is thrown away, and the connection goes on."""
    gate: Deferred[None] = Deferred()

    async def refuse(_call: Call) -> Reply:
        await gate
        return Reply(404)

    wire.scripts[b"/refuse"] = refuse
    peer = wire.send(message("PUT", "/refuse", body=b"x" * MIB), get())
    assert peer.unread > 0
    assert not peer.transport.reading
    gate.callback(None)
    assert [answer.status for answer in peer.answers()] == [404, 200]


def blob(wire: Wire, size: int) -> tuple[str, bytes]:
    """Let a repository hold a large blob; answer its path and its bytes."""
    content = bytes(range(256)) * (size // 256)
    return f"/v2/a/blobs/{wire.stack.add_blob('a', content)}", content


def manifest(wire: Wire, size: int) -> tuple[str, bytes]:
    """Let a repository hold a large manifest; answer its path and its bytes."""
    content = bytes(range(256)) * (size // 256)
    return f"/v2/a/manifests/{wire.stack.add_manifest('a', content, media_type='x/y')}", content


@pytest.mark.parametrize("stored", [blob, manifest])
def test_a_peer_that_does_not_read_pauses_the_producer(
    wire: Wire, stored: Callable[[Wire, int], tuple[str, bytes]]
) -> None:
    """Of a large answer no more than a piece is held for a peer that takes nothing."""
    target, content = stored(wire, 4 * MIB)
    peer = wire.connect()
    peer.transport.window = 0
    peer.send(get(target), get())
    assert 0 < peer.transport.held <= PIECE + BUFFER
    while peer.transport.window <= 0 and len(peer.received) < len(content):
        peer.take(100_000)
    peer.transport.window = float("inf")
    answer, ping = peer.answers()
    assert answer.body == content
    assert ping.status == 200


def test_small_answers_wait_for_their_peer_too(wire: Wire) -> None:
    """Whoever asks and does not read is not asked for more, and its next requests are not begun."""
    target, content = manifest(wire, BUFFER // 2)
    peer = wire.connect()
    peer.transport.window = 0
    peer.send(get(target) * 100)
    assert peer.transport.held <= BUFFER + len(content) + 1000
    assert not peer.transport.reading
    peer.send(get(target) * 1000)
    assert peer.unread == len(get(target) * 1000)
    peer.take(float("inf"))
    assert [answer.body for answer in peer.answers()] == [content] * 1100


@pytest.mark.parametrize("stored", [blob, manifest])
@pytest.mark.parametrize("last", [False, True], ids=["kept", "last"])
def test_a_slow_reader_is_served_as_long_as_it_reads(
    wire: Wire,
    stored: Callable[[Wire, int], tuple[str, bytes]],
    last: bool,  # noqa: FBT001 - a parameter of the table
) -> None:
    """The limit is on progress: 4 MiB may take hours, on a connection that is kept and on one that ends behind it."""
    target, content = stored(wire, 4 * MIB)
    peer = wire.connect()
    peer.transport.window = 0
    peer.send(get(target, *(["Connection: close"] if last else [])))
    while peer.connected and len(peer.received) < len(content):
        peer.take(LIMITS.stall_size * 2)
        peer.pass_time(LIMITS.stall_time)
    peer.take(MIB)
    assert peer.answer().body == content
    assert peer.connected is not last
    assert not peer.transport.aborted


def test_a_slow_reader_of_small_answers_is_served(wire: Wire) -> None:
    """Answers that were handed over at once, and are slow on their way, are progress as well."""
    target, content = manifest(wire, BUFFER - 256)
    peer = wire.connect()
    peer.transport.window = 0
    peer.send(get(target) * 3, get(target, "Connection: close"))
    while peer.connected and len(peer.received) < 4 * len(content):
        peer.take(LIMITS.stall_size)
        peer.pass_time(LIMITS.stall_time - SOON)
    peer.take(MIB)
    assert [answer.body for answer in peer.answers()] == [content] * 4


@pytest.mark.parametrize("stored", [blob, manifest])
@pytest.mark.parametrize("trickle", [0, 1, 100])
@pytest.mark.parametrize("size", [4 * MIB, BUFFER + 256, BUFFER // 2])
@pytest.mark.parametrize("socket", [WireSocket, lambda: None], ids=["tcp", "unix"])
def test_a_dead_reader_is_cut_off(
    wire: Wire,
    stored: Callable[[Wire, int], tuple[str, bytes]],
    trickle: int,
    size: int,
    socket: Callable[[], WireSocket | None],
) -> None:
    """A peer that takes nothing, or as good as nothing, is disconnected, whatever waits for it."""
    target, _content = stored(wire, size)
    peer = wire.connect()
    peer.transport.socket = socket()
    peer.transport.window = 0
    peer.send(get(target) * 4)
    for _ in range(3 * int(LIMITS.stall_time) + SOON):
        if not peer.connected:
            break
        peer.take(trickle)
        peer.pass_time(1)
    assert peer.transport.aborted
    assert not peer.connected


@pytest.mark.parametrize("stored", [blob, manifest])
def test_a_reader_whose_progress_nobody_can_see_is_served(
    wire: Wire, stored: Callable[[Wire, int], tuple[str, bytes]]
) -> None:
    """Where the kernel does not count what the peer has confirmed, what we could hand over is progress."""
    target, content = stored(wire, 4 * MIB)
    peer = wire.connect()
    peer.transport.socket = None
    peer.transport.window = 0
    peer.send(get(target))
    while peer.connected and len(peer.received) < len(content):
        peer.take(PIECE + BUFFER)
        peer.pass_time(LIMITS.stall_time - SOON)
    peer.take(MIB)
    assert peer.answer().body == content


def test_a_dead_reader_of_the_last_answer_is_cut_off(wire: Wire) -> None:
    """Nor does anybody wait for ever at the end."""
    target, _content = manifest(wire, BUFFER // 2)
    peer = wire.connect()
    peer.transport.window = 0
    peer.send(get(target, "Connection: close"))
    assert not peer.transport.reading
    peer.pass_time(LIMITS.stall_time - SOON)
    assert peer.connected
    peer.pass_time(2 * SOON)
    assert peer.transport.aborted
