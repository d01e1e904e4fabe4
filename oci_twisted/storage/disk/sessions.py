"""
Upload sessions: bytes on their way into the tree of blobs.
"""

# A Path costs about as much as the system call that it is for.
# ruff: noqa: PTH116

from __future__ import annotations

import errno
import fcntl
import os
from collections import OrderedDict
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from attrs import frozen
from twisted.internet.defer import DeferredLock
from zope.interface import implementer

from oci_twisted.interfaces import IUploadSession
from oci_twisted.spec.digests import SHA256, Digest, Hasher, hasher
from oci_twisted.spec.errors import DigestInvalid, UploadBusy, UploadUnknown
from oci_twisted.storage.disk.durable import refused
from oci_twisted.storage.disk.files import close_file
from oci_twisted.stream.shielding import shielded

if TYPE_CHECKING:
    from collections.abc import Callable

    from oci_twisted.interfaces import IBlockingPool
    from oci_twisted.storage.disk.durable import Disk
    from oci_twisted.storage.disk.tree import BlobTree

T = TypeVar("T")

# Sessions between two requests of which it is remembered how far they are hashed.
_REMEMBERED = 4096
_READ = 1024 * 1024


@frozen
class Hashed:
    """
    The digest of a session's first bytes.

    :ivar state: goes on with the session while it has a writer.
    :ivar covers: how many bytes those were when the writer left.
    """

    algorithm: str
    state: Hasher
    covers: int


class HashedSessions:
    """
    What this process has hashed of sessions that have no writer just now.

    Of the latest `_REMEMBERED`: another one is read again when it is committed, as is one of another process.
    """

    def __init__(self) -> None:
        self._sessions: OrderedDict[str, Hashed] = OrderedDict()

    def keep(self, session_id: str, hashed: Hashed) -> None:
        """Remember it for the next writer."""
        self._sessions[session_id] = hashed
        if len(self._sessions) > _REMEMBERED:
            self._sessions.popitem(last=False)

    def take(self, session_id: str, size: int) -> Hashed | None:
        """
        Answer it, for the only writer, and forget it.

        :param size: of the file; what covers less or more than that is of no use.
        """
        hashed = self._sessions.pop(session_id, None)
        if hashed is not None and hashed.covers == size:
            return hashed
        return Hashed(SHA256, hasher(SHA256), 0) if size == 0 else None

    def clear(self) -> None:
        """Forget all."""
        self._sessions.clear()


def open_locked(open_file: Callable[[], int], path: str, session_id: str) -> int:
    """
    Open an upload's file and become its only writer, among all processes, until the descriptor is closed.

    :param open_file: opens ``path``.
    :raise UploadBusy: when there is a writer.
    :raise UploadUnknown: when the file ceased to be an upload's while it was opened.
    """
    descriptor = open_file()
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_at(path, descriptor):
            return descriptor
    except BlockingIOError:
        os.close(descriptor)
        raise UploadBusy.of(session_id) from None
    except OSError:
        os.close(descriptor)
        raise
    # The writer before us ended the session after we opened the file, which is now nobody's, or a blob's.
    os.close(descriptor)
    raise UploadUnknown.of(session_id)


def _is_at(path: str, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


@implementer(IUploadSession)
class DiskUpload:
    """
    The only writer of an upload's file.

    A method that is called after `commit`, `cancel` or `close` finds no session.  One that is called while another is
    at work, because its caller was cancelled, finds the session busy; but `cancel` waits.

    :param path: the file.
    :param descriptor: of that file, from `open_locked`; closed here.
    :param size: how many bytes the file has.
    :param hashed: of those bytes; ``None`` when that is not known.
    :param remembered: what to tell how far the session is hashed when it is closed.
    """

    def __init__(
        self,
        session_id: str,
        path: str,
        descriptor: int,
        size: int,
        hashed: Hashed | None,
        *,
        pool: IBlockingPool,
        disk: Disk,
        tree: BlobTree,
        remembered: HashedSessions,
    ) -> None:
        self.session_id = session_id
        self.offset = size
        self._path = path
        self._descriptor = descriptor
        self._hashed = hashed
        self._pool = pool
        self._disk = disk
        self._tree = tree
        self._remembered = remembered
        self._turn = DeferredLock()
        # Somebody wants to be its writer no more; there is no session any more; the descriptor is closed.
        self._left = False
        self._ended = False
        self._closed = False

    async def append(self, chunk: bytes) -> int:
        """Add ``chunk`` at the end and answer the new offset."""
        self._refuse_if_busy()
        return await shielded(self._work(lambda: self._append(chunk)))

    async def commit(self, digest: Digest) -> int:
        """Make the bytes the blob ``digest`` and end the session.  Answer its size."""
        self._refuse_if_busy()
        return await shielded(self._work(lambda: self._commit(digest)))

    async def cancel(self) -> None:
        """Forget the bytes and end the session."""
        await shielded(self._work(self._remove))

    def close(self) -> None:
        """Stop being the writer, as soon as no work is going on."""
        self._left = True
        if not self._turn.locked:
            self._let_go()

    def _refuse_if_busy(self) -> None:
        if self._turn.locked:
            raise UploadBusy.of(self.session_id)

    async def _work(self, work: Callable[[], T]) -> T:
        await self._turn.acquire()
        try:
            if self._closed:
                raise UploadUnknown.of(self.session_id)
            return await self._pool.run(work)
        except OSError as error:
            raise refused(error) from error
        finally:
            self._turn.release()
            # A cancel that has waited is at work now, and will come by here.
            if (self._left or self._ended) and not self._turn.locked:
                self._let_go()

    def _let_go(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self._hashed is not None and not self._ended:
            kept = Hashed(self._hashed.algorithm, self._hashed.state, self.offset)
            self._remembered.keep(self.session_id, kept)
        close_file(self._descriptor, self._pool)

    # On the pool:

    def _append(self, chunk: bytes) -> int:
        try:
            self._disk.write(self._descriptor, chunk, self.offset)
        except OSError:
            # Should this fail too, the next write goes to the same place, and a commit cuts off what is left behind it.
            with suppress(OSError):
                self._disk.truncate(self._descriptor, self.offset)
            raise
        if self._hashed is not None:
            self._hashed.state.update(chunk)
        self.offset += len(chunk)
        return self.offset

    def _commit(self, digest: Digest) -> int:
        if os.fstat(self._descriptor).st_size != self.offset:
            self._disk.truncate(self._descriptor, self.offset)
        found = self._digest(digest.algorithm)
        if found != digest:
            self._remove()
            raise DigestInvalid.of(digest, found)
        self._sync()
        self._tree.put(self._path, digest)
        self._ended = True
        try:
            self._tree.sync(digest)
        except OSError as error:
            # Whatever the disk says, there is no session left to go on with, as there would be if it were full.
            raise OSError(errno.EIO, f"{digest} may be lost if the power fails: {error}") from error
        return self.offset

    def _digest(self, algorithm: str) -> Digest:
        if self._hashed is None or self._hashed.algorithm != algorithm:
            self._hashed = Hashed(algorithm, self._read_again(hasher(algorithm)), self.offset)
        return Digest(algorithm, self._hashed.state.hexdigest())

    def _read_again(self, state: Hasher) -> Hasher:
        buffer = memoryview(bytearray(_READ))
        offset = 0
        while offset < self.offset:
            read = os.preadv(self._descriptor, [buffer], offset)
            if read == 0:
                raise OSError(errno.EIO, f"{self._path} is shorter than it was")
            state.update(buffer[:read])
            offset += read
        return state

    def _sync(self) -> None:
        try:
            self._disk.sync(self._descriptor)
        except OSError:
            # The kernel now takes for written what it could not write, and another fsync would succeed.  So that no
            # process ever commits on such a word, the session goes on without its bytes.
            self._hashed = Hashed(SHA256, hasher(SHA256), 0)
            self.offset = 0
            self._disk.truncate(self._descriptor, 0)
            raise

    def _remove(self) -> None:
        self._disk.unlink(self._path)
        self._ended = True
