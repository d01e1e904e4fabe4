"""
How many may wait for a pool.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from zope.interface import implementer

from oci_twisted.interfaces import IBlockingPool
from oci_twisted.spec.errors import TooManyAttempts
from oci_twisted.stream.shielding import shielded

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

MOST_WAITING = 32


@implementer(IBlockingPool)
class Turns:
    """
    A pool that refuses work, at once, when a lot of it is there already.

    :param most: pieces of work that are under way or wait.
    """

    def __init__(self, pool: IBlockingPool, most: int = MOST_WAITING) -> None:
        self._pool = IBlockingPool(pool)
        self._most = most
        self._taken = 0

    async def run(self, work: Callable[[], T]) -> T:
        """
        Call ``work`` in the pool.

        :raise TooManyAttempts: when too much is there; ``work`` is not called.
        """
        if self._taken >= self._most:
            raise TooManyAttempts(1)
        self._taken += 1
        # What nobody waits for any more has its place until it is done: the thread is not free before.
        return await shielded(self._run(work))

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            return await self._pool.run(work)
        finally:
            self._taken -= 1

    async def stop(self) -> None:
        """Leave it to the pool's owner."""
