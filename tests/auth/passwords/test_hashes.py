"""
Which hashes are taken, and how one is made.
"""

from __future__ import annotations

import bcrypt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oci_twisted.auth.passwords.hashes import (
    LEAST_COST,
    MOST_COST,
    HashRefused,
    dummy,
    hash_password,
    is_comparable,
    parse_hash,
)

REST = "abcdefghijklmnopqrstu." + "abcdefghijklmnopqrstuvwxyzABCD."


def test_a_hash_that_was_made_is_taken() -> None:
    """What we make is bcrypt's, of the cost that was asked for, and parts the right password from others."""
    made = hash_password("lövelace", 5)
    assert parse_hash(made).cost == 5
    assert bcrypt.checkpw("lövelace".encode(), made.encode())
    assert not bcrypt.checkpw(b"babbage", made.encode())
    assert hash_password("lövelace", 5) != made


@pytest.mark.parametrize("version", ["2a", "2b", "2y"])
def test_every_version_of_bcrypt_is_taken(version: str) -> None:
    """The three names that programs give to the same computation are taken, and compared with."""
    made = hash_password("lovelace", LEAST_COST).replace("$2b$", f"${version}$")
    kept = parse_hash(made)
    assert (kept.text, kept.cost) == (made.encode(), LEAST_COST)
    assert bcrypt.checkpw(b"lovelace", kept.text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/", "MD5, and only bcrypt"),
        ("{SHA}VBPuJHI7uixaa6LQGWx4s+5GKNE=", "SHA-1, and only bcrypt"),
        ("$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc8", "SHA-256, and only bcrypt"),
        ("$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjlO/O817G3uBnIFNjn", "SHA-512, and only bcrypt"),
        ("$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub+b", "Argon2, and only bcrypt"),
        ("$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o", "yescrypt, and only bcrypt"),
        (f"$2x$12${REST}", "faulty version"),
        ("", "no bcrypt hash"),
        ("lovelace", "no bcrypt hash"),
        (f"$2$12${REST}", "no bcrypt hash"),
        (f"$2b$12${REST[:-1]}", "damaged"),
        (f"$2b$12${REST}.", "damaged"),
        (f"$2b$12${REST}\n", "damaged"),
        (f"$2b$1${REST}", "damaged"),
        (f"$2b$12${REST[:21]}/{REST[22:]}", "damaged"),
        (f"$2b$12${REST[:-1]}/", "damaged"),
        (f"$2b$03${REST}", "cost 3, and must have one from 4 to 15"),
        (f"$2b$16${REST}", "cost 16, and must have one from 4 to 15"),
        (f"$2b$31${REST}", "cost 31, and must have one from 4 to 15"),
    ],
)
def test_what_is_not_taken(text: str, reason: str) -> None:
    """Another kind, a damaged hash, and one that would take seconds are refused; the refusal does not repeat it."""
    with pytest.raises(HashRefused, match=reason) as refused:
        parse_hash(text)
    assert not text or text not in str(refused.value)


@pytest.mark.parametrize(
    ("password", "cost", "reason"),
    [
        ("", 4, "empty"),
        ("x" * 73, 4, "at most 72 bytes"),
        ("ö" * 37, 4, "at most 72 bytes"),
        ("x\0y", 4, "NUL"),
        ("x", 3, "from 4 to 15"),
        ("x", 16, "from 4 to 15"),
    ],
)
def test_what_cannot_be_hashed(password: str, cost: int, reason: str) -> None:
    """A password of which bcrypt would see only a part is not hashed, nor is anything at a cost that is not taken."""
    with pytest.raises(HashRefused, match=reason):
        hash_password(password, cost)


@given(st.binary(max_size=100))
def test_what_bcrypt_sees(password: bytes) -> None:
    """A password counts as comparable if and only if bcrypt looks at every byte of it."""
    assert is_comparable(password) == (len(password) <= 72 and 0 not in password)


@pytest.mark.parametrize("cost", [LEAST_COST, 9, MOST_COST])
def test_a_dummy_is_a_hash(cost: int) -> None:
    """What is compared with in vain has the form and the cost of a hash, so that it takes the same work."""
    assert parse_hash(dummy(cost).decode()).cost == cost


def test_a_dummy_is_nobodys() -> None:
    """Not even an empty password is that of the dummy."""
    assert not bcrypt.checkpw(b"", dummy(LEAST_COST))
