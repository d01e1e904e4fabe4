"""
Calls and bodies, as endpoints see them; and the heads of answers.
"""

from __future__ import annotations

import io
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from oci_twisted.http.body import HIGH_WATER, LARGE, StreamedBody
from oci_twisted.http.calls import Call
from oci_twisted.http.heads import common_headers, render_head
from oci_twisted.http.mounted import SpooledBody
from oci_twisted.http.progress import acknowledged
from oci_twisted.http.replies import BlobBody, Reply, json_reply, no_content
from oci_twisted.interfaces import ANONYMOUS
from oci_twisted.spec.errors import ManifestTooLarge, RequestInvalid, RequestTimeout
from oci_twisted.spec.ranges import ByteRange
from oci_twisted.storage.memory.blobs import MemoryReader
from tests.http.stacks import at_once

SECRET = "Basic c2VjcmV0"


def make_call(query: bytes = b"", body: bytes = b"", **headers: bytes) -> Call:
    """Make a call."""
    fields = {name.encode(): value for name, value in headers.items()}
    spooled = SpooledBody(io.BytesIO(body))
    return Call("GET", b"/v2/", query, fields, spooled, request_id="a-1", peer="192.0.2.7", secure=True)


def test_a_call_tells_of_its_headers() -> None:
    """A header is text, or nothing."""
    call = make_call(host=b"registry.test", accept=b"\xe4")
    assert (call.header(b"host"), call.header(b"accept"), call.header(b"range")) == ("registry.test", "\xe4", None)


def test_a_call_tells_of_its_sender() -> None:
    """What it says of its sender is for the authenticator, and is not shown by accident."""
    call = make_call(host=b"registry.test", authorization=SECRET.encode())
    credentials = call.credentials()
    assert (credentials.authorization, credentials.host) == (SECRET, "registry.test")
    assert (credentials.peer, credentials.secure) == ("192.0.2.7", True)
    assert SECRET not in repr(credentials)
    assert call.principal is ANONYMOUS
    assert make_call().credentials().host == ""


def test_a_parameter_is_sent_once() -> None:
    """One that makes sense only once and comes twice is refused; one that does not come is nothing."""
    call = make_call(b"a=1&b=1&b=2&c=")
    assert (call.parameter("a"), call.parameter("c"), call.parameter("d")) == ("1", "", None)
    with pytest.raises(RequestInvalid, match="send b= once"):
        call.parameter("b")
    assert make_call().parameter("a") is None


@pytest.mark.parametrize(("size", "taken"), [(0, True), (9, True), (10, True), (11, False)])
def test_a_body_is_collected_up_to_a_limit(size: int, taken: bool) -> None:  # noqa: FBT001 - a parameter of the table
    """What is longer is refused."""
    call = make_call(body=b"x" * size)
    refusal = ManifestTooLarge("too long")
    if taken:
        assert at_once(call.collect(10, refusal)) == b"x" * size
    else:
        with pytest.raises(ManifestTooLarge):
            at_once(call.collect(10, refusal))


class Reading:
    """Somebody who reads a body once; ``results`` has what came of it."""

    def __init__(self, body: StreamedBody) -> None:
        self.results: list[Any] = []
        Deferred.fromCoroutine(body.read()).addBoth(self.results.append)


def test_a_body_arrives_while_it_is_read() -> None:
    """Whoever reads gets what has come, waits for what has not, and sees the end."""
    changes: list[None] = []
    body = StreamedBody(6, lambda: changes.append(None))
    assert not body.wanted
    waiting = Reading(body)
    assert (waiting.results, body.awaited, body.wanted, len(changes)) == ([], True, True, 1)
    body.deliver(b"ab")
    assert (waiting.results, body.awaited) == ([b"ab"], False)
    body.deliver(b"cd")
    body.deliver(b"ef")
    assert Reading(body).results == [b"cdef"]
    body.end()
    assert (Reading(body).results, Reading(body).results, body.received) == ([b""], [b""], 6)


def test_a_body_that_nobody_reads_is_full() -> None:
    """It says so when there is enough of it, while its reader works on much of it, and when there is room again."""
    changes: list[None] = []
    body = StreamedBody(None, lambda: changes.append(None))
    body.deliver(b"x" * (HIGH_WATER - 1))
    assert not body.full
    body.deliver(b"x")
    assert body.full
    assert Reading(body).results == [b"x" * HIGH_WATER]
    assert (body.full, len(changes)) == (True, 1)
    reading = Reading(body)
    assert not body.full
    assert len(changes) == 3
    body.deliver(b"x" * (LARGE - 1))
    assert reading.results == [b"x" * (LARGE - 1)]
    assert (body.full, len(changes)) == (False, 3)


def test_a_body_that_has_ended_is_not_full() -> None:
    """Whoever has taken its last piece keeps the client from nothing."""
    body = StreamedBody(None, lambda: None)
    reading = Reading(body)
    body.deliver(b"x" * LARGE)
    assert (reading.results, body.full) == ([b"x" * LARGE], True)
    body.end()
    assert not body.full


def test_a_body_that_fails_says_why() -> None:
    """What has come of it is read before, and the reason as often as somebody reads."""
    body = StreamedBody(6, lambda: None)
    body.deliver(b"ab")
    body.fail(RequestTimeout("too slow"))
    assert body.failed
    assert Reading(body).results == [b"ab"]
    for _ in range(2):
        (failure,) = Reading(body).results
        assert failure.check(RequestTimeout)


def test_a_body_may_be_thrown_away() -> None:
    """What is there and what comes is counted, and not kept."""
    body = StreamedBody(None, lambda: None)
    body.deliver(b"x" * HIGH_WATER)
    body.discard()
    body.deliver(b"x" * HIGH_WATER)
    assert (body.full, body.received) == (False, 2 * HIGH_WATER)


def test_a_spooled_body_is_read_in_pieces() -> None:
    """Wherever the file stands, all of it is the body."""
    content = io.BytesIO(b"x" * (HIGH_WATER + 1))
    content.seek(5)
    body = SpooledBody(content)
    assert body.length == HIGH_WATER + 1
    assert [len(at_once(body.read())) for _ in range(3)] == [HIGH_WATER, 1, 0]


def test_replies_know_their_length() -> None:
    """The length is the body's, unless the status has none."""
    blob = BlobBody(MemoryReader(b"0123456789"), (b"ab", ByteRange(2, 5)))
    assert Reply(206, (), blob).length == 5
    assert Reply(200).length == 0
    assert json_reply(200, {"a": [1]}).body == b'{"a":[1]}'
    assert no_content().length is None
    assert "0123" not in repr(Reply(200, (), b"0123"))


def test_a_head_is_written() -> None:
    """The status line, what every answer has, what this one has, its length, and what becomes of the connection."""
    reply = Reply(201, (("Location", "/v2/\xe4"),), b"abc")
    common = common_headers(1_800_000_000.5)
    assert render_head(reply, common, "a-1", "close").split(b"\r\n") == [
        b"HTTP/1.1 201 Created",
        b"Server: oci-twisted",
        b"Date: Fri, 15 Jan 2027 08:00:00 GMT",
        b"Docker-Distribution-API-Version: registry/2.0",
        b"X-Request-Id: a-1",
        b"Location: /v2/\xe4",
        b"Content-Length: 3",
        b"Connection: close",
        b"",
        b"",
    ]
    assert b"Connection" not in render_head(no_content(), common, "a-1", None)


def test_progress_is_only_told_where_it_is_known() -> None:
    """What is no TCP connection, or is one no more, has confirmed nothing that anybody could tell."""

    class Deaf:
        """A transport whose socket does not answer, or not enough."""

        def __init__(self, answer: bytes | None) -> None:
            self.socket = self
            self._answer = answer

        def getsockopt(self, *_arguments: int) -> bytes:
            """Answer, or fail."""
            if self._answer is None:
                raise OSError("not supported")
            return self._answer

    assert [acknowledged(one) for one in (object(), Deaf(None), Deaf(b"old kernel"))] == [None, None, None]
    assert acknowledged(Deaf(bytes(120) + b"\x05" + bytes(7))) == 5
