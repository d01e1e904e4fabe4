"""
The tables ``[auth.groups]``, ``[[auth.rule]]`` and ``[[auth.test]]``, read.

Everything that is wrong is said, each in a sentence that names the place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from attrs import frozen

from oci_twisted.auth.policy.rules import AccessTest, Rule, RuleBook
from oci_twisted.auth.policy.words import (
    WrongWord,
    check_member,
    check_pattern,
    check_text,
    check_word,
    nearest,
    parse_action,
    parse_request,
    parse_who,
)
from oci_twisted.interfaces import Action
from oci_twisted.spec.tagrules import TagRules

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from oci_twisted.interfaces import Principal

T = TypeVar("T")

_RULE_KEYS = ("repositories", "allow", "deny", "to", "immutable", "protect")
_TEST_KEYS = ("who", "in", "may", "may_not")
# What the tables are easily taken to be called.
_MISNAMED = {"rules": "rule", "tests": "test", "group": "groups"}


class RulesInvalid(ValueError):
    """
    Rules that cannot be used.

    :ivar complaints: a sentence for each thing that is wrong.
    """

    def __init__(self, complaints: Sequence[str]) -> None:
        super().__init__("\n".join(complaints))
        self.complaints = tuple(complaints)


def parse_rules(table: Mapping[str, object], where: str) -> RuleBook:
    """
    Read the rules.

    :param table: ``[auth]`` of the configuration; the keys that are not about rules are left to others.
    :param where: what every sentence begins with, such as the name of the file.
    :raise RulesInvalid: when something is wrong.
    """
    complaints: list[str] = []
    for key, meant in _MISNAMED.items():
        if key in table:
            complaints.append(f"{where}: auth: there is no {key}; did you mean {meant}?")
    groups = _groups(_Table(f"{where}: groups", table.get("groups", {}), complaints))
    rules = [_rule(number, one) for number, one in _tables(table, "rule", where, complaints)]
    tests = [_test(number, one) for number, one in _tables(table, "test", where, complaints)]
    if complaints:
        raise RulesInvalid(complaints)
    return RuleBook(tuple(filter(None, rules)), groups, tuple(filter(None, tests)))


@frozen
class _Table:
    """
    One table that is being read.

    :ivar place: where it stands, for sentences.
    :ivar complaints: what is wrong so far, in this table and in those before it.
    """

    place: str
    written: object
    complaints: list[str]

    @property
    def entries(self) -> Mapping[str, object]:
        return self.written if isinstance(self.written, dict) else {}

    def complain(self, sentence: str) -> None:
        self.complaints.append(f"{self.place}: {sentence}")

    def check_keys(self, known: Sequence[str]) -> None:
        for key in self.entries:
            if key not in known:
                self.complain(f"there is no {key}; did you mean {nearest(key, known)}?")

    def read(self, key: str, parse: Callable[[str], T], *, needed: bool = False) -> tuple[T, ...]:
        """Answer the texts that stand at a key, each of them parsed."""
        if key not in self.entries:
            if needed:
                self.complain(f"it does not have {key}")
            return ()
        written = self.entries[key]
        texts = [written] if isinstance(written, str) else written
        if not isinstance(texts, list) or not all(isinstance(text, str) and text for text in texts):
            self.complain(f"{key} is {written!r}, and must be a text or a list of texts")
            return ()
        if needed and not texts:
            self.complain(f"{key} is empty")
        values = []
        for text in texts:
            try:
                values.append(parse(text))
            except WrongWord as wrong:
                self.complain(f"{key} has {text!r}, {wrong}")
        return tuple(values)


def _tables(table: Mapping[str, object], key: str, where: str, complaints: list[str]) -> list[tuple[int, _Table]]:
    written = table.get(key, [])
    if isinstance(written, list) and all(isinstance(one, dict) for one in written):
        return [(number, _Table(f"{where}: {key} {number}", one, complaints)) for number, one in enumerate(written, 1)]
    complaints.append(f"{where}: auth: {key} must be tables; write [[auth.{key}]] above each")
    return []


def _groups(table: _Table) -> dict[str, frozenset[str]]:
    if not isinstance(table.written, dict):
        table.complain("it must be a table; write [auth.groups], and below it a line for each group")
    for group in table.entries:
        if not group or "*" in group:
            table.complain(f"{group!r} is no name of a group")
    return {group: frozenset(table.read(group, check_member)) for group in table.entries}


def _rule(number: int, table: _Table) -> Rule | None:
    before = len(table.complaints)
    table.check_keys(_RULE_KEYS)
    repositories = table.read("repositories", check_pattern, needed=True)
    verbs = [verb for verb in ("allow", "deny") if verb in table.entries]
    if len(verbs) > 1:
        table.complain("it allows and denies; make two rules of it")
    elif not verbs:
        table.complain("it has neither allow nor deny")
    actions = frozenset(action for verb in verbs for action in table.read(verb, parse_action, needed=True))
    to = table.read("to", check_word, needed=True)
    tags = TagRules(table.read("immutable", check_text), table.read("protect", check_text))
    permits = verbs == ["allow"]
    if len(table.complaints) == before:
        _check_tags(table, tags, actions if permits else frozenset())
    if len(table.complaints) > before:
        return None
    return Rule(number, repositories, actions, permits, to, tags)


def _check_tags(table: _Table, tags: TagRules, allowed: frozenset[Action]) -> None:
    if tags.immutable and allowed.isdisjoint({Action.PUSH, Action.DELETE}):
        table.complain("immutable means nothing in a rule that allows neither push nor delete")
    if tags.protected and Action.DELETE not in allowed:
        table.complain("protect means nothing in a rule that does not allow delete")


def _test(number: int, table: _Table) -> AccessTest | None:
    before = len(table.complaints)
    table.check_keys(_TEST_KEYS)
    groups = table.read("in", check_text)
    who = table.entries.get("who")
    principal: Principal | None = None
    if not isinstance(who, str):
        table.complain("it does not say who: write a user's name, or anonymous")
    else:
        try:
            principal = parse_who(who, groups)
        except WrongWord as wrong:
            table.complain(f"who is {who!r}, {wrong}")
    if not {"may", "may_not"} & set(table.entries):
        table.complain("it asks nothing: write may or may_not, and such as pull library/alpine")
    may, may_not = (table.read(key, parse_request) for key in ("may", "may_not"))
    if principal is None or len(table.complaints) > before:
        return None
    return AccessTest(number, str(who), principal, may, may_not)
