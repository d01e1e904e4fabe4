"""
The list of referrers and the tag that stands in for it.
"""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oci_twisted.spec.descriptors import Descriptor
from oci_twisted.spec.digests import Digest, digest_of, parse_digest
from oci_twisted.spec.manifests import Manifest, parse_manifest
from oci_twisted.spec.mediatypes import OCI_INDEX
from oci_twisted.spec.names import parse_tag
from oci_twisted.spec.referrers import fallback_tag, referrers_document
from oci_twisted.testing.strategies import descriptors, digests, manifests
from tests.spec.grammar import TAG


def test_no_referrers_are_an_empty_index() -> None:
    """A subject that nothing refers to has an index with an empty list, never null."""
    assert json.loads(referrers_document([])) == {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}


def test_a_referrer_is_listed_as_its_descriptor() -> None:
    """A referrer has a type, a digest and a size, and its artifact type and annotations where it has some."""
    digest = digest_of(b"signature")
    document = json.loads(
        referrers_document([Descriptor("a/b", digest, 9, "c/d", {"e": "f"}), Descriptor("a/b", digest, 9)])
    )
    plain = {"mediaType": "a/b", "digest": str(digest), "size": 9}
    assert document["manifests"] == [plain | {"artifactType": "c/d", "annotations": {"e": "f"}}, plain]


def test_the_list_is_no_longer_than_its_text() -> None:
    """Text beyond ASCII is written as it is, because an escape is several times as long and clients cap the answer."""
    text = "\u00e4\u6f22\U0001f433"
    document = referrers_document([Descriptor("a/b", digest_of(b""), 0, annotations={"k": text})])
    assert text.encode() in document


@settings(deadline=None)
@given(st.lists(descriptors(), max_size=4))
def test_every_list_is_an_index_that_we_read(listed: list[Descriptor]) -> None:
    """Any list of referrers is a valid index of those descriptors in their order."""
    index = parse_manifest(referrers_document(listed), OCI_INDEX)
    assert [child.document() for child in index.children] == [descriptor.document() for descriptor in listed]


@settings(deadline=None)
@given(manifests())
def test_every_manifest_can_be_listed(manifest: Manifest) -> None:
    """Any manifest's descriptor says its type, its size, its digest, its artifact type and its annotations."""
    digest = manifest.digest()
    (child,) = parse_manifest(referrers_document([manifest.descriptor(digest)]), OCI_INDEX).children
    assert (child.media_type, child.digest, child.size) == (manifest.media_type, digest, len(manifest.content))
    assert child.artifact_type == manifest.artifact_type
    assert child.annotations == manifest.annotations


@pytest.mark.parametrize(
    ("subject", "tag"),
    [
        (f"sha256:{'a' * 64}", f"sha256-{'a' * 64}"),
        (f"sha512:{'b' * 64}{'c' * 64}", f"sha512-{'b' * 64}"),
        ("test+algorithm+using+algorithm+separators+and+lots+more:x=y", "test-algorithm-using-algorithm-s-x-y"),
        ("a+b:c=", "a-b-c-"),
        ("a.b_c-d:e=f_g-h", "a.b_c-d-e-f_g-h"),
    ],
)
def test_the_fallback_tag_is_the_digest_as_far_as_a_tag_can_be_one(subject: str, tag: str) -> None:
    """The algorithm is cut to 32 characters, the rest to 64, and what no tag has becomes a hyphen."""
    assert str(fallback_tag(parse_digest(subject))) == tag


@settings(deadline=None)
@given(digests())
def test_every_fallback_tag_is_a_tag(subject: Digest) -> None:
    """Whatever the subject's digest is, its fallback tag is one that clients can push."""
    tag = fallback_tag(subject)
    assert TAG.fullmatch(tag.text)
    assert parse_tag(tag.text) == tag
    assert len(tag.text) <= 32 + 1 + 64
