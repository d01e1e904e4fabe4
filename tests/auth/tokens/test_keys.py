"""
Keys that sign.
"""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from oci_twisted.auth.tokens.keys import EDDSA, ES256, Algorithm, KeyUnusable, make_key, parse_key, thumbprint

NOW = 1_800_000_000.0

# RFC 7638, section 3.1.
RSA_MODULUS = (
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMs"
    "tn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1"
    "n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (
            {"kty": "RSA", "n": RSA_MODULUS, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"},
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
        ),
        # RFC 8037, appendix A.3.
        (
            {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "use": "sig"},
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
        ),
    ],
)
def test_thumbprints_are_those_of_the_standards(key: dict[str, str], expected: str) -> None:
    """The examples of RFC 7638 and RFC 8037 come out; what is not part of the key does not count."""
    assert thumbprint(key) == expected
    assert thumbprint(dict(reversed(key.items()))) == expected


@pytest.mark.parametrize("key", [{}, {"kty": "EC", "crv": "P-256", "x": "a"}, {"kty": "new", "x": "a"}])
def test_what_is_no_key_has_no_thumbprint(key: dict[str, str]) -> None:
    """A key that lacks a part, or is of an unknown kind, is an error."""
    with pytest.raises(KeyError):
        thumbprint(key)


@pytest.mark.parametrize(("algorithm", "kty"), [(EDDSA, "OKP"), (ES256, "EC")])
def test_a_key_is_written_and_read(algorithm: Algorithm, kty: str) -> None:
    """It is the same key again, and its public half is named by its thumbprint and has nothing of the private one."""
    key = make_key(algorithm, NOW)
    again = parse_key(key.pem(), NOW, "the file")
    assert (again.kid, again.algorithm, again.public) == (key.kid, algorithm, key.public)
    assert (key.public["kty"], key.public["alg"], key.public["use"]) == (kty, algorithm, "sig")
    assert key.public["kid"] == key.kid == thumbprint(key.public)
    assert "d" not in key.public
    assert make_key(algorithm, NOW).kid != key.kid


def test_a_key_shows_nothing_private() -> None:
    """What a traceback or a log may show of it is public."""
    key = make_key(EDDSA, NOW)
    secret = key.pem().splitlines()[1].decode()
    assert secret not in repr(key)
    assert base64.b64decode(secret)[-32:].hex() not in repr(key)


def test_a_key_of_another_kind_is_refused() -> None:
    """Other curves, RSA, a public key, a locked key, and what is none: the sentence names the file."""
    plain = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    locked = (Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password"))
    with pytest.raises(KeyUnusable, match=r"key\.pem holds a key that is neither Ed25519 nor P-256"):
        parse_key(ec.generate_private_key(ec.SECP384R1()).private_bytes(*plain), NOW, "key.pem")
    with pytest.raises(KeyUnusable, match="neither"):
        parse_key(rsa.generate_private_key(65537, 2048).private_bytes(*plain), NOW, "key.pem")
    with pytest.raises(KeyUnusable, match="without a password"):
        parse_key(ec.generate_private_key(ec.SECP256R1()).private_bytes(*locked), NOW, "key.pem")
    for nonsense in (b"", b"hello", b"-----BEGIN PUBLIC KEY-----\nMCow\n-----END PUBLIC KEY-----\n"):
        with pytest.raises(KeyUnusable, match=r"key\.pem holds no private key"):
            parse_key(nonsense, NOW, "key.pem")
