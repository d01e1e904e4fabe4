"""
Blobs in memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from oci_twisted.spec.digests import SHA256
from oci_twisted.spec.errors import UploadUnknown
from oci_twisted.storage.memory.blobs import MemoryBlobs
from oci_twisted.testing.blobs import BlobStoreContract, new_session_id, push
from oci_twisted.testing.waiting import waits

if TYPE_CHECKING:
    from oci_twisted.interfaces import IBlobStore


class TestMemoryBlobs(BlobStoreContract):
    """
    `MemoryBlobs` keeps the promises of `IBlobStore`.
    """

    @pytest.fixture
    def store(self) -> IBlobStore:
        """Give an empty store."""
        return MemoryBlobs()


@waits
async def test_session_id_is_new() -> None:
    """To begin a session under the id of another one is a mistake that is not passed over."""
    store = MemoryBlobs()
    session = await store.begin(new_session_id(), SHA256)
    with pytest.raises(ValueError, match="is not new"):
        await store.begin(session.session_id, SHA256)


@waits
async def test_one_who_has_left_writes_no_more() -> None:
    """A session that was closed takes nothing from the one who closed it."""
    store = MemoryBlobs()
    session = await store.begin(new_session_id(), SHA256)
    session.close()
    with pytest.raises(UploadUnknown):
        await session.append(b"late")
    with pytest.raises(UploadUnknown):
        await session.cancel()
    assert await store.received(session.session_id) == 0


@waits
async def test_closed_store_has_let_go() -> None:
    """A store that was closed holds no bytes."""
    store = MemoryBlobs()
    digest = await push(store, b"content")
    await store.close()
    assert await store.stat(digest) is None
