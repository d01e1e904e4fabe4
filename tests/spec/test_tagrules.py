"""
What a rule says of tags.
"""

from __future__ import annotations

import pytest

from oci_twisted.spec.digests import digest_of
from oci_twisted.spec.errors import TagImmutable
from oci_twisted.spec.names import parse_tag
from oci_twisted.spec.tagrules import FREE, TagRules


def test_immutable_tags_are_kept_too() -> None:
    """A tag that may not move may not be deleted, for it could come back elsewhere; the other way round it may."""
    rules = TagRules(immutable=("v*",), protected=("stable",))
    found = {text: (rules.pins(parse_tag(text)), rules.keeps(parse_tag(text))) for text in ("v1", "stable", "dev")}
    assert found == {"v1": (True, True), "stable": (False, True), "dev": (False, False)}


def test_by_default_tags_are_free() -> None:
    """They move, and go."""
    assert (FREE.pins(parse_tag("v1")), FREE.keeps(parse_tag("v1"))) == (False, False)


def test_a_move_is_from_one_digest_to_another() -> None:
    """A tag that is new, or stays where it is, or is not pinned, is no matter; the refusal says what it keeps."""
    rules = TagRules(immutable=("v*",))
    here, there = digest_of(b"here"), digest_of(b"there")
    for tag, current in (("v1", None), ("v1", there), ("latest", here)):
        rules.check_move(parse_tag(tag), current, there)
    with pytest.raises(TagImmutable, match=str(here)):
        rules.check_move(parse_tag("v1"), here, there)


def test_the_first_kept_tag_is_the_one_to_name() -> None:
    """Of several that may not be deleted, everybody names the same."""
    rules = TagRules(immutable=("v*",), protected=("b*",))
    assert rules.first_kept(map(parse_tag, ("a", "v1", "b2", "b10"))) == parse_tag("b10")
    assert rules.first_kept(map(parse_tag, ("a", "c"))) is None
