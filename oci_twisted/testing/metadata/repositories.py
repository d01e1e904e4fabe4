"""
How repositories come and go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from oci_twisted.interfaces import UploadRecord
from oci_twisted.spec.errors import NameUnknown
from oci_twisted.spec.names import parse_name
from oci_twisted.spec.pages import Page
from oci_twisted.testing.metadata.examples import (
    ALL,
    ALPINE,
    BUSYBOX,
    LATEST,
    NOW,
    STABLE,
    check_pages,
    digest,
    exists,
    hold,
    image,
    put,
)
from oci_twisted.testing.waiting import waits

if TYPE_CHECKING:
    from oci_twisted.interfaces import IMetadataStore

BLOB = digest("blob")

# In byte order; lessons of registries that listed "a/b" and lost "a", or "a-b".
TEXTS = ["a", "a-b", "a-b/c", "a.b", "a/b", "a/b-c", "a/b/c", "a/b0", "a0", "a__b", "aa", "b/a"]


class RepositoryContract:
    """What the interfaces promise of repositories."""

    @waits
    async def test_there_are_none_at_first(self, store: IMetadataStore) -> None:
        """A new store has no repository."""
        assert await store.repositories(ALL) == Page(())
        assert not await exists(store, ALPINE)

    @waits
    async def test_repositories_are_listed_in_pages(self, store: IMetadataStore) -> None:
        """All that hold a blob or a manifest are listed by name in byte order, each once."""
        for number, text in enumerate(reversed(TEXTS)):
            if number % 3:
                await put(store, parse_name(text), image(text), LATEST, STABLE)
            if number % 2 or not number % 3:
                await hold(store, parse_name(text), BLOB, digest(text))
        await check_pages(store.repositories, [parse_name(text) for text in TEXTS])

    @waits
    async def test_a_blob_makes_a_repository(self, store: IMetadataStore) -> None:
        """A repository is there with its first blob, pushed or mounted, and gone with its last."""
        await hold(store, ALPINE, BLOB, digest("other"))
        await store.mount_blob(BUSYBOX, BLOB, ALPINE, NOW)
        assert await store.repositories(ALL) == Page((ALPINE, BUSYBOX))
        await store.remove_blob(ALPINE, BLOB)
        assert await exists(store, ALPINE)
        await store.remove_blob(ALPINE, digest("other"))
        assert not await exists(store, ALPINE)
        assert await store.repositories(ALL) == Page((BUSYBOX,))

    @waits
    async def test_a_manifest_makes_a_repository(self, store: IMetadataStore) -> None:
        """A repository is there with its first manifest, tagged or not, and gone with its last."""
        first = await put(store, ALPINE, image("first"))
        second = await put(store, ALPINE, image("second"), LATEST)
        assert await exists(store, ALPINE)
        await store.delete_manifest(ALPINE, second)
        assert await exists(store, ALPINE)
        await store.delete_manifest(ALPINE, first)
        assert not await exists(store, ALPINE)
        assert await store.repositories(ALL) == Page(())

    @waits
    async def test_blobs_and_manifests_keep_a_repository(self, store: IMetadataStore) -> None:
        """A repository stays for a blob when its last manifest goes, and for a manifest when its last blob goes."""
        for name in (ALPINE, BUSYBOX):
            await hold(store, name, BLOB)
            await put(store, name, image("manifest"), blobs=[BLOB])
        await store.remove_blob(ALPINE, BLOB)
        await store.delete_manifest(BUSYBOX, image("manifest").digest())
        assert await store.repositories(ALL) == Page((ALPINE, BUSYBOX))
        await store.delete_manifest(ALPINE, image("manifest").digest())
        await store.remove_blob(BUSYBOX, BLOB)
        assert await store.repositories(ALL) == Page(())

    @waits
    async def test_an_upload_makes_no_repository(self, store: IMetadataStore) -> None:
        """A repository to which something is being pushed is not there before something has arrived."""
        await store.begin_upload(UploadRecord("session", ALPINE, NOW))
        assert not await exists(store, ALPINE)
        with pytest.raises(NameUnknown):
            await store.tags(ALPINE, ALL)

    @waits
    async def test_a_repository_comes_back_empty(self, store: IMetadataStore) -> None:
        """Nothing of a repository that is gone shows in a new one of its name."""
        subject = digest("subject")
        old = await put(store, ALPINE, image("old", subject=subject), LATEST)
        await store.delete_manifest(ALPINE, old)
        await put(store, BUSYBOX, image("elsewhere"), STABLE)
        await hold(store, ALPINE, BLOB)
        assert await store.tags(ALPINE, ALL) == Page(())
        assert await store.manifest(ALPINE, old) is None
        assert await store.referrers(ALPINE, subject, [], ALL) == Page(())
