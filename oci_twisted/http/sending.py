"""
A blob's way out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from oci_twisted.interfaces import IFileBacked
from oci_twisted.stream.senders import send_pieces
from oci_twisted.stream.zerocopy import read_hot, send_file, takes_sendfile

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IConsumer
    from twisted.internet.tcp import Connection

    from oci_twisted.http.replies import BlobBody
    from oci_twisted.interfaces import IBlockingPool

# Up to here one write of head and body is cheaper than any streaming.
SMALL = 1 << 16


async def send_bytes(transport: Connection, channel: IConsumer, head: bytes, content: bytes) -> None:
    """Send an answer that is long and in memory, as slowly as the peer reads."""

    async def read(start: int, count: int) -> bytes:
        return content[start : start + count]

    transport.write(head)
    await send_pieces(read, channel, 0, len(content))


def at_hand(body: BlobBody) -> bytes | None:
    """Answer a whole body if it is short and in the page cache, and close its blob; else ``None``."""
    part = body.parts[0]
    if len(body.parts) > 1 or isinstance(part, bytes) or len(part) > SMALL or not IFileBacked.providedBy(body.reader):
        return None
    content = read_hot(body.reader.fileno(), part.start, len(part))
    if content is not None:
        body.reader.close()
    return content


async def send_blob(
    transport: Connection,
    channel: IConsumer,
    pool: IBlockingPool,
    head: bytes,
    body: BlobBody,
    moved: Callable[[int], None],
) -> None:
    """
    Send an answer whose body is made of a blob, the cheapest way that its reader and the transport allow.

    :param channel: takes pieces, and producers that make them.
    :param moved: is told how many bytes of the body went to the socket behind the channel's back.
    :raise RegistryError: when the bytes cannot be read; some may be out.
    """
    reader = body.reader
    try:
        descriptor = reader.fileno() if IFileBacked.providedBy(reader) else None
        for part in body.parts:
            transport.write(head + part if isinstance(part, bytes) else head)
            head = b""
            if isinstance(part, bytes):
                moved(len(part))
            elif descriptor is not None and takes_sendfile(transport):
                await send_file(transport, channel, pool, descriptor, part.start, part.stop, moved)
            else:
                await reader.send(channel, part.start, part.stop)
    finally:
        reader.close()
