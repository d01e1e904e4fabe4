"""
Blobs that are there, and blobs that are not.
"""

from __future__ import annotations

import pytest
from zope.interface.verify import verifyObject

from oci_twisted.interfaces import IBlobReader, IBlobStore, IUploadSession
from oci_twisted.spec.digests import ALGORITHMS, SHA256, Digest, digest_of
from oci_twisted.spec.errors import BlobUnknown
from oci_twisted.testing.blobs.examples import LARGE, new_session_id, pull, push, some_bytes, walk
from oci_twisted.testing.waiting import waits


class StoringContract:
    """What a store does with blobs."""

    @waits
    async def test_interfaces(self, store: IBlobStore) -> None:
        """The store, its sessions and its readers provide their interfaces."""
        verifyObject(IBlobStore, store)
        session = await store.begin(new_session_id(), SHA256)
        verifyObject(IUploadSession, session)
        await session.cancel()
        reader = await store.open(await push(store, b"content"))
        verifyObject(IBlobReader, reader)
        reader.close()

    @pytest.mark.parametrize("size", [0, 1, LARGE])
    @waits
    async def test_pushed_blob_is_there(self, store: IBlobStore, size: int) -> None:
        """A blob that was pushed has its size and its bytes, be they none."""
        content = some_bytes(size)
        digest = await push(store, content)
        assert await store.stat(digest) == size
        assert await pull(store, digest) == content

    @waits
    async def test_unknown_blob_is_not_there(self, store: IBlobStore) -> None:
        """A blob that was never pushed has no size, cannot be opened, and cannot be deleted."""
        digest = digest_of(some_bytes(32))
        assert await store.stat(digest) is None
        with pytest.raises(BlobUnknown):
            await store.open(digest)
        assert not await store.delete(digest)

    @pytest.mark.parametrize("encoded", ["ab", "A" * 500])
    @waits
    async def test_digest_that_nobody_can_compute_is_not_there(self, store: IBlobStore, encoded: str) -> None:
        """A digest of an algorithm that the registry does not know belongs to no blob."""
        digest = Digest("multihash+base58", encoded)
        assert await store.stat(digest) is None
        with pytest.raises(BlobUnknown):
            await store.open(digest)
        assert not await store.delete(digest)

    @waits
    async def test_deleted_blob_is_gone(self, store: IBlobStore) -> None:
        """A blob is deleted once, and may be pushed again."""
        content = some_bytes(100)
        digest = await push(store, content)
        assert await store.delete(digest)
        assert await store.stat(digest) is None
        with pytest.raises(BlobUnknown):
            await store.open(digest)
        assert not await store.delete(digest)
        await push(store, content)
        assert await pull(store, digest) == content

    @waits
    async def test_delete_leaves_others(self, store: IBlobStore) -> None:
        """Deleting a blob touches no other one."""
        kept, gone = some_bytes(100), some_bytes(100)
        digest = await push(store, kept)
        await store.delete(await push(store, gone))
        assert await pull(store, digest) == kept

    @pytest.mark.parametrize("limit", [1, 2, 1000])
    @waits
    async def test_every_blob_is_listed_once(self, store: IBlobStore, limit: int) -> None:
        """Page by page, every blob is listed once, in the same order whatever the size of the page."""
        pushed = {await push(store, some_bytes(10), algorithm) for algorithm in (*ALGORITHMS, *ALGORITHMS, *ALGORITHMS)}
        found = await walk(store, limit)
        assert pushed <= set(found)
        assert len(found) == len(set(found))
        assert found == await walk(store, 3)

    @waits
    async def test_list_goes_on_behind_what_was_deleted(self, store: IBlobStore) -> None:
        """A page begins behind a blob that does not exist any more."""
        for _ in range(4):
            await push(store, some_bytes(10))
        everything = await walk(store, 1000)
        middle = len(everything) // 2
        await store.delete(everything[middle])
        page = await store.digests(everything[middle], 1000)
        assert list(page.items) == everything[middle + 1 :]
        assert await walk(store, 1) == [*everything[:middle], *everything[middle + 1 :]]

    @waits
    async def test_last_page_says_so(self, store: IBlobStore) -> None:
        """There is more behind a page, or there is not."""
        for _ in range(2):
            await push(store, some_bytes(10))
        count = len(await walk(store, 1000))
        assert not (await store.digests(None, count)).more
        assert (await store.digests(None, count - 1)).more
