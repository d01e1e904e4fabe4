"""
Manifests that refer to another.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

import pytest

from oci_twisted.spec.descriptors import Descriptor
from oci_twisted.spec.digests import ALGORITHMS, SHA512, digest_of
from oci_twisted.spec.mediatypes import OCI_ARTIFACT, OCI_EMPTY, OCI_INDEX, OCI_MANIFEST
from oci_twisted.spec.pages import Page, PageRequest
from oci_twisted.spec.referrers import fallback_tag
from oci_twisted.testing.metadata.examples import check_pages
from oci_twisted.testing.repository.blobs import UNVERIFIABLE
from oci_twisted.testing.repository.examples import (
    ALL,
    ALPINE,
    BUSYBOX,
    EMPTY,
    LATEST,
    describe,
    index,
    push,
    push_blob,
    push_image,
    referrer,
)
from oci_twisted.testing.waiting import waits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oci_twisted.interfaces import IRegistry, IRepository

SUBJECT = index(annotations={"name": "subject"})
DIGEST = digest_of(SUBJECT)
SIGNATURE = "application/vnd.example.signature"
BILL = "application/vnd.example.bill+json"


def described(manifest: bytes, media_type: str = OCI_MANIFEST, artifact_type: str | None = OCI_EMPTY) -> Descriptor:
    """Answer how a manifest without annotations is listed."""
    return Descriptor(media_type, digest_of(manifest), len(manifest), artifact_type)


async def listed(repository: IRepository, *artifact_types: str) -> Sequence[Descriptor]:
    """List the referrers of the example."""
    page = await repository.referrers(DIGEST, artifact_types, ALL)
    assert not page.more
    return page.items


class ReferrersContract:
    """What a repository does with referrers."""

    @waits
    async def test_nothing_refers_to_what_is_not_there(self, registry: IRegistry) -> None:
        """The list of an unknown subject is empty, in a repository that exists or does not, as is that of a known."""
        repository = registry.repository(ALPINE)
        for subject in (DIGEST, digest_of(SUBJECT, SHA512), UNVERIFIABLE):
            assert await repository.referrers(subject, (), ALL) == Page(())
        await push(repository, SUBJECT)
        assert await listed(repository) == ()
        assert await listed(repository, SIGNATURE) == ()

    @waits
    async def test_an_image_is_listed_with_what_it_is(self, registry: IRegistry) -> None:
        """An image that refers is listed with its type, its size and its annotations, however it was pushed."""
        repository = registry.repository(ALPINE)
        annotations = {"org.example.name": "näme", "empty": ""}
        manifest = referrer(SUBJECT, artifactType=SIGNATURE, annotations=annotations)
        await push_blob(repository, EMPTY)
        for reference in (LATEST, None, LATEST):
            assert (await push(repository, manifest, reference)).subject == DIGEST
            (found,) = await listed(repository)
            assert found == Descriptor(OCI_MANIFEST, digest_of(manifest), len(manifest), SIGNATURE, annotations)

    @waits
    async def test_the_type_of_an_image_is_that_of_its_config(self, registry: IRegistry) -> None:
        """An image that says no artifact type is listed with its config's."""
        repository = registry.repository(ALPINE)
        manifest = referrer(SUBJECT)
        await push_image(repository, manifest)
        assert await listed(repository) == (described(manifest, OCI_MANIFEST, OCI_EMPTY),)
        assert await listed(repository, OCI_EMPTY) == (described(manifest, OCI_MANIFEST, OCI_EMPTY),)

    @waits
    async def test_an_index_and_an_artifact_are_listed(self, registry: IRegistry) -> None:
        """What refers may be of any kind; an index that says no artifact type is listed without."""
        repository = registry.repository(ALPINE)
        subject = describe(SUBJECT, OCI_INDEX)
        typed = index(subject=subject, artifactType=SIGNATURE)
        untyped = index(subject=subject)
        artifact = json.dumps({"mediaType": OCI_ARTIFACT, "artifactType": BILL, "subject": subject}).encode()
        for manifest in (typed, untyped, artifact):
            assert (await push(repository, manifest)).subject == DIGEST
        expected = [
            described(typed, OCI_INDEX, SIGNATURE),
            described(untyped, OCI_INDEX, None),
            described(artifact, OCI_ARTIFACT, BILL),
        ]
        assert sorted(await listed(repository), key=lambda one: one.size) == sorted(expected, key=lambda one: one.size)

    @waits
    async def test_the_list_can_be_filtered(self, registry: IRegistry) -> None:
        """Only those of one of the wanted types are listed."""
        repository = registry.repository(ALPINE)
        await push_blob(repository, EMPTY)
        types = {SIGNATURE: 2, BILL: 1, "application/vnd.example+other": 1}
        for artifact_type, count in types.items():
            for number in range(count):
                await push(repository, referrer(SUBJECT, artifactType=artifact_type, annotations={"n": str(number)}))
        await push(repository, index(subject=describe(SUBJECT)))
        assert len(await listed(repository)) == 5
        for wanted in ((SIGNATURE,), (BILL,), (SIGNATURE, BILL), (BILL, BILL), ("application/vnd.example+other",)):
            found = await listed(repository, *wanted)
            assert {one.artifact_type for one in found} == set(wanted)
            assert len(found) == sum(types[artifact_type] for artifact_type in set(wanted))
        assert await listed(repository, "application/vnd.example") == ()

    @waits
    async def test_the_list_comes_in_pages(self, registry: IRegistry) -> None:
        """The list is in the order of the digests, in pages of any length, with a filter or without."""
        repository = registry.repository(ALPINE)
        await push_blob(repository, EMPTY)
        manifests = [referrer(SUBJECT, artifactType=SIGNATURE, annotations={"n": str(number)}) for number in range(6)]
        for manifest in manifests:
            await push(repository, manifest)
        for artifact_types in ((), (SIGNATURE,), (SIGNATURE, BILL)):

            async def page(wanted: PageRequest, kinds: tuple[str, ...] = artifact_types) -> Page[str]:
                found = await repository.referrers(DIGEST, kinds, wanted)
                return Page(tuple(str(one.digest) for one in found.items), found.more)

            await check_pages(page, sorted(str(digest_of(manifest)) for manifest in manifests))

    @pytest.mark.parametrize("algorithm", ALGORITHMS)
    @waits
    async def test_a_subject_has_the_digest_that_names_it(self, registry: IRegistry, algorithm: str) -> None:
        """A referrer is listed under the digest that it refers to, of whichever algorithm, and under no other."""
        repository = registry.repository(ALPINE)
        await push_image(repository, referrer(SUBJECT, algorithm))
        for other in ALGORITHMS:
            found = await repository.referrers(digest_of(SUBJECT, other), (), ALL)
            assert len(found.items) == (other == algorithm)

    @waits
    async def test_a_referrer_may_come_first(self, registry: IRegistry) -> None:
        """A referrer that was pushed before its subject is listed, before and after, once."""
        repository = registry.repository(ALPINE)
        manifest = referrer(SUBJECT)
        await push_image(repository, manifest)
        assert await listed(repository) == (described(manifest),)
        await push(repository, SUBJECT, LATEST)
        assert await listed(repository) == (described(manifest),)

    @waits
    async def test_a_fallback_index_adds_nothing(self, registry: IRegistry) -> None:
        """A referrer that a client has also listed under the subject's fallback tag is listed once."""
        repository = registry.repository(ALPINE)
        manifest = referrer(SUBJECT)
        await push_image(repository, manifest)
        await push(repository, SUBJECT)
        await push(repository, index(manifest), fallback_tag(DIGEST))
        assert await listed(repository) == (described(manifest),)
        await push(repository, manifest)
        assert await listed(repository) == (described(manifest),)

    @waits
    async def test_a_list_is_a_repository_s_own(self, registry: IRegistry) -> None:
        """What refers in one repository is not listed in another that holds the same subject."""
        await push_image(registry.repository(ALPINE), referrer(SUBJECT))
        await push(registry.repository(BUSYBOX), SUBJECT)
        assert await listed(registry.repository(BUSYBOX)) == ()

    @waits
    async def test_a_deleted_referrer_is_not_listed(self, registry: IRegistry) -> None:
        """With the manifest its entry goes, under every type; with a tag alone it does not."""
        repository = registry.repository(ALPINE)
        await push_blob(repository, EMPTY)
        manifests = [referrer(SUBJECT, artifactType=SIGNATURE, annotations={"n": str(number)}) for number in range(2)]
        for manifest in manifests:
            await push(repository, manifest, LATEST)
        await repository.delete_tag(LATEST)
        assert len(await listed(repository)) == 2
        await repository.delete_manifest(digest_of(manifests[0]))
        for artifact_types in ((), (SIGNATURE,)):
            (found,) = await listed(repository, *artifact_types)
            assert found.digest == digest_of(manifests[1])
        await push(repository, manifests[0])
        assert len(await listed(repository)) == 2

    @waits
    async def test_a_list_outlives_its_subject(self, registry: IRegistry) -> None:
        """When the subject is deleted, what refers to it is still there and still listed."""
        repository = registry.repository(ALPINE)
        manifest = referrer(SUBJECT)
        await push_image(repository, manifest)
        await push(repository, SUBJECT)
        await repository.delete_manifest(DIGEST)
        assert await listed(repository) == (described(manifest),)

    @waits
    async def test_long_annotations_do_not_make_a_page_too_long(self, registry: IRegistry) -> None:
        """A page comes short rather than very long, and the next ones have the rest."""
        repository = registry.repository(ALPINE)
        await push_blob(repository, EMPTY)
        for number in range(5):
            await push(repository, referrer(SUBJECT, annotations={str(number): "x" * 600_000}))
        walked: list[Descriptor] = []
        fetch = partial(repository.referrers, DIGEST, ())
        more = True
        while more:
            page = await fetch(PageRequest(1000, str(walked[-1].digest) if walked else ""))
            assert 0 < len(page.items) < 5
            walked += page.items
            more = page.more
        assert len({one.digest for one in walked}) == len(walked) == 5
