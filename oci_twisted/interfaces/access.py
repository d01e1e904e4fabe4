"""
Who asks, and what they may do.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from attrs import field, frozen
from zope.interface import Interface

if TYPE_CHECKING:
    from oci_twisted.spec.names import RepositoryName


class Action(Enum):
    """What a request wants to do."""

    PUBLIC = "public"
    """See the front page or the health of the process, which say nothing of what is stored."""
    PING = "ping"
    """Learn that this is a registry (end-1), and by it whether to log in."""
    PULL = "pull"
    """Read blobs, manifests, tags and referrers of a repository."""
    PUSH = "push"
    """Write blobs, manifests and tags of a repository; also cancel one's upload."""
    DELETE = "delete"
    """Remove blobs, manifests and tags of a repository."""
    CATALOG = "catalog"
    """List repositories; those that the principal may not pull are left out."""


@frozen
class Credentials:
    """
    What a request says of its sender.

    :ivar authorization: the ``Authorization`` header, or ``None``.
    :ivar host: the ``Host`` header, for a challenge that has to name this registry.
    :ivar peer: the address of the other end, such as ``127.0.0.1``.
    :ivar secure: whether the connection is encrypted.
    """

    authorization: str | None = field(repr=False)
    host: str
    peer: str
    secure: bool


@frozen
class Principal:
    """
    Who sent a request.

    :ivar name: ``None`` for anonymous.
    """

    name: str | None
    groups: frozenset[str] = frozenset()


ANONYMOUS = Principal(None)


class IAuthenticator(Interface):
    """Finds out who sent a request."""

    async def authenticate(credentials: Credentials) -> Principal:
        """
        Answer who it is; `ANONYMOUS` when the request does not say.

        :raise Unauthorized: when it says, and what it says is wrong.
        """

    def challenge(credentials: Credentials, action: Action, name: RepositoryName | None) -> str:
        """Answer the ``WWW-Authenticate`` for an anonymous request that is refused ``action``."""


class IAuthorizer(Interface):
    """
    Decides.  Every route asks; so does a mount, about its source, and a listing, about every repository in it.
    """

    async def permits(principal: Principal, action: Action, name: RepositoryName | None) -> bool:
        """
        Answer whether ``principal`` may do ``action``.

        :param name: the repository; ``None`` for `Action.PUBLIC`, `Action.PING` and `Action.CATALOG`.
        """
