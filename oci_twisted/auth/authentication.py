"""
Who sent a request: whatever the client brings, taken to whoever knows that kind.
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as NotBase64
from ipaddress import ip_address
from typing import TYPE_CHECKING

from attrs import evolve
from zope.interface import implementer

from oci_twisted.interfaces import ANONYMOUS, IAuthenticator, IPasswords, ITokens, Principal, WrongCredentials
from oci_twisted.spec.errors import Denied

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    from oci_twisted.interfaces import Credentials
    from oci_twisted.spec.scopes import Scope

    Challenge: TypeAlias = "Callable[[Credentials, Sequence[Scope], str | None], str]"

_IN_THE_CLEAR = (
    "passwords and tokens are not taken over plain HTTP, where others can read them: connect by https, or let the "
    "proxy that ends TLS be trusted (proxy.trusted) and send X-Forwarded-Proto"
)


@implementer(IAuthenticator)
class Authentication:
    """
    Takes Basic, Bearer, client certificates, and requests that bring nothing.

    A token is taken in the place of a password too, under any user name, because most clients can keep nothing else.

    :param challenge: writes the ``WWW-Authenticate``, as `IAuthenticator.challenge`.
    :param passwords: knows users; ``None`` where nobody has a password.
    :param tokens: know tokens, each those of a kind of its own.
    :param certificates: whether a client certificate says who it is.
    """

    def __init__(
        self,
        challenge: Challenge,
        *,
        passwords: IPasswords | None = None,
        tokens: Sequence[ITokens] = (),
        certificates: bool = False,
    ) -> None:
        self._challenge = challenge
        self._passwords = None if passwords is None else IPasswords(passwords)
        self._tokens = [ITokens(kind) for kind in tokens]
        self._certificates = certificates

    def challenge(self, credentials: Credentials, scopes: Sequence[Scope], error: str | None = None) -> str:
        """Answer the ``WWW-Authenticate`` for a request that is refused until its sender says more."""
        refuse_in_the_clear(credentials)
        return self._challenge(credentials, scopes, error)

    async def authenticate(self, credentials: Credentials) -> Principal:
        """Answer who it is."""
        if credentials.authorization is None:
            if self._certificates and credentials.certificate is not None:
                return Principal(credentials.certificate)
            return ANONYMOUS
        refuse_in_the_clear(credentials)
        scheme, _, value = credentials.authorization.partition(" ")
        match scheme.lower():
            case "basic":
                return await self._basic(value.strip(), credentials.peer)
            case "bearer":
                return await self._token(value.strip())
            case _:
                raise WrongCredentials("log in with a user name and a password, or with a token")

    async def _basic(self, value: str, peer: str) -> Principal:
        try:
            user, separator, password = b64decode(value, validate=True).decode("utf-8").partition(":")
        except (NotBase64, UnicodeDecodeError):
            separator = ""
        if not separator:
            raise WrongCredentials("the Authorization header is not the base64 of user:password")
        if not user and not password:
            # What a client sends that was told to use Basic and has nothing.
            return ANONYMOUS
        if any(kind.recognises(password) for kind in self._tokens):
            return await self._token(password)
        if self._passwords is None:
            raise WrongCredentials("nobody has a password here; log in with a token in its place")
        return evolve(await self._passwords.verify(user, password, peer), by_password=True)

    async def _token(self, token: str) -> Principal:
        for kind in self._tokens:
            if kind.recognises(token):
                return await kind.verify(token)
        raise WrongCredentials("this is no token of this registry, nor of an issuer that it knows")


def refuse_in_the_clear(credentials: Credentials) -> None:
    """
    See to it that nothing secret is taken from where others can read it.

    :raise Denied: when the connection is not encrypted, and not from this machine.
    """
    if not credentials.secure and not _is_here(credentials.peer):
        raise Denied(_IN_THE_CLEAR)


def _is_here(peer: str) -> bool:
    if peer == "unix":
        return True
    try:
        return ip_address(peer.partition("%")[0]).is_loopback
    except ValueError:
        return False
