"""
Public keys of an issuer, as JSON Web Keys (RFC 7517) or in PEM.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from attrs import field, frozen
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from jwt.exceptions import PyJWTError

from oci_twisted.auth.issuers.documents import parse_document
from oci_twisted.auth.issuers.forms import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from oci_twisted.spec.descriptors import Json

PublicKey: TypeAlias = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey

_RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
_CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
_EDWARDS = "EdDSA"
# Every algorithm that can be configured.  None of them takes a secret: with such a one, whoever knows a public key
# could sign with it.
ALGORITHMS = (*_RSA, *_CURVES.values(), _EDWARDS)

_LEAST_BITS = 2048
_MOST_BITS = 16384
# A token that names no key is tried with all of them.
_MOST_KEYS = 32

_READERS: dict[Json, Callable[[dict[str, Json]], object]] = {
    "RSA": RSAAlgorithm.from_jwk,
    "EC": ECAlgorithm.from_jwk,
    "OKP": OKPAlgorithm.from_jwk,
}
# What its reader says of a key that is none.
_MALFORMED = (ArithmeticError, AttributeError, KeyError, PyJWTError, TypeError, UnsupportedAlgorithm, ValueError)
_PEM = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----\r?\n.*?-----END \1-----", re.DOTALL)


class KeysUnusable(ValueError):
    """Keys that cannot be used; the message is a sentence for the operator."""


@frozen
class Key:
    """
    A public key.

    :ivar kid: what tokens call it; ``None`` where it has no name.
    :ivar algorithms: with which it may have signed.
    """

    kid: str | None
    algorithms: tuple[str, ...]
    public: PublicKey = field(repr=False)


def select(keys: Sequence[Key], kid: str | None) -> list[Key]:
    """Answer the keys with which a token may have been signed that names ``kid``, or, with ``None``, no key."""
    if kid is None:
        return list(keys)
    return [key for key in keys if key.kid == kid] or [key for key in keys if key.kid is None]


def parse_keys(content: bytes) -> tuple[Key, ...]:
    """
    Read what a file with keys holds: PEM, of public keys or of certificates, or a set of JSON Web Keys.

    :raise KeysUnusable: when there is no key in it that can be used, or a private one.
    """
    return _parse_pem(content) if b"-----BEGIN " in content else parse_key_set(content)


def parse_key_set(content: bytes) -> tuple[Key, ...]:
    """
    Read a set of JSON Web Keys.

    Keys for encryption, and kinds of keys that are not known here, are left out, as RFC 7517, section 5, has it; so are
    those that are too weak.

    :raise KeysUnusable: when no key is left.
    """
    try:
        listed = parse_document(content).get("keys")
    except ValueError as error:
        raise KeysUnusable(f"this is no set of JSON Web Keys: {error}") from error
    if not isinstance(listed, list):
        raise KeysUnusable('this is no set of JSON Web Keys: it has no list "keys"')
    return _usable([partial(_parse_jwk, each) for each in listed[: _MOST_KEYS + 1]])


def _parse_jwk(jwk: Json) -> Key:
    if not isinstance(jwk, dict):
        raise KeysUnusable("one is no JSON object")
    kid = jwk.get("kid")
    name = f"key {shown(kid)}"
    operations = jwk.get("key_ops", ["verify"])
    if not isinstance(kid, str | None):
        raise KeysUnusable(f"{name} has no text for a name")
    if jwk.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        raise KeysUnusable(f"{name} is not for signatures")
    if "d" in jwk:
        raise KeysUnusable(f"{name} is a private key")
    kind = jwk.get("kty")
    reader = _READERS.get(kind) if isinstance(kind, str) else None
    if reader is None:
        raise KeysUnusable(f"{name} is of an unknown kind")
    try:
        public = reader(jwk)
    except _MALFORMED as error:
        raise KeysUnusable(f"{name} is malformed") from error
    key = _key_of(kid, public, name)
    if "alg" not in jwk:
        return key
    if jwk["alg"] not in key.algorithms:
        raise KeysUnusable(f"{name} is for the algorithm {shown(jwk['alg'])}")
    return Key(kid, (str(jwk["alg"]),), key.public)


def _parse_pem(content: bytes) -> tuple[Key, ...]:
    blocks = list(_PEM.finditer(content))
    if any(b"PRIVATE" in block[1] for block in blocks):
        raise KeysUnusable("there is a private key in it; a registry that verifies needs the public one only")
    return _usable([partial(_parse_block, number, block) for number, block in enumerate(blocks, 1)])


def _parse_block(number: int, block: re.Match[bytes]) -> Key:
    try:
        if block[1] == b"CERTIFICATE":
            public: object = x509.load_pem_x509_certificate(block[0]).public_key()
        else:
            public = load_pem_public_key(block[0])
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeysUnusable(f"block {number} is no public key and no certificate") from error
    return _key_of(None, public, f"block {number}")


def _key_of(kid: str | None, public: object, name: str) -> Key:
    if isinstance(public, RSAPublicKey):
        if not _LEAST_BITS <= public.key_size <= _MOST_BITS:
            raise KeysUnusable(f"{name} is of RSA with {public.key_size} bits, not {_LEAST_BITS} to {_MOST_BITS}")
        return Key(kid, _RSA, public)
    if isinstance(public, EllipticCurvePublicKey) and public.curve.name in _CURVES:
        return Key(kid, (_CURVES[public.curve.name],), public)
    if isinstance(public, Ed25519PublicKey):
        return Key(kid, (_EDWARDS,), public)
    raise KeysUnusable(f"{name} is of an unknown kind")


def _usable(readers: Sequence[Callable[[], Key]]) -> tuple[Key, ...]:
    if len(readers) > _MOST_KEYS:
        raise KeysUnusable(f"there are more than {_MOST_KEYS} keys in it")
    keys: list[Key] = []
    reasons: list[str] = []
    for read in readers:
        try:
            keys.append(read())
        except KeysUnusable as error:
            reasons.append(str(error))
    if not keys:
        raise KeysUnusable(f"there is no key in it that can be used{': ' if reasons else ''}{'; '.join(reasons)}")
    return tuple(keys)
