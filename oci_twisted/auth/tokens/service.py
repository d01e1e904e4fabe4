"""
The built-in token service (distribution, "Token Authentication Specification").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve
from zope.interface import implementer

from oci_twisted.auth.authentication import refuse_in_the_clear
from oci_twisted.auth.challenges import BasicChallenge
from oci_twisted.auth.tokens.jwts import LONGEST
from oci_twisted.interfaces import Action, IAuthenticator, IAuthorizer, ITokenService, TokenKind, WrongCredentials
from oci_twisted.spec.errors import NameInvalid, RequestInvalid, Unauthorized
from oci_twisted.spec.names import parse_name
from oci_twisted.spec.scopes import ANYTHING, REGISTRY, REPOSITORY, Scope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oci_twisted.auth.tokens.access import AccessTokens
    from oci_twisted.auth.tokens.jwts import JsonWebTokens
    from oci_twisted.interfaces import IssuedToken, Principal, TokenRequest
    from oci_twisted.spec.descriptors import Json
    from oci_twisted.spec.names import RepositoryName

REFRESH_LIFETIME = 90.0 * 24 * 60 * 60

_ACTIONS = (Action.PULL, Action.PUSH, Action.DELETE)
_MOST_SCOPES = 100
_LONGEST_CLIENT = 64


@implementer(ITokenService)
class TokenService:
    """
    Gives out tokens for what the policy permits of what was asked.

    A refresh token is given only to somebody who has just shown a password, for whoever has one is logged in for
    months.  Nobody gets one for an access token, which could be revoked and would leave it behind; nor for a client
    certificate or another issuer's token, which live for as long as others have decided; nor where groups came with
    the password, since they would be those of today for ever.

    :param authenticator: knows who shows credentials.
    :param authorizer: the policy.
    :param jwts: issues, and says for which service.
    :param access: keeps refresh tokens; ``None`` where none are given.
    :param realm: for those whose credentials are wrong.
    :param refresh_lifetime: in seconds; ``None`` where no refresh tokens are given.
    """

    def __init__(
        self,
        authenticator: IAuthenticator,
        authorizer: IAuthorizer,
        jwts: JsonWebTokens,
        *,
        access: AccessTokens | None = None,
        realm: str,
        refresh_lifetime: float | None = REFRESH_LIFETIME,
    ) -> None:
        self._authenticator = IAuthenticator(authenticator)
        self._authorizer = IAuthorizer(authorizer)
        self._jwts = jwts
        self._access = access
        self._challenge = BasicChallenge(realm)
        self._refresh_lifetime = refresh_lifetime

    async def issue(self, request: TokenRequest) -> IssuedToken:
        """Answer a token for what the principal may do of what was asked."""
        if request.service not in {None, "", self._jwts.service}:
            raise RequestInvalid(f"tokens from here are for the service {self._jwts.service!a}, and no other")
        if len(request.scopes) > _MOST_SCOPES:
            raise RequestInvalid(f"ask for at most {_MOST_SCOPES} scopes at once")
        try:
            principal = await self._principal(request)
        except WrongCredentials as wrong:
            raise Unauthorized(str(wrong), self._challenge(request.credentials, ())) from wrong
        issued = self._jwts.issue(principal, await self._granted(principal, request.scopes))
        if len(issued.token) > LONGEST:
            raise RequestInvalid("a token for all of this would be too long; ask for fewer scopes at once")
        return await self._with_refresh(issued, principal, request)

    def keys(self) -> Sequence[Json]:
        """Answer the public keys with which tokens can be verified, as JSON Web Keys (RFC 7517)."""
        return [dict(key.public) for key in self._jwts.keys.public()]

    async def _principal(self, request: TokenRequest) -> Principal:
        if request.refresh_token is None:
            principal = await self._authenticator.authenticate(request.credentials)
            if principal.token is not None:
                # Else one that was made for little, and stolen, could be exchanged for another, for more and for ever.
                raise WrongCredentials("nobody gets a token for a token; show a password, or an access token")
            return principal
        refuse_in_the_clear(request.credentials)
        if self._access is None:
            raise WrongCredentials("this registry gives out no refresh tokens")
        return await self._access.verify_refresh(request.refresh_token)

    async def _granted(self, principal: Principal, scopes: Sequence[Scope]) -> list[Scope]:
        """Answer what the principal may do of what was asked, one scope a thing."""
        asked: dict[tuple[str, str], set[str]] = {}
        for scope in scopes:
            asked.setdefault((scope.kind, scope.name), set()).update(scope.actions)
        granted = []
        for (kind, name), actions in asked.items():
            permitted = await self._permitted(principal, kind, name, actions)
            if permitted:
                granted.append(Scope(kind, name, frozenset(permitted)))
        return granted

    async def _permitted(self, principal: Principal, kind: str, text: str, actions: set[str]) -> list[str]:
        if kind == REPOSITORY:
            try:
                name = parse_name(text)
            except NameInvalid:
                # Among them patterns, which in a token would be good for whatever they match.
                return []
            return [
                action.value
                for action in _ACTIONS
                if {action.value, ANYTHING} & actions and await self._may(principal, action, name)
            ]
        if (kind, text) == (REGISTRY, "catalog") and ANYTHING in actions:
            return [ANYTHING] if await self._may(principal, Action.CATALOG, None) else []
        return []

    async def _may(self, principal: Principal, action: Action, name: RepositoryName | None) -> bool:
        if principal.is_limited(action, name):
            return False
        return (await self._authorizer.decide(principal, action, name)).permitted

    async def _with_refresh(self, issued: IssuedToken, principal: Principal, request: TokenRequest) -> IssuedToken:
        if (
            not request.offline
            or self._access is None
            or self._refresh_lifetime is None
            or principal.name is None
            or not principal.by_password
            or principal.groups
        ):
            return issued
        client = "".join(filter(str.isprintable, request.client))[:_LONGEST_CLIENT] or "a client"
        text, _ = await self._access.create(
            principal.name, client, TokenKind.REFRESH, principal.limits, self._refresh_lifetime
        )
        return evolve(issued, refresh_token=text)
