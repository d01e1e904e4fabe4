"""
Who refers to whom.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from oci_twisted.spec.descriptors import Descriptor
from oci_twisted.spec.digests import digest_of, parse_digest
from oci_twisted.spec.mediatypes import OCI_MANIFEST
from oci_twisted.spec.names import parse_name
from oci_twisted.spec.pages import Page, PageRequest
from oci_twisted.spec.referrers import PAGE_BYTES
from oci_twisted.testing.metadata.examples import ALL, ALPINE, BUSYBOX, LATEST, check_pages, digest, image, put
from oci_twisted.testing.waiting import waits

if TYPE_CHECKING:
    from collections.abc import Collection

    from oci_twisted.interfaces import IMetadataStore
    from oci_twisted.spec.digests import Digest

SUBJECT = digest("subject")
SIGNATURE = "application/vnd.example.signature"
BILL = "application/vnd.example.sbom.v1+json"


def _text(descriptor: Descriptor) -> str:
    return str(descriptor.digest)


async def _refer(store: IMetadataStore, *artifact_types: str | None) -> dict[str | None, list[Descriptor]]:
    """Put three referrers of each type, and answer them in the order of their digests' text."""
    put_ones: dict[str | None, list[Descriptor]] = {}
    for artifact_type in artifact_types:
        images = [image(f"{artifact_type} {n}", subject=SUBJECT, artifact_type=artifact_type) for n in range(3)]
        for each in images:
            await put(store, ALPINE, each)
        put_ones[artifact_type] = sorted((each.descriptor(each.digest()) for each in images), key=_text)
    return put_ones


async def _listed(
    store: IMetadataStore, subject: Digest = SUBJECT, artifact_types: Collection[str] = ()
) -> tuple[Descriptor, ...]:
    page: Page[Descriptor] = await store.referrers(ALPINE, subject, artifact_types, ALL)
    assert not page.more
    return page.items


class ReferrersContract:
    """What `oci_twisted.interfaces.IManifestIndex.referrers` promises."""

    @waits
    async def test_nothing_refers_to_what_is_unknown(self, store: IMetadataStore) -> None:
        """The list is empty for a subject that nothing names, in a repository that exists or in one that does not."""
        for _ in range(2):
            for types in ([], [SIGNATURE], [SIGNATURE, BILL]):
                assert await store.referrers(ALPINE, SUBJECT, types, ALL) == Page(())
            await put(store, ALPINE, image("no referrer", artifact_type=SIGNATURE))

    @waits
    async def test_a_referrer_is_described_in_full(self, store: IMetadataStore) -> None:
        """The descriptor has the manifest's media type, digest, size, artifact type and annotations, in any script."""
        annotations = {"org.example.purpose": "", "Überschrift": "Καλημέρα 🐳\n\x00\"'", "": "empty"}
        key = await put(
            store,
            ALPINE,
            image("referrer", subject=SUBJECT, artifact_type=SIGNATURE, annotations=annotations),
            LATEST,
        )
        expected = Descriptor(OCI_MANIFEST, key, len("referrer"), SIGNATURE, annotations)
        assert await _listed(store) == (expected,)
        assert await _listed(store, artifact_types=[SIGNATURE]) == (expected,)

    @waits
    async def test_a_referrer_may_have_neither_type_nor_annotations(self, store: IMetadataStore) -> None:
        """What the manifest does not say is not in its descriptor, and no filter finds it."""
        key = await put(store, ALPINE, image("referrer", subject=SUBJECT))
        assert await _listed(store) == (Descriptor(OCI_MANIFEST, key, len("referrer"), None, {}),)
        assert await _listed(store, artifact_types=[""]) == ()

    @waits
    async def test_the_subject_need_not_be_there(self, store: IMetadataStore) -> None:
        """A referrer may come before its subject, and stays listed when the subject is deleted."""
        subject = image("subject itself")
        await put(store, ALPINE, image("referrer", subject=subject.digest()))
        assert len(await _listed(store, subject.digest())) == 1
        await put(store, ALPINE, subject)
        await store.delete_manifest(ALPINE, subject.digest())
        assert len(await _listed(store, subject.digest())) == 1

    @pytest.mark.parametrize("key", [digest_of(b"subject", "sha512"), parse_digest("future:aZ09=_-")])
    @waits
    async def test_any_digest_is_a_subject(self, store: IMetadataStore, key: Digest) -> None:
        """Subjects are told apart by all of their digest, whatever its algorithm."""
        await put(store, ALPINE, image("of the one", subject=key))
        await put(store, ALPINE, image("of the other", subject=SUBJECT))
        assert [each.digest for each in await _listed(store, key)] == [image("of the one").digest()]
        assert [each.digest for each in await _listed(store)] == [image("of the other").digest()]

    @waits
    async def test_a_referrer_is_listed_once(self, store: IMetadataStore) -> None:
        """A manifest that is put again is no second referrer, nor is one whose type is asked for twice."""
        manifest = image("referrer", subject=SUBJECT, artifact_type=SIGNATURE)
        await put(store, ALPINE, manifest)
        await put(store, ALPINE, manifest, LATEST)
        assert len(await _listed(store)) == 1
        assert len(await _listed(store, artifact_types=[SIGNATURE, SIGNATURE])) == 1

    @waits
    async def test_a_deleted_referrer_is_not_listed(self, store: IMetadataStore) -> None:
        """A manifest's entry goes with it, under its type and under none, and no other entry does."""
        listed = await _refer(store, SIGNATURE)
        first, *others = listed[SIGNATURE]
        await store.delete_manifest(ALPINE, first.digest)
        assert await _listed(store) == tuple(others)
        assert await _listed(store, artifact_types=[SIGNATURE]) == tuple(others)

    @waits
    async def test_referrers_are_those_of_the_repository(self, store: IMetadataStore) -> None:
        """The same subject and the same referrer in several repositories are listed, and deleted, in each apart."""
        manifest = image("everywhere", subject=SUBJECT)
        for name in (ALPINE, BUSYBOX):
            await put(store, name, manifest)
        await put(store, BUSYBOX, image("there only", subject=SUBJECT))
        assert len(await _listed(store)) == 1
        assert (await store.referrers(parse_name("library/alpine/edge"), SUBJECT, [], ALL)).items == ()
        await store.delete_manifest(ALPINE, manifest.digest())
        assert await _listed(store) == ()
        assert len((await store.referrers(BUSYBOX, SUBJECT, [], ALL)).items) == 2

    @waits
    async def test_referrers_are_listed_in_pages(self, store: IMetadataStore) -> None:
        """All that refer to a subject are listed in the order of their digests' text, one of sha512 behind sha256."""
        referrers = await _refer(store, SIGNATURE, BILL, None)
        long = image("long", subject=SUBJECT, artifact_type=BILL)
        await store.put_manifest(ALPINE, long.digest("sha512"), long, [], [], [], None)
        expected = sorted((each for listed in referrers.values() for each in listed), key=_text)
        expected.append(long.descriptor(long.digest("sha512")))
        await check_pages(partial(store.referrers, ALPINE, SUBJECT, []), expected, _text)

    @pytest.mark.parametrize("artifact_types", [[SIGNATURE], [SIGNATURE, BILL], [BILL, "of/nobody", SIGNATURE, BILL]])
    @waits
    async def test_referrers_of_some_types_are_listed_in_pages(
        self, store: IMetadataStore, artifact_types: list[str]
    ) -> None:
        """Those of any of the wanted types are listed in one order, and those of no or another type are left out."""
        referrers = await _refer(store, SIGNATURE, BILL, None, "application/vnd.example.signature2")
        expected = sorted((each for kind in set(artifact_types) for each in referrers.get(kind, [])), key=_text)
        await check_pages(partial(store.referrers, ALPINE, SUBJECT, artifact_types), expected, _text)

    @waits
    async def test_a_type_that_nothing_has_gives_none(self, store: IMetadataStore) -> None:
        """A filter is compared with all of a type, case and all."""
        await _refer(store, SIGNATURE)
        for wanted in ("of/nobody", SIGNATURE.upper(), SIGNATURE[:-1], f"{SIGNATURE}2", "%", ""):
            assert await _listed(store, artifact_types=[wanted]) == ()

    @pytest.mark.parametrize("artifact_types", [[], [SIGNATURE], [SIGNATURE, BILL]])
    @waits
    async def test_a_page_stays_short_of_annotations(self, store: IMetadataStore, artifact_types: list[str]) -> None:
        """A page ends before its annotations grow beyond the limit, the next goes on, and a giant is alone on its."""
        expected = []
        for number in range(9):
            size = 2 * PAGE_BYTES if number == 4 else PAGE_BYTES * 2 // 5
            kind = (SIGNATURE, BILL)[number % 2 if len(artifact_types) == 2 else 0]
            manifest = image(str(number), subject=SUBJECT, artifact_type=kind, annotations={"a": "ü" * (size // 2)})
            await put(store, ALPINE, manifest)
            expected.append(manifest.descriptor(manifest.digest()))
        walked: list[Descriptor] = []
        more = True
        while more:
            last = _text(walked[-1]) if walked else ""
            page = await store.referrers(ALPINE, SUBJECT, artifact_types, PageRequest(1000, last))
            sizes = [len(each.annotations["a"].encode()) for each in page.items]
            assert sum(sizes) <= PAGE_BYTES or len(sizes) == 1
            walked += page.items
            more = page.more
        assert walked == sorted(expected, key=_text)
