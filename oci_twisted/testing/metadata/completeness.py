"""
Manifests that name what the repository does not hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from oci_twisted.spec.errors import ManifestBlobUnknown
from oci_twisted.testing.metadata.examples import (
    ALL,
    ALPINE,
    BUSYBOX,
    LATEST,
    STABLE,
    digest,
    exists,
    hold,
    image,
    put,
    target,
)
from oci_twisted.testing.waiting import waits

if TYPE_CHECKING:
    from oci_twisted.interfaces import IMetadataStore

CONFIG = digest("config")
LAYER = digest("layer")


class CompletenessContract:
    """What `oci_twisted.interfaces.IManifestIndex.put_manifest` promises of what a manifest names."""

    @waits
    async def test_a_complete_image_is_kept(self, store: IMetadataStore) -> None:
        """A manifest whose blobs the repository holds is kept."""
        await hold(store, ALPINE, CONFIG, LAYER)
        await put(store, ALPINE, image("image"), LATEST, blobs=[CONFIG, LAYER, LAYER])
        assert await target(store, ALPINE, LATEST) is not None

    @waits
    async def test_all_that_is_missing_is_named(self, store: IMetadataStore) -> None:
        """The refusal names each missing digest once: blobs first, then children, each in the order it was given."""
        await hold(store, ALPINE, LAYER)
        blobs = [digest("z"), LAYER, digest("a"), digest("z"), digest("m")]
        children = [digest("y"), digest("a"), digest("b")]
        with pytest.raises(ManifestBlobUnknown) as refused:
            await put(store, ALPINE, image("image"), blobs=blobs, children=children)
        assert refused.value.missing == tuple(map(digest, "zamyb"))

    @waits
    async def test_nothing_is_changed_by_a_refusal(self, store: IMetadataStore) -> None:
        """A manifest that is refused is not kept, moves no tag, is nobody's referrer and makes no repository."""
        first = await put(store, ALPINE, image("first"), LATEST)
        refused = image("refused", subject=first)
        for name in (ALPINE, BUSYBOX):
            with pytest.raises(ManifestBlobUnknown):
                await put(store, name, refused, LATEST, STABLE, blobs=[LAYER])
            assert await store.manifest(name, refused.digest()) is None
            assert (await store.referrers(name, first, [], ALL)).items == ()
        assert await target(store, ALPINE, LATEST) == first
        assert (await store.tags(ALPINE, ALL)).items == (LATEST,)
        assert not await exists(store, BUSYBOX)

    @waits
    async def test_a_child_is_a_manifest_or_a_blob(self, store: IMetadataStore) -> None:
        """An index may list what the repository holds as a manifest, and what it holds as a blob."""
        child = await put(store, ALPINE, image("child"))
        await hold(store, ALPINE, LAYER)
        await put(store, ALPINE, image("index"), LATEST, children=[LAYER, child])
        assert await target(store, ALPINE, LATEST) is not None

    @waits
    async def test_a_blob_is_no_manifest(self, store: IMetadataStore) -> None:
        """What an image names as a layer must be held as a blob; a manifest of that digest does not do."""
        child = await put(store, ALPINE, image("child"))
        with pytest.raises(ManifestBlobUnknown):
            await put(store, ALPINE, image("image"), blobs=[child])

    @waits
    async def test_what_another_repository_holds_does_not_count(self, store: IMetadataStore) -> None:
        """Blobs and manifests of another repository are missing in this one."""
        child = await put(store, BUSYBOX, image("child"))
        await hold(store, BUSYBOX, LAYER)
        with pytest.raises(ManifestBlobUnknown) as refused:
            await put(store, ALPINE, image("image"), blobs=[LAYER], children=[LAYER, child])
        assert refused.value.missing == (LAYER, child)

    @waits
    async def test_what_was_deleted_does_not_count(self, store: IMetadataStore) -> None:
        """A blob that was removed is missing, also for a manifest that is there already and only gets a tag."""
        await hold(store, ALPINE, LAYER)
        await put(store, ALPINE, image("image"), LATEST, blobs=[LAYER])
        await store.remove_blob(ALPINE, LAYER)
        with pytest.raises(ManifestBlobUnknown):
            await put(store, ALPINE, image("image"), STABLE, blobs=[LAYER])
        assert (await store.tags(ALPINE, ALL)).items == (LATEST,)

    @waits
    async def test_only_what_is_asked_for_is_looked_for(self, store: IMetadataStore) -> None:
        """A manifest is kept without what it names, where the caller does not insist."""
        subject = digest("nowhere")
        await put(store, ALPINE, image("image", subject=subject), LATEST)
        assert await target(store, ALPINE, LATEST) is not None
