"""
All of the contract.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from attrs import evolve
from zope.interface.verify import verifyObject

from oci_twisted.interfaces import AccessToken, IAccessTokens, TokenKind
from oci_twisted.interfaces.tokens import EXPIRED_FOR
from oci_twisted.spec.pages import Page, PageRequest
from oci_twisted.spec.scopes import parse_scope
from oci_twisted.testing.waiting import waits

if TYPE_CHECKING:
    from oci_twisted.spec.scopes import Scope

NOW = 1_700_000_000.0
ALL = PageRequest(1000)
LIMITS = (parse_scope("repository:team/**:pull,push"), parse_scope("registry:catalog:*"))
TOKEN = AccessToken("5f-laptop", "ada", "my laptop", TokenKind.PERSONAL, None, NOW + 0.25, NOW + 3600.5)


def hash_of(token: AccessToken) -> bytes:
    """Answer some hash, like that of no other token."""
    return sha256(token.token_id.encode()).digest()


async def add(store: IAccessTokens, *tokens: AccessToken) -> None:
    """Keep some tokens."""
    for token in tokens:
        await store.add_token(token, hash_of(token))


class AccessTokensContract:
    """
    What every store of access tokens does.  A subclass has a fixture ``store``: a store that is new and empty.
    """

    def test_it_provides_the_interface(self, store: IAccessTokens) -> None:
        """The store has every method of the interface, with its parameters."""
        assert verifyObject(IAccessTokens, store)

    @waits
    async def test_there_are_none_at_first(self, store: IAccessTokens) -> None:
        """A new store knows no token, by whatever it is asked."""
        assert await store.token_by_hash(hash_of(TOKEN)) is None
        assert await store.token_by_id(TOKEN.token_id) is None
        assert await store.tokens_of(None, ALL) == Page(())
        assert await store.revoke_token(TOKEN.token_id) is False

    @pytest.mark.parametrize("kind", TokenKind)
    @pytest.mark.parametrize("limits", [None, (), LIMITS])
    @pytest.mark.parametrize("expires", [None, NOW + 1.5])
    @waits
    async def test_a_token_is_kept(
        self, store: IAccessTokens, kind: TokenKind, limits: tuple[Scope, ...] | None, expires: float | None
    ) -> None:
        """It is found by its hash and by its id as it was added, and no other is; to have no limits is not none."""
        token = evolve(TOKEN, kind=kind, limits=limits, expires=expires)
        await add(store, token)
        assert await store.token_by_hash(hash_of(token)) == token
        assert await store.token_by_id(token.token_id) == token
        assert await store.token_by_hash(token.token_id.encode()) is None
        assert await store.token_by_id("5f") is None

    @waits
    async def test_text_of_every_kind_is_kept(self, store: IAccessTokens) -> None:
        """Names are whatever people and clients call things."""
        token = evolve(TOKEN, owner="rené@example.com", name="'; DROP TABLE token; -- \U0001f511")
        await add(store, token)
        assert await store.token_by_id(token.token_id) == token
        assert await store.tokens_of(token.owner, ALL) == Page((token,))

    @waits
    async def test_a_revoked_token_is_gone(self, store: IAccessTokens) -> None:
        """It is found in no way, is revoked once, and others are still there."""
        other = evolve(TOKEN, token_id="60-other")
        await add(store, TOKEN, other)
        assert await store.revoke_token(TOKEN.token_id) is True
        assert await store.revoke_token(TOKEN.token_id) is False
        assert await store.token_by_hash(hash_of(TOKEN)) is None
        assert await store.token_by_id(TOKEN.token_id) is None
        assert await store.tokens_of(None, ALL) == Page((other,))

    @waits
    async def test_tokens_are_listed_in_pages(self, store: IAccessTokens) -> None:
        """They come by their ids, an owner's or all, and a page says whether there are more."""
        tokens = [evolve(TOKEN, token_id=f"{number:02}", owner="ada" if number % 3 else "bob") for number in range(9)]
        await add(store, *reversed(tokens))
        for owner in (None, "ada", "bob", "eve", "ad", "a%"):
            expected = [token for token in tokens if owner in {None, token.owner}]
            assert await store.tokens_of(owner, PageRequest(0)) == Page(())
            for limit in range(1, 11):
                walked: list[AccessToken] = []
                more = True
                while more:
                    page = await store.tokens_of(owner, PageRequest(limit, walked[-1].token_id if walked else ""))
                    walked += page.items
                    assert len(page.items) <= limit
                    more = page.more
                    assert more == (len(walked) < len(expected))
                assert walked == expected

    @waits
    async def test_a_use_is_remembered(self, store: IAccessTokens) -> None:
        """The latest counts, in whatever order they are noted; an unknown token is let be."""
        await add(store, TOKEN)
        for now, used in ((NOW + 60, NOW + 60), (NOW + 30, NOW + 60), (NOW + 90.5, NOW + 90.5)):
            await store.note_use(TOKEN.token_id, now)
            assert await store.token_by_id(TOKEN.token_id) == evolve(TOKEN, used=used)
        await store.note_use("unknown", NOW)
        assert await store.token_by_id("unknown") is None

    @waits
    async def test_what_expired_long_ago_is_forgotten(self, store: IAccessTokens) -> None:
        """A new token makes room; what expired lately is still listed, and what never expires stays."""
        long_ago = evolve(TOKEN, token_id="1", expires=NOW - EXPIRED_FOR)
        lately = evolve(TOKEN, token_id="2", expires=NOW - EXPIRED_FOR + 1)
        never = evolve(TOKEN, token_id="3", expires=None, created=0.0)
        new = evolve(TOKEN, token_id="4", created=NOW)
        await add(store, evolve(long_ago, created=0.0), evolve(lately, created=0.0), never)
        assert len((await store.tokens_of(None, ALL)).items) == 3
        await add(store, new)
        assert [token.token_id for token in (await store.tokens_of(None, ALL)).items] == ["2", "3", "4"]
        assert await store.token_by_hash(hash_of(long_ago)) is None
        # Its text may come again, as a test's may.
        await add(store, evolve(long_ago, expires=None))
        assert await store.token_by_hash(hash_of(long_ago)) is not None
