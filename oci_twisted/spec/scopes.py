"""
Scopes: what a token is asked for, and what it is good for (distribution, "Token Scope Documentation").
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attrs import frozen

from oci_twisted.spec.errors import RequestInvalid
from oci_twisted.spec.globs import matches

if TYPE_CHECKING:
    from collections.abc import Iterable

REPOSITORY = "repository"
REGISTRY = "registry"
ANYTHING = "*"

_KIND = re.compile(r"([a-z0-9]+)(?:\([a-z0-9]+\))?")
_ACTION = re.compile(r"[a-z]+|\*")
_LONGEST = 4096


@frozen
class Scope:
    """
    A thing, and what may be done with it.

    :ivar kind: `REPOSITORY`, `REGISTRY`, or another that nothing here gives rights on.
    :ivar name: of the repository; ``catalog`` for `REGISTRY`.  In the limits of an access token it may be a pattern.
    :ivar actions: such as ``pull``; ``*`` is all of them.
    """

    kind: str
    name: str
    actions: frozenset[str]

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}:{','.join(sorted(self.actions))}"

    def covers(self, kind: str, name: str, action: str) -> bool:
        """Answer whether this scope is enough for one action on one thing."""
        return (
            kind == self.kind
            and (action in self.actions or ANYTHING in self.actions)
            and (name == self.name or matches(self.name, name))
        )


def parse_scope(text: str) -> Scope:
    """
    Read a scope, such as ``repository:team/app:pull,push``.

    The name may hold a colon, as one with a host in it does: the kind ends at the first, the actions begin behind the
    last.  A class behind the kind, as in ``repository(plugin)``, says nothing here.

    :raise RequestInvalid: when it is none.
    """
    kind, _, rest = text.partition(":")
    name, _, actions = rest.rpartition(":")
    found = _KIND.fullmatch(kind)
    named = frozenset(action for action in actions.split(",") if action)
    if len(text) > _LONGEST or found is None or not name or not all(map(_ACTION.fullmatch, named)):
        raise RequestInvalid(f"{text[:255]!a} is not a scope: write repository:<name>:pull,push")
    return Scope(found.group(1), name, named)


def parse_scopes(texts: Iterable[str]) -> tuple[Scope, ...]:
    """
    Read scopes, of which one text may hold several with spaces between them.

    :raise RequestInvalid: when one of them is none.
    """
    return tuple(parse_scope(text) for joined in texts for text in joined.split())
