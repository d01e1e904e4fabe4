"""
Tags that one may not move, and what one may not delete.

A contract of its own, for registries that know who asks: their users differ in what they may do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import pytest

from oci_twisted.spec.digests import digest_of
from oci_twisted.spec.errors import BlobUnknown, ManifestUnknown, ReferenceChanged, TagImmutable, TagProtected
from oci_twisted.spec.mediatypes import OCI_INDEX
from oci_twisted.spec.names import parse_tag
from oci_twisted.spec.pages import Page
from oci_twisted.spec.preconditions import Precondition
from oci_twisted.spec.tagrules import FREE, TagRules
from oci_twisted.testing.repository.examples import (
    ALL,
    ALPINE,
    EMPTY,
    LATEST,
    STABLE,
    index,
    pull_blob,
    push,
    push_blob,
    push_image,
    referrer,
)
from oci_twisted.testing.waiting import waits

if TYPE_CHECKING:
    from collections.abc import Callable

    from oci_twisted.interfaces import IRegistry

    Registries: TypeAlias = "Callable[[TagRules], IRegistry]"

ONE = index(annotations={"name": "one"})
TWO = index(annotations={"name": "two"})
V1 = parse_tag("v1")
V2 = parse_tag("v2")
RULES = TagRules(immutable=("v*",), protected=("stable",))


class TagRulesContract:
    """
    What a registry does for users whose rules differ.

    A subclass has a fixture ``registries``: it takes `TagRules` and answers the registry as one sees it for whom they
    hold.  It is the same registry, whatever the rules, and empty at first.
    """

    @pytest.fixture
    def registries(self) -> Registries:
        """Give what gives the registry that is to be tested."""
        raise NotImplementedError("give registries in your subclass")

    @waits
    async def test_an_immutable_tag_stays(self, registries: Registries) -> None:
        """It can be made, and pushed again as it is; who would move it learns what it keeps."""
        repository = registries(RULES).repository(ALPINE)
        for _ in range(2):
            await push(repository, ONE, V1)
        with pytest.raises(TagImmutable) as refused:
            await push(repository, TWO, V1)
        assert refused.value.detail == {"tag": "v1", "digest": str(digest_of(ONE))}
        assert (await repository.get_manifest(V1)).content == ONE
        with pytest.raises(ManifestUnknown):
            await repository.get_manifest(digest_of(TWO))

    @waits
    async def test_other_tags_move(self, registries: Registries) -> None:
        """A tag that no pattern names moves, and so does one that is protected from deletion only."""
        repository = registries(RULES).repository(ALPINE)
        for tag in (LATEST, STABLE):
            await push(repository, ONE, tag)
            await push(repository, TWO, tag)
            assert (await repository.get_manifest(tag)).content == TWO

    @waits
    async def test_all_tags_are_moved_or_none(self, registries: Registries) -> None:
        """One immutable tag of several keeps the others where they are."""
        repository = registries(RULES).repository(ALPINE)
        await push(repository, ONE, V1)
        with pytest.raises(TagImmutable):
            await repository.put_manifest(TWO, OCI_INDEX, digest_of(TWO), (LATEST, V1, V2))
        assert await repository.tags(ALL) == Page((V1,))
        pushed = await repository.put_manifest(ONE, OCI_INDEX, digest_of(ONE), (LATEST, V1, V2))
        assert pushed.tags == (LATEST, V1, V2)

    @waits
    async def test_a_precondition_does_not_lift_a_rule(self, registries: Registries) -> None:
        """A tag that is where it was believed to be is neither moved nor deleted for that."""
        repository = registries(RULES).repository(ALPINE)
        await push(repository, ONE, V1)
        is_one = Precondition(frozenset({digest_of(ONE)}))
        with pytest.raises(TagImmutable):
            await repository.put_manifest(TWO, OCI_INDEX, V1, (), is_one)
        with pytest.raises(TagProtected):
            await repository.delete_tag(V1, is_one)
        with pytest.raises(ReferenceChanged):
            await repository.put_manifest(ONE, OCI_INDEX, V1, (), Precondition(None, absent=True))
        assert (await repository.get_manifest(V1)).content == ONE

    @waits
    async def test_a_kept_tag_is_not_deleted(self, registries: Registries) -> None:
        """Neither the tag goes nor, by its digest, its manifest; the refusal names the tag."""
        repository = registries(RULES).repository(ALPINE)
        for tag in (LATEST, STABLE, V1):
            await push(repository, ONE, tag)
        for tag in (STABLE, V1):
            with pytest.raises(TagProtected) as refused:
                await repository.delete_tag(tag)
            assert refused.value.detail == {"tag": tag.text}
        with pytest.raises(TagProtected) as refused:
            await repository.delete_manifest(digest_of(ONE))
        assert refused.value.detail == {"tag": "stable"}
        await repository.delete_tag(LATEST)
        assert await repository.tags(ALL) == Page((STABLE, V1))

    @waits
    async def test_free_manifests_are_deleted(self, registries: Registries) -> None:
        """What has no tag, or a free one, goes; so does what refers to a kept manifest."""
        repository = registries(RULES).repository(ALPINE)
        await push(repository, ONE, V1)
        await push(repository, TWO, LATEST)
        signature = await push_image(repository, referrer(ONE))
        await repository.delete_manifest(digest_of(TWO))
        await repository.delete_manifest(signature)
        assert await repository.tags(ALL) == Page((V1,))

    @waits
    async def test_what_belongs_to_a_kept_index_stays(self, registries: Registries) -> None:
        """A platform's manifest is not deleted from under an index whose tag is kept, however deep it lies."""
        repository = registries(RULES).repository(ALPINE)
        inner = index(ONE)
        outer = index(inner, TWO)
        for manifest in (ONE, TWO, inner):
            await push(repository, manifest)
        await push(repository, outer, V1)
        for manifest in (ONE, TWO, inner, outer):
            with pytest.raises(TagProtected):
                await repository.delete_manifest(digest_of(manifest))
            assert (await repository.get_manifest(digest_of(manifest))).content == manifest

    @waits
    async def test_blobs_stay_beside_a_kept_tag(self, registries: Registries) -> None:
        """No blob leaves a repository that has a kept tag; one that it does not hold is unknown all the same."""
        repository = registries(RULES).repository(ALPINE)
        digest = await push_blob(repository, EMPTY)
        other = await push_blob(repository, b"other")
        await repository.delete_blob(other)
        await push(repository, ONE, V1)
        with pytest.raises(TagProtected) as refused:
            await repository.delete_blob(digest)
        assert refused.value.detail == {"tag": "v1"}
        with pytest.raises(BlobUnknown):
            await repository.delete_blob(other)
        assert await pull_blob(repository, digest) == EMPTY

    @waits
    async def test_rules_are_of_the_one_who_asks(self, registries: Registries) -> None:
        """What stays for one goes for another."""
        await push(registries(RULES).repository(ALPINE), ONE, V1)
        free = registries(FREE).repository(ALPINE)
        await push(free, TWO, V1)
        await free.delete_tag(V1)
        await push(registries(RULES).repository(ALPINE), ONE, V1)
        await free.delete_manifest(digest_of(ONE))
        assert await free.tags(ALL) == Page(())
