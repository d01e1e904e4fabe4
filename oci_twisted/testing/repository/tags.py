"""
Tags: where they point to, and their list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from oci_twisted.spec.digests import digest_of
from oci_twisted.spec.errors import ManifestUnknown, NameUnknown
from oci_twisted.spec.names import parse_name, parse_tag
from oci_twisted.spec.pages import Page, PageRequest
from oci_twisted.testing.metadata.examples import check_pages
from oci_twisted.testing.repository.examples import (
    ALL,
    ALPINE,
    BUSYBOX,
    LATEST,
    STABLE,
    index,
    push,
    push_blob,
)
from oci_twisted.testing.waiting import waits

if TYPE_CHECKING:
    from oci_twisted.interfaces import IRegistry

ONE = index(annotations={"name": "one"})
TWO = index(annotations={"name": "two"})
# In byte order; many begin, or are begun by, another.
TEXTS = ["0", "1", "1-0", "1.0", "10", "V1", "_", "v", "v1", "v1.0", "v1_0", "v1a"]


class TagContract:
    """What a repository does with tags."""

    @waits
    async def test_a_tag_moves(self, registry: IRegistry) -> None:
        """A tag points to what was pushed last; what it pointed to before stays under its digest."""
        repository = registry.repository(ALPINE)
        await push(repository, ONE, LATEST)
        await push(repository, TWO, LATEST)
        assert (await repository.get_manifest(LATEST)).content == TWO
        assert (await repository.get_manifest(digest_of(ONE))).content == ONE
        assert await repository.tags(ALL) == Page((LATEST,))

    @waits
    async def test_a_deleted_tag_leaves_the_manifest(self, registry: IRegistry) -> None:
        """Only the tag goes: the manifest stays under its digest and under its other tags."""
        repository = registry.repository(ALPINE)
        await push(repository, ONE, LATEST)
        await push(repository, ONE, STABLE)
        await repository.delete_tag(LATEST)
        with pytest.raises(ManifestUnknown):
            await repository.get_manifest(LATEST)
        assert (await repository.get_manifest(STABLE)).content == ONE
        await repository.delete_tag(STABLE)
        assert (await repository.get_manifest(digest_of(ONE))).content == ONE
        assert await repository.tags(ALL) == Page(())

    @waits
    async def test_an_unknown_tag_cannot_be_deleted(self, registry: IRegistry) -> None:
        """A tag that is not there, or is only elsewhere, or was deleted, is not found."""
        repository = registry.repository(ALPINE)
        await push(registry.repository(BUSYBOX), ONE, LATEST)
        with pytest.raises(ManifestUnknown):
            await repository.delete_tag(LATEST)
        await push(repository, ONE, STABLE)
        with pytest.raises(ManifestUnknown):
            await repository.delete_tag(LATEST)
        await repository.delete_tag(STABLE)
        with pytest.raises(ManifestUnknown):
            await repository.delete_tag(STABLE)
        assert (await registry.repository(BUSYBOX).get_manifest(LATEST)).content == ONE

    @waits
    async def test_the_list_comes_in_pages(self, registry: IRegistry) -> None:
        """A repository's tags, and nobody else's, are listed in byte order, in pages of any length."""
        repository = registry.repository(ALPINE)
        for text in reversed(TEXTS):
            await push(repository, ONE, parse_tag(text))
        for name in ("library/alpin", "library/alpine/edge"):
            await push(registry.repository(parse_name(name)), TWO, parse_tag("v2"))
        await check_pages(repository.tags, [parse_tag(text) for text in TEXTS])

    @waits
    async def test_the_list_follows_every_change(self, registry: IRegistry) -> None:
        """A tag is in the list from its push to its deletion, and to that of its manifest."""
        repository = registry.repository(ALPINE)
        await push(repository, ONE, LATEST)
        await push(repository, TWO, STABLE)
        assert await repository.tags(ALL) == Page((LATEST, STABLE))
        await repository.delete_tag(LATEST)
        assert await repository.tags(ALL) == Page((STABLE,))
        await repository.delete_manifest(digest_of(TWO))
        assert await repository.tags(ALL) == Page(())

    @waits
    async def test_a_repository_without_tags_has_an_empty_list(self, registry: IRegistry) -> None:
        """A repository that holds no more than a blob, or a manifest without a tag, exists."""
        await push_blob(registry.repository(ALPINE), b"blob")
        await push(registry.repository(BUSYBOX), ONE)
        for name in (ALPINE, BUSYBOX):
            for page in (ALL, PageRequest(0), PageRequest(1, "latest")):
                assert await registry.repository(name).tags(page) == Page(())

    @waits
    async def test_a_repository_that_does_not_exist_has_no_list(self, registry: IRegistry) -> None:
        """There is no list where nothing was pushed, or all was deleted, also when no item of it is wanted."""
        repository = registry.repository(ALPINE)
        for page in (ALL, PageRequest(0), PageRequest(1, "latest")):
            with pytest.raises(NameUnknown):
                await repository.tags(page)
        digest = await push_blob(repository, b"blob")
        await push(repository, ONE, LATEST)
        await repository.delete_manifest(digest_of(ONE))
        assert await repository.tags(ALL) == Page(())
        await repository.delete_blob(digest)
        with pytest.raises(NameUnknown):
            await repository.tags(ALL)
