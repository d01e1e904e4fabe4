"""
What a JSON Web Token says before anything of it is proven (RFC 7515, section 7.1; RFC 7519).
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from typing import TYPE_CHECKING

from attrs import frozen

from oci_twisted.auth.issuers.documents import parse_document
from oci_twisted.interfaces import WrongCredentials

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from oci_twisted.spec.descriptors import Json

# Whoever issues longer ones puts more into them than says who somebody is.
LONGEST = 16 << 10
# Up to here one is looked at closely enough to be told that it is too long.
_LONGEST_SEEN = 64 << 10
_LONGEST_KID = 1024

# A signature may be missing, so that its sender is told why the token is refused.
_FORM = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]*")
# What would have a verifier look for a key elsewhere than in its configuration (CVE-2025-24976).
_OWN_KEYS = ("jwk", "jku", "x5u")
# Other kinds of tokens, such as those that say that somebody has logged out, may have the same issuer and audience
# (RFC 8725, section 3.11).
_TYPES = frozenset({"jwt", "at+jwt"})


@frozen
class Signed:
    """
    How a token is signed, as it says itself.

    :ivar algorithm: one of those that are configured.
    :ivar kid: names a key, or ``None``.
    """

    algorithm: str
    kid: str | None


def claimed_issuer(token: str) -> str | None:
    """Answer who a token says has issued it; ``None`` when it is no such token at all."""
    form = _FORM.fullmatch(token) if len(token) <= _LONGEST_SEEN else None
    if form is None:
        return None
    try:
        issuer = _decode(form[2]).get("iss")
    except ValueError:
        return None
    return issuer if isinstance(issuer, str) else None


def read_header(token: str, algorithms: Sequence[str]) -> Signed:
    """
    Answer how a token is signed.

    :param algorithms: those that are taken.
    :raise WrongCredentials: when it is too long, no token, signed in another way, or brings a key of its own.
    """
    if len(token) > LONGEST:
        raise WrongCredentials(f"the token has {len(token)} characters, and at most {LONGEST} are read")
    header = _part(token, 1, "header")
    algorithm, kid = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in algorithms:
        raise WrongCredentials(f"the token is signed with {shown(algorithm)}; taken are {', '.join(algorithms)}")
    for own in _OWN_KEYS:
        if own in header:
            raise WrongCredentials(f"the token brings its own key ({own}); those that count are configured")
    if "crit" in header:
        raise WrongCredentials("the token has a critical header (crit), of which none is known here")
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.lower().removeprefix("application/") not in _TYPES:
        raise WrongCredentials(f"the token is of the type {shown(kind)}, and no proof of who its bearer is")
    if kid is not None and (not isinstance(kid, str) or len(kid) > _LONGEST_KID):
        raise WrongCredentials("the token's kid is no name of a key")
    return Signed(algorithm, kid)


def read_claims(token: str) -> Mapping[str, Json]:
    """
    Answer what a token says.

    :raise WrongCredentials: when it is no token.
    """
    return _part(token, 2, "claims")


def shown(value: Json) -> str:
    """Write what came from outside, for a sentence: shortened, and in ASCII."""
    return ascii(value)[:80]


def _part(token: str, number: int, what: str) -> dict[str, Json]:
    form = _FORM.fullmatch(token)
    if form is None:
        raise WrongCredentials("this is not a signed JSON Web Token")
    try:
        return _decode(form[number])
    except ValueError as error:
        reason = "it is not JSON" if isinstance(error, UnicodeError) else str(error)
        raise WrongCredentials(f"the token's {what} cannot be read: {reason[:200]}") from error


def _decode(part: str) -> dict[str, Json]:
    return parse_document(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
