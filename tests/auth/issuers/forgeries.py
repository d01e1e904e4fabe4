"""
Tokens that prove nothing, each with a part of the sentence that says why.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING

from tests.auth.issuers.signers import AUDIENCE, Signer, claims, ec_signer, encoded, part, rsa_signer
from tests.http.stacks import START

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.auth.issuers.signers import PrivateKey


def swapped(signer: Signer, private: PrivateKey) -> Signer:
    """Answer who signs in a signer's name with another key."""
    return Signer(signer.kid, signer.algorithm, private)


def hmac_signed(secret: bytes, algorithm: str = "HS256") -> str:
    """Sign with a secret that everybody knows."""
    body = f"{part({'alg': algorithm, 'typ': 'JWT', 'kid': 'rsa-1'})}.{part(claims())}"
    return f"{body}.{encoded(hmac.new(secret, body.encode(), hashlib.sha256).digest())}"


def unsigned(algorithm: object) -> str:
    """Sign with nothing."""
    return f"{part({'alg': algorithm, 'typ': 'JWT', 'kid': 'rsa-1'})}.{part(claims())}."


DOUBLE = b'{"alg":"ES256","alg":"none"}'
MALLORY = ec_signer("mallory")

FORGERIES: dict[str, tuple[Callable[[], str], str]] = {
    "alg none": (lambda: unsigned("none"), "signed with 'none'; taken are RS256, ES256, EdDSA"),
    "alg None": (lambda: unsigned("None"), "signed with 'None'"),
    "alg missing": (lambda: unsigned(None), "signed with None"),
    "alg of another kind": (lambda: unsigned(["RS256"]), "signed with"),
    "HMAC with the public key in PEM": (lambda: hmac_signed(rsa_signer().pem()), "signed with 'HS256'"),
    "HMAC with the public key as JWK": (
        lambda: hmac_signed(json.dumps(rsa_signer().jwk()).encode()),
        "signed with 'HS256'",
    ),
    "HMAC that says RS256": (lambda: hmac_signed(rsa_signer().pem(), "RS256"), "signature is not that of its issuer"),
    "an algorithm that is not configured": (
        lambda: Signer("rsa-1", "RS512", rsa_signer().private).sign(claims()),
        "signed with 'RS512'",
    ),
    "no signature": (
        lambda: rsa_signer().sign(claims()).rpartition(".")[0] + ".",
        "signature is not that of its issuer",
    ),
    "another key of the same name": (
        lambda: swapped(rsa_signer(), rsa_signer("mallory").private).sign(claims()),
        "signature is not that of its issuer",
    ),
    "an unknown kid": (lambda: MALLORY.sign(claims()), "has no key 'mallory'"),
    "no kid and a key of one's own": (lambda: MALLORY.sign(claims(), kid=None), "signature is not that of its issuer"),
    "a kid that is a path": (lambda: MALLORY.sign(claims(), kid="../../dev/null"), "has no key '../../dev/null'"),
    "a kid that is no text": (lambda: MALLORY.sign(claims(), kid=7), "kid is no name of a key"),
    "a kid that has no end": (lambda: MALLORY.sign(claims(), kid="k" * 2000), "kid is no name of a key"),
    "a kid of another kind of key": (
        lambda: ec_signer().sign(claims(), kid="rsa-1"),
        "no key 'rsa-1' that is good for ES256",
    ),
    "an embedded jwk (CVE-2025-24976)": (
        lambda: MALLORY.sign(claims(), jwk=MALLORY.jwk(kid="ec-1"), kid="ec-1"),
        "brings its own key (jwk)",
    ),
    "a foreign jku": (lambda: MALLORY.sign(claims(), jku="https://mallory.example/keys"), "brings its own key (jku)"),
    "a foreign x5u": (lambda: MALLORY.sign(claims(), x5u="https://mallory.example/x"), "brings its own key (x5u)"),
    "a chain of its own": (
        lambda: MALLORY.sign(claims(), x5c=["MIIB"], kid="ec-1"),
        "signature is not that of its issuer",
    ),
    "a critical header": (lambda: ec_signer().sign(claims(), crit=["b64"], b64=False), "critical header (crit)"),
    "a payload that is not encoded": (lambda: ec_signer().sign(claims(), b64=False), "malformed"),
    "a logout": (lambda: ec_signer().sign(claims(), typ="logout+jwt"), "is of the type 'logout+jwt'"),
    "another audience": (lambda: ec_signer().sign(claims(aud="else.example")), "for 'else.example' (aud)"),
    "other audiences": (lambda: ec_signer().sign(claims(aud=["a", "b"])), "for ['a', 'b'] (aud)"),
    "no audience": (lambda: ec_signer().sign(claims(aud=None)), "for None (aud)"),
    "an audience that begins alike": (lambda: ec_signer().sign(claims(aud=f"{AUDIENCE}.evil")), "(aud)"),
    "an audience that is a table": (lambda: ec_signer().sign(claims(aud={AUDIENCE: 1})), "(aud)"),
    "another issuer": (
        lambda: ec_signer().sign(claims(iss="https://else.example")),
        "of the issuer 'https://else.example'",
    ),
    "expired": (lambda: ec_signer().sign(claims(exp=START - 31)), "expired 31 s ago; get another one"),
    "never expires": (lambda: ec_signer().sign(claims(exp=None)), "never expires"),
    "expires in words": (lambda: ec_signer().sign(claims(exp="tomorrow")), "exp is 'tomorrow', which is no time"),
    "expires if true": (lambda: ec_signer().sign(claims(exp=True)), "exp is True, which is no time"),
    "expires beyond all numbers": (lambda: ec_signer().sign(claims(exp=10**400)), "which is no time"),
    "nbf in the future": (lambda: ec_signer().sign(claims(nbf=START + 31)), "begins in 31 s (nbf)"),
    "issued in the future": (lambda: ec_signer().sign(claims(iat=START + 31)), "begins in 31 s (iat)"),
    "of somebody else's job": (
        lambda: ec_signer().sign(claims(repository_owner="mallory")),
        "repository_owner is 'mallory', which is not let in",
    ),
    "of a job that does not say whose": (
        lambda: ec_signer().sign(claims(repository_owner=None)),
        "repository_owner is None, which is not let in",
    ),
    "of no repository": (lambda: ec_signer().sign(claims(repository=None)), "no text for the claim repository"),
    "huge": (lambda: ec_signer().sign(claims(x="x" * 16384)), "and at most 16384 are read"),
    "deeply nested header": (
        lambda: f"{encoded(b'[' * 9000)}.{part(claims())}.x",
        "header cannot be read: it is nested too deeply",
    ),
    "header that is no object": (
        lambda: f"{part([])}.{part(claims())}.x",
        "header cannot be read: it is no JSON object",
    ),
    "header that is no JSON": (lambda: f"{encoded(b'x')}.{part(claims())}.x", "header cannot be read"),
    "header that is no text": (lambda: f"{encoded(bytes([255]))}.{part(claims())}.x", "cannot be read: it is not JSON"),
    "one key twice": (
        lambda: f"{encoded(DOUBLE)}.{part(claims())}.x",
        "header cannot be read: it has one key twice",
    ),
}
