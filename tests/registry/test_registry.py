"""
A registry and its stores.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from oci_twisted.registry.registry import StoredRegistry
from oci_twisted.spec.digests import digest_of
from oci_twisted.spec.errors import BlobUnknown, Unavailable
from oci_twisted.spec.names import parse_name
from oci_twisted.spec.pages import Page, PageRequest
from oci_twisted.storage.memory.blobs import MemoryBlobs, MemoryReader
from oci_twisted.storage.memory.metadata import MemoryMetadata
from oci_twisted.testing.repository.examples import ALL, ALPINE, BUSYBOX, pull_blob, push_blob
from oci_twisted.testing.waiting import waits
from tests.registry.stores import Stores

if TYPE_CHECKING:
    from oci_twisted.interfaces import IBlobReader
    from oci_twisted.spec.digests import Digest

CONTENT = b"a blob"
DIGEST = digest_of(CONTENT)


class BrokenBlobs(MemoryBlobs):
    """
    A store that has lost some of a blob's bytes.

    :ivar closed: whether the reader of what is left was closed, and whether the store was.
    """

    def __init__(self) -> None:
        super().__init__()
        self.closed: list[str] = []

    async def open(self, digest: Digest) -> IBlobReader:
        """Open what is left."""
        reader = await super().open(digest)
        reader.close()
        return ShortReader(self.closed)

    async def close(self) -> None:
        """Fail."""
        self.closed.append("blobs")
        raise Unavailable("the disk is gone")


class ShortReader(MemoryReader):
    """What is left of a blob."""

    def __init__(self, closed: list[str]) -> None:
        super().__init__(CONTENT[1:])
        self._closed = closed

    def close(self) -> None:
        """Say so."""
        self._closed.append("reader")


class ClosingMetadata(MemoryMetadata):
    """A store that can tell whether it was closed."""

    def __init__(self, closed: list[str]) -> None:
        super().__init__()
        self._closed = closed

    async def close(self) -> None:
        """Say so."""
        self._closed.append("metadata")


@waits
async def test_the_holders_of_a_blob_are_listed() -> None:
    """Whoever mounts without naming a source can learn where to look."""
    registry = Stores().registry()
    await push_blob(registry.repository(ALPINE), CONTENT)
    await registry.repository(BUSYBOX).mount_blob(DIGEST, ALPINE)
    await push_blob(registry.repository(parse_name("other")), b"another blob")
    assert await registry.blob_holders(DIGEST, ALL) == Page((BUSYBOX, ALPINE))
    assert await registry.blob_holders(DIGEST, PageRequest(1)) == Page((BUSYBOX,), more=True)
    assert await registry.blob_holders(digest_of(b"unknown"), ALL) == Page(())


@waits
async def test_a_blob_whose_bytes_are_lost_is_unknown() -> None:
    """What the repository should hold, and the store does not have, is not found, so that a client pushes it again."""
    stores = Stores()
    repository = stores.registry().repository(ALPINE)
    await push_blob(repository, CONTENT)
    await stores.blobs.delete(DIGEST)
    with pytest.raises(BlobUnknown):
        await repository.open_blob(DIGEST)
    await push_blob(repository, CONTENT)
    assert await pull_blob(repository, DIGEST) == CONTENT


@waits
async def test_a_blob_of_another_length_is_not_served() -> None:
    """No reader sees a torn blob (promise P2): one whose length is wrong is not opened, and its file is let go of."""
    blobs = BrokenBlobs()
    repository = Stores(blobs).registry().repository(ALPINE)
    await push_blob(repository, CONTENT)
    with pytest.raises(BlobUnknown, match="are damaged in storage; push it again"):
        await repository.open_blob(DIGEST)
    assert blobs.closed == ["reader"]


@waits
async def test_a_damaged_blob_is_not_there() -> None:
    """Who asks whether a blob is here is told no when its bytes are lost or torn, and so pushes it again."""
    blobs = MemoryBlobs()
    repository = Stores(blobs).registry().repository(ALPINE)
    await push_blob(repository, CONTENT)
    assert await blobs.delete(DIGEST)
    with pytest.raises(BlobUnknown, match="are damaged in storage"):
        await repository.stat_blob(DIGEST)
    with pytest.raises(BlobUnknown, match="are damaged in storage"):
        await repository.open_blob(DIGEST)
    await push_blob(repository, CONTENT)
    assert await repository.stat_blob(DIGEST) == len(CONTENT)


@waits
async def test_both_stores_are_closed() -> None:
    """The metadata are closed though the blobs cannot be, and the caller learns of that."""
    blobs = BrokenBlobs()
    registry = StoredRegistry(blobs, ClosingMetadata(blobs.closed), Stores().clock)
    with pytest.raises(Unavailable):
        await registry.close()
    assert blobs.closed == ["blobs", "metadata"]
