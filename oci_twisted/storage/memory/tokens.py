"""
Access tokens in memory: the reference implementation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve
from zope.interface import implementer

from oci_twisted.interfaces import IAccessTokens
from oci_twisted.interfaces.tokens import EXPIRED_FOR
from oci_twisted.spec.pages import Page

if TYPE_CHECKING:
    from oci_twisted.interfaces import AccessToken
    from oci_twisted.spec.pages import PageRequest


@implementer(IAccessTokens)
class MemoryTokens:
    """
    Access tokens that are gone when the process is.

    No method awaits, so each of them is one transaction.
    """

    def __init__(self) -> None:
        self._tokens: dict[str, AccessToken] = {}
        self._hashes: dict[bytes, str] = {}

    async def add_token(self, token: AccessToken, text_hash: bytes) -> None:
        """Keep a token."""
        for other in list(self._tokens.values()):
            if other.is_expired(token.created - EXPIRED_FOR):
                del self._tokens[other.token_id]
        self._hashes = {known: token_id for known, token_id in self._hashes.items() if token_id in self._tokens}
        self._tokens[token.token_id] = token
        self._hashes[text_hash] = token.token_id

    async def token_by_hash(self, text_hash: bytes) -> AccessToken | None:
        """Answer the token whose text has this hash."""
        token_id = self._hashes.get(text_hash)
        return None if token_id is None else self._tokens.get(token_id)

    async def token_by_id(self, token_id: str) -> AccessToken | None:
        """Answer a token."""
        return self._tokens.get(token_id)

    async def tokens_of(self, owner: str | None, page: PageRequest) -> Page[AccessToken]:
        """List tokens by their ids."""
        found = [
            self._tokens[token_id]
            for token_id in sorted(self._tokens)
            if token_id > page.last and owner in {None, self._tokens[token_id].owner}
        ]
        return Page(tuple(found[: page.limit]), more=0 < page.limit < len(found))

    async def revoke_token(self, token_id: str) -> bool:
        """Forget a token for good."""
        return self._tokens.pop(token_id, None) is not None

    async def note_use(self, token_id: str, now: float) -> None:
        """Remember when a token was last used."""
        token = self._tokens.get(token_id)
        if token is not None and (token.used is None or token.used < now):
            self._tokens[token_id] = evolve(token, used=now)

    async def close(self) -> None:
        """Let go of everything."""
