"""
Compare-and-swap on tags.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from oci_twisted.spec.errors import ManifestBlobUnknown, ReferenceChanged
from oci_twisted.spec.preconditions import Precondition
from oci_twisted.testing.metadata.examples import (
    ALL,
    ALPINE,
    BUSYBOX,
    LATEST,
    STABLE,
    digest,
    exists,
    image,
    put,
    target,
    winners,
)
from oci_twisted.testing.waiting import waits

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

    from oci_twisted.interfaces import IMetadataStore

NEW = Precondition(None, absent=True)
THERE = Precondition(None)


class PreconditionContract:
    """What preconditions promise, on a put and on the deletion of a tag."""

    @waits
    async def test_a_put_whose_precondition_holds_happens(self, store: IMetadataStore) -> None:
        """A tag that has to be new is new; one that has to be there, or to point to one of several, does."""
        first = await put(store, ALPINE, image("first"), LATEST, precondition=NEW)
        second = await put(store, ALPINE, image("second"), LATEST, precondition=THERE)
        expected = Precondition(frozenset({first, second}))
        third = await put(store, ALPINE, image("third"), LATEST, precondition=expected)
        assert await target(store, ALPINE, LATEST) == third

    @waits
    async def test_a_put_whose_precondition_fails_changes_nothing(self, store: IMetadataStore) -> None:
        """No manifest is kept, no tag moves and no repository is made when the tag is not as expected."""
        kept = await put(store, ALPINE, image("kept"), LATEST)
        elsewhere = Precondition(frozenset({digest("elsewhere")}))
        refused = image("refused", subject=kept)
        for name, tag, precondition in (
            (ALPINE, LATEST, NEW),
            (ALPINE, LATEST, elsewhere),
            (ALPINE, STABLE, elsewhere),
            (ALPINE, STABLE, THERE),
            (BUSYBOX, LATEST, THERE),
            (BUSYBOX, LATEST, Precondition(frozenset({kept}))),
        ):
            with pytest.raises(ReferenceChanged):
                await put(store, name, refused, tag, precondition=precondition)
        assert await store.manifest(ALPINE, refused.digest()) is None
        assert (await store.referrers(ALPINE, kept, [], ALL)).items == ()
        assert await target(store, ALPINE, LATEST) == kept
        assert (await store.tags(ALPINE, ALL)).items == (LATEST,)
        assert not await exists(store, BUSYBOX)

    @waits
    async def test_a_precondition_is_about_every_tag(self, store: IMetadataStore) -> None:
        """One tag that is not as expected keeps all the others where they are."""
        kept = await put(store, ALPINE, image("kept"), STABLE)
        for tags in ((LATEST, STABLE), (STABLE, LATEST)):
            with pytest.raises(ReferenceChanged):
                await put(store, ALPINE, image("refused"), *tags, precondition=NEW)
        assert await target(store, ALPINE, STABLE) == kept
        assert await target(store, ALPINE, LATEST) is None

    @waits
    async def test_a_precondition_without_tags_holds(self, store: IMetadataStore) -> None:
        """A put under a digest alone is not held up by a precondition about tags."""
        key = await put(store, ALPINE, image("manifest"), precondition=THERE)
        assert await store.manifest(ALPINE, key) is not None

    @waits
    async def test_a_put_that_would_change_nothing_is_compared_too(self, store: IMetadataStore) -> None:
        """A tag that already points to the manifest is not new for that."""
        await put(store, ALPINE, image("manifest"), LATEST)
        with pytest.raises(ReferenceChanged):
            await put(store, ALPINE, image("manifest"), LATEST, precondition=NEW)

    @waits
    async def test_an_incomplete_manifest_is_refused_as_such(self, store: IMetadataStore) -> None:
        """What is missing is named though the precondition fails as well: a client has to push it in any case."""
        await put(store, ALPINE, image("kept"), LATEST)
        with pytest.raises(ManifestBlobUnknown):
            await put(store, ALPINE, image("refused"), LATEST, blobs=[digest("layer")], precondition=NEW)

    @waits
    async def test_one_of_many_makes_a_tag(self, store: IMetadataStore) -> None:
        """Of several puts at once that each want the tag to be new, one wins, and the tag points to its manifest."""
        images = [image(str(number)) for number in range(8)]
        won = await winners([put(store, ALPINE, each, LATEST, precondition=NEW) for each in images], ReferenceChanged)
        assert len(won) == 1
        assert await target(store, ALPINE, LATEST) == images[won[0]].digest()

    @waits
    async def test_one_of_many_moves_a_tag(self, store: IMetadataStore) -> None:
        """Of several puts and deletions at once that each believe in the same manifest, one wins."""
        old = await put(store, ALPINE, image("old"), LATEST)
        expected = Precondition(frozenset({old}))
        images = [image(str(number)) for number in range(4)]
        attempts: list[Coroutine[Any, Any, object]] = []
        for each in images:
            attempts.append(put(store, ALPINE, each, LATEST, precondition=expected))
            attempts.append(store.delete_tag(ALPINE, LATEST, expected))
        won = await winners(attempts, ReferenceChanged)
        assert len(won) == 1
        position, deleted = divmod(won[0], 2)
        assert await target(store, ALPINE, LATEST) == (None if deleted else images[position].digest())

    @waits
    async def test_a_tag_is_deleted_when_its_precondition_holds(self, store: IMetadataStore) -> None:
        """A tag that points to one of the expected manifests is removed."""
        key = await put(store, ALPINE, image("manifest"), LATEST, STABLE)
        assert await store.delete_tag(ALPINE, LATEST, Precondition(frozenset({digest("other"), key})))
        assert await store.delete_tag(ALPINE, STABLE, THERE)
        assert (await store.tags(ALPINE, ALL)).items == ()

    @waits
    async def test_a_tag_stays_when_its_precondition_fails(self, store: IMetadataStore) -> None:
        """A tag that points elsewhere is not removed; one that does not exist is not as expected either."""
        key = await put(store, ALPINE, image("manifest"), LATEST)
        elsewhere = Precondition(frozenset({digest("elsewhere")}))
        for name, tag, precondition in (
            (ALPINE, LATEST, elsewhere),
            (ALPINE, LATEST, NEW),
            (ALPINE, STABLE, elsewhere),
            (ALPINE, STABLE, THERE),
            (BUSYBOX, LATEST, THERE),
        ):
            with pytest.raises(ReferenceChanged):
                await store.delete_tag(name, tag, precondition)
        assert await target(store, ALPINE, LATEST) == key
