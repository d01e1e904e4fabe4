"""
Manifests: what is read of them, and what is refused.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from oci_twisted.spec.digests import SHA512, digest_of
from oci_twisted.spec.errors import ManifestInvalid
from oci_twisted.spec.manifests import Manifest, parse_manifest
from oci_twisted.spec.mediatypes import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    IMAGES,
    INDEXES,
    JSON,
    KNOWN,
    OCI_ARTIFACT,
    OCI_EMPTY,
    OCI_INDEX,
    OCI_MANIFEST,
)
from oci_twisted.testing.strategies import (
    artifact_documents,
    image_documents,
    index_documents,
    json_values,
    manifest_pushes,
    media_type_texts,
)
from tests.spec.grammar import any_text

if TYPE_CHECKING:
    from oci_twisted.spec.descriptors import Descriptor, Json
    from oci_twisted.testing.strategies import JsonObject, Push

CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def descriptor(media_type: str = LAYER, content: bytes = b"layer", **fields: Json) -> JsonObject:
    """Answer a descriptor's JSON."""
    return {"mediaType": media_type, "digest": str(digest_of(content)), "size": len(content), **fields}


def image(**fields: Json) -> JsonObject:
    """Answer an image manifest's JSON, with ``fields`` over what it has."""
    return {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(CONFIG, b"config"),
        "layers": [descriptor()],
        **fields,
    }


def index(**fields: Json) -> JsonObject:
    """Answer an index's JSON, with ``fields`` over what it has."""
    return {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [descriptor(OCI_MANIFEST)], **fields}


def artifact(**fields: Json) -> JsonObject:
    """Answer an artifact manifest's JSON, with ``fields`` over what it has."""
    return {"mediaType": OCI_ARTIFACT, "artifactType": "a/b", "blobs": [descriptor()], **fields}


def without(document: JsonObject, *keys: str) -> JsonObject:
    """Answer a document that lacks some fields."""
    return {key: value for key, value in document.items() if key not in keys}


def parse(document: Json, content_type: str | None = None) -> Manifest:
    """Push a document under its own media type, or under ``content_type``."""
    if content_type is None and isinstance(document, dict):
        content_type = str(document["mediaType"])
    return parse_manifest(json.dumps(document).encode(), content_type)


def documents(descriptors: tuple[Descriptor, ...]) -> list[tuple[str, str, int]]:
    """Answer what is required of descriptors, to be compared."""
    return [(one.media_type, str(one.digest), one.size) for one in descriptors]


def required(value: Json) -> list[tuple[Json, Json, Json]]:
    """Answer what is required of a list of descriptors in JSON, to be compared."""
    assert isinstance(value, list)
    return [(one["mediaType"], one["digest"], one["size"]) for one in value if isinstance(one, dict)]


def test_an_image_has_a_config_and_layers() -> None:
    """The blobs of an image are its config and its layers, in their order."""
    manifest = parse(image(layers=[descriptor(), descriptor(content=b"other"), descriptor()]))
    assert [blob.digest for blob in manifest.blobs] == [
        digest_of(b"config"),
        digest_of(b"layer"),
        digest_of(b"other"),
        digest_of(b"layer"),
    ]
    assert manifest.media_type == OCI_MANIFEST
    assert manifest.children == ()
    assert manifest.subject is None
    assert manifest.annotations == {}


def test_an_index_has_manifests() -> None:
    """The children of an index are what it lists, in their order, and it has no blobs."""
    manifest = parse(index(manifests=[descriptor(OCI_INDEX, b"1"), descriptor(OCI_MANIFEST, b"2")]))
    assert documents(manifest.children) == [
        (OCI_INDEX, str(digest_of(b"1")), 1),
        (OCI_MANIFEST, str(digest_of(b"2")), 1),
    ]
    assert manifest.blobs == ()


def test_an_artifact_may_have_blobs() -> None:
    """The blobs of an artifact manifest are optional, and it needs no schemaVersion."""
    assert documents(parse(artifact()).blobs) == [(LAYER, str(digest_of(b"layer")), 5)]
    assert parse(without(artifact(), "blobs")).blobs == ()


@pytest.mark.parametrize("nothing", [[], None])
@pytest.mark.parametrize("key", ["layers", "manifests", "blobs"])
def test_lists_may_be_empty(key: str, nothing: Json) -> None:
    """An image without layers and an index without manifests are valid, and so is Go's null for such a list."""
    changes: dict[str, Json] = {key: nothing}
    document = {"layers": image, "manifests": index, "blobs": artifact}[key](**changes)
    assert parse(document).media_type == document["mediaType"]


@pytest.mark.parametrize(("ours", "docker"), [(image(), DOCKER_MANIFEST), (index(), DOCKER_LIST)])
def test_docker_types_are_read_the_same_way(ours: JsonObject, docker: str) -> None:
    """Docker's image manifests and manifest lists are read as OCI's images and indexes are."""
    manifest = parse(ours | {"mediaType": docker})
    assert manifest.media_type == docker
    assert (manifest.blobs, manifest.children) == (parse(ours).blobs, parse(ours).children)


def test_the_exact_bytes_are_kept_and_digested() -> None:
    """White space, the order of keys, and keys that nobody knows are part of a manifest."""
    content = json.dumps(image(x={"y": [1.5e300, None]}), indent=7).encode() + b"\n"
    manifest = parse_manifest(content, OCI_MANIFEST)
    assert manifest.content is content
    assert manifest.digest() == digest_of(content)
    assert manifest.digest(SHA512) == digest_of(content, SHA512)


def test_a_manifest_is_shown_without_its_bytes() -> None:
    """A manifest in a log is its meaning and not its body."""
    assert "schemaVersion" not in repr(parse(image()))


@pytest.mark.parametrize(
    "layer",
    [
        descriptor("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"),
        descriptor("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"),
        descriptor(urls=["https://example.com/"]),
    ],
)
def test_foreign_layers_are_marked(layer: JsonObject) -> None:
    """Layers that are fetched from elsewhere are not among those that have to be pushed."""
    assert [blob.distributed for blob in parse(image(layers=[layer, descriptor()])).blobs] == [True, False, True]


@pytest.mark.parametrize("document", [image(), index(), artifact()])
def test_a_subject_is_read(document: JsonObject) -> None:
    """Every kind of manifest may refer to a subject, which need not exist; null is none."""
    subject = parse(document | {"subject": descriptor(OCI_MANIFEST, b"subject")}).subject
    assert subject is not None
    assert subject.digest == digest_of(b"subject")
    assert parse(document | {"subject": None}).subject is None
    with pytest.raises(ManifestInvalid, match="subject is not a JSON object"):
        parse(document | {"subject": "sha256:abc"})


@pytest.mark.parametrize(
    ("document", "artifact_type"),
    [
        (image(artifactType="a/b"), "a/b"),
        (image(), CONFIG),
        (image(artifactType=""), CONFIG),
        (image(artifactType=None), CONFIG),
        (image(config=descriptor(OCI_EMPTY, b"{}")), OCI_EMPTY),
        (image(artifactType="not a media type"), "not a media type"),
        (index(artifactType="a/b"), "a/b"),
        (index(), None),
        (index(artifactType=""), None),
        (artifact(), "a/b"),
        (without(artifact(), "artifactType"), None),
    ],
)
def test_the_artifact_type_is_stated_or_that_of_the_config(document: JsonObject, artifact_type: str | None) -> None:
    """A manifest is listed under its artifactType, else an image under its config's media type, else under none."""
    manifest = parse(document)
    assert manifest.artifact_type == artifact_type
    assert manifest.descriptor(manifest.digest()).artifact_type == artifact_type


@pytest.mark.parametrize("document", [image(), index(), artifact()])
def test_annotations_are_copied_to_the_descriptor(document: JsonObject) -> None:
    """Annotations of a manifest are those of its descriptor in the list of referrers."""
    manifest = parse(document | {"annotations": {"a": "b"}})
    listed = manifest.descriptor(manifest.digest(SHA512))
    assert listed.annotations == manifest.annotations == {"a": "b"}
    assert listed.digest.algorithm == SHA512
    with pytest.raises(ManifestInvalid, match=re.escape("manifest.annotations['a'] is not a string")):
        parse(document | {"annotations": {"a": 1}})


@pytest.mark.parametrize("field", ["artifactType", "mediaType"])
def test_text_is_text(field: str) -> None:
    """A field that has to be text and is something else is refused by its name."""
    with pytest.raises(ManifestInvalid, match=rf"manifest\.{field} is not a string"):
        parse(image(**{field: 2}), OCI_MANIFEST)


@pytest.mark.parametrize("document", [image(), index()])
@pytest.mark.parametrize("version", [None, 1, 3, "2", 2.0, True, [2], -2])
def test_the_schema_version_is_2(document: JsonObject, version: Json) -> None:
    """Another schemaVersion is refused, as is a 2 that is not a whole number to other parsers."""
    with pytest.raises(ManifestInvalid, match="schemaVersion must be 2"):
        parse(document | {"schemaVersion": version})
    with pytest.raises(ManifestInvalid, match="schemaVersion must be 2"):
        parse(without(document, "schemaVersion"))


@pytest.mark.parametrize(
    ("document", "refusal"),
    [
        (without(image(), "config"), "config is not a JSON object"),
        (image(config=None), "config is not a JSON object"),
        (image(config=[]), "config is not a JSON object"),
        (image(config={}), "config must have mediaType, digest and size"),
        (without(image(), "layers"), "layers must be a list of descriptors"),
        (image(layers={}), "layers must be a list of descriptors"),
        (image(layers=[descriptor(), 1]), "layers[1] is not a JSON object"),
        (image(layers=[descriptor(size=True)]), "layers[0].size is not a number of bytes"),
        (image(layers=[descriptor(digest="sha256:abc")]), "layers[0].digest: 'sha256:abc' is not a digest"),
        (without(index(), "manifests"), "manifests must be a list of descriptors"),
        (index(manifests=[{}]), "manifests[0] must have mediaType, digest and size"),
        (artifact(blobs=[{}]), "blobs[0] must have mediaType, digest and size"),
    ],
)
def test_what_is_missing_or_malformed_is_named(document: JsonObject, refusal: str) -> None:
    """A manifest without what it must have is refused with the place where it is wrong."""
    with pytest.raises(ManifestInvalid, match=re.escape(refusal)):
        parse(document)


@pytest.mark.parametrize(
    ("document", "field"),
    [
        (image(manifests=[]), "manifests"),
        (image(manifests=None), "manifests"),
        (image(fsLayers=[]), "fsLayers"),
        (index(layers=[]), "layers"),
        (index(config={}), "config"),
        (index(fsLayers=[]), "fsLayers"),
        (artifact(layers=[]), "layers"),
        (artifact(manifests=[]), "manifests"),
        (artifact(config={}), "config"),
        (artifact(fsLayers=[]), "fsLayers"),
        (image() | {"manifests": [], "mediaType": DOCKER_MANIFEST}, "manifests"),
        (index() | {"layers": [], "mediaType": DOCKER_LIST}, "layers"),
    ],
)
def test_an_ambiguous_body_is_refused(document: JsonObject, field: str) -> None:
    """A body that could be read as an image and as an index is refused (CVE-2021-41190), with or without a type."""
    refusal = f"must not have {field}"
    with pytest.raises(ManifestInvalid, match=refusal):
        parse(document)
    with pytest.raises(ManifestInvalid, match=refusal):
        parse(without(document, "mediaType"), str(document["mediaType"]))
    with pytest.raises(ManifestInvalid, match=refusal):
        parse_manifest(json.dumps(document).encode(), None)


@pytest.mark.parametrize("key", ["Manifests", "LAYERS", "Config", "mediatype", "layer\u017f", "fslayers", "SUBJECT"])
@pytest.mark.parametrize("document", [image(), index(), artifact()])
def test_a_field_in_other_letters_is_refused(document: JsonObject, key: str) -> None:
    """A key that Go's decoder would take for a field is refused: clients would disagree on what the manifest is."""
    with pytest.raises(ManifestInvalid, match=r"the manifest must write .* as "):
        parse(document | {key: []})


@pytest.mark.parametrize(
    ("content_type", "stated"),
    [
        (OCI_MANIFEST, OCI_INDEX),
        (OCI_MANIFEST, DOCKER_MANIFEST),
        (OCI_MANIFEST, ""),
        (OCI_MANIFEST, f"{OCI_MANIFEST}; charset=utf-8"),
        (OCI_INDEX, OCI_MANIFEST),
        (DOCKER_LIST, OCI_INDEX),
        (OCI_ARTIFACT, OCI_MANIFEST),
        (JSON, OCI_MANIFEST),
        ("application/x-www-form-urlencoded", OCI_INDEX),
        ("text/plain", DOCKER_LIST),
    ],
)
def test_the_body_does_not_contradict_the_content_type(content_type: str, stated: str) -> None:
    """A body that says another type than the request is refused, also when the request's type is unknown."""
    with pytest.raises(ManifestInvalid, match=re.escape(f"Content-Type is {content_type}, but the manifest says")):
        parse(image(mediaType=stated), content_type)


@pytest.mark.parametrize("content_type", [f"{OCI_MANIFEST}; charset=utf-8", f" {OCI_MANIFEST} ", OCI_MANIFEST.upper()])
@pytest.mark.parametrize("document", [image(), without(image(), "mediaType")])
def test_the_content_type_is_compared_as_http_does(content_type: str, document: JsonObject) -> None:
    """Parameters and case of the Content-Type do not matter, and the type is kept as the specification spells it."""
    manifest = parse(document, content_type)
    assert manifest.media_type == OCI_MANIFEST
    assert len(manifest.blobs) == 2


@pytest.mark.parametrize("content_type", ["", "image", "*/*", "; charset=utf-8"])
def test_a_content_type_that_is_none_is_refused(content_type: str) -> None:
    """A Content-Type that is no media type is refused."""
    with pytest.raises(ManifestInvalid, match="is not a media type"):
        parse(image(), content_type)


@pytest.mark.parametrize(
    ("document", "media_type"),
    [
        (image(), OCI_MANIFEST),
        (image(mediaType=DOCKER_MANIFEST), DOCKER_MANIFEST),
        (image(mediaType=OCI_MANIFEST.upper()), OCI_MANIFEST),
        (index(), OCI_INDEX),
        (artifact(), OCI_ARTIFACT),
        (without(image(), "mediaType"), OCI_MANIFEST),
        (image(mediaType=""), OCI_MANIFEST),
        (image(mediaType=None), OCI_MANIFEST),
        (without(index(), "mediaType"), OCI_INDEX),
        ({"mediaType": "a/b", "anything": 1}, "a/b"),
        ({"mediaType": "a/b", "Layers": 1}, "a/b"),
    ],
)
def test_without_a_content_type_the_body_says_what_it_is(document: JsonObject, media_type: str) -> None:
    """A missing Content-Type is made up for by the body's mediaType, else by what the body has in it."""
    manifest = parse_manifest(json.dumps(document).encode(), None)
    assert manifest.media_type == media_type
    assert bool(manifest.blobs or manifest.children) is (media_type in KNOWN)


@pytest.mark.parametrize("document", [{}, {"schemaVersion": 2}, {"mediaType": None, "blobs": []}])
def test_a_body_of_no_type_is_refused(document: JsonObject) -> None:
    """A body that does not say what it is, without a Content-Type, is refused with a word on what to send."""
    with pytest.raises(ManifestInvalid, match="send its media type as Content-Type"):
        parse_manifest(json.dumps(document).encode(), None)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"not JSON",
        b"[1, 2",
        b'{"mediaType": "a/b", "mediaType": "a/b"}',
        b'["a"]',
        b'{"mediaType": 1}',
        b'{"mediaType": "a/c", "schemaVersion": 1}',
        b"[" * 100_000,
    ],
)
def test_the_body_of_an_unknown_type_is_bytes(content: bytes) -> None:
    """A manifest of a type that the registry does not know is kept as it is, whatever it is."""
    assert parse_manifest(content, "a/b; c=d") == Manifest(content, "a/b")


@pytest.mark.parametrize("content_type", [None, *sorted(KNOWN)])
@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        (b"", "is not JSON"),
        (b"{", "is not JSON"),
        (b"{} {}", "is not JSON"),
        (b"{'a': 1}", "is not JSON"),
        (b'{"a": 1,}', "is not JSON"),
        (b"\xef\xbb\xbf{}", "is not JSON"),
        (b'{"a": "\xff"}', "is not JSON: 'utf-8' codec"),
        (b'{"a": "\xed\xa0\x80"}', "is not JSON: 'utf-8' codec"),
        ('{"a": 1}'.encode("utf-16"), "is not JSON: 'utf-8' codec"),
        (b'{"a": "\n"}', "is not JSON"),
        (b'{"a": NaN}', "NaN is not a JSON number"),
        (b'{"a": [Infinity]}', "Infinity is not a JSON number"),
        (b'{"a": -Infinity}', "-Infinity is not a JSON number"),
        (b'{"a": %s}' % (b"9" * 5000), "is not JSON"),
        (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "is not JSON"),
        (b'{"a": ' * 100_000 + b"1" + b"}" * 100_000, "is not JSON"),
        (b'{"a": 1, "a": 1}', "one key twice"),
        (b'{"a": [{"b": 1, "\\u0062": 2}]}', "one key twice"),
        (b"[]", "the manifest is not a JSON object"),
        (b"null", "the manifest is not a JSON object"),
        (b'"text"', "the manifest is not a JSON object"),
    ],
)
def test_a_body_that_is_not_one_json_object_is_refused(content: bytes, content_type: str | None, refusal: str) -> None:
    """Bytes that are not JSON, that parsers would read differently, or that nest too deep are a `ManifestInvalid`."""
    with pytest.raises(ManifestInvalid, match=refusal) as error:
        parse_manifest(content, content_type)
    assert len(error.value.message) < 4096


@settings(deadline=None)
@given(manifest_pushes())
def test_every_manifest_is_read(push: Push) -> None:
    """Any valid manifest is read, and its bytes, its digest and its size are those that were pushed."""
    content, content_type = push
    manifest = parse_manifest(content, content_type)
    assert manifest.content == content
    assert manifest.media_type == content_type.partition(";")[0]
    listed = manifest.descriptor(manifest.digest())
    assert (listed.digest, listed.size, listed.media_type) == (digest_of(content), len(content), manifest.media_type)


@settings(deadline=None)
@given(image_documents() | index_documents() | artifact_documents(), st.booleans())
def test_every_field_is_found(document: JsonObject, typed: bool) -> None:  # noqa: FBT001 - hypothesis passes it
    """Any valid manifest is understood whole, whether the request says its type or the body alone does."""
    manifest = parse_manifest(json.dumps(document).encode(), str(document["mediaType"]) if typed else None)
    if manifest.media_type in IMAGES:
        assert documents(manifest.blobs) == [*required([document["config"]]), *required(document["layers"])]
    elif manifest.media_type in INDEXES:
        assert documents(manifest.children) == required(document["manifests"])
    else:
        assert documents(manifest.blobs) == required(document.get("blobs", []))
    subject = document.get("subject")
    assert documents(() if manifest.subject is None else (manifest.subject,)) == required([subject])
    config = manifest.blobs[0].media_type if manifest.media_type in IMAGES else None
    assert manifest.artifact_type == document.get("artifactType", config)
    assert manifest.annotations == document.get("annotations", {})


@settings(deadline=None)
@given(st.binary(), media_type_texts().filter(lambda text: text.lower() not in KNOWN))
def test_every_unknown_type_is_bytes(content: bytes, media_type: str) -> None:
    """Any bytes of any other type are kept as they are."""
    assert parse_manifest(content, media_type) == Manifest(content, media_type)


@settings(deadline=None)
@given(
    image_documents() | index_documents() | artifact_documents(),
    st.dictionaries(st.sampled_from([*image(), *index(), *artifact(subject=1, annotations=1)]), json_values()),
    st.none() | st.sampled_from(sorted(KNOWN)),
)
def test_a_damaged_manifest_is_read_or_refused(
    document: JsonObject, damage: JsonObject, content_type: str | None
) -> None:
    """Whatever stands in a manifest's fields, it is read or a `ManifestInvalid`, and never anything else."""
    with suppress(ManifestInvalid):
        assert parse_manifest(json.dumps(document | damage).encode(), content_type).content


@settings(deadline=None)
@example(b'{"manifests": [], "layers": []}', None)
@given(
    st.binary()
    | any_text().map(lambda text: text.encode("utf-8", "surrogatepass"))
    | st.text('[]{}":,1e').map(str.encode),
    st.none() | any_text() | st.sampled_from(sorted(KNOWN)),
)
def test_any_bytes_are_read_or_refused(content: bytes, content_type: str | None) -> None:
    """Any body under any Content-Type is kept as it is or a `ManifestInvalid`, and never anything else."""
    with suppress(ManifestInvalid):
        assert parse_manifest(content, content_type).content is content
