"""
Work that blocks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from zope.interface import Interface

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class IBlockingPool(Interface):
    """
    Threads, or something that stands for them, on which work may block.

    A piece of work waits for the disk, never for a peer.
    """

    async def run(work: Callable[[], T]) -> T:
        """
        Call ``work`` off the reactor thread and answer what it answers, or raise what it raises.

        Pieces of work run in any order.  If cancelled, the work still runs to its end; only its result is dropped.
        """

    async def stop() -> None:
        """Wait for the work that was begun.  Called once; `run` must not be called afterwards."""
