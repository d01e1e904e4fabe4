"""
Answers without a body: to HEAD, and those whose status has none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.http.corpus import CONTENT, GET_IDS, GETS, NAME, TAG, Content, fill
from tests.wire.messages import get, message

if TYPE_CHECKING:
    from tests.http.corpus import Route
    from tests.wire.messages import Answer
    from tests.wire.peers import Wire


@pytest.fixture
def content(wire: Wire) -> Content:
    """Put something into the registry."""
    return fill(wire.stack)


def compare(wire: Wire, target: str, *headers: str) -> tuple[Answer, Answer]:
    """Answer what GET and HEAD say, having checked that HEAD says all that GET does, but for the body."""
    peer = wire.send(get(target, *headers), message("HEAD", target, *headers), get())
    answer, head, after = peer.answers("GET", "HEAD")
    assert head.status == answer.status
    assert head.body == b""
    own = {"Date", "X-Request-Id"}
    assert [pair for pair in head.headers if pair[0] not in own] == [
        pair for pair in answer.headers if pair[0] not in own
    ]
    # The next answer stands where it should.
    assert (after.status, after.body) == (200, b"{}")
    return answer, head


@pytest.mark.parametrize("route", GETS, ids=GET_IDS)
def test_head_is_get_without_its_body(wire: Wire, content: Content, route: Route) -> None:
    """Every GET of the table has its HEAD, with the same headers in the same order, the length among them."""
    answer, head = compare(wire, route.target(content))
    assert answer.status == (204 if route.endpoint == "get_upload" else 200)
    if answer.status == 200:
        assert head.header("Content-Length") == str(len(answer.body))
        assert answer.body != b""


@pytest.mark.parametrize(
    "target",
    [
        f"/v2/{NAME}/blobs/sha256:{'0' * 64}",
        f"/v2/{NAME}/blobs/sha256:bad",
        f"/v2/{NAME}/manifests/unknown",
        f"/v2/{NAME}/blobs/uploads/unknown",
        "/v2/unknown/tags/list",
        "/v2/UPPER/tags/list",
        "/v2/a%2fb/tags/list",
        "/v2/_catalog?n=x",
        "/nowhere",
    ],
)
def test_head_is_refused_as_get_is(wire: Wire, content: Content, target: str) -> None:
    """A refusal of HEAD has the headers of the document that GET would answer, and not the document."""
    del content
    answer, head = compare(wire, target)
    assert answer.status in {400, 404}
    assert answer.codes
    assert head.header("Content-Length") == str(len(answer.body))


def test_a_method_is_refused_alike(wire: Wire) -> None:
    """HEAD of what knows no GET is not allowed either; the sentence names the method, and has its own length."""
    for method in ("GET", "HEAD"):
        answer = wire.send(message(method, "/v2/a/blobs/uploads/")).answer(method)
        assert (answer.status, answer.header("Allow"), answer.body == b"") == (405, "POST", method == "HEAD")


@pytest.mark.parametrize("target", ["blobs/{content.blob}", "manifests/{content.manifest}", f"manifests/{TAG}"])
def test_not_modified_has_no_body(wire: Wire, content: Content, target: str) -> None:
    """304 says which content it is about, and has neither a body nor a length nor a type."""
    path = f"/v2/{NAME}/{target.format(content=content)}"
    tag = wire.send(message("HEAD", path)).answer("HEAD").header("ETag")
    answer, head = compare(wire, path, f"If-None-Match: {tag}")
    assert answer.status == 304
    for one in (answer, head):
        assert one.header("ETag") == tag
        assert one.header("Content-Length") is None
        assert one.header("Content-Type") is None
        assert one.header("Transfer-Encoding") is None


def test_no_content_has_no_length(wire: Wire, content: Content) -> None:
    """204 has no body, and RFC 9110, section 8.6, forbids it a length."""
    path = f"/v2/{NAME}/blobs/uploads/{content.session}"
    peer = wire.send(get(path), message("DELETE", path), get())
    status, cancel, after = peer.answers()
    assert (status.status, cancel.status, after.status) == (204, 204, 200)
    for answer in (status, cancel):
        assert answer.header("Content-Length") is None
        assert answer.header("Transfer-Encoding") is None


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("POST", "blobs/uploads/", 202),
        ("POST", "blobs/uploads/?mount={content.blob}&from=" + NAME, 201),
        ("PATCH", "blobs/uploads/{content.session}", 202),
        ("DELETE", f"manifests/{TAG}", 202),
        ("DELETE", "blobs/{content.blob}", 202),
    ],
)
def test_an_empty_body_has_a_length(wire: Wire, content: Content, method: str, target: str, status: int) -> None:
    """A client need not wait for the end of the connection to know that there is nothing."""
    answer = wire.send(message(method, f"/v2/{NAME}/{target.format(content=content)}")).answer()
    assert (answer.status, answer.header("Content-Length"), answer.body) == (status, "0", b"")


def test_head_of_a_range_is_that_of_the_whole(wire: Wire, content: Content) -> None:
    """``Range`` is defined for GET alone."""
    path = f"/v2/{NAME}/blobs/{content.blob}"
    peer = wire.send(get(path, "Range: bytes=1-2"), message("HEAD", path, "Range: bytes=1-2"))
    some, head = peer.answers("GET", "HEAD")
    assert (some.status, some.body) == (206, CONTENT[1:3])
    assert (head.status, head.header("Content-Length")) == (200, str(len(CONTENT)))
    assert head.header("Content-Range") is None


def test_no_answer_is_chunked_or_compressed(wire: Wire, content: Content) -> None:
    """Clients fail, or fall back, where a length is missing."""
    for route in GETS:
        answer = wire.send(get(route.target(content), "Accept-Encoding: gzip, br", "TE: trailers")).answer()
        assert answer.header("Transfer-Encoding") is None
        assert answer.header("Content-Encoding") is None
