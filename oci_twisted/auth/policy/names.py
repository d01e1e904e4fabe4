"""
Names of repositories that some patterns describe and others do not: found, or proved not to be there.

Patterns and the grammar of names are small automata, which are walked side by side, shortest names first.
"""

from __future__ import annotations

import re
import string
from collections import deque
from typing import TYPE_CHECKING, TypeAlias

from oci_twisted.auth.policy.rules import USER
from oci_twisted.spec.names import NAME_LENGTH

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    # Where one is in each of several patterns: the pattern, and how many of its pieces are behind.
    Places: TypeAlias = frozenset[tuple[int, int]]
    Pattern: TypeAlias = tuple[str, ...]

_PIECE = re.compile(r"\{user\}|\*\*|.", re.DOTALL)
_WORD = string.ascii_lowercase + string.digits
_MOST_STATES = 3000

# The grammar of a name, by what was read last: what may follow, and to where it leads.  Letters and digits are "a".
_BEGIN, _LETTER, _DOT, _UNDERSCORE, _UNDERSCORES, _DASH, _WHOLE = range(7)
_GRAMMAR: dict[int, dict[str, int]] = {
    _BEGIN: {"a": _LETTER, USER: _WHOLE},
    _LETTER: {"a": _LETTER, ".": _DOT, "_": _UNDERSCORE, "-": _DASH, "/": _BEGIN},
    _DOT: {"a": _LETTER},
    _UNDERSCORE: {"a": _LETTER, "_": _UNDERSCORES},
    _UNDERSCORES: {"a": _LETTER},
    _DASH: {"a": _LETTER, "-": _DASH},
    _WHOLE: {"/": _BEGIN},
}
_ENDS = frozenset({_LETTER, _WHOLE})


class TooManyNames(Exception):
    """There is too much to look through."""


def find_name(wanted: Sequence[Sequence[str]], unwanted: Sequence[str]) -> str | None:
    """
    Find the shortest name that a pattern of each set describes, and no unwanted one.

    `USER` stands in patterns for a user of whom nothing is known, and may stand in the name.  Such a user has no name
    that anything but a star and `USER` describes.  So a name that a user with any name could have is always found.

    :param wanted: sets of patterns.
    :return: ``None`` when there is none.
    :raise TooManyNames: when that cannot be said in a reasonable time.
    """
    sets = [_Patterns(patterns) for patterns in (*wanted, unwanted)]
    start = (_BEGIN, tuple(one.start for one in sets))
    seen = {start}
    waiting = deque([(start, "", 0)])
    while waiting:
        (grammar, places), text, length = waiting.popleft()
        *inside, outside = (one.accepts(place) for one, place in zip(sets, places, strict=True))
        if grammar in _ENDS and all(inside) and not outside:
            return text
        if length == NAME_LENGTH:
            continue
        for symbol, kind in _symbols(sets, places):
            following = _GRAMMAR[grammar].get(kind)
            if following is None:
                continue
            after = tuple(one.step(place, symbol) for one, place in zip(sets, places, strict=True))
            state = (following, after)
            if state in seen or not all(after[:-1]) or sets[-1].takes_all(after[-1]):
                continue
            if len(seen) == _MOST_STATES:
                raise TooManyNames
            seen.add(state)
            waiting.append((state, text + symbol, length + 1))
    return None


def _symbols(sets: Sequence[_Patterns], places: Sequence[Places]) -> Iterator[tuple[str, str]]:
    """Answer what may come next, as far as it makes a difference, and what each is to the grammar."""
    literals = {piece for one, place in zip(sets, places, strict=True) for piece in one.next(place)}
    named = [symbol for symbol in _WORD if symbol in literals]
    other = next((symbol for symbol in _WORD if symbol not in literals), None)
    yield from ((symbol, "a") for symbol in (named if other is None else [other, *named]))
    yield from ((symbol, symbol) for symbol in "/-._")
    if USER in literals:
        yield USER, USER


class _Patterns:
    """Several patterns, read at once."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns: list[Pattern] = [tuple(_PIECE.findall(pattern)) for pattern in patterns]
        self._steps: dict[tuple[Places, str], Places] = {}
        self.start = self._closed({(number, 0) for number in range(len(self._patterns))})

    def next(self, places: Places) -> set[str]:
        """Answer the pieces that may come next."""
        return {self._patterns[number][place] for number, place in places if place < len(self._patterns[number])}

    def step(self, places: Places, symbol: str) -> Places:
        """Answer where one is after one more symbol."""
        after = self._steps.get((places, symbol))
        if after is None:
            after = self._steps[places, symbol] = self._closed(set(self._moved(places, symbol)))
        return after

    def accepts(self, places: Places) -> bool:
        """Answer whether one of the patterns may end here."""
        return any(place == len(self._patterns[number]) for number, place in places)

    def takes_all(self, places: Places) -> bool:
        """Answer whether one of the patterns describes whatever follows."""
        return any(self._patterns[number][place:] == ("**",) for number, place in places)

    def _moved(self, places: Places, symbol: str) -> Iterator[tuple[int, int]]:
        for number, place in places:
            piece = self._patterns[number][place] if place < len(self._patterns[number]) else None
            if piece == "**" or (piece == "*" and symbol != "/"):
                yield number, place
            elif piece == symbol:
                yield number, place + 1

    def _closed(self, places: set[tuple[int, int]]) -> Places:
        waiting = list(places)
        while waiting:
            number, place = waiting.pop()
            pattern = self._patterns[number]
            behind = (number, place + 1)
            if place < len(pattern) and pattern[place] in {"*", "**"} and behind not in places:
                places.add(behind)
                waiting.append(behind)
        return frozenset(places)
