"""
Offers of another protocol, which are passed over, and tunnels, which are refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.wire.messages import chunks, get, message

if TYPE_CHECKING:
    from tests.wire.peers import Wire

H2C = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA")
WEBSOCKET = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: eA==")
# A body that reads as a request.
DISGUISED = get("/v2/smuggled/tags/list")


@pytest.mark.parametrize("headers", [H2C, WEBSOCKET, ("Connection: upgrade", "Upgrade: TLS/1.3, HTTP/2.0")])
def test_an_offer_is_passed_over(wire: Wire, headers: tuple[str, ...]) -> None:
    """A request that offers another protocol is served as if it did not (RFC 9110, section 7.8)."""
    peer = wire.send(get("/v2/", *headers) + get("/v2/nothing"))
    assert [answer.status for answer in peer.answers()] == [200, 404]
    assert peer.send(get()).answers()[-1].status == 200


@pytest.mark.parametrize("step", [1, 2, 7, 64, 10_000])
@pytest.mark.parametrize("framing", ["length", "chunks", "nothing"])
def test_the_body_behind_an_offer_is_a_body(wire: Wire, framing: str, step: int) -> None:
    """It is read as it is framed, whatever it looks like and however it is split, and the next request behind it."""
    session = wire.stack.begin_upload("a")
    target = f"/v2/a/blobs/uploads/{session}"
    request = {
        "length": message("PATCH", target, *H2C, body=DISGUISED),
        "chunks": message("PATCH", target, *H2C, "Transfer-Encoding: chunked") + chunks(DISGUISED[:9], DISGUISED[9:]),
        "nothing": message("PATCH", target, *H2C),
    }[framing]
    received = 0 if framing == "nothing" else len(DISGUISED)
    stream = request + get(target) + get("/v2/", *H2C) + get()
    peer = wire.send(*[stream[start : start + step] for start in range(0, len(stream), step)])
    patch, status, *others = peer.answers()
    assert (patch.status, status.status) == (202, 204)
    assert patch.header("Range") == status.header("Range") == f"0-{max(received - 1, 0)}"
    assert [answer.status for answer in others] == [200, 200]


def test_a_doubtful_length_behind_an_offer_is_refused(wire: Wire) -> None:
    """An offer is no way around the rules of framing."""
    for framing in ("Content-Length: 3\r\nTransfer-Encoding: chunked", "Transfer-Encoding: gzip, chunked"):
        peer = wire.send(message("PATCH", "/v2/", *H2C, framing) + DISGUISED)
        assert peer.answer().closes
        assert not peer.open


def test_an_offer_that_closes_is_the_last_request(wire: Wire) -> None:
    """``Connection: close`` beside an offer counts."""
    peer = wire.send(get("/v2/", "Connection: close, upgrade", "Upgrade: h2c") + get())
    answer = peer.answer()
    assert (answer.status, answer.closes, peer.open) == (200, True, False)


def test_a_broken_chunk_behind_an_offer_is_refused(wire: Wire) -> None:
    """The body of such a request is looked at as closely as any."""
    session = wire.stack.begin_upload("a")
    head = message("PATCH", f"/v2/a/blobs/uploads/{session}", *H2C, "Transfer-Encoding: chunked")
    peer = wire.send(head + b"3\r\nabcd\r\n" + DISGUISED)
    answer = peer.answer()
    assert (answer.status, answer.closes, peer.open) == (400, True, False)


@pytest.mark.parametrize("target", ["registry.test:443", "/v2/", "http://registry.test/v2/"])
@pytest.mark.parametrize("headers", [(), ("Content-Length: 3",), ("Transfer-Encoding: chunked",)])
def test_a_tunnel_is_refused(wire: Wire, target: str, headers: tuple[str, ...]) -> None:
    """``CONNECT`` is answered 400, and nothing behind it is read as a request."""
    peer = wire.send(message("CONNECT", target, *headers) + DISGUISED)
    answer = peer.answer()
    assert answer.status == 400
    assert answer.codes == ["UNSUPPORTED"]
    assert answer.closes
    assert not peer.open
