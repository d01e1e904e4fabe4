"""
Media types.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oci_twisted.spec.errors import ManifestInvalid
from oci_twisted.spec.mediatypes import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    IMAGES,
    INDEXES,
    KNOWN,
    MEDIA_TYPE_LENGTH,
    OCI_ARTIFACT,
    OCI_INDEX,
    OCI_MANIFEST,
    is_distributable,
    parse_media_type,
)
from oci_twisted.testing.strategies import media_type_texts
from tests.spec.grammar import MEDIA_TYPE, any_text, damaged, monotonous

if TYPE_CHECKING:
    from random import Random


def test_the_registry_reads_five_types() -> None:
    """Images and indexes, OCI's and Docker's, and OCI's withdrawn artifacts are read; nothing else is."""
    assert {OCI_MANIFEST, DOCKER_MANIFEST} == IMAGES
    assert {OCI_INDEX, DOCKER_LIST} == INDEXES
    assert {OCI_MANIFEST, DOCKER_MANIFEST, OCI_INDEX, DOCKER_LIST, OCI_ARTIFACT} == KNOWN


@pytest.mark.parametrize(
    ("text", "media_type"),
    [
        (OCI_MANIFEST, OCI_MANIFEST),
        (f"{OCI_INDEX}; charset=utf-8", OCI_INDEX),
        (f"  {DOCKER_LIST}\t;a=b;c=d", DOCKER_LIST),
        ("application/vnd.dev.sigstore.bundle+json;version=0.2", "application/vnd.dev.sigstore.bundle+json"),
        ("a/b", "a/b"),
        ("Text/X-Thing", "Text/X-Thing"),
        (f"{'a' * 127}/{'b' * 127}", f"{'a' * 127}/{'b' * 127}"),
    ],
)
def test_a_media_type_is_read_without_its_parameters(text: str, media_type: str) -> None:
    """Parameters and the space around a media type are dropped, and the rest is kept as it is."""
    assert parse_media_type(text) == media_type


@pytest.mark.parametrize(
    "text",
    [
        "",
        ";",
        "; charset=utf-8",
        "a",
        "a/",
        "/b",
        "a/b/c",
        "a /b",
        "a/b c",
        "*/*",
        "-a/b",
        "a/.b",
        "a/b,c/d",
        f"{'a' * 128}/b",
        f"a/{'b' * 128}",
        "\u00e4/b",
    ],
)
def test_what_is_no_media_type_is_refused(text: str) -> None:
    """What RFC 6838 does not allow is a `ManifestInvalid`."""
    with pytest.raises(ManifestInvalid, match="is not a media type"):
        parse_media_type(text)


@settings(deadline=None)
@given(st.sampled_from(sorted(KNOWN)), st.randoms(use_true_random=False))
def test_the_case_of_a_known_type_does_not_matter(media_type: str, random: Random) -> None:
    """A type that the registry reads is recognised in any case, so that no spelling gets past the checks."""
    assert (
        parse_media_type("".join(random.choice((str.upper, str.lower))(letter) for letter in media_type)) == media_type
    )


@settings(deadline=None)
@given(media_type_texts() | st.from_regex(MEDIA_TYPE, fullmatch=True), st.text())
def test_every_media_type_comes_back(text: str, parameters: str) -> None:
    """Any media type built from the grammar is parsed and kept, whatever its parameters are."""
    assert MEDIA_TYPE.fullmatch(text)
    assert len(text) <= MEDIA_TYPE_LENGTH
    assert parse_media_type(f"{text};{parameters}") == (text.lower() if text.lower() in KNOWN else text)


@settings(deadline=None)
@given(any_text() | damaged(media_type_texts()))
def test_only_what_the_grammar_matches_is_a_media_type(text: str) -> None:
    """Any text is parsed if and only if RFC 6838 has it; otherwise it is a `ManifestInvalid`."""
    essence = text.partition(";")[0].strip()
    if MEDIA_TYPE.fullmatch(essence):
        assert parse_media_type(text) == essence
    else:
        with pytest.raises(ManifestInvalid):
            parse_media_type(text)


@pytest.mark.parametrize(
    ("media_type", "distributable"),
    [
        ("application/vnd.oci.image.layer.v1.tar", True),
        ("application/vnd.oci.image.layer.v1.tar+zstd", True),
        ("application/vnd.docker.image.rootfs.diff.tar.gzip", True),
        ("application/vnd.oci.image.layer.nondistributable.v1.tar", False),
        ("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", False),
        ("application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", False),
        ("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", False),
        ("application/vnd.docker.image.rootfs.foreign.diff.tar", False),
    ],
)
def test_foreign_layers_are_not_pushed(media_type: str, distributable: bool) -> None:  # noqa: FBT001 - a column of the table
    """Layers that are fetched from elsewhere are known by their media type."""
    assert is_distributable(media_type) is distributable


@pytest.mark.parametrize("text", monotonous("a", "a/", "/", "a+", " ", "-"))
def test_a_long_text_is_refused_at_once(text: str) -> None:
    """However long and repetitive a text is, no expression tries it in many ways."""
    with pytest.raises(ManifestInvalid) as refusal:
        parse_media_type(text)
    assert len(refusal.value.message) < 4096


@pytest.mark.parametrize("parameters", monotonous(";", "a=b;", " ", "/"))
def test_long_parameters_are_dropped_at_once(parameters: str) -> None:
    """However long and repetitive the parameters are, nobody looks at them."""
    assert parse_media_type(f"a/b;{parameters}") == "a/b"
