"""
How often a login may fail.
"""

from __future__ import annotations

import math
import secrets
from collections import OrderedDict
from hashlib import blake2b
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING

from attrs import field, frozen

from oci_twisted.spec.errors import TooManyAttempts

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

_NETWORK = 64


@frozen
class Allowance:
    """
    A bucket of attempts.

    :ivar burst: how many may fail in a row.
    :ivar interval: seconds after which there is one more, up to ``burst``.
    """

    burst: int
    interval: float


@frozen
class AttemptLimits:
    """
    How often a login may fail.

    Nothing counts by the account alone: that would let anybody lock a user out from anywhere.

    :ivar account: of one account, from one address.
    :ivar address: of all accounts, from one address.  An IPv6 network of 64 bits, which is what a single customer has,
        counts as one address.
    :ivar most: how many accounts at addresses, and how many addresses, are counted; the one that has been at rest for
        longest is forgotten first.
    """

    account: Allowance = Allowance(burst=10, interval=10.0)
    address: Allowance = Allowance(burst=100, interval=1.0)
    most: int = 10_000


class Buckets:
    """
    Buckets of one size, by key.

    Of each there is only the time at which it will be full again; one that is full is not there.
    """

    def __init__(self, allowance: Allowance, most: int) -> None:
        self._allowance = allowance
        self._most = most
        self._full: OrderedDict[bytes, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._full)

    def wait(self, key: bytes, now: float) -> float:
        """Answer in how many seconds there is something in a bucket; 0 when there is already."""
        room = (self._allowance.burst - 1) * self._allowance.interval
        return max(0.0, self._full_at(key, now) - now - room)

    def take(self, key: bytes, now: float) -> None:
        """Take one attempt out of a bucket in which there is one."""
        self._full[key] = self._full_at(key, now) + self._allowance.interval
        self._full.move_to_end(key)
        while len(self._full) > self._most:
            self._full.popitem(last=False)

    def give_back(self, key: bytes, now: float) -> None:
        """Put back what was taken."""
        full = self._full_at(key, now) - self._allowance.interval
        if full > now:
            self._full[key] = full
        else:
            self._full.pop(key, None)

    def _full_at(self, key: bytes, now: float) -> float:
        full = self._full.get(key, now)
        latest = now + self._allowance.burst * self._allowance.interval
        if full > latest:
            # The clock was set back.
            full = self._full[key] = latest
        return max(full, now)


class Attempts:
    """
    Counts attempts to log in.

    Each is counted when it begins, so that a thousand at once are not a thousand before the first one has failed; one
    that turns out right is forgiven.  What is refused here is not counted, so that asking again makes no wait longer.
    """

    def __init__(self, clock: IReactorTime, limits: AttemptLimits) -> None:
        self._clock = clock
        self._accounts = Buckets(limits.account, limits.most)
        self._addresses = Buckets(limits.address, limits.most)
        self._secret = secrets.token_bytes(16)

    def begin(self, user: bytes, address: str) -> Attempt:
        """
        Count an attempt.

        :param address: as `address_of` answers it.
        :raise TooManyAttempts: when too many have failed; it says when the next is taken.
        """
        now = self._clock.seconds()
        # Names are of any length, and what is counted must have a bound.
        account, place = self._key(address, user), self._key(address)
        wait = max(self._accounts.wait(account, now), self._addresses.wait(place, now))
        if wait > 0:
            raise TooManyAttempts(math.ceil(wait))
        self._accounts.take(account, now)
        self._addresses.take(place, now)
        return Attempt(self, account, place)

    def forgive(self, attempt: Attempt) -> None:
        """Take an attempt for not made."""
        now = self._clock.seconds()
        self._accounts.give_back(attempt.account, now)
        self._addresses.give_back(attempt.place, now)

    def _key(self, address: str, user: bytes = b"") -> bytes:
        return blake2b(address.encode() + b"\0" + user, key=self._secret, digest_size=16).digest()


@frozen
class Attempt:
    """An attempt that was counted."""

    _attempts: Attempts = field(repr=False)
    account: bytes = field(repr=False)
    place: bytes = field(repr=False)

    def forgive(self) -> None:
        """Take it for not made; to be called once."""
        self._attempts.forgive(self)


def address_of(peer: str) -> str:
    """Answer what an address counts as: itself, or the IPv6 network that it is in."""
    try:
        address = ip_address(peer.partition("%")[0])
    except ValueError:
        return peer
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Address(int(address) >> _NETWORK << _NETWORK))
