"""
Names that some patterns describe and others do not.
"""

from __future__ import annotations

import string
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oci_twisted.auth.policy.names import TooManyNames, find_name
from oci_twisted.spec.globs import matches
from oci_twisted.spec.names import NAME_LENGTH, parse_name
from oci_twisted.testing.strategies import name_texts
from tests.auth.policy.books import PARTS

SMALL = ["/".join(parts) for count in (1, 2, 3) for parts in product(PARTS, repeat=count)]
ALNUM = string.ascii_lowercase + string.digits


def described(patterns: list[str], name: str) -> bool:
    """Answer whether one of several patterns is a name."""
    return any(matches(pattern, name) for pattern in patterns)


def plain_patterns() -> st.SearchStrategy[list[str]]:
    """Give patterns in which no user stands."""
    piece = st.sampled_from((*PARTS, "*", "**", "/", "a*", "-", ".", "_", "__", "A"))
    return st.lists(st.lists(piece, min_size=1, max_size=4).map("".join), max_size=3)


@given(plain_patterns(), plain_patterns(), plain_patterns(), name_texts())
def test_what_is_found_is_so_and_what_is_not_is_not_there(
    one: list[str], other: list[str], unwanted: list[str], name: str
) -> None:
    """A name is found if there is one; the name is valid, wanted by both sets, and not unwanted."""
    found = find_name([one, other], unwanted)
    if found is not None:
        assert parse_name(found).text == found
        assert described(one, found)
        assert described(other, found)
        assert not described(unwanted, found)
    for text in (*SMALL, name) if found is None else ():
        assert not (described(one, text) and described(other, text) and not described(unwanted, text))


@pytest.mark.parametrize(
    ("wanted", "unwanted", "expected"),
    [
        (["**"], [], "a"),
        (["**"], ["*"], "a/a"),
        (["**"], ["a*", "b/**"], "c"),
        (["library/*"], ["library/*"], None),
        (["library/*"], ["**"], None),
        (["library/**"], ["library/*"], "library/a/a"),
        (["team/{user}/**"], ["team/*/**"], None),
        (["team/*/**"], ["team/{user}/**"], "team/a/a"),
        (["team/{user}/**"], ["team/ada/**"], "team/{user}/a"),
        (["{user}"], ["a*"], "{user}"),
        (["{user}"], ["*"], None),
        (["{user}*"], ["{user}"], None),
        (["Library/*"], [], None),
        (["/library/*"], [], None),
        (["library/"], [], None),
        (["registry.example:5000/a"], [], None),
        (["a//b"], [], None),
        (["a__b"], [], "a__b"),
        (["a___b"], [], None),
        (["a---b"], [], "a---b"),
        (["a.-b"], [], None),
        (["*-"], [], None),
        (["é*"], [], None),
        ([f"{'a' * NAME_LENGTH}*"], [], "a" * NAME_LENGTH),
        (["a" * (NAME_LENGTH + 1)], [], None),
        (["*"], [f"{one}*" for one in ALNUM], None),
        (["*"], [f"*{one}" for one in ALNUM], None),
        (["x*"], ["x", *(f"x{one}*" for one in ALNUM)], "x-a"),
        ([], [], None),
    ],
)
def test_examples(wanted: list[str], unwanted: list[str], expected: str | None) -> None:
    """The name is the shortest one, and there is none where the grammar or the length allows none."""
    assert find_name([wanted], unwanted) == expected


def test_it_gives_up() -> None:
    """Patterns whose stars can be taken in too many ways are not looked through to the end."""
    with pytest.raises(TooManyNames):
        find_name([[f"*a{'*b' * 12}*c*"]], ["*c*", *(f"*{one}{other}*" for one, other in product("abc", "def"))])
