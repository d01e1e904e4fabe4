"""
The tree of blobs: how one comes into it, is taken out, and is found.

Everything here blocks, and runs on a pool.
"""

# A Path costs about as much as the system call that it is for.
# ruff: noqa: PTH110, PTH208

from __future__ import annotations

import errno
import os
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

from oci_twisted.spec.digests import ALGORITHMS, parse_digest
from oci_twisted.spec.errors import DigestInvalid
from oci_twisted.spec.pages import Page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oci_twisted.spec.digests import Digest
    from oci_twisted.storage.disk.durable import Disk
    from oci_twisted.storage.disk.layout import Layout


class BlobTree:
    """
    The blobs under ``ROOT/blobs``.  Several threads, and several processes, may change it at once.
    """

    def __init__(self, layout: Layout, disk: Disk) -> None:
        self._layout = layout
        self._disk = disk
        # The two-digit folders whose own names this process has made durable: at most 256 an algorithm.
        self._durable: set[str] = set()

    def put(self, upload: str, digest: Digest) -> None:
        """
        Let a file, whose bytes are durable and have been checked, be a blob from now on.

        What is there under this digest is replaced.  The change is durable after `sync`.

        :raise OSError: when it could not be done; the file is still where it was.
        """
        folder = self._layout.blob(digest)
        fan = self._layout.fan(digest.algorithm, digest.encoded[:2])
        while True:
            self._make_folder(folder, fan)
            try:
                self._disk.rename(upload, f"{folder}/data")
            except FileNotFoundError:
                # Somebody deleted the same blob just now, and the folder with it.  Or it is the file that is gone.
                if not os.path.exists(upload):
                    raise
            else:
                return

    def _make_folder(self, folder: str, fan: str) -> None:
        try:
            with suppress(FileExistsError):
                self._disk.make_folder(folder)
        except FileNotFoundError:
            self._durable.discard(fan)
            with suppress(FileExistsError):
                self._disk.make_folder(fan)
            with suppress(FileExistsError):
                self._disk.make_folder(folder)

    def sync(self, digest: Digest) -> None:
        """
        Make durable what `put` did.

        Every folder is synced whose entries lead to the blob, also where another commit has made them: that one may not
        have synced them yet, or have died.
        """
        # When it has been deleted in the meantime, there is nothing to make durable.
        with suppress(FileNotFoundError):
            self._disk.sync_folder(self._layout.blob(digest))
        fan = self._layout.fan(digest.algorithm, digest.encoded[:2])
        self._disk.sync_folder(fan)
        if fan not in self._durable:
            self._disk.sync_folder(self._layout.algorithm(digest.algorithm))
            self._durable.add(fan)

    def remove(self, digest: Digest) -> bool:
        """Take a blob out, durably; answer whether it was there."""
        folder = self._layout.blob(digest)
        try:
            self._disk.unlink(f"{folder}/data")
        except FileNotFoundError:
            return False
        try:
            self._disk.remove_folder(folder)
        except OSError as error:
            # The same blob was pushed again just now, or its folder has been removed just now.
            if error.errno not in {errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT}:
                raise
        self._disk.sync_folder(self._layout.fan(digest.algorithm, digest.encoded[:2]))
        return True

    def page(self, after: Digest | None, limit: int) -> Page[Digest]:
        """
        List blobs, sorted by algorithm and digest.

        Reads the two-digit folders that the page touches, and no more.
        """
        found = tuple(islice(self._walk(after), limit + 1))
        return Page(found[:limit], more=len(found) > limit)

    def _walk(self, after: Digest | None) -> Iterator[Digest]:
        for algorithm in sorted(ALGORITHMS):
            if after is not None and algorithm < after.algorithm:
                continue
            last = after.encoded if after is not None and algorithm == after.algorithm else ""
            for prefix in _names(self._layout.algorithm(algorithm)):
                if prefix < last[:2]:
                    continue
                for encoded in _names(self._layout.fan(algorithm, prefix)):
                    if encoded > last:
                        yield from self._found(f"{algorithm}:{encoded}")

    def _found(self, text: str) -> Iterator[Digest]:
        # Other things may lie here: what an administrator put, and folders that a crash has left empty.
        with suppress(DigestInvalid):
            digest = parse_digest(text)
            if os.path.exists(self._layout.content(digest)):
                yield digest


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []
