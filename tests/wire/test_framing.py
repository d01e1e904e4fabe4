"""
Where a request's body begins and ends: what two parsers could read in two ways is refused (RFC 9112, section 11.2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.wire.messages import HOST, chunked, chunks, get, message

if TYPE_CHECKING:
    from tests.wire.peers import Wire

# What a smuggler hopes to have read as a request of its own.
SMUGGLED = b"GET /v2/smuggled/tags/list HTTP/1.1\r\nHost: a\r\n\r\n"


def upload(wire: Wire) -> str:
    """Begin an upload session and answer its path."""
    return f"/v2/a/blobs/uploads/{wire.stack.begin_upload('a')}"


def framed(target: str, *headers: str) -> bytes:
    """Write the head of a PATCH with nothing but some headers for its framing."""
    return message("PATCH", target, *headers)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (["Content-Length: 4", "Transfer-Encoding: chunked"], 400),
        (["Transfer-Encoding: chunked", "Content-Length: 4"], 400),
        (["Transfer-Encoding: chunked", "Content-Length: 0"], 400),
        (["Content-Length: 4", "Content-Length: 4"], 400),
        (["Content-Length: 4", "Content-Length: 5"], 400),
        (["Content-Length: 4, 4"], 400),
        (["Content-Length: +4"], 400),
        (["Content-Length: -4"], 400),
        (["Content-Length: 0x4"], 400),
        (["Content-Length: 4.0"], 400),
        (["Content-Length: four"], 400),
        (["Content-Length: 4 4"], 400),
        (["Content-Length:"], 400),
        (["Content-Length: 18446744073709551616"], 400),
        (["Content-Length: 99999999999999999999999"], 400),
        (["Content_Length: 4"], 202),
        (["Transfer-Encoding: gzip, chunked"], 501),
        (["Transfer-Encoding: gzip", "Transfer-Encoding: chunked"], 501),
        (["Transfer-Encoding: gzip"], 501),
        (["Transfer-Encoding: identity"], 501),
        (["Transfer-Encoding: chunked, identity"], 400),
        (["Transfer-Encoding: identity, chunked"], 501),
        (["Transfer-Encoding: chunked, chunked"], 400),
        (["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], 400),
        (["Transfer-Encoding: xchunked"], 501),
        (["Transfer-Encoding: chunkedx"], 501),
        (["Transfer-Encoding: chunked;q=1"], 501),
        (['Transfer-Encoding: "chunked"'], 501),
        (["Transfer-Encoding:"], 400),
        (["Transfer-Encoding : chunked"], 400),
        ([" Transfer-Encoding: chunked"], 400),
        (["Transfer-Encoding: \x0bchunked"], 400),
    ],
)
def test_a_doubtful_length_is_refused(wire: Wire, headers: list[str], status: int) -> None:
    """Whatever says two things, or nothing that can be read, of where the body ends ends the connection."""
    peer = wire.send(framed(upload(wire), *headers) + (b"" if status == 202 else b"0\r\n\r\n") + SMUGGLED)
    first, *others = peer.answers()
    assert first.status == status
    if status != 202:
        assert first.closes
        assert not peer.open
        assert others == []


def test_http_1_0_has_no_transfer_encoding(wire: Wire) -> None:
    """An old proxy would not know it, and take the body for something else (RFC 9112, section 6.1)."""
    request = f"PATCH {upload(wire)} HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    peer = wire.send(request + chunks(b"abc") + SMUGGLED)
    answer = peer.answer()
    assert answer.status == 400
    assert not peer.open


@pytest.mark.parametrize("coding", ["chunked", "Chunked", "CHUNKED", "\tchunked", "chunked "])
def test_chunked_is_spelled_in_any_case(wire: Wire, coding: str) -> None:
    """Names of transfer codings are case-insensitive, and space around them counts for nothing."""
    peer = wire.send(framed(upload(wire), f"Transfer-Encoding: {coding}") + chunks(b"abc", b"de"), get())
    first, second = peer.answers()
    assert (first.status, first.header("Range"), second.status) == (202, "0-4", 200)


@pytest.mark.parametrize(
    "body",
    [
        b"3\r\nabc\r\n0\r\n\r\n",
        b"3;name=value\r\nabc\r\n0;last\r\n\r\n",
        b'3;name="va;lue"\r\nabc\r\n0\r\n\r\n',
        b"03\r\nabc\r\n000\r\n\r\n",
        b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n",
        b"3\r\nabc\r\n0\r\nTrailer: x\r\n\r\n",
    ],
)
def test_chunks_are_put_together(wire: Wire, body: bytes) -> None:
    """Extensions and trailers are passed over, and the next request is found behind them."""
    peer = wire.send(framed(upload(wire), "Transfer-Encoding: chunked") + body + get())
    first, second = peer.answers()
    assert (first.status, first.header("Range"), second.status) == (202, "0-2", 200)


@pytest.mark.parametrize(
    "body",
    [
        b"g\r\nabc\r\n0\r\n\r\n",
        b"-3\r\nabc\r\n0\r\n\r\n",
        b"+3\r\nabc\r\n0\r\n\r\n",
        b"0x3\r\nabc\r\n0\r\n\r\n",
        b" 3\r\nabc\r\n0\r\n\r\n",
        b"3 \r\nabc\r\n0\r\n\r\n",
        b"\r\nabc\r\n0\r\n\r\n",
        b"3\nabc\r\n0\r\n\r\n",
        b"3\rabc\r\n0\r\n\r\n",
        b"3\r\nabcd\r\n0\r\n\r\n",
        b"3\r\nabc0\r\n\r\n",
        b"3\r\nabc\n0\r\n\r\n",
        b"3\r\nabc\r\n0\n\n",
        b"3;a=\nb\r\nabc\r\n0\r\n\r\n",
        b"ffffffffffffffffff\r\nabc\r\n0\r\n\r\n",
        b"3\r\nabc\r\n0\r\nBad Trailer: x\r\n\r\n",
        b"3\r\nabc\r\n0\r\nContent-Length: 5\r\n\r\n",
    ],
)
def test_a_broken_chunk_ends_the_request(wire: Wire, body: bytes) -> None:
    """A size that is no plain hexadecimal number, or a chunk that does not end where it should, is a 400."""
    location = upload(wire)
    peer = wire.send(framed(location, "Transfer-Encoding: chunked") + body + SMUGGLED)
    answer = peer.answer()
    assert answer.status == 400
    assert answer.codes == ["UNSUPPORTED"]
    assert answer.closes
    assert not peer.open
    # What had come is there, and the session can be gone on with.
    assert wire.send(get(location)).answer().status == 204


def test_a_broken_chunk_behind_an_answer_ends_the_connection(wire: Wire) -> None:
    """Where the answer is out already, nothing more is said."""
    peer = wire.send(chunked("GET", "/v2/", pieces=[b"abc"])[:-5])
    assert peer.answer().status == 200
    assert peer.open
    peer.send(b"broken", SMUGGLED)
    assert peer.answer().status == 200
    assert not peer.open


def test_a_broken_chunk_beside_an_answer_ends_the_connection_behind_it(wire: Wire) -> None:
    """An answer that is on its way arrives whole, and nobody waits for the rest of a body that has none."""
    content = bytes(range(256)) * 4096
    digest = wire.stack.add_blob("a", content)
    peer = wire.connect()
    peer.transport.window = 0
    peer.send(chunked("GET", f"/v2/a/blobs/{digest}", pieces=[b"abc"])[:-5])
    peer.send(b"broken", SMUGGLED)
    peer.take(float("inf"))
    answer = peer.answer()
    assert (answer.body == content, peer.open) == (True, False)


def test_a_body_that_nobody_asked_for_is_no_request(wire: Wire) -> None:
    """A GET may have a body; its bytes are passed over."""
    peer = wire.send(message("GET", "/v2/", body=SMUGGLED), chunked("GET", "/v2/", pieces=[SMUGGLED]), get())
    assert [answer.status for answer in peer.answers()] == [200, 200, 200]


def test_what_follows_a_request_without_a_length_is_the_next_request(wire: Wire) -> None:
    """A request that announces no body has none."""
    peer = wire.send(message("POST", "/v2/a/blobs/uploads/") + SMUGGLED)
    assert [answer.status for answer in peer.answers()] == [202, 404]
    peer = wire.send(message("POST", "/v2/a/blobs/uploads/") + b"abc")
    first, second = peer.answers()
    assert (first.status, second.status, second.closes) == (202, 400, True)


def test_nothing_follows_connection_close(wire: Wire) -> None:
    """What comes behind a request that is its connection's last is not answered."""
    peer = wire.send(get("/v2/", "Connection: close") + SMUGGLED)
    answer = peer.answer()
    assert (answer.status, answer.closes, peer.open) == (200, True, False)


@pytest.mark.parametrize(
    "request_bytes",
    [
        message("PATCH", "/", "Content-Length: 3", "Transfer-Encoding: chunked") + b"0\r\n\r\n" + SMUGGLED,
        b"PATCH / HTTP/1.1\r\nHost: %b\r\nTransfer-Encoding: gzip, chunked\r\n\r\n" % HOST.encode() + SMUGGLED,
        b"PATCH / HTTP/1.1\nHost: a\n\n" + SMUGGLED,
    ],
)
def test_a_refusal_does_not_depend_on_the_packets(wire: Wire, request_bytes: bytes) -> None:
    """A request that comes byte by byte is refused as one that comes at once."""
    at_once = wire.send(request_bytes).answer()
    slowly = wire.send(*[bytes([byte]) for byte in request_bytes]).answer()
    assert (at_once.status, at_once.codes) == (slowly.status, slowly.codes)
