"""
Which key signs, which ones verify, and when a new one is due.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from twisted.internet.task import Clock

from oci_twisted.auth.tokens.keyfiles import FolderShelf
from oci_twisted.auth.tokens.keyrings import DAY, ROTATION, SETTLING, KeyRing, MemoryShelf
from oci_twisted.auth.tokens.keys import EDDSA, ES256, KeyUnusable, make_key
from tests.wire.logs import errors

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from oci_twisted.auth.tokens.keyrings import KeyShelf
    from oci_twisted.auth.tokens.keys import SigningKey

START = 1_800_000_000.0
LIFETIME = 330.0


@pytest.fixture
def clock() -> Clock:
    """Make a clock that stands long after 1970."""
    clock = Clock()
    clock.advance(START)
    return clock


@pytest.fixture(params=["memory", "folder"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> KeyShelf:
    """Make a shelf of each kind."""
    return MemoryShelf() if request.param == "memory" else FolderShelf(tmp_path / "keys")


def ring_of(shelf: KeyShelf, clock: Clock) -> KeyRing:
    """Make a ring, as another process would on the same shelf."""
    return KeyRing(shelf, clock, lifetime=LIFETIME)


def test_the_first_key_is_made_and_kept(shelf: KeyShelf, clock: Clock) -> None:
    """A ring over nothing makes a key and signs with it; the next ring over the same shelf has the same."""
    first = ring_of(shelf, clock).signing()
    assert first.algorithm == EDDSA
    clock.advance(DAY)
    again = ring_of(shelf, clock)
    assert again.signing().kid == first.kid
    assert [key.kid for key in again.public()] == [first.kid]
    verifying = again.verifying(first.kid)
    assert verifying is not None
    assert verifying.public == first.public


def test_keys_rotate_with_overlap(shelf: KeyShelf, clock: Clock) -> None:
    """A new key is known before it signs; the old one verifies until all that it signed has expired."""
    ring = ring_of(shelf, clock)
    old = ring.signing().kid
    clock.advance(ROTATION - 1)
    assert ring.signing().kid == old
    clock.advance(1)
    assert ring.signing().kid == old
    assert ring.public()[0].kid == old
    new = ring.public()[-1].kid
    assert new != old
    clock.advance(SETTLING - 1)
    assert ring.signing().kid == old
    clock.advance(1)
    assert ring.signing().kid == new
    clock.advance(LIFETIME - 1)
    ring.signing()
    assert ring.verifying(old) is not None
    clock.advance(1)
    assert ring.signing().kid == new
    assert ring.verifying(old) is None
    assert [key.kid for key in shelf.load()] == [new]


def test_a_registry_that_slept_through_a_rotation_still_settles(shelf: KeyShelf, clock: Clock) -> None:
    """A new process over a key that is far too old makes a new one, and signs with the old one until that settles."""
    old = ring_of(shelf, clock).signing().kid
    clock.advance(3 * ROTATION)
    ring = ring_of(shelf, clock)
    assert ring.signing().kid == old
    clock.advance(SETTLING)
    assert ring.signing().kid != old


def test_processes_share_keys(shelf: KeyShelf, clock: Clock) -> None:
    """Of several rings on one shelf one makes the new key; what any of them signs, every other verifies."""
    rings = [ring_of(shelf, clock) for _ in range(3)]
    for _ in range(100):
        clock.advance(ROTATION / 30)
        for signer in rings:
            kid = signer.signing().kid
            assert all(ring.verifying(kid) is not None for ring in rings)
    assert len(shelf.load()) == 1
    assert len({ring.signing().kid for ring in rings}) == 1


def test_a_key_from_elsewhere_is_looked_for_at_most_once_a_second(clock: Clock) -> None:
    """Somebody who invents key ids makes us look at the folder no more often than that."""
    looks: list[float] = []

    class Counting(MemoryShelf):
        """Counts how often it is looked at."""

        def load(self) -> list[SigningKey]:
            """Count."""
            looks.append(clock.seconds())
            return super().load()

    shelf = Counting()
    ring = ring_of(shelf, clock)
    looks.clear()
    for _ in range(100):
        assert ring.verifying("invented") is None
        clock.advance(0.1)
    assert 9 <= len(looks) <= 10
    key = make_key(EDDSA, clock.seconds())
    shelf.add(key)
    clock.advance(1)
    assert ring.verifying(key.kid) == key


def test_another_algorithm_is_a_new_key(shelf: KeyShelf, clock: Clock) -> None:
    """When the operator changes the algorithm, rotation begins, and nobody is logged out."""
    old = ring_of(shelf, clock).signing().kid
    clock.advance(DAY)
    ring = KeyRing(shelf, clock, lifetime=LIFETIME, algorithm=ES256)
    assert ring.signing().kid == old
    clock.advance(SETTLING)
    assert ring.signing().algorithm == ES256
    assert ring.verifying(old) is not None


def test_a_key_of_the_operator_is_not_rotated(clock: Clock) -> None:
    """It signs as long as it is there."""
    shelf = MemoryShelf()
    key = make_key(ES256, 0.0)
    shelf.add(key)
    ring = KeyRing(shelf, clock, lifetime=LIFETIME, rotation=None)
    clock.advance(10 * ROTATION)
    assert ring.signing() == key
    assert list(ring.public()) == [key]


class BrokenShelf(MemoryShelf):
    """
    A shelf that may break.

    :ivar failure: raises, once it is set.
    """

    failure: Callable[[], Exception] | None = None

    def load(self) -> list[SigningKey]:
        """Break, if it is time."""
        if self.failure is not None:
            raise self.failure()
        return super().load()


@pytest.mark.parametrize("failure", [lambda: KeyUnusable("gone"), lambda: OSError("gone")])
def test_a_shelf_that_breaks_stops_nobody(clock: Clock, failure: Callable[[], Exception]) -> None:
    """When keys cannot be rotated or looked at, those that are known go on, and the log says why."""
    shelf = BrokenShelf()
    ring = ring_of(shelf, clock)
    kid = ring.signing().kid
    shelf.failure = failure
    clock.advance(ROTATION)
    with errors() as logged:
        assert ring.signing().kid == kid
        assert ring.signing().kid == kid
        assert ring.verifying("invented") is None
        assert ring.verifying(kid) is not None
    assert len(logged) == 2
    shelf.failure = None
    clock.advance(60)
    ring.signing()
    assert len(ring.public()) == 2


def test_a_shelf_that_breaks_at_the_start_is_an_error(clock: Clock) -> None:
    """Without any key there is nothing to start with."""
    shelf = BrokenShelf()
    shelf.failure = lambda: KeyUnusable("cannot read it")
    with pytest.raises(KeyUnusable, match="cannot read it"):
        ring_of(shelf, clock)
    with pytest.raises(KeyUnusable, match="no signing key"):
        KeyRing(MemoryShelf(), clock, lifetime=LIFETIME, rotation=None)
