"""
The tokens of the built-in service, which live for minutes.

They are JSON Web Tokens (RFC 7519) with the claims of distribution's "Token Authentication Implementation".
"""

from __future__ import annotations

import json
import re
import secrets
from base64 import urlsafe_b64decode
from collections import OrderedDict
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import jwt
from attrs import evolve, frozen
from zope.interface import implementer

from oci_twisted.interfaces import IssuedToken, ITokens, Principal, WrongCredentials
from oci_twisted.spec.scopes import Scope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from twisted.internet.interfaces import IReactorTime

    from oci_twisted.auth.tokens.access import AccessTokens
    from oci_twisted.auth.tokens.keyrings import KeyRing

LIFETIME = 300.0
# By how much the clocks of machines that share keys may differ.
LEEWAY = 10.0
LONGEST = 16 << 10

_REMEMBERED = 4096
# Whatever else a header may hold is a way for a token to say how it wants to be verified.
_HEADER = {"typ", "alg", "kid"}
_FORM = re.compile(r"[A-Za-z0-9_-]+\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+")
_CLAIMS = ("iss", "sub", "aud", "exp", "nbf", "iat", "jti", "access")
# Times are looked at here, by the clock that everything goes by.
_OPTIONS: Any = {"require": _CLAIMS, "verify_exp": False, "verify_nbf": False, "verify_iat": False, "strict_aud": True}
_FORGED = "this token was not issued here, or was changed"


@frozen
class _Verified:
    """
    What a token was found to say.

    :ivar until: when it is good for nothing any more, in seconds since the epoch.
    """

    principal: Principal
    until: float


@implementer(ITokens)
class JsonWebTokens:
    """
    Issues tokens, and knows them again.

    One that was verified is remembered until it expires, so that a request costs no signature; by a keyed hash, since
    what lies in memory should be good for nothing.

    :param keys: the only ones that are ever used.
    :param issuer: what the tokens call us.
    :param service: for whom they are.
    :param access: knows whether an access token that one rests on is still good; ``None`` where there are none.
    :param lifetime: in seconds.
    :param leeway: by how many seconds clocks may differ.
    """

    def __init__(
        self,
        keys: KeyRing,
        clock: IReactorTime,
        *,
        issuer: str,
        service: str,
        access: AccessTokens | None = None,
        lifetime: float = LIFETIME,
        leeway: float = LEEWAY,
    ) -> None:
        self.keys = keys
        self.service = service
        self._clock = clock
        self._issuer = issuer
        self._access = access
        self._lifetime = int(lifetime)
        self._leeway = leeway
        self._secret = secrets.token_bytes(32)
        self._remembered: OrderedDict[bytes, _Verified] = OrderedDict()

    def issue(self, principal: Principal, scopes: Sequence[Scope]) -> IssuedToken:
        """Issue a token that is good for ``scopes``."""
        key = self.keys.signing()
        issued = int(self._clock.seconds())
        claims: dict[str, Any] = {
            "iss": self._issuer,
            "sub": principal.name or "",
            "aud": self.service,
            "exp": issued + self._lifetime,
            "nbf": issued,
            "iat": issued,
            "jti": secrets.token_urlsafe(16),
            "access": [{"type": scope.kind, "name": scope.name, "actions": sorted(scope.actions)} for scope in scopes],
        }
        if principal.groups:
            claims["groups"] = sorted(principal.groups)
        if principal.token_id is not None:
            claims["token_id"] = principal.token_id
        text = jwt.encode(claims, key.private, key.algorithm, {"kid": key.kid})
        return IssuedToken(text, self._lifetime, issued, tuple(scopes))

    def recognises(self, token: str) -> bool:
        """Look at whom it names as its issuer; others issue tokens of the same form."""
        return self._hash(token) in self._remembered or _issuer_of(token) == self._issuer

    async def verify(self, token: str) -> Principal:
        """
        Answer whose token it is, and what it was issued for.

        :raise WrongCredentials: when it is not ours, not for here, not good yet or not any more, or when the access
            token that it rests on was revoked.
        """
        key = self._hash(token)
        verified = self._remembered.get(key)
        if verified is None:
            self._remembered[key] = verified = self._verify(token)
            if len(self._remembered) > _REMEMBERED:
                self._remembered.popitem(last=False)
        else:
            self._remembered.move_to_end(key)
        if self._clock.seconds() >= verified.until:
            del self._remembered[key]
            raise WrongCredentials("this token has expired; ask the token service for another")
        principal = verified.principal
        if principal.token_id is None:
            return principal
        if self._access is None:
            raise WrongCredentials(_FORGED)
        limits = (await self._access.current(principal.token_id)).limits
        return principal if limits is None else evolve(principal, limits=limits)

    def _hash(self, token: str) -> bytes:
        return blake2b(token.encode(), digest_size=16, key=self._secret).digest()

    def _verify(self, token: str) -> _Verified:
        if len(token) > LONGEST:
            raise WrongCredentials(f"a token has at most {LONGEST} characters")
        try:
            header = jwt.get_unverified_header(token)
            key = self.keys.verifying(header["kid"]) if set(header) == _HEADER else None
            if key is None or header["alg"] != key.algorithm or header["typ"] != "JWT":
                raise WrongCredentials(_FORGED)
            claims = jwt.decode(
                token,
                key.private.public_key(),
                algorithms=[key.algorithm],
                audience=self.service,
                issuer=self._issuer,
                options=_OPTIONS,
            )
            verified = self._read(claims)
            not_before = max(_time(claims["nbf"]), _time(claims["iat"]))
        except (jwt.InvalidTokenError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise WrongCredentials(_FORGED) from error
        if not_before > self._clock.seconds() + self._leeway:
            raise WrongCredentials("this token is not good yet; are the clocks right?")
        return verified

    def _read(self, claims: dict[str, Any]) -> _Verified:
        scopes = tuple(
            Scope(_text(one["type"]), _text(one["name"]), frozenset(map(_text, one["actions"])))
            for one in claims["access"]
        )
        token_id = claims.get("token_id")
        principal = Principal(
            _text(claims["sub"]) or None,
            frozenset(map(_text, claims.get("groups", ()))),
            token=scopes,
            token_id=None if token_id is None else _text(token_id),
        )
        return _Verified(principal, _time(claims["exp"]) + self._leeway)


def _issuer_of(token: str) -> object:
    """Answer what a token says of its issuer, which proves nothing; ``None`` for what is none."""
    match = _FORM.fullmatch(token) if len(token) <= LONGEST else None
    if match is None:
        return None
    payload = match.group(1)
    try:
        claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, RecursionError):
        return None
    return claims.get("iss") if isinstance(claims, dict) else None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _time(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError
    return value
