"""
Public keys are read as issuers publish them.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from oci_twisted.auth.issuers.keys import KeysUnusable, parse_key_set, parse_keys, select
from tests.auth.issuers.signers import Signer, ec_signer, edwards_signer, key_set, rsa_signer

RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")


def certificate(signer: Signer) -> bytes:
    """Certify a key, for a day that has long passed."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "issuer")])
    day = datetime(2020, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(name, name, signer.private.public_key(), 1, day, day + timedelta(days=1))
    return builder.sign(ec_signer("ca").private, hashes.SHA256()).public_bytes(Encoding.PEM)


def test_a_set_of_keys() -> None:
    """Each key has its name and the algorithms that go with its kind; one that says which is good for that alone."""
    signers = [rsa_signer(), ec_signer(), ec_signer("p384", "ES384"), ec_signer("p521", "ES512"), edwards_signer()]
    keys = parse_keys(key_set(*signers, rsa_signer("ps").jwk(alg="PS256", use="sig", key_ops=["verify"], x5c=["MIIB"])))
    assert [(key.kid, key.algorithms) for key in keys] == [
        ("rsa-1", RSA),
        ("ec-1", ("ES256",)),
        ("p384", ("ES384",)),
        ("p521", ("ES512",)),
        ("ed-1", ("EdDSA",)),
        ("ps", ("PS256",)),
    ]
    assert keys[0].public.public_numbers() == rsa_signer().private.public_key().public_numbers()  # type: ignore[union-attr]


def test_what_is_no_key_for_signatures_is_left_out() -> None:
    """Keys for something else, of unknown kinds, malformed or too weak do not stand in the way of the others."""
    others: list[object] = [
        rsa_signer().jwk(use="enc"),
        rsa_signer().jwk(key_ops=["encrypt"]),
        rsa_signer().jwk(key_ops="verify"),
        rsa_signer().jwk(alg="RSA-OAEP"),
        rsa_signer().jwk(alg="HS256"),
        rsa_signer().jwk(alg=["RS256"]),
        rsa_signer().jwk(kid=7),
        rsa_signer().jwk(n="!"),
        rsa_signer().jwk(n=7),
        rsa_signer().jwk(e="AA"),
        rsa_signer().jwk(kty="XYZ"),
        rsa_signer().jwk(kty=["RSA"]),
        rsa_signer("weak", 1024).jwk(),
        {"kty": "RSA", "kid": "half"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "EC", "crv": "P-999", "x": "AA", "y": "AA"},
        {"kty": "OKP", "crv": "Ed25519", "x": "AA"},
        {"kty": "oct", "k": "c2VjcmV0", "kid": "secret"},
        {"keys": []},
        rsa_signer().jwk(d="AQAB"),
        None,
        "key",
    ]
    found = parse_key_set(json.dumps({"keys": [*others, ec_signer().jwk()]}).encode())
    assert [key.kid for key in found] == ["ec-1"]
    for other in others:
        with pytest.raises(KeysUnusable, match="no key in it that can be used: "):
            parse_key_set(json.dumps({"keys": [other]}).encode())


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (key_set(rsa_signer("weak", 1024)), "'weak' is of RSA with 1024 bits, not 2048 to 16384"),
        (rsa_signer("weak", 1024).pem(), "block 1 is of RSA with 1024 bits"),
        (key_set(), "no key in it that can be used$"),
        (key_set(*[ec_signer()] * 33), "more than 32 keys"),
        (b"", "no set of JSON Web Keys"),
        (b"[]", "no set of JSON Web Keys: it is no JSON object"),
        (b"[" * 100_000, "nested too deeply"),
        (b"\xff", "no set of JSON Web Keys"),
        (b'{"keys": NaN}', "NaN is not JSON"),
        (b'{"keys": [], "keys": []}', "one key twice"),
        (b'{"kty": "RSA"}', 'has no list "keys"'),
        (b"-----BEGIN PUBLIC KEY-----\n", "no key in it that can be used$"),
        (b"-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----", "block 1 is no public key and no certificate"),
        (b"-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----", "block 1 is no public key and no certificate"),
        (
            ec_signer().pem() + ec_signer().private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
            "there is a private key in it",
        ),
    ],
)
def test_what_has_no_key_is_refused(content: bytes, reason: str) -> None:
    """The operator is told what is wrong with keys that cannot be used."""
    with pytest.raises(KeysUnusable, match=reason):
        parse_keys(content)


@pytest.mark.parametrize(
    "private",
    [ec.generate_private_key(ec.SECP256K1()), ed448.Ed448PrivateKey.generate()],
    ids=["secp256k1", "ed448"],
)
def test_other_kinds_of_keys_are_not_taken(private: ec.EllipticCurvePrivateKey) -> None:
    """A key of a kind that no algorithm here goes with is none."""
    pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(KeysUnusable, match="block 1 is of an unknown kind"):
        parse_keys(pem)


def test_pem() -> None:
    """A file may hold several public keys and certificates; they have no names, and dates do not matter."""
    keys = parse_keys(b"Bag\n" + rsa_signer().pem() + certificate(ec_signer()) + edwards_signer().pem())
    assert [(key.kid, key.algorithms) for key in keys] == [(None, RSA), (None, ("ES256",)), (None, ("EdDSA",))]


def test_which_keys_a_token_may_mean() -> None:
    """A name means the keys that have it, or else those that have none; no name means all."""
    named = parse_keys(key_set(rsa_signer("a"), ec_signer("b")))
    nameless = parse_keys(rsa_signer("a").pem())
    both = (*named, *nameless)
    assert [key.kid for key in select(both, "a")] == ["a"]
    assert [key.kid for key in select(both, "c")] == [None]
    assert [key.kid for key in select(both, None)] == ["a", "b", None]
    assert select(named, "c") == []
