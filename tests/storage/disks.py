"""
Stores on disks that fail, remember, and lose power.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from oci_twisted.spec.digests import digest_of
from oci_twisted.storage.disk.blobs import DiskBlobs
from oci_twisted.storage.disk.durable import Disk
from oci_twisted.stream.pools import InlinePool

if TYPE_CHECKING:
    from collections.abc import Callable


def open_store(root: Path, disk: Disk | None = None) -> DiskBlobs:
    """Open a store as a process does that has just started."""
    return DiskBlobs(root, InlinePool(), durability="full", disk=disk)


def content_file(root: Path, content: bytes) -> Path:
    """Answer where a blob's bytes are."""
    encoded = digest_of(content).encoded
    return root / "blobs" / "sha256" / encoded[:2] / encoded / "data"


class PowerFailure(BaseException):
    """Everything ends here."""


class WatchedDisk(Disk):
    """
    A disk that remembers what it was asked to do, and may be told what to do before or after.

    :ivar calls: names of methods, each with the last part of the path that it was about.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []

    def before(self, call: str, descriptor: int | None) -> None:
        """Do something before a call."""

    def after(self) -> None:
        """Do something after a call that has succeeded, which is the last of ``calls``."""

    def _watch(self, call: str, path: str, descriptor: int | None = None) -> None:
        described = f"{call} {Path(path).name}"
        self.before(described, descriptor)
        self.calls.append(described)

    def create(self, path: str) -> int:
        """Create a file."""
        self._watch("create", path)
        descriptor = super().create(path)
        self.after()
        return descriptor

    def write(self, descriptor: int, content: bytes, offset: int) -> None:
        """Write to a file."""
        self._watch("write", _path_of(descriptor), descriptor)
        super().write(descriptor, content, offset)
        self.after()

    def truncate(self, descriptor: int, size: int) -> None:
        """Cut a file off."""
        self._watch("truncate", _path_of(descriptor), descriptor)
        super().truncate(descriptor, size)
        self.after()

    def sync(self, descriptor: int) -> None:
        """Say that a file or a folder is durable; what comes of it is for tests to find out, not for the real disk."""
        self._watch("sync", _path_of(descriptor), descriptor)
        self.after()

    def make_folder(self, path: str) -> None:
        """Make a folder."""
        self._watch("make", path)
        super().make_folder(path)
        self.after()

    def rename(self, source: str, target: str) -> None:
        """Rename a file."""
        self._watch("rename", target)
        super().rename(source, target)
        self.after()

    def unlink(self, path: str) -> None:
        """Take away a name."""
        self._watch("unlink", path)
        super().unlink(path)
        self.after()

    def remove_folder(self, path: str) -> None:
        """Remove a folder."""
        self._watch("remove", path)
        super().remove_folder(path)
        self.after()


class FailingDisk(WatchedDisk):
    """
    A disk some calls of which raise.

    :ivar fails: which ones, as ``calls`` has them, or their numbers.
    :ivar error: what they raise.
    :ivar partly: whether a write that fails has written half.
    :ivar failed: how many have.
    """

    def __init__(self, *fails: str | int, error: BaseException) -> None:
        super().__init__()
        self.fails = set(fails)
        self.error = error
        self.partly = False
        self.failed = 0

    def before(self, call: str, descriptor: int | None) -> None:
        """Raise, if this is one of them; where the power has failed, from then on always."""
        dead = bool(self.failed) and isinstance(self.error, PowerFailure)
        if dead or call in self.fails or len(self.calls) in self.fails:
            self.failed += 1
            self.calls.append(f"failed {call}")
            if self.partly and descriptor is not None and call.startswith("write"):
                os.pwrite(descriptor, b"half", os.fstat(descriptor).st_size)
            raise self.error


class MeddlingDisk(WatchedDisk):
    """
    A disk on which somebody else does something in between.

    :ivar meddle_before: what, by the call it comes before; done once.
    :ivar meddle_after: what, by the call it comes after; done once.
    """

    def __init__(self) -> None:
        super().__init__()
        self.meddle_before: dict[str, Callable[[], object]] = {}
        self.meddle_after: dict[str, Callable[[], object]] = {}

    def before(self, call: str, descriptor: int | None) -> None:
        """Let the other one go first."""
        del descriptor
        self.meddle_before.pop(call, int)()

    def after(self) -> None:
        """Let the other one go next."""
        self.meddle_after.pop(self.calls[-1], int)()


class LosingDisk(WatchedDisk):
    """
    A disk that knows what it would have kept, had the power failed just now.

    :param root: the folder that was durable before.
    :ivar examine: called after every change.
    """

    def __init__(self, root: Path) -> None:
        super().__init__()
        self.examine: Callable[[], object] = int
        self._root = root
        self._content: dict[int, bytes] = {}
        self._names: dict[str, dict[str, tuple[int, bool]]] = {}

    def create(self, path: str) -> int:
        """Forget what a file was that had the same inode."""
        descriptor = super().create(path)
        self._content.pop(os.fstat(descriptor).st_ino, None)
        return descriptor

    def sync(self, descriptor: int) -> None:
        """Keep what is in a file or a folder."""
        status = os.fstat(descriptor)
        path = _path_of(descriptor)
        if stat.S_ISREG(status.st_mode):
            self._content[status.st_ino] = os.pread(descriptor, status.st_size, 0)
        else:
            self._names[path] = {entry.name: (entry.inode(), entry.is_dir()) for entry in os.scandir(path)}
        super().sync(descriptor)

    def after(self) -> None:
        """Examine."""
        self.examine()

    def restore(self, target: Path, *, names_are_kept: bool) -> None:
        """
        Write to ``target`` what is left after a power failure: of files, what was synced.

        :param names_are_kept: whether the disk has written the folders of its own accord; else, of folders too only
            what was synced.
        """
        self._restore(str(self._root), target, names_are_kept=names_are_kept)

    def _restore(self, folder: str, target: Path, *, names_are_kept: bool) -> None:
        target.mkdir(parents=True)
        if names_are_kept:
            entries = {entry.name: (entry.inode(), entry.is_dir()) for entry in os.scandir(folder)}
        else:
            entries = self._names.get(folder, {})
        for name, (inode, is_folder) in entries.items():
            if is_folder:
                self._restore(f"{folder}/{name}", target / name, names_are_kept=names_are_kept)
            else:
                (target / name).write_bytes(self._content.get(inode, b""))


def _path_of(descriptor: int) -> str:
    return str(Path(f"/proc/self/fd/{descriptor}").readlink())
