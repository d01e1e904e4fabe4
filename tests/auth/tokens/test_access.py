"""
Access tokens.
"""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred
from zope.interface import implementer
from zope.interface.verify import verifyObject

from oci_twisted.auth.tokens.access import AccessTokens
from oci_twisted.auth.tokens.texts import PERSONAL_PREFIX, REFRESH_PREFIX, make_text
from oci_twisted.interfaces import IAccessTokens, ITokens, Principal, TokenKind, WrongCredentials
from oci_twisted.spec.errors import Unavailable
from oci_twisted.spec.pages import PageRequest
from oci_twisted.spec.scopes import parse_scope
from oci_twisted.storage.memory.tokens import MemoryTokens
from tests.auth.tokens.makings import Makings
from tests.http.stacks import START, at_once
from tests.wire.logs import errors, events

LIMITS = (parse_scope("repository:team/*:pull"),)


def test_it_is_what_it_says(makings: Makings) -> None:
    """It provides its interface."""
    verifyObject(ITokens, makings.access)


@pytest.mark.parametrize("kind", [TokenKind.PERSONAL, TokenKind.ROBOT])
@pytest.mark.parametrize("limits", [None, LIMITS, ()])
def test_its_bearer_is_its_owner(makings: Makings, kind: TokenKind, limits: tuple[()] | None) -> None:
    """Whoever has it is taken for the owner, within the token's limits, and no password was shown."""
    text, token = makings.create("ada", kind, limits)
    assert makings.access.recognises(text)
    principal = at_once(makings.access.verify(text))
    assert principal == Principal("ada", limits=limits, token_id=token.token_id)
    assert (token.created, token.expires, token.limits) == (START, START + 3600, limits)


def test_tokens_are_listed_in_the_order_in_which_they_were_made(makings: Makings) -> None:
    """An id begins with the time."""
    made = []
    for _ in range(5):
        made.append(makings.create()[1].token_id)
        makings.clock.advance(100_000)
    assert sorted(made) == made


@pytest.mark.parametrize("text", ["", "ocit_", "password", make_text(PERSONAL_PREFIX)[:-1], "a.b.c"])
def test_what_is_none_is_not_recognised(makings: Makings, text: str) -> None:
    """A password or another kind of token is left to whoever knows that kind, and is refused if it comes anyway."""
    assert not makings.access.recognises(text)
    with pytest.raises(WrongCredentials, match="never was one"):
        at_once(makings.access.verify(text))


def test_an_unknown_token_is_refused(makings: Makings) -> None:
    """A text of the right form that nobody was given is worth nothing."""
    makings.create()
    with pytest.raises(WrongCredentials, match="revoked, or never was one"):
        at_once(makings.access.verify(make_text(PERSONAL_PREFIX)))


def test_a_revoked_token_is_refused_at_the_next_request(makings: Makings) -> None:
    """Nothing of it is remembered, and another token of its owner goes on."""
    text, token = makings.create()
    other, _ = makings.create()
    at_once(makings.access.verify(text))
    at_once(makings.store.revoke_token(token.token_id))
    with pytest.raises(WrongCredentials, match="revoked"):
        at_once(makings.access.verify(text))
    with pytest.raises(WrongCredentials, match="not good any more"):
        at_once(makings.access.current(token.token_id))
    assert at_once(makings.access.verify(other)).name == "ada"


def test_an_expired_token_is_refused(makings: Makings) -> None:
    """It is good until the second of its expiry; one without expiry is good for ever."""
    text, token = makings.create(lifetime=60)
    forever, _ = makings.create(lifetime=None)
    makings.clock.advance(59.5)
    at_once(makings.access.verify(text))
    assert at_once(makings.access.current(token.token_id)).name == "laptop"
    makings.clock.advance(0.5)
    with pytest.raises(WrongCredentials, match="expired"):
        at_once(makings.access.verify(text))
    with pytest.raises(WrongCredentials, match="not good any more"):
        at_once(makings.access.current(token.token_id))
    makings.clock.advance(1e9)
    assert at_once(makings.access.verify(forever)).name == "ada"


def test_a_refresh_token_is_for_the_token_service_only(makings: Makings) -> None:
    """It is no bearer token and no password, and an access token is no refresh token."""
    refresh, kept = makings.create(kind=TokenKind.REFRESH)
    assert (refresh.startswith(REFRESH_PREFIX), makings.access.recognises(refresh)) == (True, True)
    with pytest.raises(WrongCredentials, match="only the token service"):
        at_once(makings.access.verify(refresh))
    assert at_once(makings.access.verify_refresh(refresh)) == Principal("ada", token_id=kept.token_id)
    text, _ = makings.create()
    with pytest.raises(WrongCredentials, match="no refresh token"):
        at_once(makings.access.verify_refresh(text))
    at_once(makings.store.revoke_token(kept.token_id))
    with pytest.raises(WrongCredentials, match="revoked"):
        at_once(makings.access.verify_refresh(refresh))


@implementer(IAccessTokens)
class SlowTokens(MemoryTokens):
    """
    A store in which to note a use takes as long as a test wants.

    :ivar noted: what was to be noted, and what the caller waits for.
    """

    def __init__(self) -> None:
        super().__init__()
        self.noted: list[tuple[str, float, Deferred[None]]] = []

    async def note_use(self, token_id: str, now: float) -> None:
        """Wait."""
        waiting: Deferred[None] = Deferred()
        self.noted.append((token_id, now, waiting))
        await waiting
        await super().note_use(token_id, now)


def test_the_last_use_is_noted_once_a_minute_and_nobody_waits_for_it() -> None:
    """However often it is used, and however long it takes to write that down, requests go on."""
    store = SlowTokens()
    makings = Makings(store=store)
    text, token = makings.create(lifetime=None)
    for _ in range(600):
        at_once(makings.access.verify(text))
        makings.clock.advance(0.5)
    assert [now for _, now, _ in store.noted] == [START + 60 * minute for minute in range(5)]
    for _, _, waiting in store.noted:
        waiting.callback(None)
    assert at_once(store.tokens_of(None, PageRequest(9))).items[0].used == START + 240
    # Another process, which has noted nothing, sees that it was.
    other = AccessTokens(store, makings.clock)
    makings.clock.advance(-30)
    at_once(other.verify(text))
    assert len(store.noted) == 5
    assert {token_id for token_id, _, _ in store.noted} == {token.token_id}


def test_what_is_remembered_of_uses_is_bounded(makings: Makings) -> None:
    """After a minute nothing is known of a use but in the store."""
    texts = [makings.create(lifetime=None)[0] for _ in range(50)]
    for text in texts:
        at_once(makings.access.verify(text))
    makings.clock.advance(60)
    at_once(makings.access.verify(texts[0]))
    assert len(makings.access._noted) == 1  # noqa: SLF001 - nothing else shows it


def test_a_use_that_cannot_be_noted_is_logged(makings: Makings) -> None:
    """A full disk keeps nobody out; the log says so, and not what the token is."""

    class FullTokens(MemoryTokens):
        """A store that cannot write."""

        async def note_use(self, token_id: str, now: float) -> None:
            """Fail."""
            raise Unavailable(f"no room for {token_id} at {now}")

    makings = Makings(store=FullTokens())
    text, _ = makings.create()
    with errors() as logged:
        assert at_once(makings.access.verify(text)).name == "ada"
    assert len(logged) == 1
    assert text not in repr(logged)


def test_nothing_shows_a_token(makings: Makings) -> None:
    """No value, error or log event repeats the text of a token."""
    text, token = makings.create()
    refresh, _ = makings.create(kind=TokenKind.REFRESH)
    shown = [repr(token), repr(makings.access), repr(at_once(makings.access.verify(text)))]
    at_once(makings.store.revoke_token(token.token_id))
    with events() as logged:
        for verify, one in ((makings.access.verify, text), (makings.access.verify, refresh)):
            with pytest.raises(WrongCredentials) as refused:
                at_once(verify(one))
            shown += [str(refused.value), repr(refused.value)]
    shown.append(repr(logged))
    assert [one for one in shown if text[5:20] in one or refresh[5:20] in one] == []
