"""
The API under somebody else's site.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from twisted.internet.defer import CancelledError, Deferred

from oci_twisted.spec.digests import digest_of
from oci_twisted.spec.errors import Unavailable
from tests.http.corpus import CONTENT, GET_IDS, GETS, NAME, Route, fill
from tests.http.fronts import Mounted
from tests.wire.logs import access_lines, errors
from tests.wire.messages import chunked, get, message
from tests.wire.test_broken_blobs import BreakingReader, serve

if TYPE_CHECKING:
    from oci_twisted.http.calls import Call
    from oci_twisted.http.replies import Reply

# A path of the table, so that Klein takes it to an endpoint, which a test then replaces.
ROUTED = b"/health/ready"


@pytest.mark.parametrize("route", GETS, ids=GET_IDS)
def test_a_site_may_be_nothing_but_the_api(route: Route) -> None:
    """As a site's root it serves every route, and HEAD of each without its body."""
    site = Mounted()
    target = route.target(fill(site.stack))
    peer = site.send(get(target), message("HEAD", target), get())
    answer, head, ping = peer.answers("GET", "HEAD", "GET")
    assert answer.status in {200, 204}
    assert (head.status, head.body) == (answer.status, b"")
    own = {"Date", "X-Request-Id"}
    for one in (answer, head):
        assert one.header("Transfer-Encoding") is None
    assert {pair for pair in head.headers if pair[0] not in own} == {
        pair for pair in answer.headers if pair[0] not in own
    }
    assert ping.status == 200


def test_it_may_be_a_child() -> None:
    """As the child ``v2`` it serves what begins so, and the rest of the site is its owner's."""
    site = Mounted(child=b"v2")
    content = fill(site.stack)
    peer = site.send(get(f"/v2/{NAME}/blobs/{content.blob}"), get("/v2/"), get("/v2"), get("/health/live"))
    blob, slash, ping, live = peer.answers()
    assert (blob.body, slash.status, ping.status, live.status) == (CONTENT, 200, 200, 404)
    assert slash.json() == {}


def test_a_push_comes_through() -> None:
    """A body that their server has spooled is the one that was sent, in one piece or in chunks, large or small."""
    site = Mounted()
    content = CONTENT * 500
    digest = digest_of(content)
    session = f"/v2/a/blobs/uploads/{site.stack.begin_upload('a')}"
    peer = site.send(
        chunked("PATCH", session, pieces=[content[:1000], content[1000:300_000]]),
        message("PUT", f"{session}?digest={digest}", body=content[300_000:]),
        get(f"/v2/a/blobs/{digest}"),
    )
    patch, put, blob = peer.answers()
    assert (patch.status, patch.header("Range"), put.status) == (202, "0-299999", 201)
    assert blob.body == content


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_a_form_is_a_body(content_type: str) -> None:
    """What curl calls a form by default is stored as it comes."""
    site = Mounted()
    digest = digest_of(b"a=b&c=d")
    peer = site.send(
        message("POST", f"/v2/a/blobs/uploads/?digest={digest}", f"Content-Type: {content_type}", body=b"a=b&c=d"),
        get(f"/v2/a/blobs/{digest}"),
    )
    assert [answer.status for answer in peer.answers()] == [201, 200]


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("ftp://registry.test/v2/", 400),
        ("/v2/a%2fb/tags/list", 400),
        ("/v2/%ff/tags/list", 400),
        ("/v2/%/tags/list", 400),
        ("/nowhere", 404),
        ("/v2//tags/list", 400),
        ("/v2/a/../b/tags/list", 400),
    ],
)
def test_refusals_are_ours(target: str, status: int) -> None:
    """No path is answered by a page of Twisted's or Klein's."""
    with access_lines() as lines:
        peer = Mounted().send(get(target), get())
        peer.pass_time(1)
    answer, ping = peer.answers()
    assert (answer.status, ping.status) == (status, 200)
    assert answer.codes
    assert [line["status"] for line in lines] == [status, 200]


def test_a_request_leaves_a_line() -> None:
    """The access log says the same of this front as of the other."""
    site = Mounted()
    content = fill(site.stack)
    target = f"/v2/{NAME}/blobs/{content.blob}"
    with access_lines() as lines:
        peer = site.send(get(target))
        peer.pass_time(1)
    (line,) = lines
    assert (line["client"], line["method"], line["path"]) == ("192.0.2.7", "GET", target)
    assert (line["status"], line["bytes"], line["request_id"]) == (
        200,
        len(CONTENT),
        peer.answer().header("X-Request-Id"),
    )


def test_a_client_may_vanish() -> None:
    """An endpoint whose client is gone is cancelled, and leaves a line with 499."""
    site = Mounted()
    seen: list[str] = []

    async def wait(_call: Call) -> Reply:
        try:
            await Deferred()
        except CancelledError:
            seen.append("cancelled")
            raise
        raise AssertionError

    site.scripts[ROUTED] = wait
    with access_lines() as lines, errors() as logged:
        peer = site.send(get(ROUTED.decode()))
        peer.hang_up()
        peer.pass_time(1)
    assert seen == ["cancelled"]
    assert [(line["path"], line["status"]) for line in lines] == [(ROUTED.decode(), 499)]
    assert logged == []


def test_a_download_may_be_left() -> None:
    """A client that vanishes in the middle of a blob leaves its reader closed."""
    site = Mounted()
    reader = BreakingReader(1000, Unavailable("never"))
    serve(site, reader, path=ROUTED)
    with access_lines() as lines:
        peer = site.send(get(ROUTED.decode()))
        peer.hang_up()
        peer.pass_time(1)
    assert reader.closed
    assert [line["status"] for line in lines] == [499]


@pytest.mark.parametrize("sound", [1, 1000])
def test_a_blob_that_breaks_off_ends_the_connection(sound: int) -> None:
    """Behind the first byte the connection is aborted, and nothing is appended to what came."""
    site = Mounted()
    reader = BreakingReader(sound, Unavailable("torn"))
    serve(site, reader, path=ROUTED)
    peer = site.send(get(ROUTED.decode()))
    with errors() as logged:
        reader.gate.callback(None)
        peer.settle()
    assert peer.received.partition(b"\r\n\r\n")[2] == b"x" * sound
    assert peer.transport.aborted
    assert reader.closed
    assert len(logged) == 1


def test_several_ranges_are_sent_in_order() -> None:
    """Boundaries and bytes of the blob follow each other."""
    site = Mounted()
    digest = site.stack.add_blob("a", CONTENT)
    answer = site.send(get(f"/v2/a/blobs/{digest}", "Range: bytes=0-1,5-6")).answer()
    assert answer.status == 206
    assert answer.header("Content-Length") == str(len(answer.body))
    assert answer.body.count(CONTENT[5:7]) == 1
