"""
Bcrypt hashes: which are taken, and how one is made.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import bcrypt
from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    Compare: TypeAlias = "Callable[[bytes, bytes], bool]"

LEAST_COST = 4
# Each step takes twice as long.  12 takes about a quarter of a second, 16 four seconds, in which nobody else logs in.
MOST_COST = 15
DEFAULT_COST = 12
# Bcrypt looks at no more.  Some of its libraries cut the rest off without a word.
MOST_BYTES = 72

# Salt and digest end in bits that are always zero.  What has others there was damaged, and matches no password.
_BCRYPT = re.compile(r"\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{30}[.CGKOSWaeimquy26]", re.ASCII)
_OTHERS = {
    "$apr1$": "MD5",
    "$1$": "MD5",
    "{SHA}": "SHA-1",
    "$5$": "SHA-256",
    "$6$": "SHA-512",
    "$argon2": "Argon2",
    "$y$": "yescrypt",
    "$2x$": "of a faulty version of bcrypt",
}


class HashRefused(ValueError):
    """A hash that is not taken, or a password that has none; the message says why, and repeats neither."""


@frozen
class BcryptHash:
    """
    A bcrypt hash that can be compared with.

    :ivar text: all of it, such as ``$2b$12$`` and what follows.
    :ivar cost: the binary logarithm of how many rounds a comparison takes.
    """

    text: bytes = field(repr=False)
    cost: int


def parse_hash(text: str) -> BcryptHash:
    """
    Read a hash.

    :raise HashRefused: when it is not of bcrypt, is damaged, or takes too long to compare with.
    """
    found = _BCRYPT.fullmatch(text)
    if found is None:
        raise HashRefused(_refusal(text))
    cost = int(found[1])
    if not LEAST_COST <= cost <= MOST_COST:
        raise HashRefused(f"the hash has the cost {cost}, and must have one from {LEAST_COST} to {MOST_COST}")
    return BcryptHash(text.encode("ascii"), cost)


def _refusal(text: str) -> str:
    if text.startswith(("$2a$", "$2b$", "$2y$")):
        return "the hash is damaged"
    kind = next((kind for prefix, kind in _OTHERS.items() if text.startswith(prefix)), None)
    return "this is no bcrypt hash" if kind is None else f"the hash is {kind}, and only bcrypt is taken"


def hash_password(password: str, cost: int = DEFAULT_COST) -> str:
    """
    Answer a hash of a password, with a new salt.  It blocks, for as long as a comparison does.

    :raise HashRefused: when bcrypt cannot keep the password, or the cost is none that is taken.
    """
    if not LEAST_COST <= cost <= MOST_COST:
        raise HashRefused(f"the cost is {cost}, and must be from {LEAST_COST} to {MOST_COST}")
    secret = password.encode("utf-8")
    if not secret:
        raise HashRefused("the password is empty, and an empty one lets nobody in")
    if not is_comparable(secret):
        raise HashRefused(f"the password must be at most {MOST_BYTES} bytes, none of them NUL: bcrypt sees no more")
    return bcrypt.hashpw(secret, bcrypt.gensalt(cost)).decode("ascii")


def is_comparable(password: bytes) -> bool:
    """Answer whether bcrypt looks at all of a password."""
    return len(password) <= MOST_BYTES and b"\0" not in password


def dummy(cost: int) -> bytes:
    """Answer a hash that is nobody's, to be compared with in vain."""
    return b"$2b$%02d$" % cost + b"." * 53
