"""
Registries that the tests of engines push to and pull from.
"""

from __future__ import annotations

import base64
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from attrs import field, frozen
from zope.interface import implementer

from oci_twisted.app import Registry
from oci_twisted.engine.credentials.keychains import Credentials
from oci_twisted.interfaces import (
    ANONYMOUS,
    Action,
    Decision,
    IAuthenticator,
    IAuthorizer,
    Principal,
    WrongCredentials,
)
from oci_twisted.interfaces import Credentials as Asking
from oci_twisted.testing.engine.examples import fresh

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from oci_twisted.spec.names import RepositoryName
    from oci_twisted.spec.scopes import Scope

ADA = Credentials("ada", "lovelace, countess: née Byron?>")
"""A user, whose password takes all the care with encodings that there should be."""


@frozen
class Place:
    """
    A registry.

    :ivar host: with its port, as it stands in an image's name.
    """

    host: str

    def image_name(self) -> str:
        """Answer a name for an image there that nothing has."""
        return f"{self.host}/team/{fresh('image')}:v1"


@asynccontextmanager
async def open_registry() -> AsyncIterator[Place]:
    """Run a registry in this process that lets everybody do everything."""
    async with _running(Registry.in_memory(_reactor())) as place:
        yield place


@asynccontextmanager
async def guarded_registry(user: Credentials) -> AsyncIterator[Place]:
    """Run a registry in this process that knows one user."""
    guard = _Guard(f"{user.username}:{user.password}".encode())
    async with _running(Registry.in_memory(_reactor(), authenticator=guard, authorizer=guard)) as place:
        yield place


@asynccontextmanager
async def _running(registry: Registry) -> AsyncIterator[Place]:
    service = registry.service("tcp:0:interface=127.0.0.1")
    service.startService()
    try:
        listening: Any = service.port
        yield Place(f"127.0.0.1:{listening.getHost().port}")
    finally:
        await service.stopService()


@implementer(IAuthenticator, IAuthorizer)
@frozen
class _Guard:
    """Lets in who knows a name and its password."""

    expected: bytes = field(repr=False)

    async def authenticate(self, credentials: Asking) -> Principal:
        scheme, _, encoded = (credentials.authorization or "").partition(" ")
        if scheme.lower() != "basic":
            return ANONYMOUS
        if base64.b64decode(encoded) != self.expected:
            raise WrongCredentials("the name or the password is wrong")
        return Principal("known")

    def challenge(self, credentials: Asking, scopes: Sequence[Scope], error: str | None = None) -> str:
        del credentials, scopes, error
        return 'Basic realm="test"'

    async def decide(self, principal: Principal, action: Action, name: RepositoryName | None) -> Decision:
        del name
        return Decision(principal.name is not None or action is Action.PUBLIC, by="the test")


def _reactor() -> Any:  # noqa: ANN401 - every kind of reactor
    # To import the reactor is to install it, which is pytest-twisted's to do.
    from twisted.internet import reactor  # noqa: PLC0415

    return reactor
