"""
Digests (image-spec, "Digests").
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from attrs import frozen

from oci_twisted.spec.errors import DigestInvalid

if TYPE_CHECKING:
    from collections.abc import Callable

SHA256 = "sha256"
SHA512 = "sha512"

_GRAMMAR = re.compile(r"([a-z0-9]+(?:[+._-][a-z0-9]+)*):([a-zA-Z0-9=_-]+)")
_LONGEST = 512


class Hasher(Protocol):
    """What `hashlib` gives."""

    def update(self, data: bytes | memoryview, /) -> None:
        """Take more bytes."""

    def hexdigest(self) -> str:
        """Answer the digest of the bytes so far."""

    def copy(self) -> Hasher:
        """Answer an independent hasher in the same state."""


_HEX = re.compile(r"[0-9a-f]*")
# blake3 is registered too.  Nothing here can compute it, but its form is known.
_HEX_DIGITS = {SHA256: 64, SHA512: 128, "blake3": 64}
_ALGORITHMS: dict[str, Callable[[], Hasher]] = {SHA256: hashlib.sha256, SHA512: hashlib.sha512}

ALGORITHMS = tuple(_ALGORITHMS)


@frozen(order=True)
class Digest:
    """
    The digest of some content.  Made by `parse_digest` or `digest_of`, so one that exists is well formed.

    :ivar algorithm: such as ``sha256``; not necessarily one that the registry can verify.
    :ivar encoded: such as 64 lower-case hexadecimal digits.
    """

    algorithm: str
    encoded: str

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.encoded}"

    @property
    def verifiable(self) -> bool:
        """Whether content can be checked against it: its algorithm is sha256 or sha512."""
        return self.algorithm in _ALGORITHMS


@lru_cache(maxsize=4096)
def parse_digest(text: str) -> Digest:
    """
    Read a digest.  An unknown algorithm passes, as the specification asks of descriptors.

    :raise DigestInvalid: when the grammar, or that of a registered algorithm, does not allow it.
    """
    match = _GRAMMAR.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        raise DigestInvalid(
            f"{text[:_LONGEST]!a} is not a digest: write algorithm:encoded, such as sha256:<64 hex digits>"
        )
    algorithm, encoded = match.groups()
    hex_digits = _HEX_DIGITS.get(algorithm)
    if hex_digits and (len(encoded) != hex_digits or _HEX.fullmatch(encoded) is None):
        raise DigestInvalid(
            f"{text!a} is not a digest: {algorithm} is written as {hex_digits} lower-case hexadecimal digits"
        )
    return Digest(algorithm, encoded)


def parse_verifiable_digest(text: str) -> Digest:
    """
    Read the digest of content that is being pushed, which has to be checked.

    :raise DigestInvalid: as `parse_digest`, and for an algorithm other than sha256 and sha512.
    """
    digest = parse_digest(text)
    parse_algorithm(digest.algorithm)
    return digest


def parse_algorithm(text: str) -> str:
    """
    Read the name of a digest algorithm that content can be checked with.

    :raise DigestInvalid: for any other.
    """
    if text not in _ALGORITHMS:
        raise DigestInvalid(f"digest algorithm {text[:_LONGEST]!a} is not supported; use {' or '.join(ALGORITHMS)}")
    return text


def hasher(algorithm: str) -> Hasher:
    """
    Answer a fresh hasher.

    :param algorithm: one of `ALGORITHMS`.
    """
    return _ALGORITHMS[algorithm]()


def digest_of(content: bytes, algorithm: str = SHA256) -> Digest:
    """Answer the digest of ``content``."""
    state = hasher(algorithm)
    state.update(content)
    return Digest(algorithm, state.hexdigest())
