"""
Keys that sign: Ed25519 for EdDSA (RFC 8037), P-256 for ES256 (RFC 7518).
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from attrs import field, frozen
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from jwt.algorithms import ECAlgorithm, OKPAlgorithm

if TYPE_CHECKING:
    from collections.abc import Mapping

Algorithm: TypeAlias = Literal["EdDSA", "ES256"]
PrivateKey: TypeAlias = "Ed25519PrivateKey | EllipticCurvePrivateKey"

EDDSA: Algorithm = "EdDSA"
ES256: Algorithm = "ES256"

# RFC 7638, section 3.2, and RFC 8037, section 2: what a thumbprint is made of, in the order of the names.
_REQUIRED = {"EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x"), "RSA": ("e", "kty", "n"), "oct": ("k", "kty")}


class KeyUnusable(Exception):
    """A key cannot be used, or not made; the message is a sentence for the operator and names the file."""


@frozen
class SigningKey:
    """
    A private key, and what others may know of it.

    :ivar created: in seconds since the epoch.
    :ivar public: the public key as a JSON Web Key (RFC 7517).
    :ivar kid: its thumbprint.
    """

    created: float
    algorithm: Algorithm
    private: PrivateKey = field(repr=False)
    public: Mapping[str, str]
    kid: str

    def pem(self) -> bytes:
        """Write the private key."""
        return self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def make_key(algorithm: Algorithm, created: float) -> SigningKey:
    """Make a key that nobody has had before."""
    private = Ed25519PrivateKey.generate() if algorithm == EDDSA else generate_private_key(SECP256R1())
    return _key(private, created)


def parse_key(pem: bytes, created: float, name: str) -> SigningKey:
    """
    Read a private key.

    :param name: of the file, for an error.
    :raise KeyUnusable: when it is none, or of another kind.
    """
    try:
        private = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyUnusable(f"{name} holds no private key in PEM that can be read without a password") from error
    is_p256 = isinstance(private, EllipticCurvePrivateKey) and isinstance(private.curve, SECP256R1)
    if not isinstance(private, Ed25519PrivateKey) and not is_p256:
        raise KeyUnusable(f"{name} holds a key that is neither Ed25519 nor P-256; make one with openssl genpkey")
    return _key(cast("PrivateKey", private), created)


def thumbprint(key: Mapping[str, Any]) -> str:
    """
    Answer a JSON Web Key's thumbprint (RFC 7638), with SHA-256.

    :raise KeyError: when it is no key, or lacks something.
    """
    required = {name: key[name] for name in _REQUIRED[key["kty"]]}
    document = json.dumps(required, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    return urlsafe_b64encode(sha256(document.encode()).digest()).rstrip(b"=").decode()


def _key(private: PrivateKey, created: float) -> SigningKey:
    if isinstance(private, Ed25519PrivateKey):
        algorithm, public = EDDSA, OKPAlgorithm.to_jwk(private.public_key(), as_dict=True)
    else:
        algorithm, public = ES256, ECAlgorithm.to_jwk(private.public_key(), as_dict=True)
    kid = thumbprint(public)
    return SigningKey(created, algorithm, private, {**public, "kid": kid, "use": "sig", "alg": algorithm}, kid)
