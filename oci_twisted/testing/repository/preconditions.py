"""
Changes of a tag that happen only if it is where it is believed to be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from oci_twisted.spec.digests import SHA512, digest_of
from oci_twisted.spec.errors import ManifestUnknown, ReferenceChanged
from oci_twisted.spec.mediatypes import OCI_INDEX
from oci_twisted.spec.preconditions import Precondition
from oci_twisted.testing.repository.examples import ALPINE, LATEST, STABLE, index, push
from oci_twisted.testing.waiting import waits

if TYPE_CHECKING:
    from oci_twisted.interfaces import IRegistry, IRepository
    from oci_twisted.spec.digests import Digest

ONE = index(annotations={"name": "one"})
TWO = index(annotations={"name": "two"})

ABSENT = Precondition(None, absent=True)
PRESENT = Precondition(None)
IS_ONE = Precondition(frozenset({digest_of(ONE)}))
IS_TWO = Precondition(frozenset({digest_of(TWO)}))
IS_EITHER = Precondition(frozenset({digest_of(ONE), digest_of(TWO)}))
IS_ONE_OTHERWISE = Precondition(frozenset({digest_of(ONE, SHA512)}))


async def put(
    repository: IRepository, manifest: bytes, precondition: Precondition, reference: Digest | None = None
) -> None:
    """Push a manifest by a tag, or by its digest with both tags."""
    if reference is None:
        await repository.put_manifest(manifest, OCI_INDEX, LATEST, (), precondition)
    else:
        await repository.put_manifest(manifest, OCI_INDEX, reference, (LATEST, STABLE), precondition)


class PreconditionContract:
    """What a repository does with preconditions."""

    @waits
    async def test_a_new_tag_can_be_made_once(self, registry: IRegistry) -> None:
        """Of those that make a tag which must be new, the first succeeds."""
        repository = registry.repository(ALPINE)
        await put(repository, ONE, ABSENT)
        with pytest.raises(ReferenceChanged):
            await put(repository, TWO, ABSENT)
        assert (await repository.get_manifest(LATEST)).content == ONE
        with pytest.raises(ManifestUnknown):
            await repository.get_manifest(digest_of(TWO))

    @pytest.mark.parametrize("precondition", [PRESENT, IS_ONE, IS_EITHER])
    @waits
    async def test_a_tag_moves_from_where_it_is(self, registry: IRegistry, precondition: Precondition) -> None:
        """A tag that is as expected moves, also to where it is already."""
        repository = registry.repository(ALPINE)
        await push(repository, ONE, LATEST)
        await put(repository, ONE, precondition)
        await put(repository, TWO, precondition)
        assert (await repository.get_manifest(LATEST)).content == TWO

    @pytest.mark.parametrize("precondition", [IS_TWO, IS_ONE_OTHERWISE])
    @waits
    async def test_a_tag_that_is_elsewhere_stays(self, registry: IRegistry, precondition: Precondition) -> None:
        """A tag that is not as expected stays, nothing is kept, and the refusal says where it points to."""
        repository = registry.repository(ALPINE)
        await push(repository, ONE, LATEST)
        with pytest.raises(ReferenceChanged) as refused:
            await put(repository, TWO, precondition)
        assert refused.value.detail == {"digest": str(digest_of(ONE))}
        assert (await repository.get_manifest(LATEST)).content == ONE
        with pytest.raises(ManifestUnknown):
            await repository.get_manifest(digest_of(TWO))

    @pytest.mark.parametrize("precondition", [PRESENT, IS_ONE, IS_EITHER])
    @waits
    async def test_a_tag_that_does_not_exist_is_not_made(self, registry: IRegistry, precondition: Precondition) -> None:
        """A tag that was expected to point anywhere is not made when it does not exist."""
        repository = registry.repository(ALPINE)
        with pytest.raises(ReferenceChanged) as refused:
            await put(repository, ONE, precondition)
        assert refused.value.detail is None
        for reference in (LATEST, digest_of(ONE)):
            with pytest.raises(ManifestUnknown):
                await repository.get_manifest(reference)

    @waits
    async def test_all_tags_move_or_none(self, registry: IRegistry) -> None:
        """What must be true is true of every tag, or nothing happens to any."""
        repository = registry.repository(ALPINE)
        await push(repository, ONE, LATEST)
        for precondition in (ABSENT, IS_ONE):
            with pytest.raises(ReferenceChanged):
                await put(repository, TWO, precondition, digest_of(TWO))
            assert (await repository.get_manifest(LATEST)).content == ONE
            with pytest.raises(ManifestUnknown):
                await repository.get_manifest(STABLE)
        await push(repository, ONE, STABLE)
        await put(repository, TWO, IS_ONE, digest_of(TWO))
        for tag in (LATEST, STABLE):
            assert (await repository.get_manifest(tag)).content == TWO

    @pytest.mark.parametrize("precondition", [PRESENT, IS_ONE, IS_EITHER])
    @waits
    async def test_a_tag_is_deleted_where_it_is(self, registry: IRegistry, precondition: Precondition) -> None:
        """A tag that is as expected is deleted."""
        repository = registry.repository(ALPINE)
        await push(repository, ONE, LATEST)
        await repository.delete_tag(LATEST, precondition)
        with pytest.raises(ManifestUnknown):
            await repository.get_manifest(LATEST)

    @pytest.mark.parametrize("precondition", [IS_TWO, IS_ONE_OTHERWISE])
    @waits
    async def test_a_tag_that_is_elsewhere_is_not_deleted(
        self, registry: IRegistry, precondition: Precondition
    ) -> None:
        """A tag that is not as expected stays, and the refusal says where it points to."""
        repository = registry.repository(ALPINE)
        await push(repository, ONE, LATEST)
        with pytest.raises(ReferenceChanged) as refused:
            await repository.delete_tag(LATEST, precondition)
        assert refused.value.detail == {"digest": str(digest_of(ONE))}
        assert (await repository.get_manifest(LATEST)).content == ONE

    @waits
    async def test_a_tag_that_does_not_exist_is_nowhere(self, registry: IRegistry) -> None:
        """To delete a tag that was expected to point somewhere, and does not exist, is refused for that."""
        repository = registry.repository(ALPINE)
        for precondition in (PRESENT, IS_ONE):
            with pytest.raises(ReferenceChanged):
                await repository.delete_tag(LATEST, precondition)
