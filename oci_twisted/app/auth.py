"""
Who may do what, and how they prove who they are: the parts put together from what an operator, or a program, says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from oci_twisted.auth.authentication import Authentication
from oci_twisted.auth.challenges import BasicChallenge, BearerChallenge
from oci_twisted.auth.issuers import IssuerInvalid, IssuerSettings, fetch_by, make_issuers
from oci_twisted.auth.passwords import HtpasswdFile, Passwords
from oci_twisted.auth.policy import AccessRules, RuleBook
from oci_twisted.auth.tokens.access import AccessTokens
from oci_twisted.auth.tokens.jwts import LEEWAY, LIFETIME, JsonWebTokens
from oci_twisted.auth.tokens.keyfiles import FileShelf
from oci_twisted.auth.tokens.keyrings import ROTATION, KeyRing
from oci_twisted.auth.tokens.service import REFRESH_LIFETIME, TokenService
from oci_twisted.stream.pools import ThreadedPool

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from twisted.cred.checkers import ICredentialsChecker

    from oci_twisted.auth.tokens.keyrings import KeyShelf
    from oci_twisted.interfaces import IAccessTokens

NAME = "oci-twisted"
# A comparison takes a good part of a second, and pulls want the processors too.
_PASSWORD_THREADS = 1
_NICENESS = 10


@frozen(kw_only=True)
class Auth:
    """
    What a `oci_twisted.app.Registry` has to know to ask everybody who they are.

    :ivar rules: who may do what, as `oci_twisted.auth.policy.parse_rules` reads it.
    :ivar users: know users by name and password, and are asked in this order.
    :ivar htpasswd: a file of users that is asked behind them, and read again when it changes; ``None`` for none.
    :ivar issuers: whose tokens are taken beside the registry's own.
    :ivar certificates: whether the common name of a client's certificate is a user.
    :ivar basic: whether clients are told to send the password each time, instead of to fetch a token with it.
    :ivar realm: what a client shows to the person whom it asks for a password.
    :ivar service: the name of the registry in its tokens.
    :ivar token_lifetime: of a bearer token, in seconds.
    :ivar login_lifetime: of what a client keeps in the place of the password, in seconds.
    :ivar signing_key: a file with a key to sign tokens with; ``None`` for keys that the registry makes and changes.
    :ivar key_lifetime: how long one of those signs, in seconds.
    """

    rules: RuleBook
    users: Sequence[ICredentialsChecker] = ()
    htpasswd: Path | None = None
    issuers: Sequence[IssuerSettings] = ()
    certificates: bool = False
    basic: bool = False
    realm: str = NAME
    service: str = NAME
    token_lifetime: float = LIFETIME
    login_lifetime: float = REFRESH_LIFETIME
    signing_key: Path | None = None
    key_lifetime: float = ROTATION


class Admission:
    """
    An `Auth` at work on one registry.

    :param reactor: tells the time, fetches the keys of issuers, and runs what blocks on threads.
    :param store: keeps access tokens, and is closed with this.
    :param shelf: keeps the keys that the registry makes.
    :ivar authenticator: for the registry's `API`, as the other two.
    :raise FileUnusable: when the file of users cannot be used.
    :raise KeyUnusable: when there is no key to sign with.
    :raise IssuerInvalid: when an issuer's keys cannot be used, or it calls itself as this registry does.
    """

    def __init__(self, auth: Auth, reactor: Any, store: IAccessTokens, shelf: KeyShelf) -> None:  # noqa: ANN401 - as Registry
        self._store = store
        self._pool = ThreadedPool(reactor, "oci-passwords", _PASSWORD_THREADS, niceness=_NICENESS)
        if any(issuer.issuer == auth.service for issuer in auth.issuers):
            raise IssuerInvalid(f"an issuer is called {auth.service}, as this registry's own service is")
        self._issuers = make_issuers(auth.issuers, fetch_by(reactor), reactor)
        access = AccessTokens(store, reactor)
        jwts = JsonWebTokens(
            _keys(auth, reactor, shelf),
            reactor,
            issuer=auth.service,
            service=auth.service,
            access=access,
            lifetime=auth.token_lifetime,
        )
        checkers = [*auth.users, *(() if auth.htpasswd is None else [HtpasswdFile(auth.htpasswd, self._pool, reactor)])]
        self.authenticator = Authentication(
            _challenge(auth),
            passwords=Passwords(checkers, reactor) if checkers else None,
            tokens=[access, jwts, *self._issuers],
            certificates=auth.certificates,
        )
        self.authorizer = AccessRules(auth.rules.rules, auth.rules.groups)
        self.tokens = TokenService(
            self.authenticator,
            self.authorizer,
            jwts,
            access=access,
            realm=auth.realm,
            refresh_lifetime=auth.login_lifetime,
        )

    async def close(self) -> None:
        """Stop asking issuers, and close the store.  Called once, when no request is in progress."""
        for issuer in self._issuers:
            issuer.stop()
        try:
            await self._store.close()
        finally:
            await self._pool.stop()


def _keys(auth: Auth, reactor: Any, shelf: KeyShelf) -> KeyRing:  # noqa: ANN401 - as Registry's own
    lifetime = auth.token_lifetime + LEEWAY
    if auth.signing_key is not None:
        return KeyRing(FileShelf(auth.signing_key), reactor, lifetime=lifetime, rotation=None)
    return KeyRing(shelf, reactor, lifetime=lifetime, rotation=auth.key_lifetime)


def _challenge(auth: Auth) -> BasicChallenge | BearerChallenge:
    """Send clients to the token server that there is, or else ask for what the operator wants."""
    for issuer in auth.issuers:
        if issuer.challenge is not None:
            return issuer.challenge
    return BasicChallenge(auth.realm) if auth.basic else BearerChallenge(auth.service)
