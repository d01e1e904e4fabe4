"""
Rules as an operator writes them: values, and whom and what each is about.

What is here is plain rather than fast.  `oci_twisted.auth.policy.access` is fast, and tests hold the two together.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from attrs import field, frozen

from oci_twisted.interfaces import Action, Principal
from oci_twisted.spec.errors import NameInvalid
from oci_twisted.spec.globs import matches
from oci_twisted.spec.names import parse_name
from oci_twisted.spec.tagrules import FREE, TagRules

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import TypeAlias

    from oci_twisted.spec.names import RepositoryName

    Groups: TypeAlias = Mapping[str, frozenset[str]]

# What rules are about, in the order in which sentences name them.
ACTIONS = (Action.PULL, Action.PUSH, Action.DELETE)

EVERYONE = "everyone"
NOT_LOGGED_IN = "anonymous"
LOGGED_IN = "user:*"

USER = "{user}"
"""In a pattern, the name of whoever asks."""

SOMEBODY = Principal("*")
"""A user of whom nothing else is known: no rule can name them, and no repository is theirs."""


@frozen
class Rule:
    """
    A table ``[[auth.rule]]``.

    :ivar position: its place in the file; the first one is 1.
    :ivar repositories: patterns of names, in which `USER` may be a part.
    :ivar actions: what it allows or denies.
    :ivar permits: whether it allows.
    :ivar to: whom: `EVERYONE`, `NOT_LOGGED_IN`, `LOGGED_IN`, ``user:…`` and ``group:…``.
    :ivar tags: what it says of single tags.
    """

    position: int
    repositories: tuple[str, ...]
    actions: frozenset[Action]
    permits: bool
    to: tuple[str, ...]
    tags: TagRules = FREE

    def __str__(self) -> str:
        return f"rule {self.position}"

    def word_for(self, principal: Principal, groups: Groups) -> str | None:
        """Answer the first word of `to` that means somebody."""
        return next((word for word in self.to if self._means(word, principal, groups)), None)

    def pattern_for(self, principal: Principal, name: RepositoryName) -> str | None:
        """Answer the first of `repositories` that is a name, for somebody."""
        for pattern in self.repositories:
            placed = place_user(pattern, principal.name)
            if placed is not None and matches(placed, name.text):
                return pattern
        return None

    def _means(self, word: str, principal: Principal, groups: Groups) -> bool:
        kind, _, named = word.partition(":")
        if word == EVERYONE:
            return True
        if word == NOT_LOGGED_IN:
            # Nobody has to log in, so what one may do without is for all.
            return self.permits or principal.name is None
        if principal.name is None:
            return False
        if word == LOGGED_IN:
            return True
        if kind == "user":
            return principal.name == named
        return named in principal.groups or principal.name in groups.get(named, ())


@frozen
class AccessTest:
    """
    A table ``[[auth.test]]``.

    :ivar position: its place in the file; the first one is 1.
    :ivar who: as it is written.
    :ivar principal: who that is.
    """

    position: int
    who: str
    principal: Principal
    may: tuple[tuple[Action, RepositoryName], ...] = ()
    may_not: tuple[tuple[Action, RepositoryName], ...] = ()

    def __str__(self) -> str:
        return f"test {self.position}"


@frozen
class RuleBook:
    """
    What ``[auth]`` says of who may do what.

    :ivar groups: the users in each group; what credentials say of groups comes on top.
    """

    rules: tuple[Rule, ...] = ()
    groups: Groups = field(factory=dict)
    tests: tuple[AccessTest, ...] = ()


def place_user(pattern: str, user: str | None) -> str | None:
    """
    Put a user's name into a pattern.

    :return: ``None`` where the pattern wants a name, and there is none that could be a part of a repository's.
    """
    if USER not in pattern:
        return pattern
    return pattern.replace(USER, user) if user is not None and is_part(user) else None


@lru_cache(maxsize=4096)
def is_part(user: str) -> bool:
    """Answer whether a user's name could be a whole part of a repository's name, between its slashes."""
    try:
        return "/" not in parse_name(user).text
    except NameInvalid:
        return False


def describe(actions: Iterable[Action]) -> str:
    """Name actions in a sentence."""
    wanted = frozenset(actions)
    return listed([action.value for action in ACTIONS if action in wanted])


def listed(words: Sequence[str]) -> str:
    """Join words as a sentence does."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
