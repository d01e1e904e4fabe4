"""
Registries with their blobs on disk, and a pool that can be held up.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeVar

from twisted.internet.defer import Deferred
from zope.interface import implementer

from oci_twisted.http.site import RegistrySite
from oci_twisted.interfaces import IBlockingPool
from oci_twisted.storage.disk.blobs import DiskBlobs
from oci_twisted.stream.pools import InlinePool
from tests.http.stacks import Stack

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from oci_twisted.spec.digests import Digest

T = TypeVar("T")


@implementer(IBlockingPool)
class HeldPool:
    """
    Does its work at once, or when it is told to.

    :ivar holding: which of the two.
    :ivar held: the work that waits.
    """

    def __init__(self) -> None:
        self.holding = False
        self.held: list[Callable[[], None]] = []

    async def run(self, work: Callable[[], T]) -> T:
        """Do some work, or keep it for later."""
        if not self.holding:
            return work()
        done: Deferred[T] = Deferred(lambda _: None)

        def do() -> None:
            result = work()
            if not done.called:
                done.callback(result)

        self.held.append(do)
        return await done

    def work(self) -> bool:
        """Do what waits, and answer that there may be more."""
        held, self.held = self.held, []
        for do in held:
            do()
        return False

    async def stop(self) -> None:
        """Nothing is left to wait for."""


class Disk:
    """
    A registry with its blobs on disk.

    :ivar root: where they are.
    :ivar pool: for reads from a cold disk.
    """

    def __init__(self, root: Path) -> None:
        self.stack = Stack(blobs=DiskBlobs(root, InlinePool(), durability="relaxed"))
        self.pool = HeldPool()
        self.site = RegistrySite(self.stack.api, self.stack.clock, self.pool)
        self.root = root

    def add(self, size: int) -> tuple[str, bytes]:
        """Let a repository hold a blob; answer its path and its bytes."""
        content = os.urandom(size)
        digest = self.stack.add_blob("a", content)
        return f"/v2/a/blobs/{digest}", content

    def file(self, digest: Digest | str) -> Path:
        """Answer the file of a blob."""
        encoded = str(digest).rpartition(":")[2]
        return self.root / "blobs" / "sha256" / encoded[:2] / encoded / "data"


def open_files(folder: Path) -> set[str]:
    """Answer the files below a folder that this process has open."""
    found = set()
    for entry in os.scandir("/proc/self/fd"):
        try:
            found.add(os.readlink(entry.path))  # noqa: PTH115 - it is no path
        except FileNotFoundError:
            continue
    return {name for name in found if name.startswith(str(folder))}
