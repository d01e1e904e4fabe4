"""
Who asks, and what they may do.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from attrs import field, frozen
from zope.interface import Interface

from oci_twisted.spec.scopes import ANYTHING, REGISTRY, REPOSITORY, Scope
from oci_twisted.spec.tagrules import FREE, TagRules

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oci_twisted.spec.names import RepositoryName


class Action(Enum):
    """What a request wants to do."""

    PUBLIC = "public"
    """
    See the front page or the health of the process, which say nothing of what is stored; or ask for a token.  Neither
    seam is asked: credentials are not looked at, but by the token service.
    """
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

    def thing(self, name: RepositoryName | None) -> tuple[str, str, str] | None:
        """
        Answer the kind, the name and the action of the `Scope` that this takes, for which see `Scope.covers`.

        :param name: the repository; ``None`` where this is about none.
        :return: ``None`` for what every token is good for.
        """
        if name is not None:
            return REPOSITORY, name.text, self.value
        return (REGISTRY, "catalog", ANYTHING) if self is Action.CATALOG else None


@frozen
class Credentials:
    """
    What a request says of its sender.

    :ivar authorization: the ``Authorization`` header, or ``None``.
    :ivar host: the ``Host`` that the client asked for, for a challenge that has to name this registry.
    :ivar peer: the client's address, such as ``127.0.0.1``; ``unix`` where it has none.
    :ivar secure: whether the client's connection is encrypted.
    :ivar certificate: the common name of the certificate that the client has proved to own, or ``None``.
    """

    authorization: str | None = field(repr=False)
    host: str
    peer: str
    secure: bool
    certificate: str | None = None


@frozen
class Principal:
    """
    Who sent a request.

    :ivar name: ``None`` for anonymous.
    :ivar groups: what the credentials say that they are a member of; the policy may know more.
    :ivar limits: what the credentials are good for at most, whatever their owner may do; ``None`` for everything.
    :ivar token: what the presented token was issued for: its bearer gets another one for more; ``None`` where none
        was presented.
    :ivar token_id: the access token on which all this rests, whether it was presented itself or something that was
        issued for it; ``None`` where there is none.  When it is revoked, so is everything that rests on it.
    :ivar by_password: whether a password has just proved who it is.
    """

    name: str | None
    groups: frozenset[str] = frozenset()
    limits: tuple[Scope, ...] | None = None
    token: tuple[Scope, ...] | None = None
    token_id: str | None = None
    by_password: bool = False

    def is_limited(self, action: Action, name: RepositoryName | None) -> bool:
        """Answer whether `limits` stand against an action."""
        return self.limits is not None and not _cover(self.limits, action, name)

    def needs_token(self, action: Action, name: RepositoryName | None) -> bool:
        """Answer whether the token was issued for less than an action."""
        return self.token is not None and not _cover(self.token, action, name)


def _cover(scopes: Sequence[Scope], action: Action, name: RepositoryName | None) -> bool:
    thing = action.thing(name)
    return thing is None or any(scope.covers(*thing) for scope in scopes)


ANONYMOUS = Principal(None)


@frozen
class Decision:
    """
    Whether somebody may do something.

    :ivar by: what decided, for the log, such as ``rule 2``.
    :ivar tags: what a permission to push or to delete says of single tags.
    """

    permitted: bool
    by: str
    tags: TagRules = FREE


class WrongCredentials(Exception):
    """
    A password or a token proves nothing; the message says why, and is for the client to read.

    It says no more of a user who does not exist than of one whose password is another.
    """


class IAuthenticator(Interface):
    """Finds out who sent a request."""

    async def authenticate(credentials: Credentials) -> Principal:
        """
        Answer who it is; `ANONYMOUS` when the request does not say.

        :raise WrongCredentials: when it says, and what it says is wrong; the client is challenged anew.
        :raise TooManyAttempts: when it was wrong too often of late; nothing was looked at.
        :raise Denied: when it says so in a way in which nobody should, such as a password in the clear.
        """

    def challenge(credentials: Credentials, scopes: Sequence[Scope], error: str | None = None) -> str:
        """
        Answer the ``WWW-Authenticate`` for a request that is refused until its sender says more.

        It is one challenge, and the same for every method (RFC 9110, section 11.6.1; RFC 6750, section 3).

        :param scopes: what the request needs; empty where any proof of who it is will do.
        :param error: ``insufficient_scope`` or ``invalid_token``, only where a token was presented.
        """


class IAuthorizer(Interface):
    """
    Decides.

    Every route that is not public asks; so does a mount, about its source, a listing, about every repository in it,
    and the token service, about everything that a token is asked for.
    """

    async def decide(principal: Principal, action: Action, name: RepositoryName | None) -> Decision:
        """
        Answer whether ``principal`` may do ``action``.

        It does not depend on what is stored, so that nobody learns by it what exists.  `Principal.limits` and
        `Principal.token` are looked at elsewhere: this is about the person.

        :param action: never `Action.PUBLIC`.
        :param name: the repository; ``None`` for `Action.PING` and `Action.CATALOG`.
        """
