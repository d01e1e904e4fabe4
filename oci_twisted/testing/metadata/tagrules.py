"""
Tags that do not move, and tags that do not go, for some.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from attrs import evolve

from oci_twisted.spec.descriptors import Descriptor
from oci_twisted.spec.errors import (
    ManifestBlobUnknown,
    ReferenceChanged,
    TagImmutable,
    TagProtected,
)
from oci_twisted.spec.mediatypes import OCI_INDEX, OCI_MANIFEST
from oci_twisted.spec.names import parse_tag
from oci_twisted.spec.preconditions import Precondition
from oci_twisted.spec.tagrules import TagRules
from oci_twisted.testing.metadata.examples import (
    ALL,
    ALPINE,
    BUSYBOX,
    LATEST,
    SIZE,
    STABLE,
    digest,
    exists,
    hold,
    image,
    put,
    target,
    winners,
)
from oci_twisted.testing.waiting import waits

if TYPE_CHECKING:
    from oci_twisted.interfaces import IMetadataStore
    from oci_twisted.spec.digests import Digest
    from oci_twisted.spec.manifests import Manifest

V1 = parse_tag("v1")
V2 = parse_tag("v2")
RULES = TagRules(immutable=("v*",), protected=("stable",))
BLOB = digest("blob")


def index(content: str, *children: Digest) -> Manifest:
    """Make an index that lists ``children``."""
    listed = tuple(Descriptor(OCI_MANIFEST, child, SIZE) for child in children)
    return evolve(image(content), media_type=OCI_INDEX, children=listed)


class TagRulesContract:
    """What `oci_twisted.interfaces.IMetadataStore` promises of `oci_twisted.spec.tagrules.TagRules`."""

    @waits
    async def test_a_pinned_tag_can_be_made_and_pushed_again(self, store: IMetadataStore) -> None:
        """A tag that does not exist yet may be pinned from now on, and to push what it points to is no move."""
        manifest = image("manifest")
        for _ in range(2):
            key = await put(store, ALPINE, manifest, V1, LATEST, rules=RULES)
        assert await target(store, ALPINE, V1) == key

    @waits
    async def test_a_pinned_tag_does_not_move(self, store: IMetadataStore) -> None:
        """The refusal says which tag, and what it keeps; nothing is kept of the manifest."""
        key = await put(store, ALPINE, image("kept"), V1)
        refused = image("refused", subject=key)
        with pytest.raises(TagImmutable) as raised:
            await put(store, ALPINE, refused, V1, rules=RULES)
        assert raised.value.detail == {"tag": "v1", "digest": str(key)}
        assert await target(store, ALPINE, V1) == key
        assert await store.manifest(ALPINE, refused.digest()) is None
        assert (await store.referrers(ALPINE, key, [], ALL)).items == ()

    @waits
    async def test_another_digest_of_the_same_bytes_is_a_move(self, store: IMetadataStore) -> None:
        """A tag reports the digest with which it was pushed, and so a pinned one keeps that too."""
        manifest = image("manifest")
        key = await put(store, ALPINE, manifest, V1)
        with pytest.raises(TagImmutable):
            await store.put_manifest(ALPINE, manifest.digest("sha512"), manifest, [V1], [], [], None, RULES)
        assert await target(store, ALPINE, V1) == key

    @waits
    async def test_all_tags_are_moved_or_none(self, store: IMetadataStore) -> None:
        """One pinned tag keeps all the others where they are; the first of them is named."""
        await put(store, ALPINE, image("kept"), V1, V2)
        other = await put(store, ALPINE, image("other"), LATEST)
        for tags, first in (((LATEST, STABLE, V2, V1), "v2"), ((V1, LATEST), "v1")):
            with pytest.raises(TagImmutable) as raised:
                await put(store, ALPINE, image("refused"), *tags, rules=RULES)
            assert (raised.value.detail or {})["tag"] == first
        assert await target(store, ALPINE, LATEST) == other
        assert await target(store, ALPINE, STABLE) is None

    @waits
    async def test_what_is_not_pinned_moves(self, store: IMetadataStore) -> None:
        """A tag that no pattern describes moves; so does one that is protected from deletion only."""
        for tag in (LATEST, STABLE):
            await put(store, ALPINE, image("first"), tag, rules=RULES)
            second = await put(store, ALPINE, image("second"), tag, rules=RULES)
            assert await target(store, ALPINE, tag) == second

    @waits
    async def test_rules_are_of_the_one_who_asks(self, store: IMetadataStore) -> None:
        """A tag that is pinned for one moves for another, and is then pinned where it went."""
        first = await put(store, ALPINE, image("first"), V1, rules=RULES)
        second = await put(store, ALPINE, image("second"), V1)
        with pytest.raises(TagImmutable):
            await put(store, ALPINE, image("first"), V1, rules=RULES)
        assert await target(store, ALPINE, V1) == second
        assert await store.delete_manifest(ALPINE, first, RULES)

    @waits
    async def test_a_tag_elsewhere_pins_nothing_here(self, store: IMetadataStore) -> None:
        """The tag of another repository says nothing of the same tag in this one."""
        await put(store, BUSYBOX, image("theirs"), V1, rules=RULES)
        ours = await put(store, ALPINE, image("ours"), V1, rules=RULES)
        assert await target(store, ALPINE, V1) == ours

    @waits
    async def test_one_of_many_makes_a_pinned_tag(self, store: IMetadataStore) -> None:
        """Of several who push one pinned tag at once, one wins; the others learn what it points to."""
        images = [image(str(number)) for number in range(8)]
        won = await winners([put(store, ALPINE, each, V1, rules=RULES) for each in images], TagImmutable)
        assert len(won) == 1
        assert await target(store, ALPINE, V1) == images[won[0]].digest()

    @waits
    async def test_an_immutable_tag_is_told_before_what_is_missing(self, store: IMetadataStore) -> None:
        """A client need not push layers for a tag that it will not get."""
        await put(store, ALPINE, image("kept"), V1)
        with pytest.raises(TagImmutable):
            await put(store, ALPINE, image("refused"), V1, blobs=[BLOB], rules=RULES)
        with pytest.raises(ManifestBlobUnknown):
            await put(store, ALPINE, image("refused"), V2, blobs=[BLOB], rules=RULES)

    @waits
    async def test_a_precondition_does_not_lift_a_pin(self, store: IMetadataStore) -> None:
        """A tag that is as expected does not move for that; one that would not move is compared as ever."""
        key = await put(store, ALPINE, image("kept"), V1)
        for precondition in (
            Precondition(frozenset({key})),
            Precondition(None),
            Precondition(None, absent=True),
            Precondition(frozenset({BLOB})),
        ):
            with pytest.raises(TagImmutable):
                await put(store, ALPINE, image("refused"), V1, precondition=precondition, rules=RULES)
        with pytest.raises(ReferenceChanged):
            await put(store, ALPINE, image("kept"), V1, precondition=Precondition(None, absent=True), rules=RULES)
        await put(store, ALPINE, image("kept"), V1, precondition=Precondition(frozenset({key})), rules=RULES)
        assert await target(store, ALPINE, V1) == key

    @waits
    async def test_a_kept_tag_is_not_deleted(self, store: IMetadataStore) -> None:
        """A tag that is pinned or protected stays, whatever is expected of it; others go."""
        key = await put(store, ALPINE, image("manifest"), V1, STABLE, LATEST)
        for tag in (V1, STABLE):
            for precondition in (None, Precondition(frozenset({key})), Precondition(frozenset({BLOB}))):
                with pytest.raises(TagProtected) as raised:
                    await store.delete_tag(ALPINE, tag, precondition, RULES)
                assert raised.value.detail == {"tag": tag.text}
        assert await store.delete_tag(ALPINE, LATEST, None, RULES)
        assert (await store.tags(ALPINE, ALL)).items == (STABLE, V1)

    @waits
    async def test_a_kept_tag_that_is_not_there_is_not_found(self, store: IMetadataStore) -> None:
        """Rules about a tag do not make it exist."""
        assert not await store.delete_tag(ALPINE, V1, None, RULES)
        await put(store, ALPINE, image("manifest"), LATEST)
        assert not await store.delete_tag(ALPINE, V1, None, RULES)
        with pytest.raises(ReferenceChanged):
            await store.delete_tag(ALPINE, V1, Precondition(None), RULES)

    @waits
    async def test_what_a_kept_tag_points_to_stays(self, store: IMetadataStore) -> None:
        """A manifest is not deleted while a kept tag points to it; the first one is named and nothing happens."""
        key = await put(store, ALPINE, image("manifest"), LATEST, V2, V1)
        with pytest.raises(TagProtected) as raised:
            await store.delete_manifest(ALPINE, key, RULES)
        assert raised.value.detail == {"tag": "v1"}
        assert (await store.tags(ALPINE, ALL)).items == (LATEST, V1, V2)
        assert await store.manifest(ALPINE, key) is not None

    @waits
    async def test_what_no_kept_tag_needs_goes(self, store: IMetadataStore) -> None:
        """A manifest without a tag, or with free ones, is deleted with them; what is not there is not found."""
        await put(store, ALPINE, image("kept"), V1)
        untagged = await put(store, ALPINE, image("untagged"))
        free = await put(store, ALPINE, image("free"), LATEST)
        for key in (untagged, free):
            assert await store.delete_manifest(ALPINE, key, RULES)
            assert not await store.delete_manifest(ALPINE, key, RULES)
        assert (await store.tags(ALPINE, ALL)).items == (V1,)

    @waits
    async def test_what_a_kept_index_lists_stays(self, store: IMetadataStore) -> None:
        """The manifests of an index belong to its tags, through indexes of indexes and though pushed later."""
        deep, missing = image("deep"), image("missing")
        inner = index("inner", deep.digest(), missing.digest())
        outer = index("outer", inner.digest(), BLOB)
        for manifest in (deep, inner):
            await put(store, ALPINE, manifest)
        await put(store, ALPINE, outer, V1)
        await put(store, ALPINE, missing)
        for manifest in (deep, missing, inner, outer):
            with pytest.raises(TagProtected) as raised:
                await store.delete_manifest(ALPINE, manifest.digest(), RULES)
            assert raised.value.detail == {"tag": "v1"}
            assert await store.manifest(ALPINE, manifest.digest()) is not None

    @waits
    async def test_what_an_index_listed_goes_when_it_has_gone(self, store: IMetadataStore) -> None:
        """An index that was deleted, or that only free tags point to, or of another repository, keeps nothing."""
        child = await put(store, ALPINE, image("child"))
        for position, name in enumerate((ALPINE, BUSYBOX)):
            await put(store, name, index("gone", child), V1)
            await put(store, name, index("free", child), *(LATEST,) * (1 - position))
        with pytest.raises(TagProtected):
            await store.delete_manifest(ALPINE, child, RULES)
        assert await store.delete_manifest(ALPINE, index("gone", child).digest())
        assert await store.delete_manifest(ALPINE, child, RULES)

    @waits
    async def test_an_index_that_came_twice_is_one(self, store: IMetadataStore) -> None:
        """A second push of an index, or a child that it lists twice, leaves nothing behind when it is deleted."""
        child = await put(store, ALPINE, image("child"))
        manifest = index("index", child, child)
        for _ in range(2):
            await put(store, ALPINE, manifest, V1)
        assert await store.delete_manifest(ALPINE, manifest.digest())
        assert await store.delete_manifest(ALPINE, child, RULES)
        assert not await exists(store, ALPINE)

    @waits
    async def test_a_referrer_does_not_belong_to_a_tag(self, store: IMetadataStore) -> None:
        """A signature of a kept manifest goes, and so does what a kept signature refers to."""
        subject = await put(store, ALPINE, image("subject"), V1)
        await put(store, ALPINE, image("kept signature", subject=digest("elsewhere")), V2)
        signature = await put(store, ALPINE, image("signature", subject=subject))
        assert await store.delete_manifest(ALPINE, signature, RULES)

    @waits
    async def test_a_kept_tag_keeps_the_blobs(self, store: IMetadataStore) -> None:
        """No blob leaves a repository that has a kept tag; one that is not held is not found there all the same."""
        await hold(store, ALPINE, BLOB)
        await hold(store, BUSYBOX, BLOB)
        await put(store, ALPINE, image("manifest"), LATEST, V1)
        with pytest.raises(TagProtected) as raised:
            await store.remove_blob(ALPINE, BLOB, RULES)
        assert raised.value.detail == {"tag": "v1"}
        assert await store.blob_size(ALPINE, BLOB) == SIZE
        assert not await store.remove_blob(ALPINE, digest("elsewhere"), RULES)
        assert await store.remove_blob(BUSYBOX, BLOB, RULES)
        assert await store.remove_blob(ALPINE, BLOB)
