"""
What clients ask for, put into an engine: its arguments are the engine's address, a number of lines, a size in bytes.
"""

from __future__ import annotations

import sys
import tarfile
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from oci_twisted.engine import EngineClient
from oci_twisted.engine.containers.config import ContainerConfig
from oci_twisted.testing.engine.examples import busybox_archive

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SMALL, LARGE = "oci.test/bench/small:v1", "oci.test/bench/large:v1"
"""An image with Busybox, and one with a file of zeros."""
LINES = "lines"
"""A container that has written lines, and ended."""

_PIECE = 1 << 20
_FORMAT = "line %.0f of a log, which is as long as a line of a log is"


async def _zeros(size: int) -> AsyncIterator[bytes]:
    """Give a tar archive of one file, of whole pieces of zeros."""
    member = tarfile.TarInfo("large")
    member.size = size
    yield member.tobuf()
    piece = bytes(_PIECE)
    for _ in range(size // _PIECE):
        yield piece
    yield bytes(2 * tarfile.BLOCKSIZE)


async def fill(reactor: Any, address: str, lines: int, size: int) -> None:  # noqa: ANN401 - every kind of reactor
    """Put it there."""
    async with await EngineClient.connect(address, reactor=reactor, driver="docker") as client:
        await client.images.import_archive(busybox_archive(), SMALL)
        await client.images.import_archive(_zeros(size), LARGE)
        command = ["/bin/busybox", "awk", f'BEGIN {{ for (i = 1; i <= {lines}; i++) printf "{_FORMAT}\\n", i }}']
        await client.containers.create(ContainerConfig(SMALL, command, network="none"), name=LINES)
        await client.containers.start(LINES)
        await client.containers.wait(LINES)


if __name__ == "__main__":
    _address, _lines, _size = sys.argv[1:]
    react(lambda reactor: Deferred.fromCoroutine(fill(reactor, _address, int(_lines), int(_size))))
