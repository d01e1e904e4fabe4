"""
Verified tokens are remembered, for a time and up to a number.
"""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from oci_twisted.auth.verified import VerifiedTokens
from oci_twisted.interfaces import Principal

ADA = Principal("ada")


@pytest.fixture
def clock() -> Clock:
    """Make a clock that stands still."""
    return Clock()


def test_a_token_is_remembered_until_it_expires(clock: Clock) -> None:
    """Whose it is, is known up to the second at which it expires, and not at that second."""
    verified = VerifiedTokens(clock, 10)
    assert verified.find("one") is None
    verified.remember("one", ADA, 60.0)
    clock.advance(59.5)
    assert (verified.find("one"), verified.find("two")) == (ADA, None)
    clock.advance(0.5)
    assert verified.find("one") is None


def test_there_is_room_for_so_many(clock: Clock) -> None:
    """The one that was not asked for the longest makes room."""
    verified = VerifiedTokens(clock, 2)
    verified.remember("one", ADA, 60.0)
    verified.remember("two", ADA, 60.0)
    assert verified.find("one") is ADA
    verified.remember("three", ADA, 60.0)
    assert [token for token in ("one", "two", "three") if verified.find(token)] == ["one", "three"]


def test_a_token_itself_is_not_kept(clock: Clock) -> None:
    """What is kept is another for every process, and holds nothing of the token."""
    stores = [VerifiedTokens(clock, 2), VerifiedTokens(clock, 2)]
    for verified in stores:
        verified.remember("canary", ADA, 60.0)
    kept = [repr(vars(verified)) for verified in stores]
    assert "canary" not in "".join(kept)
    assert len(set(kept)) == 2


@pytest.mark.parametrize("token", ["", "ü", "\ud800"])
def test_anything_may_be_asked_for(clock: Clock, token: str) -> None:
    """Text that no token can have is no error."""
    assert VerifiedTokens(clock, 2).find(token) is None
