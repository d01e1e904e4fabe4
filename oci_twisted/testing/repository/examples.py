"""
What the tests are about, and the few steps that they share.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from oci_twisted.spec.digests import SHA256, digest_of
from oci_twisted.spec.mediatypes import OCI_EMPTY, OCI_INDEX, OCI_MANIFEST, OCTETS
from oci_twisted.spec.names import parse_name, parse_tag
from oci_twisted.spec.pages import PageRequest
from oci_twisted.testing.consumers import CheckingConsumer

if TYPE_CHECKING:
    from oci_twisted.interfaces import IRepository, PushedManifest
    from oci_twisted.spec.digests import Digest
    from oci_twisted.spec.names import Reference

ALPINE = parse_name("library/alpine")
BUSYBOX = parse_name("busybox")
LATEST = parse_tag("latest")
STABLE = parse_tag("stable")

ALL = PageRequest(1000)

EMPTY = b"{}"


def describe(content: bytes, media_type: str = OCTETS, algorithm: str = SHA256, **fields: object) -> dict[str, object]:
    """Answer a descriptor as JSON has it."""
    return {
        "mediaType": media_type,
        "digest": str(digest_of(content, algorithm)),
        "size": len(content),
        **fields,
    }


def image(*layers: bytes, config: bytes = EMPTY, **fields: object) -> bytes:
    """Answer an image manifest."""
    return _manifest(
        {
            "mediaType": OCI_MANIFEST,
            "config": describe(config, OCI_EMPTY),
            "layers": [describe(layer) for layer in layers],
        },
        fields,
    )


def index(*manifests: bytes, **fields: object) -> bytes:
    """Answer an index of manifests."""
    children = [describe(manifest, media_type_of(manifest)) for manifest in manifests]
    return _manifest({"mediaType": OCI_INDEX, "manifests": [*children]}, fields)


def referrer(subject: bytes, algorithm: str = SHA256, **fields: object) -> bytes:
    """Answer an image manifest that refers to another manifest, of which only its digest need exist."""
    return _manifest(json.loads(image()), {"subject": describe(subject, OCI_MANIFEST, algorithm), **fields})


def _manifest(document: dict[str, object], fields: dict[str, object]) -> bytes:
    return json.dumps({"schemaVersion": 2, **document, **fields}).encode()


def media_type_of(manifest: bytes) -> str:
    """Answer what a manifest says that it is."""
    return str(json.loads(manifest)["mediaType"])


async def push_blob(repository: IRepository, content: bytes, algorithm: str = SHA256) -> Digest:
    """Push a blob in one piece."""
    digest = digest_of(content, algorithm)
    session = await repository.begin_upload(algorithm)
    try:
        await session.append(content)
        await session.commit(digest)
    finally:
        session.close()
    return digest


async def pull_blob(repository: IRepository, digest: Digest) -> bytes:
    """Pull a whole blob."""
    reader = await repository.open_blob(digest)
    try:
        consumer = CheckingConsumer()
        await reader.send(consumer, 0, reader.size)
        assert not consumer.registered
        return consumer.content
    finally:
        reader.close()


async def push(repository: IRepository, manifest: bytes, reference: Reference | None = None) -> PushedManifest:
    """Push a manifest, by its digest unless there is another ``reference``."""
    return await repository.put_manifest(manifest, media_type_of(manifest), reference or digest_of(manifest))


async def push_image(repository: IRepository, manifest: bytes, reference: Reference | None = None) -> Digest:
    """Push a manifest whose only blob is the empty config, and that config, and answer the manifest's digest."""
    await push_blob(repository, EMPTY)
    pushed = await push(repository, manifest, reference)
    return pushed.digest
