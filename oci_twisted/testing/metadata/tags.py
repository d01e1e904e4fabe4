"""
The names of things.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from oci_twisted.spec.errors import NameUnknown
from oci_twisted.spec.names import parse_name, parse_tag
from oci_twisted.spec.pages import Page, PageRequest
from oci_twisted.testing.metadata.examples import (
    ALL,
    ALPINE,
    BUSYBOX,
    LATEST,
    STABLE,
    check_pages,
    digest,
    hold,
    image,
    put,
    target,
)
from oci_twisted.testing.waiting import waits

if TYPE_CHECKING:
    from oci_twisted.interfaces import IMetadataStore

# In byte order; each of them begins, or is begun by, another.
TEXTS = ["0", "1", "1-0", "1.0", "1.0.1", "10", "V1", "_", "v", "v1", "v1.0", "v1_0", "v1a"]


class TagIndexContract:
    """What `oci_twisted.interfaces.ITagIndex` promises of tags."""

    @waits
    async def test_tags_are_listed_in_pages(self, store: IMetadataStore) -> None:
        """The tags of a repository, and of it alone, are listed in byte order."""
        for text in reversed(TEXTS):
            await put(store, ALPINE, image(text), parse_tag(text))
        await put(store, parse_name("library/alpine/edge"), image("edge"), parse_tag("v2"))
        await put(store, parse_name("library/alpin"), image("alpin"), parse_tag("v0"))
        await check_pages(partial(store.tags, ALPINE), [parse_tag(text) for text in TEXTS])

    @waits
    async def test_a_tag_that_moved_is_listed_once(self, store: IMetadataStore) -> None:
        """A tag is in the list once, however often it was pushed."""
        for text in ("first", "second", "first"):
            await put(store, ALPINE, image(text), LATEST)
        assert await store.tags(ALPINE, ALL) == Page((LATEST,))

    @waits
    async def test_a_repository_without_tags_has_an_empty_list(self, store: IMetadataStore) -> None:
        """A repository that holds only a blob, or only a manifest without a tag, has no tags, which is no error."""
        await hold(store, ALPINE, digest("blob"))
        await put(store, BUSYBOX, image("untagged"))
        for name in (ALPINE, BUSYBOX):
            for page in (ALL, PageRequest(0), PageRequest(1, "latest")):
                assert await store.tags(name, page) == Page(())

    @waits
    async def test_a_repository_that_does_not_exist_has_no_list(self, store: IMetadataStore) -> None:
        """The tags of an unknown repository are an error, also when none are asked for, and its neighbours' are not."""
        await put(store, parse_name("library/alpine/edge"), image("edge"), LATEST)
        for page in (ALL, PageRequest(0), PageRequest(1, "latest")):
            with pytest.raises(NameUnknown):
                await store.tags(ALPINE, page)

    @waits
    async def test_a_deleted_tag_leaves_the_manifest(self, store: IMetadataStore) -> None:
        """Only the tag is removed: the manifest stays under its digest and under its other tags."""
        key = await put(store, ALPINE, image("manifest"), LATEST, STABLE)
        assert await store.delete_tag(ALPINE, LATEST, None)
        assert await store.manifest(ALPINE, LATEST) is None
        assert await store.manifest(ALPINE, key) is not None
        assert await target(store, ALPINE, STABLE) == key
        assert await store.tags(ALPINE, ALL) == Page((STABLE,))

    @waits
    async def test_the_last_tag_leaves_the_repository(self, store: IMetadataStore) -> None:
        """A repository whose tags are all deleted is there for its manifest."""
        await put(store, ALPINE, image("manifest"), LATEST)
        await store.delete_tag(ALPINE, LATEST, None)
        assert await store.tags(ALPINE, ALL) == Page(())

    @waits
    async def test_a_tag_is_deleted_once(self, store: IMetadataStore) -> None:
        """To delete a tag answers whether it was there."""
        await put(store, ALPINE, image("manifest"), LATEST)
        assert not await store.delete_tag(ALPINE, STABLE, None)
        assert not await store.delete_tag(BUSYBOX, LATEST, None)
        assert await store.delete_tag(ALPINE, LATEST, None)
        assert not await store.delete_tag(ALPINE, LATEST, None)

    @waits
    async def test_a_deleted_tag_leaves_other_repositories(self, store: IMetadataStore) -> None:
        """The same tag on the same manifest elsewhere stays."""
        for name in (ALPINE, BUSYBOX):
            await put(store, name, image("manifest"), LATEST)
        await store.delete_tag(ALPINE, LATEST, None)
        assert await target(store, BUSYBOX, LATEST) is not None

    @waits
    async def test_a_deleted_tag_can_be_pushed_again(self, store: IMetadataStore) -> None:
        """A tag that comes back points to the manifest that it comes back with."""
        await put(store, ALPINE, image("first"), LATEST)
        await store.delete_tag(ALPINE, LATEST, None)
        second = await put(store, ALPINE, image("second"), LATEST)
        assert await target(store, ALPINE, LATEST) == second
