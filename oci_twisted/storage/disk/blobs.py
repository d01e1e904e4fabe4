"""
Blobs in files.
"""

# A Path costs about as much as the system call that it is for.
# ruff: noqa: PTH116

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from twisted.internet.defer import CancelledError
from zope.interface import implementer

from oci_twisted.interfaces import IBlobReader, IBlobStore, IUploadSession
from oci_twisted.spec.digests import hasher
from oci_twisted.spec.errors import BlobUnknown, UploadUnknown
from oci_twisted.storage.disk.durable import disk_of, refused
from oci_twisted.storage.disk.layout import open_root
from oci_twisted.storage.disk.reader import DiskReader
from oci_twisted.storage.disk.sessions import DiskUpload, Hashed, HashedSessions, open_locked
from oci_twisted.storage.disk.tree import BlobTree
from oci_twisted.stream.shielding import shielded

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from oci_twisted.interfaces import IBlockingPool
    from oci_twisted.spec.digests import Digest
    from oci_twisted.spec.pages import Page
    from oci_twisted.storage.disk.durable import Disk, Durability

T = TypeVar("T")


@implementer(IBlobStore)
class DiskBlobs:
    """
    Blobs in a folder, which other processes may use at the same time.

    Whatever changes or may wait for the disk is done on the pool.  What the kernel has at hand, as a rule the inode of
    a blob that is wanted, is asked for where it is needed: that takes a tenth of the way to a thread and back.

    :param root: made if it is not there.
    :param durability: ``"full"``, so that a blob that was committed outlasts a power failure; or ``"relaxed"``, so that
        it outlasts the process.
    :param disk: instead of the one that ``durability`` asks for.
    :raise RootUnusable: when nothing can be stored there.
    """

    def __init__(self, root: Path, pool: IBlockingPool, *, durability: Durability, disk: Disk | None = None) -> None:
        self._pool = pool
        self._disk = disk_of(durability) if disk is None else disk
        self._layout = open_root(root, self._disk)
        self._tree = BlobTree(self._layout, self._disk)
        self._hashed = HashedSessions()

    async def stat(self, digest: Digest) -> int | None:
        """Answer the blob's size in bytes, or ``None`` when it is not here."""
        if not digest.verifiable:
            return None
        try:
            return os.stat(self._layout.content(digest)).st_size
        except FileNotFoundError:
            return None
        except OSError as error:
            raise refused(error) from error

    async def open(self, digest: Digest) -> IBlobReader:
        """Open a blob.  What is answered is `IFileBacked`."""
        if not digest.verifiable:
            raise BlobUnknown.of(digest)
        try:
            descriptor = os.open(self._layout.content(digest), os.O_RDONLY)
        except FileNotFoundError:
            raise BlobUnknown.of(digest) from None
        except OSError as error:
            raise refused(error) from error
        return DiskReader(descriptor, os.fstat(descriptor).st_size, self._pool)

    async def begin(self, session_id: str, algorithm: str) -> IUploadSession:
        """
        Begin an upload session.

        :raise ValueError: when there is one of this id.
        """
        path = self._layout.upload(session_id)
        try:
            descriptor = await self._become_writer(partial(self._disk.create, path), path, session_id)
        except FileExistsError:
            raise ValueError(f"upload session {session_id} is not new") from None
        except OSError as error:
            raise refused(error) from error
        return self._session(session_id, path, descriptor, 0, Hashed(algorithm, hasher(algorithm), 0))

    async def resume(self, session_id: str) -> IUploadSession:
        """Become the writer of a session."""
        path = self._layout.upload(session_id)
        try:
            descriptor = await self._become_writer(partial(os.open, path, os.O_RDWR), path, session_id)
        except FileNotFoundError:
            raise UploadUnknown.of(session_id) from None
        except OSError as error:
            raise refused(error) from error
        size = os.fstat(descriptor).st_size
        return self._session(session_id, path, descriptor, size, self._hashed.take(session_id, size))

    async def received(self, session_id: str) -> int:
        """Answer how many bytes a session holds."""
        try:
            return os.stat(self._layout.upload(session_id)).st_size
        except FileNotFoundError:
            raise UploadUnknown.of(session_id) from None
        except OSError as error:
            raise refused(error) from error

    async def delete(self, digest: Digest) -> bool:
        """Remove a blob; answer whether it was here.  Runs to its end if cancelled."""
        return digest.verifiable and await self._on_pool(lambda: self._tree.remove(digest))

    async def digests(self, after: Digest | None, limit: int) -> Page[Digest]:
        """List what is here, sorted."""
        return await self._on_pool(lambda: self._tree.page(after, limit))

    async def close(self) -> None:
        """Let go of everything."""
        self._hashed.clear()

    async def _on_pool(self, work: Callable[[], T]) -> T:
        try:
            return await self._pool.run(work)
        except OSError as error:
            raise refused(error) from error

    async def _become_writer(self, open_file: Callable[[], int], path: str, session_id: str) -> int:
        abandoned = False

        async def become_writer() -> int:
            descriptor = await self._pool.run(lambda: open_locked(open_file, path, session_id))
            if abandoned:
                os.close(descriptor)
            return descriptor

        try:
            return await shielded(become_writer())
        except CancelledError:
            abandoned = True
            raise

    def _session(self, session_id: str, path: str, descriptor: int, size: int, hashed: Hashed | None) -> IUploadSession:
        return DiskUpload(
            session_id,
            path,
            descriptor,
            size,
            hashed,
            pool=self._pool,
            disk=self._disk,
            tree=self._tree,
            remembered=self._hashed,
        )
