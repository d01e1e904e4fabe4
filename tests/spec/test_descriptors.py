"""
Descriptors.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oci_twisted.spec.descriptors import Descriptor, parse_descriptor
from oci_twisted.spec.digests import digest_of, parse_digest
from oci_twisted.spec.errors import ManifestInvalid
from oci_twisted.testing.strategies import descriptor_documents, descriptors, json_values

if TYPE_CHECKING:
    from oci_twisted.spec.descriptors import Json
    from oci_twisted.testing.strategies import JsonObject

LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
DIGEST = digest_of(b"layer")
LARGEST = 2**63 - 1


def document(**fields: Json) -> JsonObject:
    """Answer a descriptor's JSON, with ``fields`` over what it must have."""
    return {"mediaType": LAYER, "digest": str(DIGEST), "size": 5, **fields}


def test_a_descriptor_has_a_type_a_digest_and_a_size() -> None:
    """The least that a descriptor can be is read, and nothing is made up for the rest."""
    assert parse_descriptor(document(), "config") == Descriptor(
        media_type=LAYER,
        digest=DIGEST,
        size=5,
        artifact_type=None,
        annotations={},
        distributed=True,
    )


@pytest.mark.parametrize("value", [None, [], "text", 1, True])
def test_what_is_no_object_is_no_descriptor(value: Json) -> None:
    """A descriptor that is not a JSON object is refused by its name in the manifest."""
    with pytest.raises(ManifestInvalid, match=re.escape("layers[3] is not a JSON object")):
        parse_descriptor(value, "layers[3]")


@pytest.mark.parametrize("missing", ["mediaType", "digest", "size"])
def test_a_descriptor_lacks_nothing_that_it_must_have(missing: str) -> None:
    """A required field that is missing or null is refused."""
    fields = document()
    fields[missing] = None
    with pytest.raises(ManifestInvalid, match="config must have mediaType, digest and size"):
        parse_descriptor(fields, "config")
    del fields[missing]
    with pytest.raises(ManifestInvalid, match="config must have mediaType, digest and size"):
        parse_descriptor(fields, "config")


@pytest.mark.parametrize("size", [-1, True, False, 1.0, 1e3, "5", [], {}, LARGEST + 1, 10**30])
def test_a_size_is_a_whole_number_of_bytes(size: Json) -> None:
    """A size that is negative, a boolean, a fraction, text, or beyond 64 bits is refused."""
    with pytest.raises(ManifestInvalid, match=r"config\.size is not a number of bytes"):
        parse_descriptor(document(size=size), "config")


@pytest.mark.parametrize("size", [0, LARGEST])
def test_a_size_goes_to_64_bits(size: int) -> None:
    """The smallest and the largest size that the specification's int64 can hold are read."""
    assert parse_descriptor(document(size=size), "config").size == size


@pytest.mark.parametrize("field", ["mediaType", "digest", "artifactType"])
@pytest.mark.parametrize("value", [1, True, [], {}])
def test_text_is_text(field: str, value: Json) -> None:
    """A field that has to be text and is something else is refused by its name."""
    with pytest.raises(ManifestInvalid, match=rf"config\.{field} is not a string"):
        parse_descriptor(document(**{field: value}), "config")


@pytest.mark.parametrize("digest", ["", "sha256:abc", f"sha256:{'A' * 64}", f"{DIGEST} "])
def test_a_bad_digest_is_a_bad_manifest(digest: str) -> None:
    """A malformed digest inside a manifest is a fault of the manifest."""
    with pytest.raises(ManifestInvalid, match=r"config\.digest: .* is not a digest"):
        parse_descriptor(document(digest=digest), "config")


def test_a_digest_of_an_unknown_algorithm_passes() -> None:
    """The specification asks that unknown algorithms be let through in descriptors."""
    assert parse_descriptor(document(digest="md6:xyz"), "config").digest == parse_digest("md6:xyz")


@pytest.mark.parametrize("media_type", ["", "tar", "a/b/c", "; a=b"])
def test_a_bad_media_type_is_refused(media_type: str) -> None:
    """A ``mediaType`` that RFC 6838 does not allow is refused."""
    with pytest.raises(ManifestInvalid, match="is not a media type"):
        parse_descriptor(document(mediaType=media_type), "config")


@pytest.mark.parametrize(
    "fields",
    [
        {"mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"},
        {"mediaType": " application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"},
        {"urls": ["https://example.com/layer"]},
    ],
)
def test_a_foreign_layer_is_not_distributed(fields: JsonObject) -> None:
    """A layer of a foreign type, or one that has ``urls``, is not pushed to registries."""
    assert not parse_descriptor(document(**fields), "layers[0]").distributed


@pytest.mark.parametrize("urls", [None, []])
def test_no_urls_make_no_foreign_layer(urls: Json) -> None:
    """An empty list of ``urls`` says nothing."""
    assert parse_descriptor(document(urls=urls), "layers[0]").distributed


def test_an_artifact_type_is_kept() -> None:
    """``artifactType`` of a descriptor is what an index says of a manifest; an empty one says nothing."""
    assert parse_descriptor(document(artifactType="a/b"), "manifests[0]").artifact_type == "a/b"
    assert parse_descriptor(document(artifactType=""), "manifests[0]").artifact_type is None
    assert parse_descriptor(document(artifactType=None), "manifests[0]").artifact_type is None


def test_an_artifact_type_is_no_longer_than_a_media_type() -> None:
    """``artifactType`` is repeated in lists of referrers, so it is bounded as a media type is."""
    assert parse_descriptor(document(artifactType="a" * 255), "subject").artifact_type == "a" * 255
    with pytest.raises(ManifestInvalid, match=r"subject\.artifactType has more than 255 characters"):
        parse_descriptor(document(artifactType="a" * 256), "subject")


def test_annotations_are_kept() -> None:
    """Annotations are read as they are, also when a key looks like a field in other letters."""
    assert parse_descriptor(document(annotations={"a": "b", "Size": ""}), "config").annotations == {
        "a": "b",
        "Size": "",
    }
    assert parse_descriptor(document(annotations=None), "config").annotations == {}


@pytest.mark.parametrize(
    ("annotations", "refusal"),
    [
        ([], "config.annotations is not a JSON object"),
        ("text", "config.annotations is not a JSON object"),
        ({"a": 1}, "config.annotations['a'] is not a string"),
        ({"\u00e4": None}, r"config.annotations['\xe4'] is not a string"),
        ({"a": {}}, "config.annotations['a'] is not a string"),
    ],
)
def test_annotations_are_strings_under_strings(annotations: Json, refusal: str) -> None:
    """Annotations of another shape are refused, with the key that is wrong."""
    with pytest.raises(ManifestInvalid, match=re.escape(refusal)):
        parse_descriptor(document(annotations=annotations), "config")


@pytest.mark.parametrize(
    "fields",
    [
        {"artifactType": "\ud800"},
        {"annotations": {"a": "\udfff"}},
        {"annotations": {"\ud800": "a"}},
        {"annotations": {"\ud83d": "\ude00"}},
        {"mediaType": "a/b;\ud800"},
    ],
)
def test_half_of_a_surrogate_pair_is_refused(fields: JsonObject) -> None:
    """Text that JSON can write and UTF-8 cannot is refused, because it could neither be stored nor sent."""
    with pytest.raises(ManifestInvalid, match="is not Unicode"):
        parse_descriptor(document(**fields), "config")


@pytest.mark.parametrize("key", ["MediaType", "SIZE", "Digest", "artifacttype", "URLs", "\u017fize"])
def test_a_field_in_other_letters_is_refused(key: str) -> None:
    """A key that Go's decoder would take for a field, and others would not, is refused: the clients would disagree."""
    with pytest.raises(ManifestInvalid, match=r"layers\[0\] must write .* as "):
        parse_descriptor(document(**{key: 1}), "layers[0]")


@settings(deadline=None)
@given(descriptor_documents())
def test_every_descriptor_is_read(fields: JsonObject) -> None:
    """Any valid descriptor is read, with fields that nobody knows."""
    descriptor = parse_descriptor(fields, "config")
    assert str(descriptor.digest) == fields["digest"]
    assert descriptor.size == fields["size"]
    assert descriptor.media_type == fields["mediaType"]
    assert descriptor.artifact_type == fields.get("artifactType")
    assert descriptor.annotations == fields.get("annotations", {})


@settings(deadline=None)
@given(descriptors())
def test_every_descriptor_comes_back(descriptor: Descriptor) -> None:
    """What a descriptor writes reads as the same descriptor, apart from ``urls``, and it can be a key."""
    written = parse_descriptor(descriptor.document(), "config")
    assert written.document() == descriptor.document()
    assert written.digest == descriptor.digest
    assert {descriptor: 1}[descriptor] == 1


def test_a_descriptor_writes_what_it_has() -> None:
    """Optional fields are left out when there is nothing to say, and never null."""
    assert Descriptor(LAYER, DIGEST, 5).document() == document()
    assert Descriptor(LAYER, DIGEST, 5, "a/b", {"c": "d"}).document() == document(
        artifactType="a/b",
        annotations={"c": "d"},
    )


@settings(deadline=None)
@given(
    json_values()
    | st.dictionaries(st.sampled_from(sorted(document(urls=1, artifactType=1, annotations=1))), json_values())
)
def test_any_json_is_read_or_refused(value: Json) -> None:
    """Any JSON value is a descriptor or a `ManifestInvalid`, and never anything else."""
    with suppress(ManifestInvalid):
        assert parse_descriptor(value, "config").size >= 0
