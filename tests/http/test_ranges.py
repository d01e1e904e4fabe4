"""
Blobs, whole and in part, and conditions on them (RFC 9110, sections 13 and 14).
"""

from __future__ import annotations

from email import message_from_bytes
from typing import TYPE_CHECKING

import pytest

from oci_twisted.spec.digests import SHA512, digest_of
from tests.http.stacks import Stack
from tests.wire.messages import get, message
from tests.wire.peers import Wire

if TYPE_CHECKING:
    from tests.wire.messages import Answer

CONTENT = bytes(range(100))
DIGEST = digest_of(CONTENT)
NAME = "a/b"
OTHER = f"sha256:{'0' * 64}"


def ask(*headers: str, method: str = "GET", content: bytes = CONTENT) -> Answer:
    """Answer what a request for a blob is answered."""
    wire = Wire(stack=Stack())
    digest = wire.stack.add_blob(NAME, content)
    return wire.send(message(method, f"/v2/{NAME}/blobs/{digest}", *headers)).answer(method)


def test_a_blob_says_what_it_is() -> None:
    """A whole blob comes with its digest, its length, and the promise that its parts can be asked for."""
    answer = ask()
    assert (answer.status, answer.body) == (200, CONTENT)
    assert answer.header("Content-Type") == "application/octet-stream"
    assert answer.header("Docker-Content-Digest") == str(DIGEST)
    assert answer.header("ETag") == f'"{DIGEST}"'
    assert answer.header("Accept-Ranges") == "bytes"
    assert answer.header("Content-Length") == "100"


def test_a_blob_is_known_by_the_digest_that_was_asked_for() -> None:
    """A blob that was pushed under sha512 is there under sha512, and under nothing else."""
    wire = Wire(stack=Stack())
    digest = wire.stack.add_blob(NAME, CONTENT, SHA512)
    found, missing = wire.send(get(f"/v2/{NAME}/blobs/{digest}"), get(f"/v2/{NAME}/blobs/{DIGEST}")).answers()
    assert (found.header("Docker-Content-Digest"), missing.status) == (str(digest), 404)


@pytest.mark.parametrize(
    ("wanted", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=90-", 90, 100),
        ("bytes=0-", 0, 100),
        ("bytes=-10", 90, 100),
        ("bytes=-1000", 0, 100),
        ("bytes=50-1000", 50, 100),
        ("bytes=99-99", 99, 100),
        ("Bytes = 1-2", 1, 3),
        ("bytes=1-2,", 1, 3),
        ("bytes=,1-2", 1, 3),
        ("bytes=1-2,500-600", 1, 3),
    ],
)
def test_some_bytes(wanted: str, start: int, stop: int) -> None:
    """One range is answered 206 with just these bytes, clamped to what there is."""
    answer = ask(f"Range: {wanted}")
    assert (answer.status, answer.body) == (206, CONTENT[start:stop])
    assert answer.header("Content-Range") == f"bytes {start}-{stop - 1}/100"
    assert answer.header("Content-Length") == str(stop - start)
    assert answer.header("Content-Type") == "application/octet-stream"
    assert answer.header("ETag") == f'"{DIGEST}"'


@pytest.mark.parametrize("wanted", ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=5-1", "bytes=200-300,400-"])
def test_no_bytes(wanted: str) -> None:
    """A range beyond the blob is answered 416, with the blob's size, and not with its length."""
    answer = ask(f"Range: {wanted}")
    assert (answer.status, answer.codes) == (416, ["SIZE_INVALID"])
    assert answer.header("Content-Range") == "bytes */100"
    assert answer.header("Content-Length") == str(len(answer.body))


@pytest.mark.parametrize(
    "wanted",
    [
        "lines=1-2",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=1",
        "bytes 1-2",
        "bytes=0-99,0-99",
        "bytes=1-2;3-4",
    ],
)
def test_what_is_no_range_is_ignored(wanted: str) -> None:
    """Another unit, no list of ranges, or one that wants more than there is, gets the whole blob."""
    answer = ask(f"Range: {wanted}")
    assert (answer.status, answer.body, answer.header("Content-Range")) == (200, CONTENT, None)


def test_too_many_ranges_are_ignored() -> None:
    """Whoever wants hundreds of pieces gets all of it instead."""
    wanted = ",".join(f"{start}-{start}" for start in range(0, 600, 2))
    assert ask(f"Range: bytes={wanted}", content=CONTENT * 10).status == 200


@pytest.mark.parametrize("wanted", ["bytes=-1", "bytes=0-", "bytes=0-0"])
def test_an_empty_blob_has_no_ranges(wanted: str) -> None:
    """Of nothing there is no part: it comes whole, or what was wanted is not there."""
    answer = ask(f"Range: {wanted}", content=b"")
    assert (answer.status, answer.header("Content-Length") == "0") in {(200, True), (416, False)}


@pytest.mark.parametrize(
    ("wanted", "extents"),
    [
        ("0-0,99-99", [(0, 1), (99, 100)]),
        ("5-9,0-4", [(5, 10), (0, 5)]),
        ("-5,0-4,50-54", [(95, 100), (0, 5), (50, 55)]),
        ("0-1,500-,7-8", [(0, 2), (7, 9)]),
    ],
)
def test_several_ranges(wanted: str, extents: list[tuple[int, int]]) -> None:
    """Several ranges are parts of one answer, in the order in which they were asked for."""
    answer = ask(f"Range: bytes={wanted}")
    assert answer.status == 206
    assert answer.header("Content-Range") is None
    content_type = answer.header("Content-Type")
    assert content_type is not None
    assert content_type.startswith("multipart/byteranges; boundary=")
    parsed = message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + answer.body)
    parts = list(parsed.walk())[1:]
    assert [part.get_payload(decode=True) for part in parts] == [CONTENT[start:stop] for start, stop in extents]
    assert [part["Content-Range"] for part in parts] == [f"bytes {start}-{stop - 1}/100" for start, stop in extents]
    assert {part["Content-Type"] for part in parts} == {"application/octet-stream"}


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        (f'"{DIGEST}"', 206),
        (f' "{DIGEST}" ', 206),
        (f'"{OTHER}"', 200),
        (f'W/"{DIGEST}"', 200),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 200),
    ],
)
def test_a_range_may_have_a_condition(condition: str, status: int) -> None:
    """``If-Range`` asks for the rest of the blob that one has begun, compared strongly, or else for all of it."""
    assert ask("Range: bytes=5-", f"If-Range: {condition}").status == status


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("condition", "status"),
    [
        (f'"{DIGEST}"', 304),
        (f'W/"{DIGEST}"', 304),
        (f'"{OTHER}", "{DIGEST}"', 304),
        ("*", 304),
        (f'"{OTHER}"', 200),
        (str(DIGEST), 200),
        ("", 200),
    ],
)
def test_what_one_has_is_not_sent_again(method: str, condition: str, status: int) -> None:
    """``If-None-Match`` is answered 304 when it names the blob; a range does not matter then."""
    for others in ((), ("Range: bytes=0-1",)):
        answer = ask(f"If-None-Match: {condition}", *others, method=method)
        assert answer.status == (206 if status == 200 and others and method == "GET" else status)
        assert answer.header("ETag") == f'"{DIGEST}"'


def test_a_condition_on_what_is_not_there_is_none() -> None:
    """A blob that is not in this repository is not found, whatever one has of it."""
    wire = Wire(stack=Stack())
    wire.stack.add_blob("other", CONTENT)
    answer = wire.send(get(f"/v2/{NAME}/blobs/{DIGEST}", "If-None-Match: *")).answer()
    assert (answer.status, answer.codes) == (404, ["BLOB_UNKNOWN"])


def test_a_digest_of_an_unknown_algorithm_is_not_found() -> None:
    """It may be a digest; nobody has pushed anything under it."""
    wire = Wire(stack=Stack())
    assert wire.send(get(f"/v2/{NAME}/blobs/md5:abc")).answer().codes == ["BLOB_UNKNOWN"]
    assert wire.send(get(f"/v2/{NAME}/blobs/sha256:abc")).answer().codes == ["DIGEST_INVALID"]
