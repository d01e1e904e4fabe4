"""
Hypothesis strategies for the vocabulary of the specifications, as text and as values.

They build what they give piece by piece out of the grammar, and share no regular expression with `oci_twisted.spec`.
Whatever they give is valid.  They need `hypothesis`, which ``oci-twisted[test]`` brings.
"""

from __future__ import annotations

import base64
import json
import string
from typing import TYPE_CHECKING, Any, TypeAlias

from hypothesis import strategies as st

from oci_twisted.spec.descriptors import Descriptor, parse_descriptor
from oci_twisted.spec.digests import SHA256, SHA512, Digest, parse_digest
from oci_twisted.spec.manifests import Manifest, parse_manifest
from oci_twisted.spec.mediatypes import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_ARTIFACT,
    OCI_EMPTY,
    OCI_INDEX,
    OCI_MANIFEST,
    OCTETS,
)
from oci_twisted.spec.names import RepositoryName, Tag, parse_name, parse_tag

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hypothesis.strategies import SearchStrategy

    from oci_twisted.spec.descriptors import Json

__all__ = [
    "JsonObject",
    "Push",
    "annotation_maps",
    "artifact_documents",
    "artifact_pushes",
    "artifacts",
    "descriptor_documents",
    "descriptors",
    "digest_texts",
    "digests",
    "image_documents",
    "image_pushes",
    "images",
    "index_documents",
    "index_pushes",
    "indexes",
    "json_values",
    "manifest_pushes",
    "manifests",
    "media_type_texts",
    "name_texts",
    "names",
    "tag_texts",
    "tags",
    "verifiable_digest_texts",
    "verifiable_digests",
]

JsonObject: TypeAlias = "dict[str, Json]"

#: The body of a manifest PUT, and its Content-Type.
Push: TypeAlias = tuple[bytes, str]

_LETTERS_DIGITS = string.ascii_letters + string.digits
_LOWER_DIGITS = string.ascii_lowercase + string.digits
_LOWER_HEX = "0123456789abcdef"
_NAME_LENGTH = 255
_TAG_LENGTH = 128
_RESTRICTED_NAME_LENGTH = 127
_INT64 = (1 << 63) - 1
_SCHEMA_VERSION = 2

_FAMILIAR_TYPES = (
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
    OCI_EMPTY,
    OCTETS,
)


def name_texts() -> SearchStrategy[str]:
    """Give repository names."""
    separator = st.sampled_from((".", "_", "__")) | st.integers(1, 4).map("-".__mul__)
    word = st.text(_LOWER_DIGITS, min_size=1, max_size=12)
    component = st.builds(
        lambda first, rest: first + "".join(mark + text for mark, text in rest),
        word,
        st.lists(st.tuples(separator, word), max_size=3),
    )
    name = st.lists(component, min_size=1, max_size=4).map("/".join)
    longest = st.text(_LOWER_DIGITS, min_size=_NAME_LENGTH, max_size=_NAME_LENGTH)
    return name.filter(lambda text: len(text) <= _NAME_LENGTH) | longest


def names() -> SearchStrategy[RepositoryName]:
    """Give repository names, parsed."""
    return name_texts().map(parse_name)


def tag_texts() -> SearchStrategy[str]:
    """Give tags."""
    return st.builds(
        str.__add__,
        st.sampled_from(_LETTERS_DIGITS + "_"),
        st.text(_LETTERS_DIGITS + "._-", max_size=_TAG_LENGTH - 1),
    )


def tags() -> SearchStrategy[Tag]:
    """Give tags, parsed."""
    return tag_texts().map(parse_tag)


def verifiable_digest_texts() -> SearchStrategy[str]:
    """Give digests of the algorithms that content can be checked with."""
    return _hex_digests(SHA256, 64) | _hex_digests(SHA512, 128)


def verifiable_digests() -> SearchStrategy[Digest]:
    """Give digests of the algorithms that content can be checked with, parsed."""
    return verifiable_digest_texts().map(parse_digest)


def digest_texts() -> SearchStrategy[str]:
    """Give digests, also of algorithms that the registry does not know."""
    word = st.text(_LOWER_DIGITS, min_size=1, max_size=12)
    algorithm = st.builds(
        lambda first, rest: first + "".join(mark + text for mark, text in rest),
        word,
        st.lists(st.tuples(st.sampled_from("+._-"), word), max_size=3),
    ).filter(lambda text: text not in {SHA256, SHA512, "blake3"})
    encoded = st.text(_LETTERS_DIGITS + "=_-", min_size=1, max_size=200)
    unknown = st.builds(lambda *parts: ":".join(parts), algorithm, encoded)
    return verifiable_digest_texts() | _hex_digests("blake3", 64) | unknown


def digests() -> SearchStrategy[Digest]:
    """Give digests, also of algorithms that the registry does not know, parsed."""
    return digest_texts().map(parse_digest)


def media_type_texts() -> SearchStrategy[str]:
    """Give media types without parameters."""
    restricted_name = st.builds(
        str.__add__,
        st.sampled_from(_LETTERS_DIGITS),
        st.text(_LETTERS_DIGITS + "!#$&^_.+-", max_size=_RESTRICTED_NAME_LENGTH - 1),
    )
    return st.sampled_from(_FAMILIAR_TYPES) | st.builds(
        lambda *parts: "/".join(parts), restricted_name, restricted_name
    )


def annotation_maps() -> SearchStrategy[dict[str, str]]:
    """Give annotations."""
    return st.dictionaries(st.text(max_size=20), st.text(max_size=20), max_size=3)


def json_values() -> SearchStrategy[Json]:
    """Give whatever JSON can say."""
    return st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=5,
    )


def descriptor_documents() -> SearchStrategy[JsonObject]:
    """Give descriptors as JSON has them, with fields that nobody knows."""
    content = st.binary(max_size=8).map(lambda octets: base64.b64encode(octets).decode())
    return _documents(
        {
            "mediaType": media_type_texts(),
            "digest": digest_texts(),
            "size": st.integers(0, _INT64),
        },
        {
            "annotations": annotation_maps(),
            "artifactType": media_type_texts(),
            "data": content,
            "platform": st.just({"architecture": "riscv64", "os": "linux"}),
            "urls": st.lists(st.just("https://example.com/layer"), max_size=2),
        },
    )


def descriptors() -> SearchStrategy[Descriptor]:
    """Give descriptors."""
    return descriptor_documents().map(lambda document: parse_descriptor(document, "descriptor"))


def image_documents(content: SearchStrategy[JsonObject] | None = None) -> SearchStrategy[JsonObject]:
    """
    Give image manifests as JSON has them.

    :param content: descriptors for the config and the layers, when they have to be of something that exists.
    """
    pieces = descriptor_documents() if content is None else content
    return _manifest_documents(
        (OCI_MANIFEST, DOCKER_MANIFEST), {"config": pieces, "layers": st.lists(pieces, max_size=3)}
    )


def index_documents(content: SearchStrategy[JsonObject] | None = None) -> SearchStrategy[JsonObject]:
    """
    Give indexes as JSON has them.

    :param content: descriptors for the manifests, when they have to be of something that exists.
    """
    pieces = descriptor_documents() if content is None else content
    return _manifest_documents((OCI_INDEX, DOCKER_LIST), {"manifests": st.lists(pieces, max_size=3)})


def artifact_documents(content: SearchStrategy[JsonObject] | None = None) -> SearchStrategy[JsonObject]:
    """
    Give artifact manifests, a type that was withdrawn, as JSON has them.

    :param content: descriptors for the blobs, when they have to be of something that exists.
    """
    pieces = descriptor_documents() if content is None else content
    return _documents(
        {"mediaType": st.just(OCI_ARTIFACT), "artifactType": media_type_texts()},
        {"blobs": st.lists(pieces, max_size=3), "subject": descriptor_documents(), "annotations": annotation_maps()},
    )


def image_pushes() -> SearchStrategy[Push]:
    """Give image manifests as they are pushed; OCI's leave out ``mediaType`` now and then."""
    return image_documents().flatmap(_pushes)


def index_pushes() -> SearchStrategy[Push]:
    """Give indexes as they are pushed; OCI's leave out ``mediaType`` now and then."""
    return index_documents().flatmap(_pushes)


def artifact_pushes() -> SearchStrategy[Push]:
    """Give artifact manifests as they are pushed."""
    return artifact_documents().flatmap(_pushes)


def manifest_pushes() -> SearchStrategy[Push]:
    """Give manifests of all kinds as they are pushed."""
    return image_pushes() | index_pushes() | artifact_pushes()


def images() -> SearchStrategy[Manifest]:
    """Give image manifests."""
    return image_pushes().map(_parse_push)


def indexes() -> SearchStrategy[Manifest]:
    """Give indexes."""
    return index_pushes().map(_parse_push)


def artifacts() -> SearchStrategy[Manifest]:
    """Give artifact manifests."""
    return artifact_pushes().map(_parse_push)


def manifests() -> SearchStrategy[Manifest]:
    """Give manifests of all kinds."""
    return images() | indexes() | artifacts()


def _hex_digests(algorithm: str, length: int) -> SearchStrategy[str]:
    return st.text(_LOWER_HEX, min_size=length, max_size=length).map(f"{algorithm}:".__add__)


def _documents(
    required: Mapping[str, SearchStrategy[Any]],
    optional: Mapping[str, SearchStrategy[Any]],
) -> SearchStrategy[JsonObject]:
    known: SearchStrategy[JsonObject] = st.fixed_dictionaries(dict(required), optional=dict(optional))
    # No field of the specification has a hyphen.
    unknown = st.dictionaries(st.text(max_size=6).map("x-".__add__), json_values(), max_size=1)
    return st.builds(lambda *fields: {**fields[0], **fields[1]}, known, unknown)


def _manifest_documents(
    media_types: tuple[str, ...],
    required: Mapping[str, SearchStrategy[Any]],
) -> SearchStrategy[JsonObject]:
    return _documents(
        {"schemaVersion": st.just(_SCHEMA_VERSION), "mediaType": st.sampled_from(media_types), **required},
        {"subject": descriptor_documents(), "artifactType": media_type_texts(), "annotations": annotation_maps()},
    )


def _pushes(document: JsonObject) -> SearchStrategy[Push]:
    content_type = str(document["mediaType"])
    stated = st.just(True) if content_type in {DOCKER_MANIFEST, DOCKER_LIST} else st.booleans()

    def write(*, stated: bool, ascii_only: bool, indent: int | None, parameters: str) -> Push:
        written = {key: value for key, value in document.items() if stated or key != "mediaType"}
        return json.dumps(written, ensure_ascii=ascii_only, indent=indent).encode(), content_type + parameters

    return st.builds(
        write,
        stated=stated,
        ascii_only=st.booleans(),
        indent=st.sampled_from((None, 3)),
        parameters=st.sampled_from(("", "; charset=utf-8")),
    )


def _parse_push(push: Push) -> Manifest:
    return parse_manifest(*push)
