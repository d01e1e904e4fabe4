"""
Repository names, tags and references (distribution-spec, "Pulling manifests").
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TypeAlias

from attrs import frozen

from oci_twisted.spec.digests import Digest, parse_digest
from oci_twisted.spec.errors import NameInvalid, TagInvalid

# Clients limit host, port and name together to 255; a longer name could never be pulled.
NAME_LENGTH = 255

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")


@frozen(order=True)
class RepositoryName:
    """
    A repository's name, as the specification spells ``<name>``.

    Made by `parse_name`, so one that exists is valid.
    """

    text: str

    def __str__(self) -> str:
        return self.text


@frozen(order=True)
class Tag:
    """A tag.  Made by `parse_tag`, so one that exists is valid."""

    text: str

    def __str__(self) -> str:
        return self.text


Reference: TypeAlias = Tag | Digest


@lru_cache(maxsize=4096)
def parse_name(text: str) -> RepositoryName:
    """
    Read a repository name.

    :raise NameInvalid: when the grammar does not allow it, or it is longer than 255 characters.
    """
    if len(text) > NAME_LENGTH:
        raise NameInvalid(f"a repository name has at most {NAME_LENGTH} characters, not {len(text)}")
    if _NAME.fullmatch(text) is None:
        raise NameInvalid(
            f"{_shown(text)} is not a repository name: lower-case letters, digits and single "
            "separators (. _ __ -), in parts divided by single slashes",
            {"name": text[:NAME_LENGTH]},
        )
    return RepositoryName(text)


@lru_cache(maxsize=4096)
def parse_tag(text: str) -> Tag:
    """
    Read a tag.

    :raise TagInvalid: when the grammar does not allow it.
    """
    if _TAG.fullmatch(text) is None:
        raise TagInvalid(
            f"{_shown(text)} is not a tag: at most 128 letters, digits, '.', '_' and '-', "
            "the first one a letter, a digit or '_'",
            {"tag": text[:NAME_LENGTH]},
        )
    return Tag(text)


def parse_reference(text: str) -> Reference:
    """
    Read what follows ``/manifests/``: a digest if and only if it has a colon, which no tag can have.

    :raise TagInvalid: for a tag that the grammar does not allow.
    :raise DigestInvalid: for a digest that the grammar does not allow.
    """
    return parse_digest(text) if ":" in text else parse_tag(text)


def _shown(text: str) -> str:
    # What a client sent is repeated to it, but not without a bound.
    return ascii(text if len(text) <= NAME_LENGTH else f"{text[:NAME_LENGTH]}…")
