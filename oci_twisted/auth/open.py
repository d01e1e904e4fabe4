"""
Everyone may do everything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zope.interface import implementer

from oci_twisted.interfaces import ANONYMOUS, Decision, IAuthenticator, IAuthorizer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oci_twisted.interfaces import Action, Credentials, Principal
    from oci_twisted.spec.names import RepositoryName
    from oci_twisted.spec.scopes import Scope

_PERMITTED = Decision(permitted=True, by="open")


@implementer(IAuthenticator)
class NobodyAsked:
    """Takes everyone for anonymous, whatever credentials they send."""

    async def authenticate(self, credentials: Credentials) -> Principal:
        """Answer `ANONYMOUS`."""
        del credentials
        return ANONYMOUS

    def challenge(self, credentials: Credentials, scopes: Sequence[Scope], error: str | None = None) -> str:
        """Answer a challenge that no credentials meet, for an authorizer that refuses anonymous requests."""
        del credentials, scopes, error
        return 'Basic realm="oci-twisted"'


@implementer(IAuthorizer)
class AllPermitted:
    """Permits everything."""

    async def decide(self, principal: Principal, action: Action, name: RepositoryName | None) -> Decision:
        """Permit it."""
        del principal, action, name
        return _PERMITTED
