"""
Rules, looked through for what cannot be meant.

What is said to be so is so; but not everything is found that could be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from oci_twisted.auth.policy.names import TooManyNames, find_name
from oci_twisted.auth.policy.rules import (
    ACTIONS,
    EVERYONE,
    LOGGED_IN,
    NOT_LOGGED_IN,
    SOMEBODY,
    USER,
    is_part,
    listed,
    place_user,
)
from oci_twisted.auth.policy.words import nearest
from oci_twisted.interfaces import ANONYMOUS, Action, Principal
from oci_twisted.spec.errors import TagInvalid
from oci_twisted.spec.names import parse_tag

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from oci_twisted.auth.policy.rules import Rule, RuleBook

# What a star may stand for in a tag.
_FILLINGS = ("1", "", "1.0-rc_x")


def lint(book: RuleBook, may_claim: Callable[[str], bool] = lambda _group: False) -> list[str]:
    """
    Answer a sentence for everything that cannot be meant.

    :param may_claim: answers whether somebody may be in a group by what their credentials say.
    """
    return list(_Lint(book, may_claim).complaints())


@frozen
class _Asker:
    """
    Somebody about whom as little as possible is known, beside that a rule is about them.

    :ivar has_any_name: whether they stand for users of other names too.
    """

    principal: Principal
    has_any_name: bool = False

    def alone(self) -> _Asker:
        """Answer one of them, of whom what is said has to be so; somebody of no name stays as they are."""
        return self if self.principal.name == SOMEBODY.name else _Asker(self.principal)

    def patterns(self, rule: Rule) -> list[str]:
        """Answer a rule's patterns as they are for this one."""
        if self.has_any_name:
            return list(rule.repositories)
        placed = (place_user(pattern, self.principal.name) for pattern in rule.repositories)
        return [pattern for pattern in placed if pattern is not None]


class _Lint:
    """
    Looks through rules.
    """

    def __init__(self, book: RuleBook, may_claim: Callable[[str], bool]) -> None:
        self._book = book
        self._may_claim = may_claim
        self._found_askers: dict[int, tuple[_Asker, ...]] = {}
        self._found_members: dict[str, tuple[_Asker, ...]] = {}

    def complaints(self) -> Iterator[str]:
        if not self._book.rules:
            yield "there is no rule, so nobody may do anything; write [[auth.rule]]"
        for rule in self._book.rules:
            faults = [*self._empty_groups(rule), *_impossible_patterns(rule)]
            yield from faults
            if not faults:
                yield from self._hidden(rule)
                yield from self._evaded(rule)
                yield from self._undone(rule)
            yield from _impossible_tags(rule)
        for test in self._book.tests:
            for group in sorted(test.principal.groups):
                yield from self._empty_group(str(test), group)

    def _empty_groups(self, rule: Rule) -> Iterator[str]:
        for word in rule.to:
            kind, _, group = word.partition(":")
            if kind == "group":
                yield from self._empty_group(str(rule), group)

    def _empty_group(self, place: str, group: str) -> Iterator[str]:
        members = self._book.groups.get(group)
        if members or self._may_claim(group):
            return
        known = set(self._book.groups) - {group}
        hint = f"did you mean {nearest(group, known)}?" if known else "list its users in [auth.groups]"
        yield f"{place}: nobody is in the group {group}; {hint}"

    def _hidden(self, rule: Rule) -> Iterator[str]:
        """Say what a rule can never decide, because others come first."""
        before = {action: self._before(rule, action) for action in ACTIONS if action in rule.actions}
        if not self._decides(rule, []):
            yield f"{rule} can never decide: none of those whom it is for has a name that could stand for {USER}"
            return
        dead = [action for action, others in before.items() if not self._decides(rule, others)]
        if len(dead) == len(before):
            yield f"{rule} can never decide: {self._first(rule, before.values())}"
            return
        for action in dead:
            alike = [other for other in before[action] if _effect(other, action) == _effect(rule, action)]
            # Where those that come first decide the same, as when pull is allowed twice, nothing is lost.
            if self._decides(rule, alike):
                yield f"{rule} can never decide a {action.value}: {self._first(rule, [before[action]])}"

    def _before(self, rule: Rule, action: Action) -> list[Rule]:
        return [other for other in self._book.rules if other.position < rule.position and action in other.actions]

    def _first(self, rule: Rule, before: Collection[Sequence[Rule]]) -> str:
        """Say which rules leave nothing to a rule, of those that come first for each action."""
        for other in self._book.rules:
            if all(other in others for others in before) and not self._decides(rule, [other]):
                return f"{other} always comes first"
        some = {other.position for others in before for other in others if self._meets(rule, other)}
        return f"rules {listed([str(position) for position in sorted(some)])} leave nothing to it"

    def _meets(self, rule: Rule, other: Rule) -> bool:
        """Answer whether another rule could take something from a rule."""
        return any(
            _may_exist([asker.patterns(rule), self._unwanted(asker, [other])], []) for asker in self._askers(rule)
        )

    def _decides(self, rule: Rule, before: Sequence[Rule]) -> bool:
        """Answer whether a rule decides anything behind others that are about the same action."""
        return any(_may_exist([asker.patterns(rule)], self._unwanted(asker, before)) for asker in self._askers(rule))

    def _unwanted(self, asker: _Asker, rules: Sequence[Rule]) -> list[str]:
        about = (rule for rule in rules if rule.word_for(asker.principal, self._book.groups) is not None)
        return [pattern for rule in about for pattern in asker.patterns(rule)]

    def _evaded(self, rule: Rule) -> Iterator[str]:
        """Say where a rule denies to somebody what they may do as soon as they log out."""
        if rule.permits:
            return
        for asker in self._askers(rule):
            if asker.principal.name is None:
                continue
            one = asker.alone()
            for action in ACTIONS:
                found = self._evasion(rule, one, action) if action in rule.actions else None
                if found is not None:
                    yield f"{rule} denies what needs no login: {found}"
                    return

    def _evasion(self, rule: Rule, asker: _Asker, action: Action) -> str | None:
        stranger = _Asker(ANONYMOUS)
        rules = [other for other in self._book.rules if action in other.actions]
        before = self._unwanted(asker, [other for other in rules if other.position < rule.position])
        for number, other in enumerate(rules):
            if other.permits and other.word_for(ANONYMOUS, self._book.groups) is not None:
                unwanted = [*before, *self._unwanted(stranger, rules[:number])]
                try:
                    name = find_name([asker.patterns(rule), stranger.patterns(other)], unwanted)
                except TooManyNames:
                    continue
                if name is not None:
                    return f"{other} lets everyone {action.value} {name.replace(USER, 'somebody')}"
        return None

    def _undone(self, rule: Rule) -> Iterator[str]:
        """Say where those who may not move a tag may delete it, and so push it anew."""
        if not rule.permits or Action.PUSH not in rule.actions:
            return
        for other in self._book.rules:
            tag = _loose_tag(rule, other)
            name = None if tag is None else self._both_decide(rule, Action.PUSH, other, Action.DELETE)
            if name is not None:
                yield (
                    f"{rule} does not let the tag {tag} of {name.replace(USER, 'somebody')} be moved, but {other} lets "
                    "the same people delete it and push it anew; write immutable there too"
                )
                return

    def _both_decide(self, rule: Rule, action: Action, other: Rule, another: Action) -> str | None:
        """Find a repository where two rules decide for the same person, each about an action of its own."""
        for asker in (found.alone() for found in self._askers(rule)):
            if other.word_for(asker.principal, self._book.groups) is not None:
                before = [*self._before(rule, action), *self._before(other, another)]
                try:
                    name = find_name([asker.patterns(rule), asker.patterns(other)], self._unwanted(asker, before))
                except TooManyNames:
                    continue
                if name is not None:
                    return name
        return None

    def _askers(self, rule: Rule) -> tuple[_Asker, ...]:
        """
        Answer whom a rule is about, each as somebody to whom as few other rules as possible apply.

        Who is in more groups, or has a name that a rule knows, has more rules before this one; so of those it is
        enough to look at the one who is not.
        """
        if rule.position not in self._found_askers:
            self._found_askers[rule.position] = tuple(self._find_askers(rule))
        return self._found_askers[rule.position]

    def _find_askers(self, rule: Rule) -> Iterator[_Asker]:
        for word in rule.to:
            kind, _, named = word.partition(":")
            if word in {EVERYONE, NOT_LOGGED_IN}:
                yield _Asker(ANONYMOUS)
            if word in {EVERYONE, LOGGED_IN} or (word == NOT_LOGGED_IN and rule.permits):
                yield _Asker(SOMEBODY, has_any_name=True)
            elif kind == "user":
                yield _Asker(Principal(named))
            elif kind == "group" and self._may_claim(named):
                yield _Asker(Principal(SOMEBODY.name, frozenset({named})), has_any_name=True)
            elif kind == "group":
                if named not in self._found_members:
                    self._found_members[named] = tuple(self._members(named))
                yield from self._found_members[named]

    def _members(self, group: str) -> Iterator[_Asker]:
        """Answer the users in a group, one for all those to whom the same rules apply."""
        alike: dict[tuple[bool, ...], list[Principal]] = {}
        for member in map(Principal, sorted(self._book.groups.get(group, ()))):
            applies = (rule.word_for(member, self._book.groups) is not None for rule in self._book.rules)
            alike.setdefault(tuple(applies), []).append(member)
        for members in alike.values():
            with_place = [member for member in members if is_part(str(member.name))]
            yield _Asker((with_place or members)[0], has_any_name=len(members) > 1)


def _may_exist(wanted: Sequence[Sequence[str]], unwanted: Sequence[str]) -> bool:
    try:
        return find_name(wanted, unwanted) is not None
    except TooManyNames:
        return True


def _loose_tag(rule: Rule, other: Rule) -> str | None:
    """Answer a tag that may not be moved by one rule, and may be deleted by another, if one is easily found."""
    if not other.permits or Action.DELETE not in other.actions:
        return None
    texts = (pattern.replace("*", filling) for filling in _FILLINGS for pattern in rule.tags.immutable)
    return next((text for text in texts if _is_tag(text) and not other.tags.keeps(parse_tag(text))), None)


def _effect(rule: Rule, action: Action) -> tuple[object, ...]:
    """Answer what a rule decides, as far as it makes a difference to an action."""
    if action is Action.PUSH:
        return rule.permits, rule.tags.immutable
    if action is Action.DELETE:
        return rule.permits, rule.tags
    return (rule.permits,)


def _impossible_patterns(rule: Rule) -> Iterator[str]:
    for pattern in rule.repositories:
        if not _may_exist([[pattern]], []):
            yield (
                f"{rule}: no repository can be called {pattern}: names are lower-case letters and digits, with single "
                "separators (. _ __ -), in parts divided by single slashes, and no host"
            )


def _impossible_tags(rule: Rule) -> Iterator[str]:
    for pattern in sorted({*rule.tags.immutable, *rule.tags.protected}):
        least = pattern.replace("*", "")
        if not any(map(_is_tag, (least, f"a{least}" if pattern.startswith("*") else least))):
            yield f"{rule}: no tag can be called {pattern}: tags are letters, digits, '.', '_' and '-'"


def _is_tag(text: str) -> bool:
    try:
        parse_tag(text)
    except TagInvalid:
        return False
    return True
