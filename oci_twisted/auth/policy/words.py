"""
The words of a rule and of a test, each checked by itself.

Errors go on from the word that is wrong: "to has 'ada', " and then what they say.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from oci_twisted.auth.policy.rules import ACTIONS, EVERYONE, LOGGED_IN, NOT_LOGGED_IN, SOMEBODY, USER, describe
from oci_twisted.interfaces import ANONYMOUS, Action, Principal
from oci_twisted.spec.errors import NameInvalid
from oci_twisted.spec.names import parse_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from oci_twisted.spec.names import RepositoryName

_ACTIONS = {action.value: action for action in ACTIONS}
_WORDS = (EVERYONE, NOT_LOGGED_IN, LOGGED_IN)
_KINDS = ("user", "group")
_PLACEHOLDER = re.compile(r"\{[^{}/]*\}?|\}")


class WrongWord(ValueError):
    """A word that means nothing here; the message says why, and what to write."""


def nearest(word: str, known: Iterable[str]) -> str:
    """Answer the one of ``known`` that was most likely meant."""
    return max(sorted(known), key=lambda one: difflib.SequenceMatcher(None, word.lower(), one.lower()).ratio())


def parse_action(text: str) -> Action:
    """
    Read what one may or may not do.

    :raise WrongWord: when rules are not about it.
    """
    action = _ACTIONS.get(text)
    if action is None:
        raise WrongWord(f"and there is only {describe(ACTIONS)}; did you mean {nearest(text, _ACTIONS)}?")
    return action


def parse_request(text: str) -> tuple[Action, RepositoryName]:
    """
    Read what a test is about, such as ``pull library/alpine``.

    :raise WrongWord: when it is no action and one repository.
    """
    try:
        action, name = text.split()
    except ValueError:
        raise WrongWord("and has to be an action and a repository, such as pull library/alpine") from None
    try:
        return parse_action(action), parse_name(name)
    except NameInvalid as error:
        raise WrongWord(f"but {error}") from error


def parse_who(text: str, groups: Iterable[str] = ()) -> Principal:
    """
    Read whom a test is about.

    :param text: ``anonymous``, a user's name or ``user:`` and the name, ``user:*`` for any user whatever, ``group:``
        and a name for anybody who is in it.
    :param groups: in which they are by their credentials.
    :raise WrongWord: when it is nobody.
    """
    kind, colon, named = text.partition(":")
    theirs = frozenset(groups)
    if text == NOT_LOGGED_IN:
        if theirs:
            raise WrongWord("and is in no group: only who has logged in can be")
        return ANONYMOUS
    if text == LOGGED_IN:
        return Principal(SOMEBODY.name, theirs)
    if colon and kind in _KINDS:
        check_word(text)
        return Principal(named, theirs) if kind == "user" else Principal(SOMEBODY.name, theirs | {named})
    if not text or text == EVERYONE or colon or "*" in text:
        raise WrongWord("who is nobody in particular: write anonymous, ada, user:ada, user:* or group:builders")
    return Principal(text, theirs)


def check_word(text: str) -> str:
    """
    Read one of those whom a rule is about.

    :raise WrongWord: when it is nobody.
    """
    kind, _, named = text.partition(":")
    if text in _WORDS:
        return text
    if kind not in _KINDS or not named:
        raise WrongWord(f"which is nobody; did you mean {_meant(text)}?")
    if "*" in named:
        raise WrongWord(
            "and a star stands for nothing here: write the whole name, or user:* for all who have logged in"
        )
    if named in {EVERYONE, NOT_LOGGED_IN}:
        raise WrongWord(f"who is nobody's {kind}; did you mean {named}?")
    return text


def _meant(word: str) -> str:
    kind, colon, named = word.partition(":")
    if colon:
        return f"{nearest(kind, _KINDS)}:{named}" if named else LOGGED_IN
    if word == "*":
        return f"{EVERYONE} or {LOGGED_IN}"
    close = difflib.get_close_matches(word.lower(), (EVERYONE, NOT_LOGGED_IN), 1)
    return close[0] if close else f"user:{word} or group:{word}"


def check_pattern(text: str) -> str:
    """
    Read a pattern of repositories.

    :raise WrongWord: when it has something in braces that is not `USER`, or has it beside other characters.  To be
        ``team-a`` would be enough then to have what is ``team-{user}``'s of somebody else.
    """
    for found in _PLACEHOLDER.findall(text):
        if found != USER:
            raise WrongWord(f"and there is nothing in braces but {USER}")
    if any(USER in part and part != USER for part in text.split("/")):
        raise WrongWord(f"where {USER} has to stand by itself between slashes")
    return text


def check_member(text: str) -> str:
    """
    Read one of the users in a group.

    :raise WrongWord: when it is no user.
    """
    if text in _WORDS or text.startswith(("user:", "group:")) or "*" in text:
        raise WrongWord("and may only have names of users, such as ada")
    return text


def check_text(text: str) -> str:
    """Read what can be anything."""
    return text
