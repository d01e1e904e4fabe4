"""
Repository names, tags and references.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from oci_twisted.spec.digests import Digest, parse_digest
from oci_twisted.spec.errors import DigestInvalid, NameInvalid, TagInvalid
from oci_twisted.spec.names import NAME_LENGTH, RepositoryName, Tag, parse_name, parse_reference, parse_tag
from oci_twisted.testing.strategies import digest_texts, name_texts, tag_texts
from tests.spec.grammar import LINE_ENDS, NAME, TAG, any_text, damaged, monotonous

if TYPE_CHECKING:
    from collections.abc import Callable

    from oci_twisted.spec.names import Reference


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "0",
        "library/alpine",
        "a.b_c__d-e---f",
        "blobs/uploads",
        "v2/manifests/tags/list",
        "a/b/c/d/e/f/g",
        "a" * NAME_LENGTH,
    ],
)
def test_a_name_of_the_grammar_is_kept_as_it_is(text: str) -> None:
    """A name that the specification's expression matches is parsed, also when a part of it is a keyword of the API."""
    assert str(parse_name(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "a/",
        "/a",
        "a//b",
        "A",
        "a.",
        "-a",
        "a..b",
        "a___b",
        "a._b",
        "a b",
        "_catalog",
        "a:b",
        "\u00e4",
        "\u0660",
        "a\ud800",
        *(f"a{end}" for end in LINE_ENDS),
    ],
)
def test_a_name_outside_the_grammar_is_refused(text: str) -> None:
    """A name that the specification's expression does not match whole is a `NameInvalid`."""
    with pytest.raises(NameInvalid, match="is not a repository name"):
        parse_name(text)


def test_a_name_of_more_than_255_characters_is_refused() -> None:
    """A name that no client could pull is refused for its length."""
    with pytest.raises(NameInvalid, match="at most 255 characters, not 256"):
        parse_name("a" * (NAME_LENGTH + 1))


def test_a_refusal_repeats_what_was_sent_within_bounds() -> None:
    """What a client sent stands in the refusal, in ASCII and not at any length."""
    with pytest.raises(NameInvalid) as name:
        parse_name("\u00e4" * NAME_LENGTH)
    with pytest.raises(TagInvalid) as tag:
        parse_tag("\u00e4" * 100_000)
    for refusal in (name.value, tag.value):
        assert refusal.message.isascii()
        assert r"\xe4" in refusal.message
        assert len(refusal.message) < 4096
        assert len(str(refusal.detail)) < 4096


@settings(deadline=None)
@given(name_texts())
def test_every_name_comes_back(text: str) -> None:
    """Any name built from the grammar is parsed and written as it was."""
    assert NAME.fullmatch(text)
    assert str(parse_name(text)) == text


@settings(deadline=None)
@given(st.from_regex(NAME, fullmatch=True))
def test_what_the_specification_matches_is_a_name(text: str) -> None:
    """Any text that the specification's expression matches is parsed, unless it is too long."""
    if len(text) <= NAME_LENGTH:
        assert str(parse_name(text)) == text
    else:
        with pytest.raises(NameInvalid):
            parse_name(text)


@settings(deadline=None)
@given(any_text() | damaged(name_texts()) | st.text("ab.-_/", max_size=12))
def test_only_what_the_specification_matches_is_a_name(text: str) -> None:
    """Any text is parsed if and only if the specification's expression matches it; otherwise it is a `NameInvalid`."""
    if NAME.fullmatch(text) and len(text) <= NAME_LENGTH:
        assert parse_name(text).text == text
    else:
        with pytest.raises(NameInvalid):
            parse_name(text)


@pytest.mark.parametrize("text", ["latest", "_", "v1.0-rc_1", "A", "0", "a" * 128, "sha256-abc", "a--..__"])
def test_a_tag_of_the_grammar_is_kept_as_it_is(text: str) -> None:
    """A tag that the specification's expression matches is parsed."""
    assert str(parse_tag(text)) == text


@pytest.mark.parametrize(
    "text",
    ["", ".a", "-a", "a/b", "a b", "a+b", "a" * 129, "\u00e9", "a\u0660", *(f"a{end}" for end in LINE_ENDS)],
)
def test_a_tag_outside_the_grammar_is_refused(text: str) -> None:
    """A tag that the specification's expression does not match whole is a `TagInvalid`."""
    with pytest.raises(TagInvalid, match="is not a tag"):
        parse_tag(text)


@settings(deadline=None)
@given(tag_texts() | st.from_regex(TAG, fullmatch=True))
def test_every_tag_comes_back(text: str) -> None:
    """Any tag is parsed and written as it was."""
    assert TAG.fullmatch(text)
    assert str(parse_tag(text)) == text
    assert parse_reference(text) == Tag(text)


@settings(deadline=None)
@given(any_text() | damaged(tag_texts()))
def test_only_what_the_specification_matches_is_a_tag(text: str) -> None:
    """Any text is parsed if and only if the specification's expression matches it; otherwise it is a `TagInvalid`."""
    if TAG.fullmatch(text):
        assert parse_tag(text).text == text
    else:
        with pytest.raises(TagInvalid):
            parse_tag(text)


@settings(deadline=None)
@given(digest_texts())
def test_a_reference_with_a_colon_is_a_digest(text: str) -> None:
    """A digest after ``/manifests/`` is taken for one."""
    reference = parse_reference(text)
    assert isinstance(reference, Digest)
    assert reference == parse_digest(text)


@settings(deadline=None)
@example("sha256:baddigeststring")
@example(":")
@example("latest:")
@given(any_text() | damaged(digest_texts()) | damaged(tag_texts()))
def test_a_bad_reference_is_refused_as_what_it_was_meant_to_be(text: str) -> None:
    """A reference with a colon is a digest or a `DigestInvalid`; without one it is a tag or a `TagInvalid`."""
    parse: Callable[[str], Reference] = parse_digest if ":" in text else parse_tag
    try:
        meant = parse(text)
    except (DigestInvalid, TagInvalid) as refusal:
        with pytest.raises(type(refusal)):
            parse_reference(text)
    else:
        assert parse_reference(text) == meant


@settings(deadline=None)
@given(st.lists(name_texts()), st.lists(tag_texts()))
def test_names_and_tags_sort_as_their_bytes_do(names: list[str], tags: list[str]) -> None:
    """Names and tags are in byte order, which listings promise."""
    assert [name.text for name in sorted(map(RepositoryName, names))] == sorted(names, key=str.encode)
    assert [tag.text for tag in sorted(map(Tag, tags))] == sorted(tags, key=str.encode)


@pytest.mark.parametrize("text", monotonous("a", "-", "a-", "a--", "a/", "a_", "a__", "a.", "_", "__", "/"))
def test_a_long_text_is_refused_at_once(text: str) -> None:
    """However long and repetitive a text is, no expression tries it in many ways."""
    with pytest.raises(NameInvalid):
        parse_name(text)
    with pytest.raises(NameInvalid):
        parse_name(f"{text[: NAME_LENGTH - 1]}!")
    with pytest.raises(TagInvalid):
        parse_tag(text)
