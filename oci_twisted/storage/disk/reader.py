"""
A blob, opened.
"""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from zope.interface import implementer

from oci_twisted.interfaces import IFileBacked
from oci_twisted.storage.disk.durable import refused
from oci_twisted.storage.disk.files import close_file
from oci_twisted.stream.senders import send_pieces
from oci_twisted.stream.shielding import shielded
from oci_twisted.stream.zerocopy import read_hot

if TYPE_CHECKING:
    from twisted.internet.interfaces import IConsumer

    from oci_twisted.interfaces import IBlockingPool


@implementer(IFileBacked)
class DiskReader:
    """
    A blob's file.

    What is in the page cache is read where it is wanted, and only the rest by the pool: a hop to a thread and back
    costs more than most reads.

    :param descriptor: of the file; closed here.
    """

    def __init__(self, descriptor: int, size: int, pool: IBlockingPool) -> None:
        self.size = size
        self._descriptor = descriptor
        self._pool = pool
        self._reads = 0
        self._closed = False

    async def send(self, consumer: IConsumer, start: int, stop: int) -> None:
        """Write some of the blob's bytes to ``consumer``."""
        await send_pieces(self._read, consumer, start, stop, self._give_way)

    def fileno(self) -> int:
        """Answer the descriptor."""
        return self._descriptor

    def close(self) -> None:
        """Close the file, as soon as no thread is reading it."""
        if not self._closed:
            self._closed = True
            self._close_if_unused()

    def _close_if_unused(self) -> None:
        if self._closed and self._reads == 0:
            close_file(self._descriptor, self._pool)

    async def _read(self, start: int, length: int) -> bytes:
        piece = read_hot(self._descriptor, start, length)
        if piece is None:
            piece = await shielded(self._read_cold(start, length))
        return piece

    async def _read_cold(self, start: int, length: int) -> bytes:
        self._reads += 1
        try:
            return await self._pool.run(partial(os.pread, self._descriptor, length, start))
        except OSError as error:
            raise refused(error) from error
        finally:
            self._reads -= 1
            self._close_if_unused()

    async def _give_way(self) -> None:
        await self._pool.run(lambda: None)
