"""
Conditions on a tag.
"""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oci_twisted.spec.digests import Digest, digest_of
from oci_twisted.spec.errors import DigestInvalid, ReferenceChanged
from oci_twisted.spec.preconditions import Precondition, parse_entity_tags, parse_precondition
from oci_twisted.testing.strategies import digests
from tests.spec.grammar import any_text, damaged, monotonous

OLD = digest_of(b"old")
NEW = digest_of(b"new")


def test_no_header_asks_for_nothing() -> None:
    """Without a conditional header there is no condition."""
    assert parse_precondition(None, None) is None


@pytest.mark.parametrize("header", ["*", " * "])
def test_if_match_of_a_star_asks_for_any_manifest(header: str) -> None:
    """``If-Match: *`` holds for a tag that exists, wherever it points."""
    condition = parse_precondition(header, None)
    assert condition == Precondition(None)
    condition.check(OLD)
    with pytest.raises(ReferenceChanged, match="the tag does not exist") as refusal:
        condition.check(None)
    assert refusal.value.detail is None


def test_if_match_of_a_digest_asks_for_that_manifest() -> None:
    """``If-Match: "<digest>"`` holds for a tag that points there, and the refusal says where it points instead."""
    condition = parse_precondition(f'"{OLD}"', None)
    assert condition == Precondition(frozenset({OLD}))
    condition.check(OLD)
    with pytest.raises(ReferenceChanged, match=f"the tag points to {NEW}") as refusal:
        condition.check(NEW)
    assert refusal.value.detail == {"digest": str(NEW)}
    with pytest.raises(ReferenceChanged, match="the tag does not exist"):
        condition.check(None)


def test_if_match_of_several_digests_asks_for_one_of_them() -> None:
    """``If-Match`` with a list holds for a tag that points to any of it."""
    condition = parse_precondition(f'"{OLD}", W/"{NEW}"', None)
    assert condition == Precondition(frozenset({OLD, NEW}))
    condition.check(OLD)
    condition.check(NEW)


@pytest.mark.parametrize("header", ["*", " *"])
def test_if_none_match_of_a_star_asks_for_a_new_tag(header: str) -> None:
    """``If-None-Match: *`` holds for a tag that does not exist."""
    condition = parse_precondition(None, header)
    assert condition == Precondition(None, absent=True)
    condition.check(None)
    with pytest.raises(ReferenceChanged, match=f"the tag points to {OLD}"):
        condition.check(OLD)


def test_if_none_match_of_anything_else_asks_for_nothing() -> None:
    """``If-None-Match`` of a digest, which is for reading, does not concern a change."""
    assert parse_precondition(None, f'"{OLD}"') is None


def test_if_match_comes_first() -> None:
    """Where both headers were sent, ``If-Match`` is the one that counts."""
    assert parse_precondition(f'"{OLD}"', "*") == Precondition(frozenset({OLD}))


@settings(deadline=None)
@given(st.none() | st.frozensets(digests(), max_size=3), st.booleans(), st.none() | digests())
def test_a_condition_holds_or_says_what_is_there(
    expected: frozenset[Digest] | None,
    absent: bool,  # noqa: FBT001 - hypothesis passes it
    current: Digest | None,
) -> None:
    """A condition holds exactly when the tag is one of what it names, and the refusal carries where the tag points."""
    holds = current is None if absent else current is not None and (expected is None or current in expected)
    condition = Precondition(expected, absent)
    if holds:
        condition.check(current)
        return
    with pytest.raises(ReferenceChanged) as refusal:
        condition.check(current)
    assert refusal.value.detail == (None if current is None else {"digest": str(current)})


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (f'"{OLD}"', (OLD,)),
        (f'W/"{OLD}"', (OLD,)),
        (f' "{OLD}" ,\t"{NEW}" ', (OLD, NEW)),
        (f', "{OLD}",,"{NEW}",', (OLD, NEW)),
    ],
)
def test_entity_tags_are_digests_in_quotes(header: str, found: tuple[Digest, ...]) -> None:
    """A list of entity tags is read in its order, weak ones as strong ones, and without empty elements."""
    assert parse_entity_tags(header) == found


@pytest.mark.parametrize(
    "header",
    [
        "",
        ",",
        " , ",
        "*",
        '"',
        '""',
        str(OLD),
        f'"{OLD}',
        f'{OLD}"',
        f"'{OLD}'",
        f'w/"{OLD}"',
        f'W/ "{OLD}"',
        '"abc"',
        f'"{OLD}" "{NEW}"',
        f'"{OLD}", *',
        f'"{str(OLD).upper()}"',
    ],
)
def test_what_can_never_match_is_refused(header: str) -> None:
    """An entity tag that is not a digest in quotes is a `DigestInvalid`, because no manifest has such a tag."""
    with pytest.raises(DigestInvalid):
        parse_entity_tags(header)
    if header != "*":
        with pytest.raises(DigestInvalid):
            parse_precondition(header, None)


@settings(deadline=None)
@given(st.lists(digests(), min_size=1, max_size=4), st.sampled_from((",", ", ", " ,, ")))
def test_every_list_of_digests_is_read(expected: list[Digest], comma: str) -> None:
    """Any digests in quotes, between commas, are read in their order."""
    assert parse_entity_tags(comma.join(f'"{digest}"' for digest in expected)) == tuple(expected)


@settings(deadline=None)
@given(any_text() | damaged(digests().map('"{}"'.format)))
def test_any_header_is_read_or_refused(header: str) -> None:
    """Any header is a list of digests or a `DigestInvalid`, and never anything else."""
    with suppress(DigestInvalid):
        found = parse_entity_tags(header)
        assert all(f'"{digest}"' in header for digest in found)
        assert found


@pytest.mark.parametrize("text", monotonous('"', ",", "W/", ' "" ', '"a:b"'))
def test_a_long_header_is_refused_at_once(text: str) -> None:
    """However long and repetitive a header is, it is read once, and repeated within bounds."""
    with pytest.raises(DigestInvalid) as refusal:
        parse_entity_tags(text)
    assert len(refusal.value.message) < 4096
