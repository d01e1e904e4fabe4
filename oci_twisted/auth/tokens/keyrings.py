"""
Which key signs, which ones verify, and when a new one is due.
"""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

from twisted.logger import Logger

from oci_twisted.auth.tokens.keys import EDDSA, KeyUnusable, make_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from twisted.internet.interfaces import IReactorTime

    from oci_twisted.auth.tokens.keys import Algorithm, SigningKey

DAY = 24.0 * 60 * 60
ROTATION = 90 * DAY
# For how long a new key is known before anything is signed with it: until then, every process that shares it and
# every reader of the published keys has looked again.
SETTLING = 60.0
# Somebody who invents key ids must not make us look at a folder all the time.
_LOOK_AGAIN = 1.0
_TRY_AGAIN = 60.0


class KeyShelf(Protocol):
    """Where keys lie."""

    def load(self) -> list[SigningKey]:
        """
        Answer all of them.

        :raise KeyUnusable: when one cannot be used.
        """

    def add(self, key: SigningKey) -> None:
        """Lay down a new one, whole or not at all."""

    def remove(self, key: SigningKey) -> None:
        """Do away with one."""

    def alone(self) -> AbstractContextManager[None]:
        """Keep other processes from adding and removing."""


class MemoryShelf:
    """Keys that are gone when the process is."""

    def __init__(self) -> None:
        self._keys: dict[str, SigningKey] = {}

    def load(self) -> list[SigningKey]:
        """Answer all of them."""
        return list(self._keys.values())

    def add(self, key: SigningKey) -> None:
        """Lay down a new one."""
        self._keys[key.kid] = key

    def remove(self, key: SigningKey) -> None:
        """Do away with one."""
        del self._keys[key.kid]

    def alone(self) -> AbstractContextManager[None]:
        """Nobody else is here."""
        return nullcontext()


class KeyRing:
    """
    The keys of a token service.

    The newest signs, once it has been known for `SETTLING` seconds.  When it is older than ``rotation`` a new one is
    made; the older one verifies until everything that was signed with it has expired, and is then removed.

    It reads, and once in a rotation writes, a small file or two where it stands.

    :param shelf: which other processes may share.
    :param rotation: in seconds; ``None`` for the operator's own key, which is used as long as it is there.
    :param lifetime: for how long, in seconds, whatever is signed is good, with what clocks may differ by.
    :param algorithm: of keys that are made here.
    :raise KeyUnusable: when there is no key that can be used, and none can be made.
    """

    _log = Logger()

    def __init__(
        self,
        shelf: KeyShelf,
        clock: IReactorTime,
        *,
        lifetime: float,
        rotation: float | None = ROTATION,
        algorithm: Algorithm = EDDSA,
    ) -> None:
        self._shelf = shelf
        self._clock = clock
        self._rotation = rotation
        self._kept = SETTLING + lifetime
        self._algorithm = algorithm
        self._keys: list[SigningKey] = []
        self._by_kid: dict[str, SigningKey] = {}
        self._looked = self._due = 0.0
        self._rotate(clock.seconds())

    def signing(self) -> SigningKey:
        """Answer the key to sign with."""
        now = self._clock.seconds()
        if now >= self._due:
            try:
                self._rotate(now)
            except (KeyUnusable, OSError):
                # A key that is a little too old is better than none.
                self._log.failure("the signing keys could not be rotated; the newest that is there goes on signing")
                self._due = now + _TRY_AGAIN
        settled = [key for key in self._keys if key.created + SETTLING <= now]
        return settled[-1] if settled else self._keys[0]

    def verifying(self, kid: str) -> SigningKey | None:
        """Answer a key by its id; one that is not known may have been made by another process just now."""
        key = self._by_kid.get(kid)
        now = self._clock.seconds()
        if key is None and now >= self._looked + _LOOK_AGAIN:
            try:
                self._hold(self._shelf.load(), now)
            except (KeyUnusable, OSError):
                self._log.failure("the signing keys could not be looked at; those that are known go on")
                self._looked = now
            key = self._by_kid.get(kid)
        return key

    def public(self) -> Sequence[SigningKey]:
        """Answer every key that may have signed something that is still good, or will sign; the oldest first."""
        self.signing()
        return tuple(self._keys)

    def _rotate(self, now: float) -> None:
        with self._shelf.alone():
            keys = _by_age(self._shelf.load())
            if self._rotation is not None:
                newest = keys[-1] if keys else None
                if newest is None or newest.created + self._rotation <= now or newest.algorithm != self._algorithm:
                    made = make_key(self._algorithm, now)
                    self._shelf.add(made)
                    keys.append(made)
                outlived = [key for key, successor in pairwise(keys) if successor.created + self._kept <= now]
                for key in outlived:
                    self._shelf.remove(key)
                    keys.remove(key)
        self._hold(keys, now)

    def _hold(self, keys: list[SigningKey], now: float) -> None:
        if not keys:
            raise KeyUnusable("there is no signing key any more")
        self._keys = _by_age(keys)
        self._by_kid = {key.kid: key for key in self._keys}
        self._looked = now
        self._due = math.inf
        if self._rotation is not None:
            removals = [successor.created + self._kept for successor in self._keys[1:]]
            self._due = min([self._keys[-1].created + self._rotation, *removals])


def _by_age(keys: list[SigningKey]) -> list[SigningKey]:
    return sorted(keys, key=lambda key: (key.created, key.kid))
