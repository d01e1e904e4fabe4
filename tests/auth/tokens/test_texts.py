"""
What the text of an access token looks like.
"""

from __future__ import annotations

import re
from hashlib import sha256
from zlib import crc32

import pytest

from oci_twisted.auth.tokens.texts import PERSONAL_PREFIX, REFRESH_PREFIX, hash_of, is_text, make_text


@pytest.mark.parametrize("prefix", [PERSONAL_PREFIX, REFRESH_PREFIX])
def test_a_text_is_recognised(prefix: str) -> None:
    """It is one word with a prefix, as scanners for secrets want it, and no two are alike."""
    texts = {make_text(prefix) for _ in range(100)}
    assert len(texts) == 100
    assert all(re.fullmatch(rf"{prefix}[0-9A-Za-z]{{36}}", text) for text in texts)
    assert all(map(is_text, texts))


def test_the_checksum_is_that_of_the_documents() -> None:
    """A scanner that was written from the documents agrees: CRC-32 of all before it, in base 62, most first."""
    body = "ocit_" + "A" * 30
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    number, checksum = crc32(body.encode()), ""
    for _ in range(6):
        checksum = digits[number % 62] + checksum
        number //= 62
    assert is_text(body + checksum)


def test_one_that_was_mistyped_is_not_recognised() -> None:
    """A letter more, less, another, or in another place, and the other prefix, are found out."""
    text = make_text(PERSONAL_PREFIX)
    wrong = [text[:-1], text + "0", f" {text}", f"{text}\n", text.replace("ocit_", "ocir_"), text.swapcase(), ""]
    wrong += [text[:place] + ("x" if text[place] != "x" else "y") + text[place + 1 :] for place in range(len(text))]
    assert [one for one in wrong if is_text(one)] == []


def test_only_a_hash_is_kept() -> None:
    """It is SHA-256 of the text."""
    assert hash_of("ocit_x") == sha256(b"ocit_x").digest()
