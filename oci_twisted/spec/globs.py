"""
Patterns of repository names and of tags, as an operator writes them.
"""

from __future__ import annotations

import re
from functools import lru_cache

_WILDCARD = re.compile(r"(\*\*|\*)")
_EXPRESSIONS = {"**": ".*", "*": "[^/]*"}


def matches(pattern: str, text: str) -> bool:
    """
    Answer whether ``text`` is what ``pattern`` describes, from its beginning to its end.

    ``*`` stands for any characters of one part of a name, ``**`` for any characters and slashes, and everything else
    for itself.  So ``library/*`` is ``library/alpine``, and ``library/**`` is ``library/alpine/edge`` too; neither is
    ``library``.
    """
    return _compiled(pattern).fullmatch(text) is not None


def expression(pattern: str) -> str:
    """Answer a pattern as a regular expression, for `re.fullmatch`."""
    return "".join(_EXPRESSIONS.get(part) or re.escape(part) for part in _WILDCARD.split(pattern))


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(expression(pattern))
