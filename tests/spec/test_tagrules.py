"""
What a rule says of tags.
"""

from __future__ import annotations

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
