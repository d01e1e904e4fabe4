"""
Manifests, pushed and pulled.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from oci_twisted.interfaces import PushedManifest, StoredManifest
from oci_twisted.spec.digests import ALGORITHMS, SHA512, digest_of
from oci_twisted.spec.errors import (
    BlobUnknown,
    DigestInvalid,
    ManifestInvalid,
    ManifestUnknown,
    NameUnknown,
    RegistryError,
)
from oci_twisted.spec.mediatypes import DOCKER_LIST, DOCKER_MANIFEST, OCI_ARTIFACT, OCI_INDEX, OCI_MANIFEST
from oci_twisted.spec.names import parse_tag
from oci_twisted.testing.repository.blobs import UNVERIFIABLE
from oci_twisted.testing.repository.examples import (
    ALL,
    ALPINE,
    BUSYBOX,
    EMPTY,
    LATEST,
    STABLE,
    image,
    index,
    media_type_of,
    push,
    push_blob,
    push_image,
)
from oci_twisted.testing.waiting import waits

if TYPE_CHECKING:
    from oci_twisted.interfaces import IRegistry
    from oci_twisted.spec.digests import Digest

# Valid, and as nobody's JSON library would write it.
ODD = (
    b'\n{ "layers" : [],"schemaVersion":2, "x-unknown": [1.50, "\\u00e9", "\xc3\xa9"],\r\n\t'
    b'"config":{"size":2,"mediaType":"application/vnd.example+json","digest":"'
    + str(digest_of(EMPTY)).encode()
    + b'"},'
    b'"mediaType":"' + OCI_MANIFEST.encode() + b'"}\n\n'
)
IMAGE = image()
EMPTY_INDEX = index()
KINDS = {
    "an image": IMAGE,
    "an odd image": ODD,
    "an image with a type": image(artifactType="application/vnd.example", annotations={"key": "value"}),
    "docker's image": image(mediaType=DOCKER_MANIFEST),
    "an image that lists a blob twice": image(EMPTY, EMPTY),
    "an empty index": EMPTY_INDEX,
    "docker's index": index(mediaType=DOCKER_LIST),
    "an artifact": json.dumps({"mediaType": OCI_ARTIFACT, "artifactType": "application/vnd.example"}).encode(),
}


class ManifestContract:
    """What a repository does with manifests."""

    @pytest.mark.parametrize("manifest", KINDS.values(), ids=KINDS)
    @waits
    async def test_a_manifest_is_kept_to_the_byte(self, registry: IRegistry, manifest: bytes) -> None:
        """A manifest that was pushed by tag is pulled by tag and by digest, with its exact bytes and its type."""
        repository = registry.repository(ALPINE)
        await push_blob(repository, EMPTY)
        pushed = await push(repository, manifest, LATEST)
        assert pushed == PushedManifest(digest_of(manifest), None, (LATEST,))
        for reference in (LATEST, digest_of(manifest)):
            stored = await repository.get_manifest(reference)
            assert stored == StoredManifest(manifest, media_type_of(manifest), digest_of(manifest))

    @pytest.mark.parametrize("algorithm", ALGORITHMS)
    @waits
    async def test_a_manifest_is_pushed_by_its_digest(self, registry: IRegistry, algorithm: str) -> None:
        """A manifest that was pushed by digest has that digest, and no tag."""
        repository = registry.repository(ALPINE)
        digest = digest_of(EMPTY_INDEX, algorithm)
        assert await push(repository, EMPTY_INDEX, digest) == PushedManifest(digest, None, ())
        assert await repository.get_manifest(digest) == StoredManifest(EMPTY_INDEX, OCI_INDEX, digest)
        assert (await repository.tags(ALL)).items == ()

    @pytest.mark.parametrize("algorithm", ALGORITHMS)
    @waits
    async def test_a_manifest_takes_tags_along(self, registry: IRegistry, algorithm: str) -> None:
        """Tags that come with a digest point to it, under the digest that they came with."""
        repository = registry.repository(ALPINE)
        digest = digest_of(EMPTY_INDEX, algorithm)
        pushed = await repository.put_manifest(EMPTY_INDEX, OCI_INDEX, digest, (STABLE, LATEST, STABLE))
        assert pushed == PushedManifest(digest, None, (STABLE, LATEST))
        for tag in (STABLE, LATEST):
            assert (await repository.get_manifest(tag)).digest == digest

    @waits
    async def test_the_type_may_go_without_saying(self, registry: IRegistry) -> None:
        """A manifest that says its own type need not be pushed with one; the parameters of one are dropped."""
        repository = registry.repository(ALPINE)
        await repository.put_manifest(EMPTY_INDEX, None, LATEST)
        assert (await repository.get_manifest(LATEST)).media_type == OCI_INDEX
        await repository.put_manifest(EMPTY_INDEX, f"{OCI_INDEX}; charset=utf-8", STABLE)
        assert (await repository.get_manifest(STABLE)).media_type == OCI_INDEX

    @waits
    async def test_a_type_may_be_unknown(self, registry: IRegistry) -> None:
        """Content of a type that nobody knows is bytes, and is kept as such."""
        repository = registry.repository(ALPINE)
        await repository.put_manifest(b"\x00 bytes", "application/vnd.example", LATEST)
        stored = await repository.get_manifest(LATEST)
        assert (stored.content, stored.media_type) == (b"\x00 bytes", "application/vnd.example")

    @waits
    async def test_an_index_may_list_indexes(self, registry: IRegistry) -> None:
        """An index of indexes and images is kept, and everything in it."""
        repository = registry.repository(ALPINE)
        inner = index(IMAGE, EMPTY_INDEX)
        outer = index(inner, IMAGE)
        await push_blob(repository, EMPTY)
        for manifest in (IMAGE, EMPTY_INDEX, inner, outer):
            await push(repository, manifest)
        for manifest in (IMAGE, EMPTY_INDEX, inner, outer):
            assert (await repository.get_manifest(digest_of(manifest))).content == manifest

    @waits
    async def test_a_manifest_can_be_pushed_again(self, registry: IRegistry) -> None:
        """To push what is there already only moves the tag."""
        repository = registry.repository(ALPINE)
        for tag in (LATEST, LATEST, STABLE):
            assert (await push(repository, EMPTY_INDEX, tag)).digest == digest_of(EMPTY_INDEX)
        assert (await repository.tags(ALL)).items == (LATEST, STABLE)

    @waits
    async def test_a_large_manifest_is_taken(self, registry: IRegistry) -> None:
        """Four MiB are not too much, as the specification asks."""
        repository = registry.repository(ALPINE)
        manifest = index(annotations={"key": "value" * 800_000})
        manifest += b" " * ((4 << 20) - len(manifest))
        await push(repository, manifest, LATEST)
        assert (await repository.get_manifest(LATEST)).content == manifest

    @waits
    async def test_an_unknown_manifest_is_not_found(self, registry: IRegistry) -> None:
        """There is no manifest in a repository that does not exist, nor one that only another holds."""
        repository = registry.repository(ALPINE)
        for name in (None, BUSYBOX, ALPINE):
            if name is not None:
                other = EMPTY_INDEX if name == BUSYBOX else index(annotations={"other": ""})
                await push(registry.repository(name), other, STABLE)
            for reference in (LATEST, digest_of(EMPTY_INDEX), digest_of(EMPTY_INDEX, SHA512), UNVERIFIABLE):
                with pytest.raises(ManifestUnknown):
                    await repository.get_manifest(reference)

    @waits
    async def test_a_blob_is_no_manifest(self, registry: IRegistry) -> None:
        """A blob cannot be pulled as a manifest, nor a manifest as a blob, though they may be the same bytes."""
        repository = registry.repository(ALPINE)
        await push_blob(repository, EMPTY_INDEX)
        with pytest.raises(ManifestUnknown):
            await repository.get_manifest(digest_of(EMPTY_INDEX))
        await push_blob(repository, EMPTY)
        await push(repository, IMAGE)
        with pytest.raises(BlobUnknown):
            await repository.stat_blob(digest_of(IMAGE))

    @pytest.mark.parametrize("digest", [digest_of(b""), digest_of(b"", SHA512), UNVERIFIABLE], ids=str)
    @waits
    async def test_another_digest_is_refused(self, registry: IRegistry, digest: Digest) -> None:
        """A manifest is not kept under a digest that it does not have, or that cannot be checked."""
        repository = registry.repository(ALPINE)
        with pytest.raises(DigestInvalid):
            await repository.put_manifest(EMPTY_INDEX, OCI_INDEX, digest, (LATEST,))
        await self._check_nothing(registry)

    @pytest.mark.parametrize(
        ("content", "content_type"),
        [
            (b"", OCI_MANIFEST),
            (b"not JSON", OCI_MANIFEST),
            (b"{}", OCI_INDEX),
            (b"{}", None),
            (EMPTY_INDEX, OCI_MANIFEST),
            (EMPTY_INDEX, "application/vnd.example"),
            (EMPTY_INDEX, "no type"),
            (index(config={}), OCI_INDEX),
        ],
    )
    @waits
    async def test_what_is_no_manifest_is_refused(
        self, registry: IRegistry, content: bytes, content_type: str | None
    ) -> None:
        """Content that is not what its type says, or that says something else, is not kept."""
        with pytest.raises(ManifestInvalid):
            await registry.repository(ALPINE).put_manifest(content, content_type, LATEST)
        await self._check_nothing(registry)

    async def _check_nothing(self, registry: IRegistry) -> None:
        repository = registry.repository(ALPINE)
        for reference in (LATEST, digest_of(EMPTY_INDEX)):
            with pytest.raises(ManifestUnknown):
                await repository.get_manifest(reference)
        with pytest.raises(NameUnknown):
            await repository.tags(ALL)

    @waits
    async def test_a_deleted_manifest_is_gone(self, registry: IRegistry) -> None:
        """A manifest that was deleted is not found, nor is any tag that pointed to it; the others stay."""
        repository = registry.repository(ALPINE)
        other = parse_tag("other")
        await push(repository, EMPTY_INDEX, LATEST)
        await push(repository, EMPTY_INDEX, STABLE)
        kept = await push_image(repository, IMAGE, other)
        await repository.delete_manifest(digest_of(EMPTY_INDEX))
        for reference in (LATEST, STABLE, digest_of(EMPTY_INDEX)):
            with pytest.raises(ManifestUnknown):
                await repository.get_manifest(reference)
        assert (await repository.tags(ALL)).items == (other,)
        assert (await repository.get_manifest(other)).digest == kept

    @waits
    async def test_a_manifest_is_deleted_once(self, registry: IRegistry) -> None:
        """A manifest that is not there, or is only elsewhere, cannot be deleted; one that was can be pushed again."""
        repository = registry.repository(ALPINE)
        await push(registry.repository(BUSYBOX), EMPTY_INDEX)
        for digest in (digest_of(EMPTY_INDEX), UNVERIFIABLE):
            with pytest.raises(ManifestUnknown):
                await repository.delete_manifest(digest)
        await push(repository, EMPTY_INDEX, LATEST)
        await repository.delete_manifest(digest_of(EMPTY_INDEX))
        with pytest.raises(ManifestUnknown):
            await repository.delete_manifest(digest_of(EMPTY_INDEX))
        await push(repository, EMPTY_INDEX)
        assert (await repository.get_manifest(digest_of(EMPTY_INDEX))).content == EMPTY_INDEX
        with pytest.raises(ManifestUnknown):
            await repository.get_manifest(LATEST)

    @waits
    async def test_what_a_manifest_names_can_be_deleted(self, registry: IRegistry) -> None:
        """A manifest stays though its blob is deleted, and a blob though its manifest is."""
        repository = registry.repository(ALPINE)
        digest = await push_image(repository, IMAGE, LATEST)
        await repository.delete_blob(digest_of(EMPTY))
        assert (await repository.get_manifest(LATEST)).digest == digest
        await push_blob(repository, EMPTY)
        await repository.delete_manifest(digest)
        assert await repository.stat_blob(digest_of(EMPTY)) == len(EMPTY)

    @waits
    async def test_a_refusal_is_one_of_ours(self, registry: IRegistry) -> None:
        """Every refusal is a `RegistryError` with a sentence."""
        with pytest.raises(RegistryError) as refused:
            await registry.repository(ALPINE).get_manifest(LATEST)
        assert refused.value.message
