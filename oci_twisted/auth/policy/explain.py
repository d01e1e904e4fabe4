"""
Which rule decides, and why the ones before it do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from oci_twisted.auth.policy.rules import NOT_LOGGED_IN, SOMEBODY, USER, describe, is_part, listed
from oci_twisted.interfaces import Action, Decision

if TYPE_CHECKING:
    from oci_twisted.auth.policy.rules import Groups, Rule, RuleBook
    from oci_twisted.interfaces import Principal
    from oci_twisted.spec.names import RepositoryName


@frozen
class Explanation:
    """
    A decision, and how it came about.

    :ivar lines: a sentence for every rule that was looked at.
    """

    decision: Decision
    lines: tuple[str, ...]


def explain(book: RuleBook, principal: Principal, action: Action, name: RepositoryName) -> Explanation:
    """
    Answer what `AccessRules` decides, and why.
    """
    lines = []
    for rule in book.rules:
        why_not = _why_not(rule, book.groups, principal, action, name)
        if why_not is None:
            lines.append(_why(rule, book.groups, principal, action, name))
            return Explanation(Decision(rule.permits, str(rule), rule.tags), tuple(lines))
        lines.append(f"{rule} does not decide: {why_not}")
    lines.append("no rule decides, and what no rule allows is denied")
    return Explanation(Decision(permitted=False, by="no rule"), tuple(lines))


def describe_principal(principal: Principal) -> str:
    """Name somebody in a sentence."""
    if principal.name is None:
        return NOT_LOGGED_IN
    who = "any user" if principal.name == SOMEBODY.name else principal.name
    return f"{who} in {listed(sorted(principal.groups))}" if principal.groups else who


def _why_not(rule: Rule, groups: Groups, principal: Principal, action: Action, name: RepositoryName) -> str | None:
    if action not in rule.actions:
        return f"it is about {describe(rule.actions)}"
    if rule.word_for(principal, groups) is None:
        return f"it is for {listed(rule.to)}, and {describe_principal(principal)} is not"
    if rule.pattern_for(principal, name) is not None:
        return None
    sentence = f"it is about {listed(rule.repositories)}, and {name} is not"
    if any(USER in pattern for pattern in rule.repositories):
        if principal.name is None:
            return f"{sentence}: who has not logged in has no {USER}"
        if principal.name != SOMEBODY.name and not is_part(principal.name):
            return f"{sentence}: {principal.name!r} can be no part of a repository's name, so there is no {USER}"
    return sentence


def _why(rule: Rule, groups: Groups, principal: Principal, action: Action, name: RepositoryName) -> str:
    word = rule.word_for(principal, groups)
    who = describe_principal(principal)
    if word == NOT_LOGGED_IN and principal.name is not None:
        who = f"{who} too, as nobody has to log in"
    does = "allows" if rule.permits else "denies"
    sentence = f"{rule} {does} it: {word} means {who}, and {rule.pattern_for(principal, name)} means {name}"
    if action is not Action.PULL and rule.tags.immutable:
        sentence += f"; tags that are {listed(rule.tags.immutable)} stay as they are"
    if action is Action.DELETE and rule.tags.protected:
        sentence += f"; tags that are {listed(rule.tags.protected)} are kept"
    return sentence
