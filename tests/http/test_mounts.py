"""
Mounting blobs, and other ways to begin a push.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from oci_twisted.spec.digests import SHA512, digest_of
from oci_twisted.spec.errors import StorageFull
from oci_twisted.storage.memory.metadata import MemoryMetadata
from tests.http.stacks import Stack, codes, header

if TYPE_CHECKING:
    from oci_twisted.http.replies import Reply
    from oci_twisted.spec.digests import Digest
    from oci_twisted.spec.names import RepositoryName

BEGIN = "/v2/new/place/blobs/uploads/"
CONTENT = b"some bytes"
DIGEST = digest_of(CONTENT)


def is_begun(stack: Stack, reply: Reply) -> None:
    """Check that a reply tells of an upload session that can be gone on with."""
    assert reply.status == 202
    location = header(reply, "Location")
    assert location is not None
    assert location == f"{BEGIN}{header(reply, 'Docker-Upload-UUID')}"
    assert header(reply, "Range") == "0-0"
    assert stack.ask("PUT", f"{location}?digest={DIGEST}", CONTENT).status == 201


@pytest.mark.parametrize("query", ["from=old/place", "from=old%2Fplace", "from=old/place&origin=elsewhere.test", "x=y"])
def test_a_blob_is_mounted(query: str) -> None:
    """A blob that another repository holds is held by this one too, at once and for good, with or without ``from``."""
    stack = Stack()
    stack.add_blob("old/place", CONTENT)
    reply = stack.ask("POST", f"{BEGIN}?mount={DIGEST}&{query}")
    assert reply.status == 201
    assert header(reply, "Location") == f"/v2/new/place/blobs/{DIGEST}"
    assert header(reply, "Docker-Content-Digest") == str(DIGEST)
    assert stack.ask("HEAD", f"/v2/new/place/blobs/{DIGEST}").length == len(CONTENT)
    assert stack.ask("DELETE", f"/v2/old/place/blobs/{DIGEST}").status == 202
    assert stack.ask("HEAD", f"/v2/new/place/blobs/{DIGEST}").status == 200


@pytest.mark.parametrize(
    "query",
    ["from=elsewhere", "from=unknown", "from=BAD", "from=", "from=a//b", "from=../old/place", f"from={'a' * 300}"],
)
def test_what_cannot_be_mounted_is_asked_for(query: str) -> None:
    """Where the source does not hold it, does not exist, or is no name at all, a session begins instead."""
    stack = Stack()
    stack.add_blob("old/place", CONTENT)
    stack.add_blob("elsewhere", b"other bytes")
    is_begun(stack, stack.ask("POST", f"{BEGIN}?mount={DIGEST}&{query}"))


def test_what_nobody_holds_is_asked_for() -> None:
    """So it is where no source was named and there is none."""
    stack = Stack()
    is_begun(stack, stack.ask("POST", f"{BEGIN}?mount={DIGEST}"))


@pytest.mark.parametrize("query", ["mount=bad", "mount=", "mount=md5:00", "digest=bad", "digest-algorithm=md5"])
def test_what_is_no_digest_is_refused(query: str) -> None:
    """A digest that nothing could be checked with is a 400."""
    reply = Stack().ask("POST", f"{BEGIN}?{query}")
    assert (reply.status, codes(reply)) == (400, ["DIGEST_INVALID"])


@pytest.mark.parametrize(
    "query", [f"mount={DIGEST}&mount={DIGEST}", f"mount={DIGEST}&from=a&from=b", "digest=a&digest=b"]
)
def test_what_makes_sense_once_is_sent_once(query: str) -> None:
    """Of two values nobody could say which counts."""
    reply = Stack().ask("POST", f"{BEGIN}?{query}")
    assert (reply.status, codes(reply)) == (400, ["UNSUPPORTED"])


@pytest.mark.parametrize(
    "query", ["", "?digest-algorithm=sha256", "?digest-algorithm=sha512", "?digest-algorithm=", "?x=y"]
)
def test_a_session_begins(query: str) -> None:
    """A push begins with a session, whatever algorithm its digest will be of."""
    stack = Stack()
    reply = stack.ask("POST", BEGIN + query)
    assert reply.length == 0
    is_begun(stack, reply)


def test_a_blob_is_pushed_in_one_request() -> None:
    """``digest=`` with the bytes in the body makes the blob at once."""
    stack = Stack()
    for digest in (DIGEST, digest_of(CONTENT, SHA512)):
        reply = stack.ask("POST", f"{BEGIN}?digest={digest}", CONTENT)
        assert (reply.status, header(reply, "Docker-Content-Digest")) == (201, str(digest))
        assert stack.ask("HEAD", f"/v2/new/place/blobs/{digest}").status == 200


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 400, "DIGEST_INVALID"),
        ({"Content_Range": "5-9"}, 416, "BLOB_UPLOAD_INVALID"),
        ({"Content_Range": "0-99"}, 400, "SIZE_INVALID"),
        ({"Content_Range": "bytes 0-9/10"}, 400, "BLOB_UPLOAD_INVALID"),
    ],
)
def test_a_push_in_one_request_that_fails_leaves_nothing(headers: dict[str, str], status: int, code: str) -> None:
    """Neither a blob nor a session is there behind it."""
    stack = Stack()
    reply = stack.ask("POST", f"{BEGIN}?digest=sha256:{'0' * 64}", CONTENT, **headers)
    assert (reply.status, codes(reply)) == (status, [code])
    assert stack.ask("GET", "/v2/new/place/tags/list").status == 404


class FullMetadata(MemoryMetadata):
    """Metadata with no room for another blob."""

    async def add_blob(self, name: RepositoryName, digest: Digest, size: int, session_id: str, now: float) -> None:
        """Refuse it."""
        del name, digest, size, session_id, now
        raise StorageFull("there is no room")


def test_a_push_in_one_request_says_why_it_failed() -> None:
    """When the bytes are committed and the rest fails there is no session left to cancel, and the client hears why."""
    stack = Stack(metadata=FullMetadata())
    reply = stack.ask("POST", f"{BEGIN}?digest={DIGEST}", CONTENT)
    assert (reply.status, codes(reply)) == (507, ["UNAVAILABLE"])


@pytest.mark.parametrize(
    ("headers", "body", "status", "code", "held"),
    [
        ({"Content_Range": "0-2"}, b"abc", 202, None, 3),
        ({}, b"abc", 202, None, 3),
        ({}, b"", 202, None, 0),
        ({"Content_Range": "1-3"}, b"abc", 416, "BLOB_UPLOAD_INVALID", 0),
        ({"Content_Range": "0-1"}, b"abc", 400, "SIZE_INVALID", 0),
        ({"Content_Range": "0-9"}, b"abc", 400, "SIZE_INVALID", 0),
        ({"Content_Range": "2-0"}, b"abc", 400, "BLOB_UPLOAD_INVALID", 0),
        ({"Content_Range": "-2"}, b"abc", 400, "BLOB_UPLOAD_INVALID", 0),
    ],
)
def test_a_chunk_is_where_and_what_it_says(
    headers: dict[str, str], body: bytes, status: int, code: str | None, held: int
) -> None:
    """A chunk that begins elsewhere, or is longer or shorter than announced, is refused, and the session goes on."""
    stack = Stack()
    location = BEGIN + stack.begin_upload("new/place")
    reply = stack.ask("PATCH", location, body, **headers)
    assert reply.status == status
    assert code is None or codes(reply) == [code]
    expected = f"0-{max(held - 1, 0)}"
    assert header(stack.ask("GET", location), "Range") == expected
    if status in {202, 416}:
        assert (header(reply, "Location"), header(reply, "Range")) == (location, expected)


class Unsaid:
    """A body of unknown length."""

    length = None

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = [*pieces, b""]

    async def read(self) -> bytes:
        """Answer the next piece."""
        return self._pieces.pop(0)


@pytest.mark.parametrize(("pieces", "held"), [((b"ab",), 2), ((b"ab", b"cd"), 2)])
def test_a_chunk_of_unknown_length_is_counted(pieces: tuple[bytes, ...], held: int) -> None:
    """A chunked body that is not what ``Content-Range`` says is refused when that shows; what was good is kept."""
    stack = Stack()
    location = BEGIN + stack.begin_upload("new/place")
    reply = stack.ask("PATCH", location, Unsaid(*pieces), Content_Range="0-2")
    assert (reply.status, codes(reply)) == (400, ["SIZE_INVALID"])
    assert header(stack.ask("GET", location), "Range") == f"0-{held - 1}"


def test_the_last_chunk_out_of_order_ends_nothing() -> None:
    """A closing PUT whose chunk begins elsewhere is told where the session is."""
    stack = Stack()
    location = BEGIN + stack.begin_upload("new/place")
    reply = stack.ask("PUT", f"{location}?digest={DIGEST}", CONTENT, Content_Range="5-14")
    assert (reply.status, header(reply, "Location"), header(reply, "Range")) == (416, location, "0-0")
    assert stack.ask("PUT", f"{location}?digest={DIGEST}", CONTENT).status == 201


def test_a_session_belongs_to_its_repository() -> None:
    """Under another name it is unknown, and so it is when it has ended."""
    stack = Stack()
    session = stack.begin_upload("new/place")
    for method in ("GET", "PATCH", "DELETE"):
        assert codes(stack.ask(method, f"/v2/other/blobs/uploads/{session}")) == ["BLOB_UPLOAD_UNKNOWN"]
    assert stack.ask("DELETE", BEGIN + session).status == 204
    for method in ("GET", "PATCH", "DELETE"):
        assert codes(stack.ask(method, BEGIN + session)) == ["BLOB_UPLOAD_UNKNOWN"]
