"""
What is kept of access tokens.  The tokens themselves are not.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from attrs import frozen
from zope.interface import Interface

if TYPE_CHECKING:
    from oci_twisted.spec.pages import Page, PageRequest
    from oci_twisted.spec.scopes import Scope

# For how long, in seconds, an operator still finds a token in the list that is good for nothing any more.
EXPIRED_FOR = 30.0 * 24 * 60 * 60


class TokenKind(Enum):
    """Who holds an access token."""

    PERSONAL = "personal"
    """A person, or a program that may do what its owner may."""
    ROBOT = "robot"
    """A program that is a user by itself."""
    REFRESH = "refresh"
    """A client that has logged in once; only the token service takes it."""


@frozen
class AccessToken:
    """
    What is known of an access token.

    :ivar token_id: names it in lists, and is no secret.
    :ivar owner: the user that its bearer is taken for.
    :ivar name: what its owner calls it.
    :ivar limits: what it is good for at most, whatever its owner may do; ``None`` for everything.
    :ivar created: in seconds since the epoch, as the next two.
    :ivar expires: from when it is good for nothing; ``None`` for never.
    :ivar used: when it was last used, more or less; ``None`` for never.
    """

    token_id: str
    owner: str
    name: str
    kind: TokenKind
    limits: tuple[Scope, ...] | None
    created: float
    expires: float | None
    used: float | None = None

    def is_expired(self, now: float) -> bool:
        """Answer whether it is good for nothing any more."""
        return self.expires is not None and self.expires <= now


class IAccessTokens(Interface):
    """
    Access tokens, by the hashes of their texts.

    Each method is one transaction.  What one process has changed, another one on the same store sees at once: that a
    revoked token is refused from the next request on depends on it.  The two that find are called for every request,
    and must cost microseconds.
    """

    async def add_token(token: AccessToken, text_hash: bytes) -> None:
        """
        Keep a token.

        On this occasion tokens are forgotten that had expired more than `EXPIRED_FOR` before this one was created.

        :param token: its id is new.
        :param text_hash: of its text; new as well.
        :raise StorageFull: and it is not kept.
        """

    async def token_by_hash(text_hash: bytes) -> AccessToken | None:
        """Answer the token whose text has this hash, expired or not; ``None`` when there is none."""

    async def token_by_id(token_id: str) -> AccessToken | None:
        """Answer a token, expired or not; ``None`` when it was revoked or never was."""

    async def tokens_of(owner: str | None, page: PageRequest) -> Page[AccessToken]:
        """
        List tokens by their ids.

        :param owner: whose; ``None`` for everybody's.
        """

    async def revoke_token(token_id: str) -> bool:
        """Forget a token for good; answer whether there was one."""

    async def note_use(token_id: str, now: float) -> None:
        """
        Remember when a token was last used.

        Neither an unknown token nor a time before the one that is known changes anything.
        """

    async def close() -> None:
        """Write out what is still under way, then let go of everything.  Called once, at the end."""
