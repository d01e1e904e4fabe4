"""
Logins that were right a moment ago.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from hashlib import blake2b
from typing import TYPE_CHECKING

from attrs import define

if TYPE_CHECKING:
    from collections.abc import Hashable

    from twisted.internet.interfaces import IReactorTime

    from oci_twisted.interfaces import Principal

LIFETIME = 60.0
MOST = 1000


@define
class _Success:
    since: float
    principal: Principal


class Remembered:
    """
    Successes of a short while ago; failures are not kept.

    No password is kept either, but a hash of it under a key that this process has made up and nobody else knows.

    :param lifetime: seconds for which a success is good, counted from the verification.
    :param renewed: whether they are counted from its last use instead.  That is for where every change is another
        generation, so that to verify again could not come out differently.  Whoever pulls all the time is then never
        verified again, and a flood of strangers who wait to be verified does not touch them.
    :param most: how many are kept; the one that was used longest ago goes first.
    """

    def __init__(
        self, clock: IReactorTime, lifetime: float = LIFETIME, *, renewed: bool = False, most: int = MOST
    ) -> None:
        self._clock = clock
        self._lifetime = lifetime
        self._renewed = renewed
        self._most = most
        self._secret = secrets.token_bytes(32)
        self._generation: Hashable = None
        self._successes: OrderedDict[bytes, _Success] = OrderedDict()

    def __len__(self) -> int:
        return len(self._successes)

    def key(self, user: bytes, password: bytes) -> bytes:
        """Answer under what a login is kept; no two have the same."""
        # A length, since either may hold any byte.
        told = b"%d:%b%b" % (len(user), user, password)
        return blake2b(told, key=self._secret, digest_size=32).digest()

    def find(self, key: bytes, generation: Hashable) -> Principal | None:
        """Answer whose login was right, if it was, and nothing has changed since."""
        if generation != self._generation:
            self._successes.clear()
            self._generation = generation
            return None
        success = self._successes.get(key)
        if success is None:
            return None
        # A clock that was set back shortens the time and does not lengthen it.
        now = self._clock.seconds()
        if not 0 <= now - success.since < self._lifetime:
            del self._successes[key]
            return None
        if self._renewed:
            success.since = now
        self._successes.move_to_end(key)
        return success.principal

    def add(self, key: bytes, generation: Hashable, principal: Principal) -> None:
        """
        Remember a success.

        :param generation: what held when the verification began; if it does not hold any more, nothing is remembered.
        """
        if generation != self._generation:
            return
        self._successes[key] = _Success(self._clock.seconds(), principal)
        self._successes.move_to_end(key)
        while len(self._successes) > self._most:
            self._successes.popitem(last=False)
