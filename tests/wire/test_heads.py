"""
Request lines and headers: how long they may be, and what has to be in them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from oci_twisted.http.limits import Limits
from tests.wire.messages import HOST, chunked, get, message

if TYPE_CHECKING:
    from tests.wire.peers import Peer, Wire

LIMIT = Limits().head_size


def refused(peer: Peer, status: int) -> None:
    """Check that a peer was told why nothing more of it is taken, and is let go."""
    answer = peer.answer()
    assert answer.status == status
    assert answer.codes == ["UNSUPPORTED"]
    assert answer.closes
    assert not peer.open


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_head_up_to_the_limit_is_served(wire: Wire, method: str) -> None:
    """A bearer token of thousands of bytes is nothing unusual."""
    answer = wire.send(message(method, "/v2/", f"Authorization: Bearer {'t' * (LIMIT - 200)}")).answer()
    assert answer.status == {"GET": 200, "PUT": 405}[method]


def test_a_long_header_is_refused(wire: Wire) -> None:
    """One header that is over the limit is answered 431."""
    refused(wire.send(get("/v2/", f"X: {'x' * LIMIT}")), 431)


def test_many_headers_are_refused(wire: Wire) -> None:
    """So are headers that are over the limit together."""
    refused(wire.send(get("/v2/", *(f"X-{number}: {'x' * 100}" for number in range(LIMIT // 100)))), 431)


def test_many_headers_of_one_name_are_refused(wire: Wire) -> None:
    """They are joined into one value, and count all the same."""
    refused(wire.send(get("/v2/", *["X: x"] * (LIMIT // 4))), 431)


def test_a_long_target_is_refused(wire: Wire) -> None:
    """The request line counts."""
    refused(wire.send(get(f"/v2/?{'x' * LIMIT}")), 431)


def test_a_long_target_without_headers_is_refused(wire: Wire) -> None:
    """It counts where no header follows it, too."""
    refused(wire.send(b"GET /v2/?%b HTTP/1.0\r\n\r\n" % (b"x" * LIMIT)), 431)


@pytest.mark.parametrize("beginning", [b"GET /", b"GET / HTTP/1.1\r\nX", b"GET / HTTP/1.1\r\nX: "])
def test_a_head_that_never_ends_is_refused(wire: Wire, beginning: bytes) -> None:
    """However slowly it comes, no more of it is read than the limit and what one read may bring."""
    peer = wire.send(beginning)
    for _ in range(100):
        if not peer.open:
            break
        peer.send(b"x" * 1000)
    refused(peer, 431)
    assert peer.transport.bufferSize == 1 << 16


def test_a_head_in_one_byte_pieces_counts_every_byte(wire: Wire) -> None:
    """The limit is on bytes, however they are split."""
    peer = wire.send(*[bytes([byte]) for byte in get("/v2/", f"X: {'x' * (LIMIT - 100)}")])
    assert peer.answer().status == 200
    refused(wire.send(*[bytes([byte]) for byte in get("/v2/", f"X: {'x' * LIMIT}")]), 431)


def test_long_trailers_are_refused(wire: Wire) -> None:
    """Trailers are headers, behind the body: they count like those."""
    session = wire.stack.begin_upload("a")
    head = message("PATCH", f"/v2/a/blobs/uploads/{session}", "Transfer-Encoding: chunked")
    trailers = b"".join(b"X-%d: %b\r\n" % (number, b"x" * 100) for number in range(LIMIT // 100))
    refused(wire.send(head, b"3\r\nabc\r\n0\r\n" + trailers + b"\r\n"), 431)


@pytest.mark.parametrize("endless", [b"0\r\nX: ", b"0\r\nX", b"5;extension=", b'5;extension="'])
def test_what_never_ends_in_a_chunked_body_is_refused(wire: Wire, endless: bytes) -> None:
    """A trailer or an extension that goes on for ever is not collected, and not waited for."""
    session = wire.stack.begin_upload("a")
    head = message("PATCH", f"/v2/a/blobs/uploads/{session}", "Transfer-Encoding: chunked")
    peer = wire.send(head, b"3\r\nabc\r\n", endless)
    for _ in range(100):
        if not peer.open:
            break
        peer.send(b"x" * 1000)
    refused(peer, 431)


def test_trailers_are_ignored(wire: Wire) -> None:
    """What stands in a trailer is no header: neither a second host nor credentials."""
    session = wire.stack.begin_upload("a")
    request = message("PATCH", f"/v2/a/blobs/uploads/{session}", "Transfer-Encoding: chunked")
    peer = wire.send(request + b"3\r\nabc\r\n0\r\nHost: other\r\nContent-Range: 5-9\r\n\r\n", get())
    assert [answer.status for answer in peer.answers()] == [202, 200]


@pytest.mark.parametrize("headers", [[], ["Host: a", "Host: b"], ["Host: a", "Host: a"]])
def test_a_request_has_one_host(wire: Wire, headers: list[str]) -> None:
    """HTTP/1.1 without ``Host``, or with two, is answered 400, whatever they say."""
    refused(wire.send("\r\n".join(["GET /v2/ HTTP/1.1", *headers, "", ""]).encode()), 400)


def test_http_1_0_needs_no_host(wire: Wire) -> None:
    """HTTP/1.0 is older than ``Host``."""
    assert wire.send(b"GET /v2/ HTTP/1.0\r\n\r\n").answer().status == 200
    refused(wire.send(b"GET /v2/ HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"), 400)


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"GET /v2/\r\n", 505),
        (b"GET /v2/ HTTP/0.9\r\n", 505),
        (b"GET /v2/ HTTP/2.0\r\n", 505),
        (b"GET /v2/ HTTP/1.2\r\n", 400),
        (b"GET /v2/ HTTP/3.0\r\n", 400),
        (b"GET /v2/ HTTP/11\r\n", 400),
        (b"GET /v2/ HTTP/1.1.1\r\n", 400),
        (b"GET /v2/ http/1.1\r\n", 400),
        (b"GET /v2/ \r\n", 400),
        (b"GET /v2/ HTTP/1.1 \r\n", 400),
        (b"get /v2/ HTTP/1.1\r\n", 400),
        (b"FETCH /v2/ HTTP/1.1\r\n", 400),
        (b"GET\t/v2/ HTTP/1.1\r\n", 400),
        (b"GET /v2/ a HTTP/1.1\r\n", 400),
        (b" GET /v2/ HTTP/1.1\r\n", 400),
        (b"GET /v2/\x00 HTTP/1.1\r\n", 400),
        (b"GET /v2/\x01 HTTP/1.1\r\n", 400),
        (b"GET /v2/\xff HTTP/1.1\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    ],
)
def test_a_request_line_is_that_of_http_1(wire: Wire, line: bytes, status: int) -> None:
    """Anything else, such as another version or the first bytes of TLS, is refused in words."""
    refused(wire.send(line + b"Host: a\r\n\r\n"), status)


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/v2/", 200),
        (f"http://{HOST}/v2/", 200),
        (f"HTTPS://{HOST}/v2/", 200),
        (f"http://{HOST}", 200),
        (f"http://{HOST}?q=/v2/nothing", 200),
        (f"http://{HOST}/v2/nothing", 404),
        ("*", 400),
        ("v2/", 400),
        ("ftp://a/v2/", 400),
        ("http:/v2/", 400),
        (f"http://{HOST}#/v2/", 400),
        ("/v2/#a", 400),
    ],
)
def test_a_target_is_a_path_or_a_url(wire: Wire, target: str, status: int) -> None:
    """Of a whole URL, as a proxy gets it, the path counts; what else llhttp lets pass is refused."""
    assert wire.send(get(target)).answer().status == status


@pytest.mark.parametrize(
    "line",
    [
        b"X : a",
        b" X: a",
        b"X: a\r\n b",
        b"X: a\r\n\tb",
        b"X: a\nY: b",
        b"X: a\rb",
        b"X: a\x00b",
        b"X: a\x01b",
        b"X\x00: a",
        b"X Y: a",
        b"X",
        b": a",
        b"X: a\x7fb",
    ],
)
def test_a_header_is_not_guessed_at(wire: Wire, line: bytes) -> None:
    """A fold, a bare LF or CR, a control byte, a space before the colon: two parsers would read it in two ways."""
    refused(wire.send(b"GET /v2/ HTTP/1.1\r\nHost: a\r\n%b\r\n\r\n" % line), 400)


def test_space_around_a_value_is_not_part_of_it(wire: Wire) -> None:
    """RFC 9110, section 5.5; llhttp leaves what stands behind the value."""
    digest = wire.stack.add_blob("a", b"0123456789")
    peer = wire.send(get(f"/v2/a/blobs/{digest}", "Range: \t bytes=2-3 \t", f'If-Range:"{digest}" '))
    assert peer.answer().body == b"23"
    session = wire.stack.begin_upload("a")
    location = f"/v2/a/blobs/uploads/{session}"
    peer = wire.send(chunked("PATCH", location, "Expect: 100-continue \t", pieces=[b"abc"]))
    assert peer.answer().status == 202
    assert wire.send(message("PATCH", location, "Expect: 100-continue\t", body=b"")).answer().status == 202


def test_empty_lines_before_a_request_are_skipped(wire: Wire) -> None:
    """RFC 9112, section 2.2: some clients send one behind a body."""
    peer = wire.send(b"\r\n\r\n", get(), b"\r\n", get())
    assert [answer.status for answer in peer.answers()] == [200, 200]


def test_endless_empty_lines_are_no_request(wire: Wire) -> None:
    """They keep no connection alive."""
    peer = wire.connect()
    for _ in range(int(Limits().idle_time) + 2):
        peer.send(b"\r\n")
        peer.pass_time(1)
    assert not peer.connected
