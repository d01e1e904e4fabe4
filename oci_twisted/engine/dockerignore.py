"""
What of a folder is not for a build: ``.dockerignore``, as Docker documents and reads it.

Lines are patterns, of which the last that matches a path, or a folder that it is in, decides; ``!`` makes an exception.
It is not Git's language: a pattern begins at the root of the folder, and ``docs`` says nothing of ``src/docs``.
"""

from __future__ import annotations

import posixpath
import re
from typing import Self

from attrs import frozen

_MAGIC = re.compile(r"[*?\[\\]")


class InvalidPattern(ValueError):
    """A line of a ``.dockerignore`` is no pattern."""


@frozen
class _Rule:
    """
    :ivar begins: folders with which all that matches begins.
    """

    exception: bool
    regex: re.Pattern[str]
    begins: tuple[str, ...]

    @classmethod
    def parse(cls, line: str) -> Self:
        exception = line.startswith("!")
        text = line.removeprefix("!").strip()
        if not text:
            raise InvalidPattern("a ! needs a pattern behind it")
        pattern = posixpath.normpath(text).lstrip("/")
        folders = pattern.split("/")
        magic = next((place for place, folder in enumerate(folders) if _MAGIC.search(folder)), len(folders))
        return cls(exception, re.compile(_translated(pattern), re.DOTALL), tuple(folders[:magic]))

    def may_match_below(self, folder: str) -> bool:
        return all(ours == theirs for ours, theirs in zip(self.begins, folder.split("/"), strict=False))


@frozen
class DockerIgnore:
    """
    The patterns of a file.
    """

    rules: tuple[_Rule, ...] = ()

    @classmethod
    def parse(cls, text: str, *, keep: tuple[str, ...] = ()) -> Self:
        """
        Read the content of a file.

        :param keep: paths that are for the build whatever is said of them: the Dockerfile's, and the file's own.
        :raise InvalidPattern: when a line is none.
        """
        lines = text.removeprefix("\ufeff").splitlines()
        patterns = [line.strip() for line in lines if not line.startswith("#")]
        patterns += [f"!{re.sub(_MAGIC, _escaped, path)}" for path in keep]
        return cls(tuple(_Rule.parse(pattern) for pattern in patterns if pattern))

    def includes(self, path: str) -> bool:
        """
        Answer whether a file, or a folder itself, is for the build.

        :param path: below the folder, such as ``src/main.py``.
        """
        matched = [False] * len(self.rules)
        included = True
        parts = path.split("/")
        for depth in range(1, len(parts) + 1):
            included = True
            part = "/".join(parts[:depth])
            for place, rule in enumerate(self.rules):
                # A rule that changes nothing here does not count below either: so does Docker.
                if not matched[place] and rule.exception != included:
                    matched[place] = rule.regex.fullmatch(part) is not None
                if matched[place]:
                    included = rule.exception
        return included

    def may_include_below(self, folder: str) -> bool:
        """Answer whether something in a folder that is not for the build may be."""
        return any(rule.exception and rule.may_match_below(folder) for rule in self.rules)


def _escaped(found: re.Match[str]) -> str:
    return f"\\{found[0]}"


def _translated(pattern: str) -> str:
    """Answer a pattern as a regular expression."""
    regex, place = "", 0
    while place < len(pattern):
        character = pattern[place]
        if pattern.startswith("**", place):
            rest = pattern[place + 2 :]
            # Any number of folders; but ``**`` at the end, or before the plain end of a name, is anything.
            is_anything = not rest or (place == 0 and not rest.startswith("/") and not _MAGIC.search(rest))
            regex += ".*" if is_anything else "(?:.*/)?"
            place += 3 if rest.startswith("/") else 2
            continue
        if character == "[":
            place, members = _members(pattern, place)
            regex += members
            continue
        if character == "\\":
            place += 1
            if place == len(pattern):
                raise InvalidPattern(f"{pattern!r} ends with a backslash")
            regex += re.escape(pattern[place])
        else:
            regex += {"*": "[^/]*", "?": "[^/]"}.get(character) or re.escape(character)
        place += 1
    return regex


def _members(pattern: str, place: int) -> tuple[int, str]:
    """Read characters in brackets: answer the place behind them, and a regular expression."""
    broken = InvalidPattern(f"{pattern!r} has brackets that cannot be understood")
    place += 1
    negated = pattern.startswith("^", place)
    place += negated
    members = ""
    while not (members and pattern.startswith("]", place)):
        low, place = _member(pattern, place, broken)
        high = low
        if pattern.startswith("-", place):
            high, place = _member(pattern, place + 1, broken)
        if low > high:
            raise broken
        members += f"{re.escape(low)}-{re.escape(high)}"
    return place + 1, f"[{'^' if negated else ''}{members}]"


def _member(pattern: str, place: int, broken: InvalidPattern) -> tuple[str, int]:
    if pattern.startswith("\\", place):
        place += 1
    elif pattern.startswith(("-", "]"), place):
        raise broken
    if place >= len(pattern):
        raise broken
    return pattern[place], place + 1
