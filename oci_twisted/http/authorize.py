"""
The one way to an endpoint: who is it, may they, does the registry take changes at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from attrs import frozen

from oci_twisted.interfaces import Action, Decision, WrongCredentials
from oci_twisted.spec.errors import Denied, ReadOnly, Unauthorized
from oci_twisted.spec.scopes import ANYTHING, REGISTRY, REPOSITORY, Scope

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from oci_twisted.http.calls import Call
    from oci_twisted.http.replies import Reply
    from oci_twisted.interfaces import Credentials, IAuthenticator, IAuthorizer, Principal
    from oci_twisted.spec.names import RepositoryName

Endpoint: TypeAlias = "Callable[..., Awaitable[Reply]]"

_CHANGES = frozenset({Action.PUSH, Action.DELETE})
# What a client is told to ask for: every push looks first for what is there already.
_ASKED = {
    Action.PULL: frozenset({"pull"}),
    Action.PUSH: frozenset({"pull", "push"}),
    Action.DELETE: frozenset({"delete"}),
}
_LIMITED = Decision(permitted=False, by="the token's limits")
_PUBLIC = Decision(permitted=True, by="public")


@frozen
class Route:
    """
    A line of the table.

    :ivar action: what has to be permitted.
    :ivar endpoint: takes the API, the `Call` and the values of the path.
    :ivar leads_to: what a client that sends HEAD is about to do, and had better ask for at once.
    """

    action: Action
    endpoint: Endpoint
    leads_to: Action | None = None

    def asks_for(self, method: str) -> Action:
        """Answer what a client is told to ask a token for."""
        return self.leads_to if self.leads_to is not None and method == "HEAD" else self.action


class Gate:
    """
    Asks the two seams on behalf of every endpoint.
    """

    def __init__(self, authenticator: IAuthenticator, authorizer: IAuthorizer, *, read_only: bool) -> None:
        self._authenticator = authenticator
        self._authorizer = authorizer
        self._read_only = read_only

    async def admit(self, call: Call, route: Route, name: RepositoryName | None) -> None:
        """
        Let a call pass, and note on it who sent it and what was decided.

        Who is known and may not pull passes too, but the decision says so: they are shown a repository in which there
        is nothing (`oci_twisted.registry.absent`), as they would be if there were none.

        :raise Unauthorized: when it has to log in, its credentials are wrong, or its token is for something else.
        :raise Denied: when it may not do this.
        :raise ReadOnly: when nobody may.
        """
        action = route.action
        if action is Action.PUBLIC:
            # Whoever asks: a browser or an orchestrator with an old login, or a client that wants a token and shows
            # its credentials to the service that gives it one.
            call.decision = _PUBLIC
            return
        credentials = call.credentials()
        try:
            call.principal = principal = await self._authenticator.authenticate(credentials)
        except WrongCredentials as wrong:
            error = "invalid_token" if _is_bearer(credentials) else None
            scopes = _scopes(route.asks_for(call.method), name)
            raise Unauthorized(str(wrong), self._authenticator.challenge(credentials, scopes, error)) from wrong
        call.decision = decision = await self._decide(principal, action, name)
        if not decision.permitted:
            what = action.value if name is None else f"{action.value} {name}"
            if principal.name is None:
                scopes = _scopes(route.asks_for(call.method), name)
                raise self._challenge(f"log in to {what}", credentials, principal, scopes)
            if action is not Action.PULL:
                raise Denied(f"{principal.name} may not {what}")
        elif principal.needs_token(action, name):
            scopes = _scopes(route.asks_for(call.method), name)
            raise self._challenge("the token is not for this", credentials, principal, scopes)
        if self._read_only and action in _CHANGES:
            raise ReadOnly("this registry is read-only")

    async def sources(
        self, call: Call, target: RepositoryName, names: Sequence[RepositoryName]
    ) -> list[RepositoryName]:
        """
        Answer those of ``names`` from which the caller may mount into ``target``.

        :raise Unauthorized: when they may, but with another token.
        """
        principal = call.principal
        readable = await self.readable(principal, names)
        covered = [name for name in readable if not principal.needs_token(Action.PULL, name)]
        if readable and not covered:
            scopes = (*_scopes(Action.PUSH, target), *_scopes(Action.PULL, readable[0]))
            raise self._challenge("the token is not for the source", call.credentials(), principal, scopes)
        return covered

    async def readable(self, principal: Principal, names: Sequence[RepositoryName]) -> list[RepositoryName]:
        """Answer those of ``names`` that ``principal`` may pull, with this token or another."""
        return [name for name in names if (await self._decide(principal, Action.PULL, name)).permitted]

    async def _decide(self, principal: Principal, action: Action, name: RepositoryName | None) -> Decision:
        if principal.is_limited(action, name):
            return _LIMITED
        return await self._authorizer.decide(principal, action, name)

    def _challenge(
        self, message: str, credentials: Credentials, principal: Principal, scopes: Sequence[Scope]
    ) -> Unauthorized:
        error = None if principal.token is None else "insufficient_scope"
        return Unauthorized(message, self._authenticator.challenge(credentials, scopes, error))


def _is_bearer(credentials: Credentials) -> bool:
    return (credentials.authorization or "").lower().startswith("bearer ")


def _scopes(action: Action, name: RepositoryName | None) -> tuple[Scope, ...]:
    if name is not None:
        return (Scope(REPOSITORY, name.text, _ASKED[action]),)
    if action is Action.CATALOG:
        return (Scope(REGISTRY, "catalog", frozenset({ANYTHING})),)
    return ()
