"""
Manifests: images, indexes, and whatever else is pushed as one (image-spec, "Image Manifest", "Image Index").
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NoReturn

from attrs import field, frozen

from oci_twisted.spec.descriptors import (
    Descriptor,
    Json,
    parse_annotations,
    parse_artifact_type,
    parse_descriptor,
    parse_fields,
    parse_object,
    parse_text,
    spellings,
)
from oci_twisted.spec.digests import SHA256, Digest, digest_of
from oci_twisted.spec.errors import ManifestInvalid
from oci_twisted.spec.mediatypes import (
    IMAGES,
    KNOWN,
    OCI_ARTIFACT,
    OCI_INDEX,
    OCI_MANIFEST,
    parse_media_type,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA_VERSION = 2

_FIELDS = spellings(
    "schemaVersion",
    "mediaType",
    "config",
    "layers",
    "manifests",
    "blobs",
    "fsLayers",
    "subject",
    "artifactType",
    "annotations",
)


@frozen
class Manifest:
    """
    A manifest as it came, and what the registry understood of it.

    :ivar content: the exact bytes; they are what is stored, digested and served.
    :ivar media_type: without parameters.
    :ivar blobs: the config and the layers, in their order; empty for what is not an image.
    :ivar children: what an index lists; empty for what is not an index.
    :ivar subject: what the manifest refers to, or ``None``.
    :ivar artifact_type: as ``referrers`` shows it: ``artifactType``, else an image's config media type.
    """

    content: bytes = field(repr=False)
    media_type: str
    blobs: tuple[Descriptor, ...] = ()
    children: tuple[Descriptor, ...] = ()
    subject: Descriptor | None = None
    artifact_type: str | None = None
    annotations: Mapping[str, str] = field(factory=dict, hash=False)

    def digest(self, algorithm: str = SHA256) -> Digest:
        """Compute the digest of the bytes."""
        return digest_of(self.content, algorithm)

    def descriptor(self, digest: Digest) -> Descriptor:
        """
        Answer the manifest's descriptor, as the list of referrers shows it.

        :param digest: of the bytes, under the algorithm that it was pushed with.
        """
        return Descriptor(
            media_type=self.media_type,
            digest=digest,
            size=len(self.content),
            artifact_type=self.artifact_type,
            annotations=self.annotations,
        )


def parse_manifest(content: bytes, content_type: str | None) -> Manifest:
    """
    Read the body of a manifest PUT.

    A media type that the registry does not know is taken as it comes, and its body is bytes, unless the body says
    that it is a manifest of a type that the registry does know.

    :param content_type: the header, parameters and all; ``None`` when there was none.
    :raise ManifestInvalid: when a body of a known type is malformed or ambiguous, or says another type.
    """
    media_type = None if content_type is None else parse_media_type(content_type)
    if media_type is not None and media_type not in KNOWN:
        _refuse_disguise(content, media_type)
        return Manifest(content, media_type)
    fields = _parse_json(content)
    stated = parse_text(fields, "mediaType", "manifest")
    if media_type is None:
        media_type = parse_media_type(stated) if stated else _implied(fields)
        if media_type not in KNOWN:
            return Manifest(content, media_type)
    elif stated is not None and stated != media_type:
        raise _contradiction(media_type, stated)
    fields = parse_fields(fields, "the manifest", _FIELDS)
    if media_type == OCI_ARTIFACT:
        return _parse_artifact(content, fields)
    version = fields.get("schemaVersion")
    # Python takes 2.0 for 2; clients do not.
    if not isinstance(version, int) or version != SCHEMA_VERSION:
        raise ManifestInvalid(f"schemaVersion must be {SCHEMA_VERSION}")
    if media_type in IMAGES:
        return _parse_image(content, media_type, fields)
    return _parse_index(content, media_type, fields)


def _parse_image(content: bytes, media_type: str, fields: dict[str, Json]) -> Manifest:
    # A body that reads as an image to one client and as an index to another (CVE-2021-41190).
    _refuse_fields(fields, media_type, "manifests", "fsLayers")
    config = parse_descriptor(fields.get("config"), "config")
    layers = _parse_descriptors(fields, "layers")
    return Manifest(
        content=content,
        media_type=media_type,
        blobs=(config, *layers),
        subject=_parse_subject(fields),
        artifact_type=parse_artifact_type(fields, "manifest") or config.media_type,
        annotations=parse_annotations(fields, "manifest"),
    )


def _parse_index(content: bytes, media_type: str, fields: dict[str, Json]) -> Manifest:
    _refuse_fields(fields, media_type, "config", "layers", "fsLayers")
    return Manifest(
        content=content,
        media_type=media_type,
        children=_parse_descriptors(fields, "manifests"),
        subject=_parse_subject(fields),
        artifact_type=parse_artifact_type(fields, "manifest"),
        annotations=parse_annotations(fields, "manifest"),
    )


def _parse_artifact(content: bytes, fields: dict[str, Json]) -> Manifest:
    # Withdrawn before image-spec 1.1, but clients of that time pushed such manifests.
    _refuse_fields(fields, OCI_ARTIFACT, "config", "layers", "manifests", "fsLayers")
    return Manifest(
        content=content,
        media_type=OCI_ARTIFACT,
        blobs=_parse_descriptors(fields, "blobs") if "blobs" in fields else (),
        subject=_parse_subject(fields),
        artifact_type=parse_artifact_type(fields, "manifest"),
        annotations=parse_annotations(fields, "manifest"),
    )


def _parse_descriptors(fields: dict[str, Json], key: str) -> tuple[Descriptor, ...]:
    # Null is how Go writes a list that nothing was ever added to.
    values = [] if key in fields and fields[key] is None else fields.get(key)
    if not isinstance(values, list):
        raise ManifestInvalid(f"{key} must be a list of descriptors")
    return tuple(parse_descriptor(value, f"{key}[{position}]") for position, value in enumerate(values))


def _parse_subject(fields: dict[str, Json]) -> Descriptor | None:
    subject = fields.get("subject")
    return None if subject is None else parse_descriptor(subject, "subject")


def _refuse_fields(fields: dict[str, Json], media_type: str, *keys: str) -> None:
    for key in keys:
        if key in fields:
            raise ManifestInvalid(f"a manifest of type {media_type} must not have {key}")


def _refuse_disguise(content: bytes, media_type: str) -> None:
    # Clients that go by the body would take it for a manifest whose content nobody has looked for.
    try:
        stated = parse_text(_parse_json(content), "mediaType", "manifest")
    except ManifestInvalid:
        return
    if stated in KNOWN:
        raise _contradiction(media_type, stated)


def _contradiction(media_type: str, stated: str) -> ManifestInvalid:
    return ManifestInvalid(f"Content-Type is {media_type}, but the manifest says mediaType {stated[:255]!a}")


def _implied(fields: dict[str, Json]) -> str:
    if "manifests" in fields:
        return OCI_INDEX
    if "layers" in fields:
        return OCI_MANIFEST
    raise ManifestInvalid("say what this manifest is: send its media type as Content-Type")


def _parse_json(content: bytes) -> dict[str, Json]:
    try:
        value: Json = json.loads(
            content.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
        )
    except ManifestInvalid:
        raise
    except (ValueError, RecursionError) as error:
        raise ManifestInvalid(f"the manifest is not JSON: {error}") from error
    return parse_object(value, "the manifest")


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    # Parsers differ in which of two equal keys they take, so such a body means two things.
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ManifestInvalid("the manifest has one key twice in one object")
    return fields


def _refuse_constant(name: str) -> NoReturn:
    raise ManifestInvalid(f"the manifest is not JSON: {name} is not a JSON number")
