"""
A program that pushes blobs until it is killed, and says what it was promised.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from oci_twisted.spec.digests import SHA256, digest_of
from oci_twisted.storage.disk.blobs import DiskBlobs
from oci_twisted.stream.pools import InlinePool
from oci_twisted.testing.blobs import new_session_id


def say(line: str) -> None:
    """Write a line at once, and in one piece."""
    os.write(1, f"{line}\n".encode())


async def push_endlessly(root: Path) -> None:
    """Push blobs of some chunks each, every other one twice."""
    store = DiskBlobs(root, InlinePool(), durability="full")
    content = b""
    for number in range(1_000_000):
        if number % 2 == 0:
            content = os.urandom(200_000)
        session = await store.begin(new_session_id(), SHA256)
        for start in range(0, len(content), 50_000):
            offset = await session.append(content[start : start + 50_000])
            say(f"received {session.session_id} {offset}")
        digest = digest_of(content)
        size = await session.commit(digest)
        say(f"stored {digest} {size}")


if __name__ == "__main__":
    # Nothing waits where there are no threads.
    push_endlessly(Path(sys.argv[1])).send(None)
