"""
Manifests, as they are kept and as they go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from attrs import evolve

from oci_twisted.interfaces import StoredManifest
from oci_twisted.spec.manifests import Manifest
from oci_twisted.spec.mediatypes import OCI_INDEX, OCI_MANIFEST
from oci_twisted.spec.names import parse_name, parse_tag
from oci_twisted.testing.metadata.examples import (
    ALL,
    ALPINE,
    BUSYBOX,
    LATEST,
    STABLE,
    digest,
    hold,
    image,
    put,
    target,
)
from oci_twisted.testing.waiting import waits

if TYPE_CHECKING:
    from oci_twisted.interfaces import IMetadataStore


class ManifestIndexContract:
    """What `oci_twisted.interfaces.IManifestIndex` promises of manifests and of the tags that point to them."""

    @waits
    async def test_what_was_never_put_is_not_there(self, store: IMetadataStore) -> None:
        """There is no manifest under an unknown digest or tag, in a repository that exists or in one that does not."""
        for _ in range(2):
            assert await store.manifest(ALPINE, digest("manifest")) is None
            assert await store.manifest(ALPINE, LATEST) is None
            await put(store, ALPINE, image("other"), STABLE)

    @pytest.mark.parametrize("content", [b"", bytes(range(256)), b'{"schemaVersion": 2}\n', b"x" * (4 << 20)])
    @waits
    async def test_a_manifest_is_served_as_it_came(self, store: IMetadataStore, content: bytes) -> None:
        """By digest and by tag, the bytes are exactly those that were put, with their media type and their digest."""
        manifest = Manifest(content, "application/vnd.example+json")
        key = await put(store, ALPINE, manifest, LATEST)
        expected = StoredManifest(content, "application/vnd.example+json", key)
        assert await store.manifest(ALPINE, key) == expected
        assert await store.manifest(ALPINE, LATEST) == expected

    @waits
    async def test_a_manifest_is_in_its_repository_alone(self, store: IMetadataStore) -> None:
        """A manifest, and a tag, of one repository is not in another, not even in one whose name begins alike."""
        key = await put(store, ALPINE, image("one"), LATEST)
        await put(store, BUSYBOX, image("two"), STABLE)
        for text in ("library/busybox", "library/alpin", "library/alpine2", "library/alpine/edge"):
            assert await store.manifest(parse_name(text), key) is None
            assert await store.manifest(parse_name(text), LATEST) is None

    @waits
    async def test_two_repositories_keep_the_same_manifest_apart(self, store: IMetadataStore) -> None:
        """The same bytes in two repositories have a media type of their own in each, and a delete leaves the other."""
        ours = image("same")
        theirs = evolve(ours, media_type=OCI_INDEX)
        key = await put(store, ALPINE, ours, LATEST)
        await put(store, BUSYBOX, theirs, LATEST)
        assert await store.manifest(ALPINE, key) == StoredManifest(ours.content, OCI_MANIFEST, key)
        assert await store.delete_manifest(ALPINE, key)
        assert await store.manifest(ALPINE, key) is None
        assert await store.manifest(BUSYBOX, LATEST) == StoredManifest(ours.content, OCI_INDEX, key)

    @waits
    async def test_to_put_a_manifest_again_only_moves_tags(self, store: IMetadataStore) -> None:
        """A manifest that is there stays as it is, under its earlier tags and under the new ones."""
        manifest = image("manifest")
        key = await put(store, ALPINE, manifest, LATEST)
        await put(store, ALPINE, evolve(manifest, media_type=OCI_INDEX), STABLE)
        expected = StoredManifest(manifest.content, OCI_MANIFEST, key)
        for reference in (key, LATEST, STABLE):
            assert await store.manifest(ALPINE, reference) == expected

    @waits
    async def test_a_tag_moves(self, store: IMetadataStore) -> None:
        """A tag points to the manifest that was last put under it; the one before stays under its digest."""
        first = await put(store, ALPINE, image("first"), LATEST)
        second = await put(store, ALPINE, image("second"), LATEST)
        assert await target(store, ALPINE, LATEST) == second
        assert await store.manifest(ALPINE, first) is not None
        await put(store, ALPINE, image("first"), LATEST)
        assert await target(store, ALPINE, LATEST) == first

    @waits
    async def test_a_manifest_is_put_under_several_tags(self, store: IMetadataStore) -> None:
        """All of the tags of one put point to the manifest, those that are new and those that moved."""
        await put(store, ALPINE, image("first"), LATEST)
        second = await put(store, ALPINE, image("second"), LATEST, STABLE)
        assert await target(store, ALPINE, LATEST) == second
        assert await target(store, ALPINE, STABLE) == second

    @waits
    async def test_tags_that_look_alike_are_apart(self, store: IMetadataStore) -> None:
        """Case matters in a tag, and a tag that begins another is not that other."""
        texts = ["v1", "V1", "v1.", "v1.0", "v1-", "v", "v1_"]
        put_under = {text: await put(store, ALPINE, image(text), parse_tag(text)) for text in texts}
        for text, key in put_under.items():
            assert await target(store, ALPINE, parse_tag(text)) == key
        assert await store.manifest(ALPINE, parse_tag("v1.0.0")) is None

    @waits
    async def test_a_tag_remembers_the_digest_that_it_was_pushed_with(self, store: IMetadataStore) -> None:
        """The same bytes under two digests are two manifests, and a tag is answered with the one of its own push."""
        manifest = image("manifest")
        long = manifest.digest("sha512")
        await store.put_manifest(ALPINE, long, manifest, [LATEST], [], [], None)
        assert await store.manifest(ALPINE, manifest.digest()) is None
        short = await put(store, ALPINE, manifest, STABLE)
        assert await target(store, ALPINE, LATEST) == long
        assert await target(store, ALPINE, STABLE) == short
        assert await store.delete_manifest(ALPINE, short)
        assert await target(store, ALPINE, STABLE) is None
        assert await target(store, ALPINE, LATEST) == long

    @waits
    async def test_a_manifest_is_deleted_once(self, store: IMetadataStore) -> None:
        """To delete a manifest answers whether it was there, and leaves those that it names."""
        child = await put(store, ALPINE, image("child"))
        key = await put(store, ALPINE, image("index"), children=[child])
        assert await store.delete_manifest(ALPINE, key)
        assert await store.manifest(ALPINE, key) is None
        assert not await store.delete_manifest(ALPINE, key)
        assert not await store.delete_manifest(BUSYBOX, child)
        assert await store.manifest(ALPINE, child) is not None

    @waits
    async def test_a_deleted_manifest_takes_its_tags_along(self, store: IMetadataStore) -> None:
        """Every tag that points to a deleted manifest is gone, and no other: none in another repository either."""
        moved = parse_tag("moved")
        doomed = image("doomed")
        key = await put(store, ALPINE, doomed, LATEST, STABLE, moved)
        kept = await put(store, ALPINE, image("kept"), moved)
        await put(store, BUSYBOX, doomed, LATEST)
        await store.delete_manifest(ALPINE, key)
        assert (await store.tags(ALPINE, ALL)).items == (moved,)
        assert await target(store, ALPINE, moved) == kept
        assert await target(store, ALPINE, LATEST) is None
        assert await target(store, BUSYBOX, LATEST) == key

    @waits
    async def test_a_deleted_manifest_can_be_put_again(self, store: IMetadataStore) -> None:
        """A manifest that comes back has the media type and the tags that it comes back with, and none of the old."""
        manifest = image("manifest")
        key = await put(store, ALPINE, manifest, LATEST)
        await store.delete_manifest(ALPINE, key)
        await put(store, ALPINE, evolve(manifest, media_type=OCI_INDEX), STABLE)
        assert await store.manifest(ALPINE, key) == StoredManifest(manifest.content, OCI_INDEX, key)
        assert (await store.tags(ALPINE, ALL)).items == (STABLE,)

    @waits
    async def test_manifests_and_blobs_are_apart(self, store: IMetadataStore) -> None:
        """The same digest is no blob for being a manifest, no manifest for being a blob, and is deleted from each."""
        key = await put(store, ALPINE, image("both"))
        assert await store.blob_size(ALPINE, key) is None
        await hold(store, ALPINE, key)
        assert await store.delete_manifest(ALPINE, key)
        assert await store.blob_size(ALPINE, key) is not None
        assert await store.manifest(ALPINE, key) is None
