"""
Everyone may do everything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zope.interface import implementer

from oci_twisted.interfaces import ANONYMOUS, IAuthenticator, IAuthorizer

if TYPE_CHECKING:
    from oci_twisted.interfaces import Action, Credentials, Principal
    from oci_twisted.spec.names import RepositoryName


@implementer(IAuthenticator)
class NobodyAsked:
    """Takes everyone for anonymous, whatever credentials they send."""

    async def authenticate(self, credentials: Credentials) -> Principal:
        """Answer `ANONYMOUS`."""
        del credentials
        return ANONYMOUS

    def challenge(self, credentials: Credentials, action: Action, name: RepositoryName | None) -> str:
        """Answer a challenge that no credentials meet, for an authorizer that refuses anonymous requests."""
        del credentials, action, name
        return 'Basic realm="oci-twisted"'


@implementer(IAuthorizer)
class AllPermitted:
    """Permits everything."""

    async def permits(self, principal: Principal, action: Action, name: RepositoryName | None) -> bool:
        """Answer ``True``."""
        del principal, action, name
        return True
