"""
The calls that change what is on the disk, few enough that a test can count them and let any one of them fail.
"""

# These are the system calls themselves, and a Path costs about as much as one of them.
# ruff: noqa: PTH102, PTH105, PTH106, PTH108

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from twisted.logger import Logger

from oci_twisted.spec.errors import RegistryError, StorageFull, Unavailable

if TYPE_CHECKING:
    from typing import Literal, TypeAlias

    Durability: TypeAlias = Literal["full", "relaxed"]

# Layers may be secret.  The umask can take away more, not give more.
_FILE_MODE = 0o600
_FOLDER_MODE = 0o700

# Out of space, over the quota, and larger than the file system (or a limit of the process) lets a file be.
_FULL = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))

_log = Logger()


def is_full(error: OSError) -> bool:
    """Answer whether it is space that is lacking."""
    return error.errno in _FULL


def refused(error: OSError) -> RegistryError:
    """Log what the disk said, and answer what to tell the client."""
    _log.error("the storage failed: {error}", error=error)
    if is_full(error):
        return StorageFull("the registry's disk is full; nothing that was stored is lost")
    return Unavailable(f"the registry's storage failed ({os.strerror(error.errno or errno.EIO)}); try again later")


class Disk:
    """
    A disk whose changes are durable when they are synced.

    Every method raises `OSError`, having changed nothing; but `write` may have written a part.
    """

    def create(self, path: str) -> int:
        """
        Create a file and answer a descriptor that reads and writes it.

        :raise FileExistsError: when it is there.
        """
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, _FILE_MODE)

    def write(self, descriptor: int, content: bytes, offset: int) -> None:
        """Write all of ``content`` at ``offset``."""
        rest = memoryview(content)
        while rest:
            # A disk that is nearly full takes a part, and says why only when it is asked again.
            written = os.pwrite(descriptor, rest, offset)
            rest = rest[written:]
            offset += written

    def truncate(self, descriptor: int, size: int) -> None:
        """Cut a file off, or extend it."""
        os.ftruncate(descriptor, size)

    def sync(self, descriptor: int) -> None:
        """Make a file's bytes durable."""
        os.fsync(descriptor)

    def sync_folder(self, path: str) -> None:
        """Make durable which names are in a folder."""
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self.sync(descriptor)
        finally:
            os.close(descriptor)

    def make_folder(self, path: str) -> None:
        """
        Make a folder.

        :raise FileExistsError: when it is there.
        :raise FileNotFoundError: when the one above it is not there.
        """
        os.mkdir(path, _FOLDER_MODE)

    def rename(self, source: str, target: str) -> None:
        """Give a file another name, at which another file may have been."""
        os.replace(source, target)

    def unlink(self, path: str) -> None:
        """Take away a file's name."""
        os.unlink(path)

    def remove_folder(self, path: str) -> None:
        """Remove an empty folder."""
        os.rmdir(path)


class RelaxedDisk(Disk):
    """
    A disk that is trusted never to lose power: what was written is durable when the kernel feels like it.
    """

    def sync(self, descriptor: int) -> None:
        """Leave it to the kernel."""

    def sync_folder(self, path: str) -> None:
        """Leave it to the kernel."""


def disk_of(durability: Durability) -> Disk:
    """Answer the disk that keeps such a promise."""
    return Disk() if durability == "full" else RelaxedDisk()
