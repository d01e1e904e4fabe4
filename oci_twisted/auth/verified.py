"""
Tokens whose signatures have been verified, so that not every request does it again.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

    from oci_twisted.interfaces import Principal


class VerifiedTokens:
    """
    Remembers whose tokens were, each for a time, by hashes that are worth nothing outside of this process.

    :param clock: its seconds are those since the epoch.
    :param most: so many at once; the one that was not asked for the longest goes first.
    """

    def __init__(self, clock: IReactorTime, most: int) -> None:
        self._clock = clock
        self._most = most
        self._key = secrets.token_bytes(32)
        self._kept: OrderedDict[bytes, tuple[Principal, float]] = OrderedDict()

    def remember(self, token: str, principal: Principal, expires: float) -> None:
        """
        Remember whose token this is.

        :param expires: until when, in seconds since the epoch.
        """
        name = self._name(token)
        self._kept[name] = (principal, expires)
        self._kept.move_to_end(name)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def find(self, token: str) -> Principal | None:
        """Answer whose token this is; ``None`` when that is not known, or not any more."""
        name = self._name(token)
        kept = self._kept.get(name)
        if kept is None:
            return None
        principal, expires = kept
        if self._clock.seconds() >= expires:
            del self._kept[name]
            return None
        self._kept.move_to_end(name)
        return principal

    def _name(self, token: str) -> bytes:
        return blake2b(token.encode("utf-8", "surrogatepass"), key=self._key, digest_size=32).digest()
