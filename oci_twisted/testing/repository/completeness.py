"""
What has to be there before a manifest that names it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from oci_twisted.spec.digests import SHA512, digest_of
from oci_twisted.spec.errors import ManifestBlobUnknown, ManifestUnknown, NameUnknown
from oci_twisted.spec.mediatypes import OCI_MANIFEST, OCTETS
from oci_twisted.testing.repository.blobs import UNVERIFIABLE
from oci_twisted.testing.repository.examples import (
    ALL,
    ALPINE,
    BUSYBOX,
    EMPTY,
    LATEST,
    describe,
    image,
    index,
    push,
    push_blob,
)
from oci_twisted.testing.waiting import waits

if TYPE_CHECKING:
    from oci_twisted.interfaces import IRegistry
    from oci_twisted.spec.digests import Digest
    from oci_twisted.spec.names import RepositoryName

LAYERS = (b"first layer", b"second layer")
IMAGE = image(*LAYERS)


async def missing(registry: IRegistry, manifest: bytes, name: RepositoryName = ALPINE) -> tuple[Digest, ...]:
    """Push a manifest that lacks something, and answer what the registry says that it lacks."""
    with pytest.raises(ManifestBlobUnknown) as refused:
        await push(registry.repository(name), manifest, LATEST)
    with pytest.raises(ManifestUnknown):
        await registry.repository(name).get_manifest(LATEST)
    with pytest.raises(ManifestUnknown):
        await registry.repository(name).get_manifest(digest_of(manifest))
    return refused.value.missing


class CompletenessContract:
    """What a registry that insists on complete images does."""

    @waits
    async def test_all_that_is_missing_is_named(self, registry: IRegistry) -> None:
        """A manifest without its content is refused, with everything that is missing, once each and in order."""
        everything = (digest_of(EMPTY), *map(digest_of, LAYERS))
        assert await missing(registry, IMAGE) == everything
        assert await missing(registry, image(*LAYERS, *LAYERS)) == everything
        with pytest.raises(NameUnknown):
            await registry.repository(ALPINE).tags(ALL)
        await push_blob(registry.repository(ALPINE), LAYERS[0])
        assert await missing(registry, IMAGE) == (digest_of(EMPTY), digest_of(LAYERS[1]))
        await push_blob(registry.repository(ALPINE), LAYERS[1])
        assert await missing(registry, IMAGE) == (digest_of(EMPTY),)
        await push_blob(registry.repository(ALPINE), EMPTY)
        await push(registry.repository(ALPINE), IMAGE, LATEST)

    @waits
    async def test_an_index_needs_its_manifests(self, registry: IRegistry) -> None:
        """An index whose manifests are missing is refused, and names them."""
        children = (index(annotations={"name": "one"}), index(annotations={"name": "two"}))
        assert await missing(registry, index(*children)) == tuple(map(digest_of, children))
        await push(registry.repository(ALPINE), children[1])
        assert await missing(registry, index(*children)) == (digest_of(children[0]),)
        await push(registry.repository(ALPINE), children[0])
        await push(registry.repository(ALPINE), index(*children), LATEST)

    @waits
    async def test_an_index_may_list_blobs(self, registry: IRegistry) -> None:
        """What an index lists may be here as a blob: build caches list their layers so."""
        await push_blob(registry.repository(ALPINE), LAYERS[0])
        cache = index(manifests=[describe(LAYERS[0]), describe(LAYERS[1])])
        assert await missing(registry, cache) == (digest_of(LAYERS[1]),)
        await push_blob(registry.repository(ALPINE), LAYERS[1])
        await push(registry.repository(ALPINE), cache, LATEST)

    @waits
    async def test_a_manifest_is_no_layer(self, registry: IRegistry) -> None:
        """What an image lists has to be here as a blob."""
        child = index()
        await push_blob(registry.repository(ALPINE), EMPTY)
        await push(registry.repository(ALPINE), child)
        assert await missing(registry, image(child)) == (digest_of(child),)

    @waits
    async def test_what_others_hold_does_not_count(self, registry: IRegistry) -> None:
        """Content that only another repository holds is missing here."""
        for content in (EMPTY, *LAYERS):
            await push_blob(registry.repository(BUSYBOX), content)
        await push(registry.repository(BUSYBOX), IMAGE)
        assert await missing(registry, IMAGE) == (digest_of(EMPTY), *map(digest_of, LAYERS))
        assert await missing(registry, index(IMAGE)) == (digest_of(IMAGE),)

    @waits
    async def test_what_was_deleted_does_not_count(self, registry: IRegistry) -> None:
        """Content that was here is missing again."""
        repository = registry.repository(ALPINE)
        for content in (EMPTY, *LAYERS):
            await push_blob(repository, content)
        await push(repository, IMAGE, LATEST)
        await repository.delete_manifest(digest_of(IMAGE))
        await repository.delete_blob(digest_of(LAYERS[1]))
        assert await missing(registry, IMAGE) == (digest_of(LAYERS[1]),)

    @waits
    async def test_a_digest_of_another_algorithm_is_another_blob(self, registry: IRegistry) -> None:
        """Content counts under the digest that names it, and under one that nobody can check it is always missing."""
        await push_blob(registry.repository(ALPINE), EMPTY)
        other = describe(EMPTY, algorithm=SHA512)
        strange = {"mediaType": OCTETS, "digest": str(UNVERIFIABLE), "size": 1}
        manifest = image(layers=[other, strange])
        assert await missing(registry, manifest) == (digest_of(EMPTY, SHA512), UNVERIFIABLE)

    @pytest.mark.parametrize(
        "layer",
        [
            describe(b"foreign", urls=["https://example.com/layer"]),
            describe(b"foreign", "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"),
            describe(b"foreign", "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"),
        ],
    )
    @waits
    async def test_a_foreign_layer_need_not_be_here(self, registry: IRegistry, layer: dict[str, object]) -> None:
        """What is not distributed through registries is not asked for."""
        repository = registry.repository(ALPINE)
        await push_blob(repository, EMPTY)
        await push(repository, image(layers=[layer]), LATEST)
        assert (await repository.get_manifest(LATEST)).media_type == OCI_MANIFEST

    @waits
    async def test_a_subject_need_not_be_here(self, registry: IRegistry) -> None:
        """A manifest may refer to one that is not here, or never will be."""
        repository = registry.repository(ALPINE)
        await push_blob(repository, EMPTY)
        pushed = await push(repository, image(subject=describe(b"missing", OCI_MANIFEST)), LATEST)
        assert pushed.subject == digest_of(b"missing")
