"""
Where things lie in a registry's folder.

::

    ROOT/
      layout                                          the version of all this: 1
      blobs/<algorithm>/<first two hex>/<hex>/data    a blob; whole, or not there
      uploads/<session id>                            bytes received so far; the file's size is the offset
      registry.sqlite                                 the metadata (see `metadata`)
      tokens.sqlite                                   what is known of access tokens (see `tokens`)
      keys/<time>-<id>.pem                            what signs the tokens of the token service (see `auth.tokens`)

The tree of blobs has the shape of CNCF distribution's.
"""

# A Path costs about as much as the system call that it is for.
# ruff: noqa: PTH112, PTH120, PTH123

from __future__ import annotations

import errno
import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING

from oci_twisted.spec.digests import ALGORITHMS
from oci_twisted.spec.errors import UploadUnknown
from oci_twisted.storage.disk.durable import is_full

if TYPE_CHECKING:
    from pathlib import Path

    from oci_twisted.spec.digests import Digest
    from oci_twisted.storage.disk.durable import Disk

VERSION = 1

_SESSION_ID = re.compile(r"[A-Za-z0-9-]{1,64}")


class RootUnusable(Exception):
    """The registry cannot store in this folder; the message says which folder, and why."""


class RootTooNew(RootUnusable):
    """The folder was made by a newer version of oci-twisted."""


class Layout:
    """
    The paths in a registry's folder, as text.
    """

    def __init__(self, root: Path) -> None:
        self.root = str(root)
        self.marker = f"{root}/layout"
        self.blobs = f"{root}/blobs"
        self.uploads = f"{root}/uploads"

    def algorithm(self, name: str) -> str:
        """Answer the folder of the blobs whose digests are of one algorithm."""
        return f"{self.blobs}/{name}"

    def fan(self, algorithm: str, prefix: str) -> str:
        """Answer the folder of the blobs whose digests begin alike."""
        return f"{self.blobs}/{algorithm}/{prefix}"

    def blob(self, digest: Digest) -> str:
        """Answer a blob's own folder."""
        return f"{self.blobs}/{digest.algorithm}/{digest.encoded[:2]}/{digest.encoded}"

    def content(self, digest: Digest) -> str:
        """Answer the file of a blob's bytes."""
        return f"{self.blob(digest)}/data"

    def upload(self, session_id: str) -> str:
        """
        Answer the file of an upload session.

        :raise UploadUnknown: for text that is no session's id, such as a way out of the folder.
        """
        if _SESSION_ID.fullmatch(session_id) is None:
            raise UploadUnknown("there is no upload session of this id; begin a new one with POST")
        return f"{self.uploads}/{session_id}"


def open_root(root: Path, disk: Disk) -> Layout:
    """
    Make a folder ready to store in, whether it is new or has been in use, and answer what is where.

    What that costs does not depend on how much is stored.

    :raise RootTooNew: when it was made by a newer version.
    :raise RootUnusable: when it cannot be written to, or is no folder.
    """
    layout = Layout(root.absolute())
    try:
        _make_root(layout.root, disk)
        _check_version(layout, disk)
        for folder in (layout.uploads, layout.blobs, *map(layout.algorithm, ALGORITHMS)):
            with suppress(FileExistsError):
                disk.make_folder(folder)
        # Also where another process has made them: it may have died before they were durable.
        disk.sync_folder(layout.root)
        disk.sync_folder(layout.blobs)
        _try_out(layout, disk)
    except OSError as error:
        if error.errno == errno.EXDEV:
            reason = "blobs and uploads are on two file systems, and a blob has to be renamed from one to the other"
        else:
            reason = f"{error.strerror} ({error.filename or layout.root})"
        raise RootUnusable(f"cannot store in {root}: {reason}") from error
    return layout


def _make_root(path: str, disk: Disk) -> None:
    if os.path.isdir(path):
        return
    above = os.path.dirname(path)
    _make_root(above, disk)
    # Another process may be starting on the same folder.
    with suppress(FileExistsError):
        disk.make_folder(path)
    disk.sync_folder(above)


def _check_version(layout: Layout, disk: Disk) -> None:
    try:
        with open(layout.marker, encoding="ascii", errors="replace") as marker:
            text = marker.read(32)
    except FileNotFoundError:
        _write_version(layout, disk)
        return
    if not text.strip().isdecimal():
        raise RootUnusable(f"cannot store in {layout.root}: {layout.marker} does not hold the version of a layout")
    if int(text) > VERSION:
        raise RootTooNew(
            f"cannot store in {layout.root}: it has layout {int(text)}, made by a newer version of oci-twisted, "
            f"and this one knows {VERSION}; install the newer version, or choose another folder"
        )


def _write_version(layout: Layout, disk: Disk) -> None:
    # Under a name of this process's own, because several may be starting.
    unfinished = f"{layout.marker}.{os.getpid()}"
    with suppress(FileNotFoundError):
        disk.unlink(unfinished)
    descriptor = disk.create(unfinished)
    try:
        disk.write(descriptor, b"%d\n" % VERSION, 0)
        disk.sync(descriptor)
    finally:
        os.close(descriptor)
    disk.rename(unfinished, layout.marker)


def _try_out(layout: Layout, disk: Disk) -> None:
    """Do once what every upload will do, which also finds out whether both folders are on one file system."""
    # No session has such an id.
    name = f".probe.{os.getpid()}"
    upload, blob = f"{layout.uploads}/{name}", f"{layout.blobs}/{name}"
    with suppress(FileNotFoundError):
        disk.unlink(upload)
    try:
        os.close(disk.create(upload))
    except OSError as error:
        # Pulls go on when the disk is full, so they also begin.
        if is_full(error):
            return
        raise
    try:
        disk.rename(upload, blob)
    except OSError:
        disk.unlink(upload)
        raise
    disk.unlink(blob)
