"""
Descriptors (image-spec, "OCI Content Descriptors").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from attrs import field, frozen

from oci_twisted.spec.digests import Digest, parse_digest
from oci_twisted.spec.errors import DigestInvalid, ManifestInvalid
from oci_twisted.spec.mediatypes import MEDIA_TYPE_LENGTH, is_distributable, parse_media_type

if TYPE_CHECKING:
    from collections.abc import Mapping

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

_NO_ANNOTATIONS: Mapping[str, str] = {}
# The specification's int64.
_LARGEST = (1 << 63) - 1


def spellings(*names: str) -> Mapping[str, str]:
    """Answer, for `parse_fields`, how the fields of an object are written, by how they read without regard to case."""
    return {name.casefold(): name for name in names}


_FIELDS = spellings("mediaType", "digest", "size", "urls", "artifactType", "annotations")


@frozen
class Descriptor:
    """
    What a manifest says of a piece of content.

    :ivar size: bytes.
    :ivar artifact_type: ``artifactType``, or ``None``.
    :ivar distributed: whether the content is pushed to registries; a foreign layer, or one that has ``urls``, is not.
    """

    media_type: str
    digest: Digest
    size: int
    artifact_type: str | None = None
    annotations: Mapping[str, str] = field(default=_NO_ANNOTATIONS, hash=False)
    distributed: bool = True

    def document(self) -> dict[str, Json]:
        """Answer the descriptor as JSON has it."""
        document: dict[str, Json] = {
            "mediaType": self.media_type,
            "digest": str(self.digest),
            "size": self.size,
        }
        if self.annotations:
            document["annotations"] = dict(self.annotations)
        if self.artifact_type is not None:
            document["artifactType"] = self.artifact_type
        return document


def parse_descriptor(value: Json, where: str) -> Descriptor:
    """
    Read a descriptor out of a manifest.

    :param where: what to call it in the error, such as ``layers[3]``.
    :raise ManifestInvalid: when it lacks what a descriptor must have, or that is of the wrong kind.
    """
    fields = parse_fields(value, where, _FIELDS)
    media_type = parse_text(fields, "mediaType", where)
    digest = parse_text(fields, "digest", where)
    size = fields.get("size")
    if media_type is None or digest is None or size is None:
        raise ManifestInvalid(f"{where} must have mediaType, digest and size")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= _LARGEST:
        raise ManifestInvalid(f"{where}.size is not a number of bytes")
    try:
        parsed = parse_digest(digest)
    except DigestInvalid as error:
        raise ManifestInvalid(f"{where}.digest: {error.message}") from error
    urls = fields.get("urls")
    parsed_type = parse_media_type(media_type)
    return Descriptor(
        media_type=parsed_type,
        digest=parsed,
        size=size,
        artifact_type=parse_artifact_type(fields, where),
        annotations=parse_annotations(fields, where),
        distributed=not urls and is_distributable(parsed_type),
    )


def parse_object(value: Json, where: str) -> dict[str, Json]:
    """
    Take a JSON value for an object.

    :raise ManifestInvalid: when it is none.
    """
    if not isinstance(value, dict):
        raise ManifestInvalid(f"{where} is not a JSON object")
    return value


def parse_fields(value: Json, where: str, names: Mapping[str, str]) -> dict[str, Json]:
    """
    Take a JSON value for an object some of whose fields have a meaning.

    :param names: those fields, from `spellings`.
    :raise ManifestInvalid: when it is none, or has one of them in other letters.
    """
    fields = parse_object(value, where)
    for key in fields:
        # Most clients are written in Go, whose decoder takes "Layers" for "layers": such a body means two things.
        spelling = names.get(key.casefold(), key)
        if spelling != key:
            raise ManifestInvalid(f"{where} must write {key!a} as {spelling}")
    return fields


def parse_text(fields: dict[str, Json], key: str, where: str) -> str | None:
    """
    Take a field for text; ``None`` when it is not there.

    :raise ManifestInvalid: when it is something else.
    """
    value = fields.get(key)
    if value is not None and not isinstance(value, str):
        raise ManifestInvalid(f"{where}.{key} is not a string")
    if value is not None:
        _refuse_surrogates(value, f"{where}.{key}")
    return value


def parse_artifact_type(fields: dict[str, Json], where: str) -> str | None:
    """
    Read ``artifactType``; ``None`` when it is missing or empty.

    :raise ManifestInvalid: when it is not a string, or longer than a media type can be.
    """
    artifact_type = parse_text(fields, "artifactType", where)
    # Every list of referrers repeats it, and such a list has to stay small.
    if artifact_type is not None and len(artifact_type) > MEDIA_TYPE_LENGTH:
        raise ManifestInvalid(f"{where}.artifactType has more than {MEDIA_TYPE_LENGTH} characters")
    return artifact_type or None


def parse_annotations(fields: dict[str, Json], where: str) -> Mapping[str, str]:
    """
    Read ``annotations``; empty when there are none.

    :raise ManifestInvalid: when they are not strings under strings.
    """
    value = fields.get("annotations")
    if value is None:
        return _NO_ANNOTATIONS
    annotations = {}
    for key, text in parse_object(value, f"{where}.annotations").items():
        if not isinstance(text, str):
            raise ManifestInvalid(f"{where}.annotations[{key[:255]!a}] is not a string")
        _refuse_surrogates(key + text, f"{where}.annotations[{key[:255]!a}]")
        annotations[key] = text
    return annotations


def _refuse_surrogates(text: str, where: str) -> None:
    # JSON can write half of a surrogate pair; nothing that stores or sends UTF-8 can.
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ManifestInvalid(f"{where} is not Unicode: it has half of a surrogate pair") from error
