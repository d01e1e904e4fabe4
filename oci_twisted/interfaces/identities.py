"""
How a client proves who it is, and how it comes by a token.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import field, frozen
from zope.interface import Interface

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oci_twisted.interfaces.access import Credentials, Principal
    from oci_twisted.spec.descriptors import Json
    from oci_twisted.spec.scopes import Scope


class IPasswords(Interface):
    """Knows users by name and password."""

    async def verify(user: str, password: str, peer: str) -> Principal:
        """
        Answer whose name and password these are.

        It takes as much work for a user who does not exist as for one who does.

        :param peer: the client's address, by which attempts are counted.
        :raise WrongCredentials: when they are nobody's.
        :raise TooManyAttempts: when too many from there were wrong; nothing was looked at.
        """


class ITokens(Interface):
    """Knows principals by tokens of one kind."""

    def recognises(token: str) -> bool:
        """Answer, by its form alone, whether a token is of this kind."""

    async def verify(token: str) -> Principal:
        """
        Answer whose token it is.

        Nothing in the token says how it is to be verified: keys, algorithms and issuers are configured.

        :raise WrongCredentials: when it was forged, or is not good any more, or not here.
        :raise Unavailable: when nobody can say just now, such as while an issuer's keys cannot be fetched.
        """


@frozen
class TokenRequest:
    """
    What a client asks the token service for (distribution, "Token Authentication Specification").

    :ivar credentials: of the request; a name and a password in a form count as Basic.
    :ivar scopes: what the token shall be good for; none for a login.
    :ivar refresh_token: shown in the place of credentials, or ``None``.
    :ivar offline: whether a refresh token is wanted too.
    :ivar client: what the client calls itself, for the list of logins.
    :ivar service: for which the client believes to be asking; ``None`` where it does not say.
    """

    credentials: Credentials
    scopes: tuple[Scope, ...] = ()
    refresh_token: str | None = field(default=None, repr=False)
    offline: bool = False
    client: str = ""
    service: str | None = None


@frozen
class IssuedToken:
    """
    A token for its bearer.

    :ivar lifetime: how many seconds it is good for.
    :ivar issued: when, in seconds since the epoch.
    :ivar scopes: what it is good for, which may be less than was asked.
    :ivar refresh_token: if one was asked for and the registry gives any.
    """

    token: str = field(repr=False)
    lifetime: int
    issued: float
    scopes: tuple[Scope, ...]
    refresh_token: str | None = field(default=None, repr=False)


class ITokenService(Interface):
    """Gives out tokens that `ITokens` of the same registry knows."""

    async def issue(request: TokenRequest) -> IssuedToken:
        """
        Answer a token for what the principal may do of what was asked.

        To be permitted less than was asked is no error; nor is it to ask for nothing, or to be anonymous.

        :raise Unauthorized: when the credentials, or the refresh token, are wrong.
        :raise RequestInvalid: when it is asked for another service, or for more scopes than a token can hold.
        :raise TooManyAttempts: as `IPasswords.verify`.
        :raise Denied: as `IAuthenticator.authenticate`.
        """

    def keys() -> Sequence[Json]:
        """Answer the public keys with which tokens can be verified, as JSON Web Keys (RFC 7517)."""
