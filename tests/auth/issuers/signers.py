"""
An issuer's end: keys, and tokens that are signed with them, rightly or not.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from functools import cache
from typing import TYPE_CHECKING, Any

from attrs import frozen
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt import PyJWS
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from tests.http.stacks import START

if TYPE_CHECKING:
    from collections.abc import Mapping

ISSUER = "https://ci.example"
AUDIENCE = "registry.example"

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@frozen
class Signer:
    """
    A key with a name.

    :ivar algorithm: with which it signs.
    """

    kid: str | None
    algorithm: str
    private: PrivateKey

    def jwk(self, **more: object) -> dict[str, Any]:
        """Answer the public half."""
        public = self.private.public_key()
        if isinstance(public, rsa.RSAPublicKey):
            document = RSAAlgorithm.to_jwk(public, as_dict=True)
        elif isinstance(public, ec.EllipticCurvePublicKey):
            document = ECAlgorithm.to_jwk(public, as_dict=True)
        else:
            document = OKPAlgorithm.to_jwk(public, as_dict=True)
        return {**document, **({} if self.kid is None else {"kid": self.kid}), **more}

    def pem(self) -> bytes:
        """Answer the public half in PEM."""
        return self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def sign(self, claims: Mapping[str, Any], **header: object) -> str:
        """Sign what somebody is said to be; a header of ``None`` is left out."""
        headers = {"alg": self.algorithm, "typ": "JWT", "kid": self.kid, **header}
        first = part({name: value for name, value in headers.items() if value is not None})
        body = f"{first}.{part(claims)}"
        algorithm = PyJWS().get_algorithm_by_name(self.algorithm)
        return f"{body}.{encoded(algorithm.sign(body.encode(), algorithm.prepare_key(self.private)))}"


@cache
def rsa_signer(kid: str | None = "rsa-1", bits: int = 2048, algorithm: str = "RS256") -> Signer:
    """Answer a key of RSA, the same every time."""
    return Signer(kid, algorithm, rsa.generate_private_key(65537, bits))


@cache
def ec_signer(kid: str | None = "ec-1", algorithm: str = "ES256") -> Signer:
    """Answer a key on an elliptic curve, the same every time."""
    curve = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}[algorithm]
    return Signer(kid, algorithm, ec.generate_private_key(curve))


@cache
def edwards_signer(kid: str | None = "ed-1") -> Signer:
    """Answer a key of Ed25519, the same every time."""
    return Signer(kid, "EdDSA", ed25519.Ed25519PrivateKey.generate())


def key_set(*keys: Signer | dict[str, Any]) -> bytes:
    """Write a set of public keys."""
    return json.dumps({"keys": [key.jwk() if isinstance(key, Signer) else key for key in keys]}).encode()


def claims(**changed: object) -> dict[str, Any]:
    """Answer what a token of a job says, which is good for five minutes; what is ``None`` is left out."""
    usual = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "repo:acme/app:ref:refs/heads/main",
        "iat": START,
        "nbf": START,
        "exp": START + 300,
        "repository": "acme/app",
        "repository_owner": "acme",
    }
    return {name: value for name, value in {**usual, **changed}.items() if value is not None}


def encoded(content: bytes) -> str:
    """Write bytes as tokens have them."""
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def part(document: object) -> str:
    """Write JSON as tokens have it."""
    return encoded(json.dumps(document).encode())
