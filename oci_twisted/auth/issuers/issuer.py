"""
Tokens of one issuer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jwt import PyJWS
from jwt.exceptions import InvalidSignatureError, PyJWTError
from zope.interface import implementer

from oci_twisted.auth.issuers.claims import check_origin, check_times, read_principal
from oci_twisted.auth.issuers.forms import claimed_issuer, read_claims, read_header, shown
from oci_twisted.auth.issuers.keys import KeysUnusable
from oci_twisted.auth.issuers.settings import IssuerInvalid
from oci_twisted.auth.issuers.sources import FileKeys, discovered_keys, fetched_keys
from oci_twisted.auth.verified import VerifiedTokens
from oci_twisted.interfaces import ITokens, WrongCredentials

if TYPE_CHECKING:
    from collections.abc import Sequence

    from twisted.internet.interfaces import IReactorTime

    from oci_twisted.auth.issuers.fetching import Fetch
    from oci_twisted.auth.issuers.forms import Signed
    from oci_twisted.auth.issuers.keys import Key
    from oci_twisted.auth.issuers.settings import IssuerSettings
    from oci_twisted.auth.issuers.sources import KeySource
    from oci_twisted.interfaces import Principal

# A token whose key was withdrawn is not taken for longer than this on top of what keys are kept, in seconds.
_REMEMBERED = 5 * 60
_MOST_REMEMBERED = 4096


@implementer(ITokens)
class Issuer:
    """
    Knows principals by the tokens that another has issued to them.

    Keys, algorithms, issuer and audience are configured; of the token, only the name of a key (``kid``) is used.

    :param keys: of the issuer.
    :param clock: its seconds are those since the epoch.
    """

    def __init__(self, settings: IssuerSettings, keys: KeySource, clock: IReactorTime) -> None:
        self.settings = settings
        self._keys = keys
        self._clock = clock
        self._signatures = PyJWS(algorithms=settings.algorithms)
        self._verified = VerifiedTokens(clock, _MOST_REMEMBERED)

    def recognises(self, token: str) -> bool:
        """Answer whether a token says that it is of this issuer."""
        return claimed_issuer(token) == self.settings.issuer

    async def verify(self, token: str) -> Principal:
        """
        Answer whose token it is.

        :raise WrongCredentials: when it was forged, or is not good any more, or not here.
        :raise Unavailable: when the keys of the issuer cannot be had just now.
        """
        remembered = self._verified.find(token)
        if remembered is not None:
            return remembered
        signed = read_header(token, self.settings.algorithms)
        self._check_signature(token, signed, await self._keys.find(signed.kid))
        claims = read_claims(token)
        now = self._clock.seconds()
        expires = check_times(claims, now)
        check_origin(claims, self.settings)
        principal = read_principal(claims, self.settings)
        self._verified.remember(token, principal, min(expires, now + _REMEMBERED))
        return principal

    def stop(self) -> None:
        """Wait for the issuer no more; to be called once nobody verifies tokens any longer."""
        self._keys.stop()

    def _check_signature(self, token: str, signed: Signed, keys: Sequence[Key]) -> None:
        fitting = [key for key in keys if signed.algorithm in key.algorithms]
        if not fitting:
            raise WrongCredentials(
                f"the token's issuer has no key {shown(signed.kid)} that is good for {signed.algorithm}"
            )
        for key in fitting:
            try:
                self._signatures.decode_complete(token, key.public, [signed.algorithm])
            except InvalidSignatureError:
                continue
            except PyJWTError as error:
                raise WrongCredentials("the token is malformed") from error
            return
        raise WrongCredentials("the token's signature is not that of its issuer")


def make_issuers(issuers: Sequence[IssuerSettings], fetch: Fetch, clock: IReactorTime) -> list[Issuer]:
    """
    Make what knows the tokens of each issuer.  Nothing is fetched yet.

    :param fetch: gets a document from a URL, such as what `fetch_by` answers.
    :raise IssuerInvalid: when a file with keys cannot be used.
    """
    return [Issuer(settings, _source(settings, fetch, clock), clock) for settings in issuers]


def _source(settings: IssuerSettings, fetch: Fetch, clock: IReactorTime) -> KeySource:
    if settings.keys_url is not None:
        return fetched_keys(settings.issuer, settings.keys_url, fetch, clock)
    if settings.keys is None:
        return discovered_keys(settings.issuer, fetch, clock)
    try:
        return FileKeys(settings.keys)
    except KeysUnusable as error:
        raise IssuerInvalid(f"the keys of {settings.issuer} cannot be used: {error}") from error
