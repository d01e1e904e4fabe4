"""
``Expect: 100-continue``: the client waits until somebody wants its body (RFC 9110, section 10.1.1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from twisted.internet.defer import Deferred

from oci_twisted.http.heads import CONTINUE
from oci_twisted.http.replies import Reply
from tests.wire.messages import chunks, get, message

if TYPE_CHECKING:
    from oci_twisted.http.calls import Call
    from tests.wire.peers import Wire

EXPECT = "Expect: 100-continue"


def location(wire: Wire) -> str:
    """Begin an upload session and answer its path."""
    return f"/v2/a/blobs/uploads/{wire.stack.begin_upload('a')}"


@pytest.mark.parametrize("expect", [EXPECT, "expect: 100-Continue", "Expect: 100-continue \t"])
def test_the_interim_answer_asks_for_the_body(wire: Wire, expect: str) -> None:
    """A client that waits is told to send, once, and then answered."""
    peer = wire.send(message("PATCH", location(wire), expect, "Content-Length: 6"))
    assert peer.received == CONTINUE
    peer.send(b"abc", b"def", get())
    interim, patch, ping = peer.answers()
    assert (interim.status, patch.status, patch.header("Range"), ping.status) == (100, 202, "0-5", 200)
    assert peer.open


def test_a_chunked_body_is_asked_for(wire: Wire) -> None:
    """A body of unknown length can be waited with, too."""
    peer = wire.send(message("PATCH", location(wire), EXPECT, "Transfer-Encoding: chunked"))
    assert peer.received == CONTINUE
    peer.send(chunks(b"abc"), get())
    assert [answer.status for answer in peer.answers()] == [100, 202, 200]


def test_the_body_is_asked_for_when_it_is_wanted(wire: Wire) -> None:
    """The interim answer goes out when the endpoint first reads, and not when the head has come."""
    gate: Deferred[None] = Deferred()

    async def slow(call: Call) -> Reply:
        await gate
        return Reply(200, (), await call.body.read() + await call.body.read())

    wire.scripts[b"/slow"] = slow
    peer = wire.send(message("PUT", "/slow", EXPECT, "Content-Length: 3"))
    assert peer.received == b""
    gate.callback(None)
    peer.settle()
    assert peer.received == CONTINUE
    peer.send(b"abc")
    assert peer.answers()[1].body == b"abc"


def test_a_body_that_has_come_is_not_asked_for(wire: Wire) -> None:
    """A client that did not wait needs no interim answer."""
    peer = wire.send(message("PATCH", location(wire), EXPECT, body=b"abc"))
    assert peer.answer().status == 202
    peer = wire.send(message("PATCH", location(wire), EXPECT, body=b""))
    assert peer.answer().status == 202
    assert peer.send(get()).answers()[1].status == 200


@pytest.mark.parametrize("framing", ["Content-Length: 3", "Content-Length: 1000000000", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("PUT", "/nowhere", 404),
        ("PATCH", "/v2/a/blobs/uploads/unknown", 404),
        ("PUT", "/v2/a/manifests/t?tag=u", 400),
        ("GET", "/v2/", 200),
    ],
)
def test_an_early_answer_closes(wire: Wire, method: str, target: str, status: int, framing: str) -> None:
    """Where the body is not wanted it is not asked for, and since nobody can tell whether it comes, that is the end."""
    peer = wire.send(message(method, target, EXPECT, framing))
    answer = peer.answer()
    assert (answer.status, answer.closes) == (status, True)
    assert not peer.open
    # Whether the client sends the body all the same or not: none of it is read as a request.
    peer.send(get())
    assert len(peer.answers()) == 1


def test_a_manifest_that_is_too_long_is_not_asked_for(wire: Wire) -> None:
    """The length in the head is enough to refuse it."""
    peer = wire.send(message("PUT", "/v2/a/manifests/t", EXPECT, "Content-Length: 5000000"))
    answer = peer.answer()
    assert (answer.status, answer.codes, answer.closes) == (413, ["SIZE_INVALID"], True)


@pytest.mark.parametrize("expectation", ["200-ok", "100-continue, x", "", "100"])
def test_unknown_expectations_are_ignored(wire: Wire, expectation: str) -> None:
    """Nothing but ``100-continue`` is an expectation that we know of."""
    peer = wire.send(message("PATCH", location(wire), f"Expect: {expectation}", "Content-Length: 3"))
    assert peer.received == b""
    peer.send(b"abc")
    assert peer.answer().status == 202


def test_http_1_0_gets_no_interim_answer(wire: Wire) -> None:
    """HTTP/1.0 does not know of interim answers."""
    peer = wire.send(f"PATCH {location(wire)} HTTP/1.0\r\n{EXPECT}\r\nContent-Length: 3\r\n\r\n".encode())
    assert peer.received == b""
    peer.send(b"abc")
    assert peer.answer().status == 202


def test_a_queued_request_is_asked_for_its_body_in_its_turn(wire: Wire) -> None:
    """An interim answer never comes before the answer to the request before."""
    gate: Deferred[None] = Deferred()

    async def slow(_call: Call) -> Reply:
        await gate
        return Reply(200)

    wire.scripts[b"/slow"] = slow
    peer = wire.send(get("/slow"), message("PATCH", location(wire), EXPECT, "Content-Length: 3"))
    assert peer.received == b""
    gate.callback(None)
    assert [answer.status for answer in peer.answers()] == [200, 100]
    peer.send(b"abc")
    assert [answer.status for answer in peer.answers()] == [200, 100, 202]
