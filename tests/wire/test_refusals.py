"""
Answers that are decided before the body has come, and the end of a connection (RFC 9112, section 9.6).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from oci_twisted.http.limits import Limits
from tests.wire.messages import chunks, get, message

if TYPE_CHECKING:
    from tests.wire.peers import Peer, Wire

LIMITS = Limits()
MOST = LIMITS.discard_size
SOON = 2

EARLY = [
    ("PUT", "/nowhere", 404),
    ("PATCH", "/v2/a/blobs/uploads/unknown", 404),
    ("POST", "/v2/a/tags/list", 405),
    ("PUT", "/v2/a/manifests/.bad", 400),
    ("GET", "/v2/", 200),
]


def is_let_go(peer: Peer) -> None:
    """Check that the peer can read its answer, and is disconnected in the end."""
    assert peer.transport.half_closed
    assert peer.connected
    assert peer.transport.reading


@pytest.mark.parametrize(("method", "target", "status"), EARLY)
@pytest.mark.parametrize("size", [1, 3, 1000, MOST])
def test_a_small_body_is_passed_over(wire: Wire, method: str, target: str, status: int, size: int) -> None:
    """What is left of a body that nobody wants is thrown away, and the connection is kept."""
    body = (get("/v2/smuggled/tags/list") * (size // 10 + 1))[:size]
    peer = wire.send(message(method, target, f"Content-Length: {size}"))
    answer = peer.answer()
    assert (answer.status, answer.closes, peer.open) == (status, False, True)
    peer.send(body[: size // 2], body[size // 2 :] + get())
    assert [answer.status for answer in peer.answers()] == [status, 200]
    assert peer.open


@pytest.mark.parametrize(("method", "target", "status"), EARLY)
def test_a_chunked_body_is_passed_over(wire: Wire, method: str, target: str, status: int) -> None:
    """A body of unknown length is thrown away as long as it is small."""
    peer = wire.send(message(method, target, "Transfer-Encoding: chunked"), chunks(get("/v2/smuggled/tags/list")))
    peer.send(get())
    assert [answer.status for answer in peer.answers()] == [status, 200]
    assert peer.open


@pytest.mark.parametrize(("method", "target", "status"), EARLY)
def test_a_large_body_is_not_waited_for(wire: Wire, method: str, target: str, status: int) -> None:
    """Where more would have to be thrown away than a connection is worth, the answer says that it is the last."""
    peer = wire.send(message(method, target, f"Content-Length: {MOST + 1}") + b"x" * 1000)
    # A thousand bytes have come with the head, and make it one that is worth it.
    assert (peer.answer().status, peer.answer().closes) == (status, False)
    peer = wire.send(message(method, target, f"Content-Length: {MOST + 1}"))
    answer = peer.answer()
    assert (answer.status, answer.closes) == (status, True)
    is_let_go(peer)


def test_a_chunked_body_that_gets_too_large_is_not_waited_for(wire: Wire) -> None:
    """A body that said nothing of its length is passed over up to the limit, and the connection ends behind it."""
    peer = wire.send(message("PUT", "/nowhere", "Transfer-Encoding: chunked"))
    sent = 0
    while peer.open:
        assert sent <= MOST + (1 << 16)
        peer.send(b"8000\r\n" + b"x" * 0x8000 + b"\r\n")
        sent += 0x8000
    assert sent > MOST
    answer = peer.answer()
    assert (answer.status, answer.closes) == (404, False)
    is_let_go(peer)


@pytest.mark.parametrize("trickle", [b"", b"x"])
def test_a_body_that_does_not_come_is_not_waited_for(wire: Wire, trickle: bytes) -> None:
    """The rest of a body that nobody wants may take five seconds, whether it moves or not."""
    peer = wire.send(message("PUT", "/nowhere", "Content-Length: 10") + b"abc")
    for _ in range(int(LIMITS.discard_time) - 1):
        peer.send(trickle)
        peer.pass_time(1)
        assert peer.open
    peer.pass_time(SOON)
    is_let_go(peer)
    assert (peer.answer().status, peer.answer().closes) == (404, False)


def test_what_comes_behind_the_end_is_thrown_away(wire: Wire) -> None:
    """A peer that goes on sending is read for a while, so that its kernel lets it read our answer."""
    peer = wire.send(message("PUT", "/nowhere", f"Content-Length: {10 * MOST}"))
    is_let_go(peer)
    for _ in range(10):
        peer.send(b"x" * (MOST // 20))
        assert peer.unread == 0
        assert peer.connected
    peer.send(get(), get())
    assert len(peer.answers()) == 1


def test_throwing_away_has_a_limit(wire: Wire) -> None:
    """Nobody makes us read for ever: behind a mebibyte the connection is gone."""
    peer = wire.send(message("PUT", "/nowhere", f"Content-Length: {10 * MOST}"))
    sent = 0
    while peer.connected:
        assert sent <= MOST + (1 << 16)
        peer.send(b"x" * (1 << 15))
        sent += 1 << 15
    assert sent > MOST
    assert peer.answer().status == 404


@pytest.mark.parametrize("every", [1, 100])
def test_throwing_away_has_a_deadline(wire: Wire, every: int) -> None:
    """Nor does anybody make us wait for ever, by a byte a second or by nothing."""
    peer = wire.send(message("PUT", "/nowhere", f"Content-Length: {10 * MOST}"))
    for second in range(int(LIMITS.discard_time) + SOON):
        if second % every == 0 and peer.connected:
            peer.send(b"x")
        peer.pass_time(1)
    assert not peer.connected


def test_the_peer_may_close_first(wire: Wire) -> None:
    """A peer that has read its answer closes, and nothing is left of it."""
    peer = wire.send(message("PUT", "/nowhere", f"Content-Length: {10 * MOST}"))
    peer.hang_up()
    assert not peer.transport.aborted
    assert peer.answer().status == 404


def test_a_peer_that_is_done_is_closed_at_once(wire: Wire) -> None:
    """Where nothing more can come, nothing is waited for."""
    peer = wire.send(get("/v2/", "Connection: close"))
    assert peer.answer().closes
    assert not peer.connected
    assert not peer.transport.aborted


def test_a_broken_request_leaves_time_to_read_why(wire: Wire) -> None:
    """A client that was refused for its syntax may still be sending, too."""
    peer = wire.send(b"nonsense\r\n")
    assert peer.answer().status == 400
    is_let_go(peer)
    peer.send(b"more nonsense")
    assert peer.unread == 0
    peer.pass_time(LIMITS.discard_time + SOON)
    assert not peer.connected


def test_the_upload_goes_on_behind_an_early_refusal(wire: Wire) -> None:
    """A chunk that is out of order is refused before it has come, and the right one behind it is taken."""
    session = wire.stack.begin_upload("a")
    location = f"/v2/a/blobs/uploads/{session}"
    peer = wire.send(message("PATCH", location, "Content-Range: 5-9", body=b"56789"))
    peer.send(message("PATCH", location, "Content-Range: 0-4", body=b"01234"))
    refused, taken = peer.answers()
    assert (refused.status, refused.header("Range"), taken.status, taken.header("Range")) == (416, "0-0", 202, "0-4")


def test_a_manifest_that_is_too_long_is_not_read(wire: Wire) -> None:
    """Nothing of it is kept, whether it says how long it is or not."""
    limit = wire.stack.registry.policy.manifest_limit
    peer = wire.send(message("PUT", "/v2/a/manifests/t", f"Content-Length: {limit + 1}"))
    answer = peer.answer()
    assert (answer.status, answer.codes, answer.closes) == (413, ["SIZE_INVALID"], True)
    peer = wire.send(message("PUT", "/v2/a/manifests/t", "Transfer-Encoding: chunked"))
    sent = 0
    while not peer.received:
        assert sent <= limit + (1 << 20)
        peer.send(b"8000\r\n" + b"x" * 0x8000 + b"\r\n")
        sent += 0x8000
    assert (peer.answer().status, peer.answer().codes) == (413, ["SIZE_INVALID"])
