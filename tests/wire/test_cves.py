"""
Smuggled and disordered requests that other servers have fallen for; every test has the advisory's number in its name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from oci_twisted.http.replies import Reply
from tests.wire.messages import chunked, get, message

if TYPE_CHECKING:
    from oci_twisted.http.calls import Call
    from tests.wire.peers import Wire

SMUGGLED = b"GET /v2/smuggled/tags/list HTTP/1.1\r\nHost: a\r\n\r\n"
TARGET = "/v2/a/blobs/uploads/"


def refused_alone(wire: Wire, request: bytes) -> bool:
    """Answer whether a request is refused, its connection is closed, and what is behind it is nobody's request."""
    peer = wire.send(request + SMUGGLED)
    answer = peer.answer("POST")
    return answer.status in {400, 501} and answer.closes and not peer.open


@pytest.mark.parametrize(
    "headers",
    [
        ("Content-Length: 0", f"Content-Length: {len(SMUGGLED)}"),
        ("Content-Length: 0", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked", "Content-Length: 0"),
        ("Transfer-Encoding: identity", "Content-Length: 0"),
        ("Transfer-Encoding: chunked", "Transfer-Encoding: identity"),
        ("Transfer-Encoding: xchunked",),
        ("Transfer-Encoding : chunked",),
        (" Transfer-Encoding: chunked",),
    ],
)
def test_cve_2020_10108_2020_10109_a_body_has_one_length(wire: Wire, headers: tuple[str, ...]) -> None:
    """Two lengths, or a length and a coding, or a coding that only resembles one, are refused, in either order."""
    assert refused_alone(wire, message("POST", TARGET, *headers))


@pytest.mark.parametrize("length", ["+0", "-0", "0x0", "0_0", "0 0", "٣", "0,0", "", "0\x0b"])
def test_cve_2022_24801_a_length_is_digits(wire: Wire, length: str) -> None:
    """A length that Python would read as a number, or would strip to one, is none."""
    request = f"POST {TARGET} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n".encode()
    assert refused_alone(wire, request)


@pytest.mark.parametrize("size", [b"+0", b"-0", b"0x0", b" 0", b"0 ", b"0_", b"", b"0\t;x", b"g"])
def test_cve_2022_24801_a_chunk_size_is_hexadecimal_digits(wire: Wire, size: bytes) -> None:
    """A chunk's size that is anything else ends the request, and what follows is not answered."""
    session = f"{TARGET}{wire.stack.begin_upload('a')}"
    peer = wire.send(message("PATCH", session, "Transfer-Encoding: chunked") + size + b"\r\n\r\n" + SMUGGLED)
    answer = peer.answer("PATCH")
    assert (answer.status, answer.closes, peer.open) == (400, True, False)


def test_cve_2023_46137_2024_41671_answers_come_in_the_order_of_requests(wire: Wire) -> None:
    """While one request waits, those behind it do, with their bodies; and no answer goes to another's request."""
    order: list[str] = []

    async def slow(call: Call) -> Reply:
        body = await call.collect(1000, AssertionError("too long"))  # type: ignore[arg-type]  # cannot be
        order.append(f"slow {body.decode()}")
        return Reply(200, (), b"slow")

    async def fast(call: Call) -> Reply:
        del call
        order.append("fast")
        return Reply(200, (), b"fast")

    wire.scripts.update({b"/slow": slow, b"/fast": fast})
    peer = wire.connect()
    request = chunked("POST", "/slow", pieces=[b"ab", SMUGGLED])
    peer.send(request[:60])
    peer.send(request[60:-7])
    assert peer.received == b""
    peer.send(request[-7:] + get("/fast"), message("POST", "/slow", body=b"cd") + get("/fast"))
    assert [answer.body for answer in peer.answers("POST", "GET", "POST", "GET")] == [b"slow", b"fast"] * 2
    assert order == [f"slow ab{SMUGGLED.decode()}", "fast", "slow cd", "fast"]
