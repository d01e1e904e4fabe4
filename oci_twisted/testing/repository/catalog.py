"""
The list of repositories.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from oci_twisted.spec.digests import digest_of
from oci_twisted.spec.names import parse_name
from oci_twisted.spec.pages import Page, PageRequest
from oci_twisted.testing.metadata.examples import check_pages
from oci_twisted.testing.repository.examples import ALL, ALPINE, BUSYBOX, LATEST, index, push, push_blob
from oci_twisted.testing.waiting import waits

if TYPE_CHECKING:
    from oci_twisted.interfaces import IRegistry

# In byte order; many begin, or are begun by, another, and some look like endpoints.
NAMES = ["a", "a-b", "a.b", "a/b", "a/b-c", "a/b/c", "a0", "a_b", "ab", "ab/blobs/uploads", "manifests", "v2/tags/list"]
MANIFEST = index()


class CatalogContract:
    """What a registry does with its repositories."""

    @waits
    async def test_a_new_registry_has_no_repositories(self, registry: IRegistry) -> None:
        """There is nothing before anything was pushed, and to ask makes nothing."""
        assert registry.repository(ALPINE).name == ALPINE
        for page in (ALL, PageRequest(0), PageRequest(1, "a")):
            assert await registry.repositories(page) == Page(())

    @waits
    async def test_the_list_comes_in_pages(self, registry: IRegistry) -> None:
        """Every repository is listed, in byte order, in pages of any length."""
        for text in reversed(NAMES):
            await push_blob(registry.repository(parse_name(text)), text.encode())
        await check_pages(registry.repositories, [parse_name(text) for text in NAMES])

    @waits
    async def test_a_name_that_looks_like_an_endpoint_is_a_name(self, registry: IRegistry) -> None:
        """Whatever the parts of a repository's name are, blobs, manifests and tags are found in it."""
        for text in NAMES:
            repository = registry.repository(parse_name(text))
            digest = await push_blob(repository, text.encode())
            await push(repository, MANIFEST, LATEST)
            assert await repository.stat_blob(digest) == len(text)
            assert (await repository.get_manifest(LATEST)).content == MANIFEST
            assert await repository.tags(ALL) == Page((LATEST,))

    @waits
    async def test_a_repository_lasts_as_long_as_what_it_holds(self, registry: IRegistry) -> None:
        """A repository comes with the first thing that it holds, pushed or mounted, and goes with the last."""
        digest = await push_blob(registry.repository(ALPINE), b"blob")
        await registry.repository(BUSYBOX).mount_blob(digest, ALPINE)
        assert await registry.repositories(ALL) == Page((BUSYBOX, ALPINE))
        await push(registry.repository(ALPINE), MANIFEST, LATEST)
        await registry.repository(BUSYBOX).delete_blob(digest)
        await registry.repository(ALPINE).delete_blob(digest)
        assert await registry.repositories(ALL) == Page((ALPINE,))
        await registry.repository(ALPINE).delete_tag(LATEST)
        assert await registry.repositories(ALL) == Page((ALPINE,))
        await registry.repository(ALPINE).delete_manifest(digest_of(MANIFEST))
        assert await registry.repositories(ALL) == Page(())
