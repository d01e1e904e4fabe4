"""
Rules, applied.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attrs import frozen
from zope.interface import implementer

from oci_twisted.auth.policy.rules import ACTIONS, EVERYONE, LOGGED_IN, NOT_LOGGED_IN, USER, is_part
from oci_twisted.interfaces import Action, Decision, IAuthorizer
from oci_twisted.spec.globs import expression

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oci_twisted.auth.policy.rules import Groups, Rule
    from oci_twisted.interfaces import Principal
    from oci_twisted.spec.names import RepositoryName

_PUBLIC = Decision(permitted=True, by="public")
_LOGGED_IN = Decision(permitted=True, by="logged in")
_OPEN = Decision(permitted=True, by="open to everyone")
_NOT_LOGGED_IN = Decision(permitted=False, by="not logged in")
_NO_RULE = Decision(permitted=False, by="no rule")

# A name that nobody has who could have a repository: no repository's name has a star in it.
_NOBODY = "*"


@frozen
class _Line:
    """
    A rule, ready to be looked at.

    :ivar anonymous: whether it is about who has not logged in; likewise ``known``, about who has.
    :ivar users: whom it names, and who is in its groups by the configuration.
    :ivar groups: in which one may be by one's credentials.
    :ivar names: matches the user's name, a line feed, and the repository's name.
    """

    anonymous: bool
    known: bool
    users: frozenset[str]
    groups: frozenset[str]
    names: re.Pattern[str]
    decision: Decision


@implementer(IAuthorizer)
class AccessRules:
    """
    Decides by rules, of which the first that is about the three - who, what, and which repository - decides.

    Where there is none it refuses.  It never changes: who reads the rules anew makes another one.

    :param groups: the users in each group.
    """

    def __init__(self, rules: Sequence[Rule], groups: Groups) -> None:
        self._lines = {
            action: tuple(_line(rule, groups) for rule in rules if action in rule.actions) for action in ACTIONS
        }
        self._without_login = _OPEN if all(_is_open(rules, action) for action in ACTIONS) else _NOT_LOGGED_IN

    async def decide(self, principal: Principal, action: Action, name: RepositoryName | None) -> Decision:
        """
        Answer whether ``principal`` may do ``action``.

        Who brings nothing may not `Action.PING`, unless they may do everything: Docker and its like learn there, and
        nowhere else, that they can log in.
        """
        if action is Action.PUBLIC:
            return _PUBLIC
        if name is None:
            # A token without a name is what Docker gets when it does not log in; it has been asked, then.
            is_asked = principal.name is not None or principal.token is not None
            return _LOGGED_IN if is_asked else self._without_login
        return self.look_up(principal, action, name)

    def look_up(self, principal: Principal, action: Action, name: RepositoryName) -> Decision:
        """
        Answer whether ``principal`` may pull from, push to, or delete in a repository.
        """
        user = principal.name
        # The name is compared, and never becomes a part of an expression: a user called .* is nobody special.
        subject = f"{user if user is not None and is_part(user) else _NOBODY}\n{name.text}"
        for line in self._lines[action]:
            if user is None:
                is_meant = line.anonymous
            else:
                is_meant = line.known or user in line.users or not line.groups.isdisjoint(principal.groups)
            if is_meant and line.names.fullmatch(subject) is not None:
                return line.decision
        return _NO_RULE


def _line(rule: Rule, groups: Groups) -> _Line:
    named = {
        kind: {word.partition(":")[2] for word in rule.to if word.startswith(kind)} for kind in ("user:", "group:")
    }
    everyone = EVERYONE in rule.to
    anonymous = NOT_LOGGED_IN in rule.to
    names = "|".join("(?P=user)".join(map(expression, pattern.split(USER))) for pattern in rule.repositories)
    return _Line(
        anonymous=everyone or anonymous,
        known=everyone or LOGGED_IN in rule.to or (anonymous and rule.permits),
        users=frozenset(named["user:"]).union(*(groups.get(group, ()) for group in named["group:"])),
        groups=frozenset(named["group:"]),
        names=re.compile(rf"(?P<user>[^\n]+)\n(?:{names})"),
        decision=Decision(rule.permits, str(rule), rule.tags),
    )


def _is_open(rules: Sequence[Rule], action: Action) -> bool:
    """Answer whether who has not logged in may do something everywhere; ``False`` also where that is hard to say."""
    about = (rule for rule in rules if action in rule.actions and {EVERYONE, NOT_LOGGED_IN} & set(rule.to))
    return next((rule.permits for rule in about if not rule.permits or "**" in rule.repositories), False)
