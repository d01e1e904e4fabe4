"""
What the text of an access token looks like.

A prefix and a checksum tell it from everything else, so that scanners find one that was published by mistake, and one
that was mistyped is not looked for.  What is between them is chosen at random and has more than 160 bits.  So a plain
hash is all that has to be kept: nobody can try out as many texts as there are, and bcrypt would only make every
request slow.  For the same reason it may be looked up by that hash: how long that takes says something about hashes,
which nobody can choose the beginning of.
"""

from __future__ import annotations

import re
import secrets
import string
from hashlib import sha256
from zlib import crc32

PERSONAL_PREFIX = "ocit_"
REFRESH_PREFIX = "ocir_"

_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_RANDOM_LENGTH = 30
_CHECKSUM_LENGTH = 6
_FORM = re.compile(rf"(oci[tr]_[0-9A-Za-z]{{{_RANDOM_LENGTH}}})([0-9A-Za-z]{{{_CHECKSUM_LENGTH}}})")


def make_text(prefix: str) -> str:
    """Make the text of a token that nobody has had before."""
    body = prefix + "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM_LENGTH))
    return body + _checksum(body)


def is_text(text: str) -> bool:
    """Answer whether a text is of the form of a token, and its checksum is right."""
    match = _FORM.fullmatch(text)
    return match is not None and match.group(2) == _checksum(match.group(1))


def hash_of(text: str) -> bytes:
    """Answer what is kept of a text."""
    return sha256(text.encode()).digest()


def _checksum(body: str) -> str:
    rest = crc32(body.encode())
    digits = []
    for _ in range(_CHECKSUM_LENGTH):
        rest, digit = divmod(rest, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
