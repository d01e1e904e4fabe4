"""
People with different rights, at the door of a registry in memory.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import TYPE_CHECKING

from zope.interface import implementer

from oci_twisted.interfaces import ANONYMOUS, Action, Decision, IAuthenticator, IAuthorizer, Principal
from oci_twisted.spec.globs import matches
from oci_twisted.spec.tagrules import FREE, TagRules
from tests.http.fronts import Mounted
from tests.http.stacks import Stack
from tests.wire.peers import Wire

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from oci_twisted.interfaces import Credentials, IBlobStore, IMetadataStore
    from oci_twisted.registry.policy import Policy
    from oci_twisted.spec.names import RepositoryName
    from oci_twisted.spec.scopes import Scope

CHALLENGE = 'Basic realm="a test"'
ALL_RIGHTS = frozenset({Action.PULL, Action.PUSH, Action.DELETE})


@implementer(IAuthenticator)
class Guestbook:
    """Believes everybody the name that they give by Basic, whatever the password."""

    async def authenticate(self, credentials: Credentials) -> Principal:
        """Answer that name."""
        if credentials.authorization is None:
            return ANONYMOUS
        user, _, _ = b64decode(credentials.authorization.removeprefix("Basic ")).decode().partition(":")
        return Principal(user)

    def challenge(self, credentials: Credentials, scopes: Sequence[Scope], error: str | None = None) -> str:
        """Answer always the same."""
        del credentials, scopes, error
        return CHALLENGE


@implementer(IAuthorizer)
class Rights:
    """
    Who may do what in which repositories.

    Everybody sees what is public; whoever has a name sees that this is a registry, and may ask for a catalog.

    :param granted: by user, by a pattern of repositories' names; under ``None`` for anonymous requests.
    :param tags: what every permission says of single tags.
    """

    def __init__(self, granted: Mapping[str | None, Mapping[str, frozenset[Action]]], tags: TagRules = FREE) -> None:
        self._granted = granted
        self._tags = tags

    async def decide(self, principal: Principal, action: Action, name: RepositoryName | None) -> Decision:
        """Look it up."""
        if name is None:
            permitted = action is Action.PUBLIC or principal.name is not None
        else:
            rights = self._granted.get(principal.name, {})
            permitted = any(action in actions for pattern, actions in rights.items() if matches(pattern, name.text))
        return Decision(permitted, "a test", self._tags)


def login(user: str) -> str:
    """Answer the ``Authorization`` of a user."""
    return f"Basic {b64encode(f'{user}:secret'.encode()).decode()}"


def door(
    rights: Rights,
    policy: Policy | None = None,
    *,
    blobs: IBlobStore | None = None,
    metadata: IMetadataStore | None = None,
) -> Stack:
    """Make a registry whose guests have these rights."""
    return Stack(policy, authenticator=Guestbook(), authorizer=rights, blobs=blobs, metadata=metadata)


def fronts(rights: Rights) -> tuple[Wire, Wire]:
    """Make two such registries that are alike, behind our own front and behind the other."""
    return Wire(stack=door(rights)), Mounted(door(rights))
