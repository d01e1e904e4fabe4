"""
The one way to an endpoint: who is it, may they, does the registry take changes at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from attrs import frozen

from oci_twisted.interfaces import ANONYMOUS, Action
from oci_twisted.spec.errors import Denied, ReadOnly, Unauthorized

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from oci_twisted.http.calls import Call
    from oci_twisted.http.replies import Reply
    from oci_twisted.interfaces import IAuthenticator, IAuthorizer, Principal
    from oci_twisted.spec.names import RepositoryName

Endpoint: TypeAlias = "Callable[..., Awaitable[Reply]]"

_CHANGES = frozenset({Action.PUSH, Action.DELETE})


@frozen
class Route:
    """
    A line of the table.

    :ivar action: what has to be permitted.
    :ivar endpoint: takes the API, the `Call` and the values of the path.
    """

    action: Action
    endpoint: Endpoint


class Gate:
    """
    Asks the two seams on behalf of every endpoint.
    """

    def __init__(self, authenticator: IAuthenticator, authorizer: IAuthorizer, *, read_only: bool) -> None:
        self._authenticator = authenticator
        self._authorizer = authorizer
        self._read_only = read_only

    async def admit(self, call: Call, action: Action, name: RepositoryName | None) -> None:
        """
        Let a call pass, and note on it who sent it.

        :raise Unauthorized: when it has to log in, or its credentials are wrong.
        :raise Denied: when it may not do this.
        :raise ReadOnly: when nobody may.
        """
        credentials = call.credentials()
        call.principal = await self._authenticator.authenticate(credentials)
        if not await self._authorizer.permits(call.principal, action, name):
            what = action.value if name is None else f"{action.value} {name}"
            if call.principal is ANONYMOUS or call.principal.name is None:
                challenge = self._authenticator.challenge(credentials, action, name)
                raise Unauthorized(f"log in to {what}", challenge)
            raise Denied(f"{call.principal.name} may not {what}")
        if self._read_only and action in _CHANGES:
            raise ReadOnly("this registry is read-only")

    async def permits(self, principal: Principal, action: Action, name: RepositoryName) -> bool:
        """Answer whether ``principal`` may, for what an endpoint touches beside its own repository."""
        return await self._authorizer.permits(principal, action, name)

    async def readable(self, principal: Principal, names: Sequence[RepositoryName]) -> list[RepositoryName]:
        """Answer those of ``names`` that ``principal`` may pull."""
        return [name for name in names if await self._authorizer.permits(principal, Action.PULL, name)]
