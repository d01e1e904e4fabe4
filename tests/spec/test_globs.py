"""
Patterns of names.
"""

from __future__ import annotations

import pytest
from hypothesis import given

from oci_twisted.spec.globs import matches
from oci_twisted.testing.strategies import name_texts

CASES = [
    ("library/alpine", "library/alpine", True),
    ("library/alpine", "library/alpine2", False),
    ("library/*", "library/alpine", True),
    ("library/*", "library/alpine/edge", False),
    ("library/*", "library", False),
    ("library/**", "library/alpine/edge", True),
    ("library/**", "library", False),
    ("library/**", "librarian/alpine", False),
    ("**", "a/b/c", True),
    ("*", "a/b", False),
    ("*/app", "team/app", True),
    ("**/app", "team/web/app", True),
    ("team-*/app", "team-7/app", True),
    ("v*", "v1.2", True),
    ("v1.2", "v1x2", False),
    ("v*", "dev", False),
    ("a", "a\n", False),
]


@pytest.mark.parametrize(("pattern", "text", "expected"), CASES)
def test_a_pattern_describes_whole_names(pattern: str, text: str, expected: bool) -> None:  # noqa: FBT001
    """One star stays within a part of the name, two do not, and nothing else is special."""
    assert matches(pattern, text) is expected


@given(name_texts(), name_texts())
def test_a_name_is_a_pattern_of_itself_alone(one: str, other: str) -> None:
    """So a scope that names a repository is for that repository."""
    assert matches(one, one)
    assert matches(one, other) is (one == other)
