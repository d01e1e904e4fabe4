"""
Blobs of registries that do not do as they should.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from zope.interface.verify import verifyObject

from oci_twisted.interfaces import IBlobReader
from oci_twisted.spec.digests import digest_of, parse_digest
from oci_twisted.spec.errors import BlobUnknown, Denied, Unavailable
from oci_twisted.spec.names import parse_name
from oci_twisted.testing.consumers import CheckingConsumer
from oci_twisted.testing.repository.examples import push_blob
from oci_twisted.testing.waiting import waits
from tests.client.fronts import channel_front, connect, memory_registry
from tests.client.scripts import Said, said_blob, said_error, scripted

if TYPE_CHECKING:
    from oci_twisted.spec.digests import Digest
    from tests.client.scripts import Script

NAME = parse_name("a/b")
BLOB = b"some bytes"
DIGEST = digest_of(BLOB)
TARGET = f"/v2/a/b/blobs/{DIGEST}"


async def opened(*answers: Said, digest: Digest = DIGEST) -> tuple[IBlobReader, Script]:
    """Open a blob that the registry said was there, and is about to say something else of."""
    registry, script = scripted(said_blob(BLOB), *answers)
    return await registry.repository(NAME).open_blob(digest), script


async def received(reader: IBlobReader, start: int, stop: int) -> bytes:
    """Read some bytes of a blob."""
    consumer = CheckingConsumer()
    try:
        await reader.send(consumer, start, stop)
    finally:
        assert not consumer.registered
    return consumer.content


def said_part(content: bytes, extent: str) -> Said:
    """Answer some bytes of a blob."""
    return Said(206, (("Content-Range", extent),), content)


@waits
async def test_a_part_is_asked_for_by_its_range() -> None:
    """The whole blob is asked for as such, a part by its first and last byte, and nothing not at all."""
    reader, script = await opened(said_blob(BLOB), said_part(b"me b", "bytes 2-5/10"))
    assert verifyObject(IBlobReader, reader)
    assert await received(reader, 0, 10) == BLOB
    assert await received(reader, 2, 6) == b"me b"
    assert await received(reader, 4, 4) == b""
    script.check_over(f"HEAD {TARGET}", f"GET {TARGET}", f"GET {TARGET}")
    assert [asked.headers.get("range") for asked in script.asked] == [None, None, "bytes=2-5"]


@pytest.mark.parametrize(("start", "stop"), [(0, 4), (3, 7), (7, 10), (9, 10)])
@waits
async def test_a_registry_need_not_know_ranges(start: int, stop: int) -> None:
    """Where the whole blob comes instead of a part, the part is taken out of it, and the rest is not waited for."""
    endless = Said(200, (), BLOB + b"x" * 200_000, length=1 << 40)
    reader, _ = await opened(said_blob(BLOB), endless)
    assert await received(reader, start, stop) == BLOB[start:stop]
    assert await received(reader, start, stop) == BLOB[start:stop]


@pytest.mark.parametrize(
    "said",
    [
        said_part(b"me b", "bytes 1-4/10"),
        said_part(b"me b", "bytes 2-4/10"),
        said_part(b"me b", "items 2-5/10"),
        Said(206, (), b"me b"),
        Said(204, length=None),
    ],
)
@waits
async def test_other_bytes_are_not_taken(said: Said) -> None:
    """A part that is not the one that was asked for is refused before any of it is handed on."""
    reader, _ = await opened(said)
    consumer = CheckingConsumer()
    with pytest.raises(Unavailable, match="with other bytes than were asked for"):
        await reader.send(consumer, 2, 6)
    assert consumer.registrations == 0


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (Said(200, (), BLOB[:7], length=10, cut=True), "3 bytes before its end"),
        (Said(200, (), b"", length=10, cut=True), "10 bytes before its end"),
        (Said(200, (), BLOB[:7]), "3 bytes before its end: it is shorter"),
        (Said(200, (), BLOB[:7], length=None), "3 bytes before its end"),
    ],
)
@waits
async def test_a_blob_that_breaks_off_is_unavailable(said: Said, why: str) -> None:
    """A blob that comes short is an error, by as many bytes as are missing."""
    reader, _ = await opened(said)
    with pytest.raises(Unavailable, match=why):
        await received(reader, 0, 10)


@waits
async def test_another_blob_is_not_taken_for_this() -> None:
    """When the whole blob was sent, and its digest is another, the last word is an error."""
    reader, _ = await opened(said_blob(b"same sizes"))
    with pytest.raises(Unavailable, match=f"what came for blob {DIGEST} has another digest"):
        await received(reader, 0, 10)


@waits
async def test_a_digest_that_cannot_be_checked_is_not_checked() -> None:
    """A blob under a digest of another algorithm is handed on as it comes."""
    reader, _ = await opened(said_blob(BLOB), digest=parse_digest(f"blake3:{'0' * 64}"))
    assert await received(reader, 0, 10) == BLOB


@pytest.mark.parametrize("said", [said_error(404, "BLOB_UNKNOWN"), said_error(403, "DENIED"), Said(502, (), b"<html>")])
@waits
async def test_a_blob_that_is_gone_is_unavailable(said: Said) -> None:
    """A reader that cannot read says so, whatever the registry calls it."""
    reader, _ = await opened(said)
    with pytest.raises(Unavailable, match=str(said.status)):
        await received(reader, 0, 10)


@waits
async def test_a_blob_without_a_size_cannot_be_opened() -> None:
    """A registry has to say how long a blob is, and a number at that."""
    for said in (Said(200, length=None), Said(200, (("Content-Length", "1, 1"),), length=None)):
        registry, _ = scripted(said)
        with pytest.raises(Unavailable, match="no Content-Length"):
            await registry.repository(NAME).open_blob(DIGEST)


@waits
async def test_a_refusal_without_a_document_is_read() -> None:
    """What HEAD is answered has no body; the status says enough."""
    registry, _ = scripted(Said(404), Said(403), Said(502))
    repository = registry.repository(NAME)
    with pytest.raises(BlobUnknown) as unknown:
        await repository.stat_blob(DIGEST)
    assert unknown.value.detail == {"digest": str(DIGEST)}
    with pytest.raises(Denied):
        await repository.stat_blob(DIGEST)
    with pytest.raises(Unavailable, match=r"HEAD .* was answered 502"):
        await repository.stat_blob(DIGEST)


@pytest.mark.parametrize("status", [200, 202, 204])
@waits
async def test_a_delete_succeeds_in_many_ways(status: int) -> None:
    """Registries do not agree on how they say that a blob is gone."""
    registry, script = scripted(Said(status, length=None if status == 204 else 0))
    await registry.repository(NAME).delete_blob(DIGEST)
    script.check_over(f"DELETE {TARGET}")


@waits
async def test_a_blob_that_is_deleted_meanwhile_is_unavailable() -> None:
    """Nothing keeps a blob at the other end of HTTP for its readers."""
    repository = connect(channel_front(memory_registry())).repository(NAME)
    reader = await repository.open_blob(await push_blob(repository, BLOB))
    await repository.delete_blob(DIGEST)
    with pytest.raises(Unavailable, match="no blob"):
        await received(reader, 0, 10)
    reader.close()
