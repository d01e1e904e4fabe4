"""
Rule books at random, and what they mean, spelled out as slowly and plainly as can be.

Users, groups and parts of names are few, so that rules often meet.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from oci_twisted.auth.policy import RuleBook
from oci_twisted.auth.policy.rules import ACTIONS, Rule
from oci_twisted.interfaces import ANONYMOUS, Action, Principal
from oci_twisted.spec.names import RepositoryName, parse_name
from oci_twisted.spec.tagrules import FREE, TagRules

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

PARTS = ("a", "b", "ada")
# Some could be a part of a repository's name, and some could not.
USERS = ("ada", "b", "zoe", "Ada", "*", "a/b", "**", "{user}", "a\nb", ".*", "")
NAMED = ("ada", "b", "Ada")
GROUPS = ("x", "y", "z")
CLAIMED = frozenset({"y", "z"})

actions = st.sampled_from(ACTIONS)
names = st.lists(st.sampled_from(PARTS), min_size=1, max_size=3).map("/".join).map(parse_name)
principals = st.just(ANONYMOUS) | st.builds(
    Principal, st.sampled_from(USERS), st.frozensets(st.sampled_from(sorted(CLAIMED)), max_size=2)
)


def patterns() -> SearchStrategy[str]:
    """Give patterns of names."""
    part = st.sampled_from((*PARTS, "*", "**", "{user}", "a*", "*a", "a**"))
    return st.lists(part, min_size=1, max_size=3).map("/".join)


def books(most: int = 4) -> SearchStrategy[RuleBook]:
    """Give rule books."""
    words = st.sampled_from(
        ("anonymous", "everyone", "user:*", *(f"user:{name}" for name in NAMED), *(f"group:{name}" for name in GROUPS))
    )
    rules = st.lists(
        st.builds(
            Rule,
            st.just(0),
            st.lists(patterns(), min_size=1, max_size=2).map(tuple),
            st.frozensets(actions, min_size=1),
            st.booleans(),
            st.lists(words, min_size=1, max_size=2).map(tuple),
            st.sampled_from((FREE, TagRules(("v*",)), TagRules((), ("stable",)))),
        ),
        max_size=most,
    )
    groups = st.dictionaries(st.sampled_from(GROUPS), st.frozensets(st.sampled_from(NAMED), max_size=2))
    return st.builds(
        lambda rules, groups: RuleBook(
            tuple(
                Rule(number, rule.repositories, rule.actions, rule.permits, rule.to, rule.tags)
                for number, rule in enumerate(rules, 1)
            ),
            groups,
        ),
        rules,
        groups,
    )


def deciding(book: RuleBook, principal: Principal, action: Action, name: RepositoryName) -> Rule | None:
    """Answer the rule that decides."""
    for rule in book.rules:
        if action in rule.actions and any(is_meant(book, rule, word, principal) for word in rule.to):
            for pattern in rule.repositories:
                if describes(tuple(pattern.split("/")), tuple(name.text.split("/")), principal.name):
                    return rule
    return None


def is_meant(book: RuleBook, rule: Rule, word: str, principal: Principal) -> bool:
    """Answer whether one word of a rule means somebody."""
    if word == "everyone":
        return True
    if principal.name is None:
        return word == "anonymous"
    if word == "anonymous":
        return rule.permits
    memberships = {f"group:{group}" for group in principal.groups}
    memberships |= {f"group:{group}" for group, members in book.groups.items() if principal.name in members}
    return word in {"user:*", f"user:{principal.name}", *memberships}


@lru_cache(maxsize=100_000)
def describes(pattern: tuple[str, ...], name: tuple[str, ...], user: str | None) -> bool:
    """Answer whether a pattern is a name; both are given in parts."""
    # Two stars may take slashes, so that parts do not help any more.
    if any("**" in part for part in pattern):
        return _stars("/".join(pattern), "/".join(name), user)
    return len(pattern) == len(name) and all(
        part == user if one == "{user}" else _stars(one, part, None) for one, part in zip(pattern, name, strict=True)
    )


@lru_cache(maxsize=100_000)
def _stars(pattern: str, text: str, user: str | None) -> bool:
    if not pattern:
        return not text
    if pattern.startswith("**"):
        return any(_stars(pattern[2:], text[cut:], user) for cut in range(len(text) + 1))
    if pattern.startswith("*"):
        cuts = range(len(text.partition("/")[0]) + 1)
        return any(_stars(pattern[1:], text[cut:], user) for cut in cuts)
    if pattern.startswith("{user}"):
        part, slash, rest = text.partition("/")
        # The user's name is a whole part, so what is left begins with a slash, or is nothing.
        return user is not None and part == user and _stars(pattern[6:], slash + rest, user)
    return text[:1] == pattern[0] and _stars(pattern[1:], text[1:], user)
