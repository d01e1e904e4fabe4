"""
Stores that are slow, fail, or lose a race.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from zope.interface import implementer

from oci_twisted.interfaces import IUploadSession, UploadRecord
from oci_twisted.spec.errors import Unavailable
from oci_twisted.storage.memory.blobs import MemoryBlobs
from oci_twisted.storage.memory.metadata import MemoryMetadata

if TYPE_CHECKING:
    from oci_twisted.interfaces import IRepository
    from oci_twisted.spec.digests import Digest
    from oci_twisted.spec.names import RepositoryName


class WatchedMetadata(MemoryMetadata):
    """
    Metadata that count how often a session is touched, and fail or lose a race when told to.

    :ivar touches: how many times a session was touched.
    :ivar failing: whether to fail instead.
    :ivar returning: a session to which somebody comes back as soon as it was listed as idle.
    """

    def __init__(self) -> None:
        super().__init__()
        self.touches = 0
        self.failing = False
        self.returning: UploadRecord | None = None

    async def touch_upload(self, session_id: str, now: float) -> None:
        """Remember that a session was written to."""
        if self.failing:
            raise Unavailable("the disk is gone")
        self.touches += 1
        await super().touch_upload(session_id, now)

    async def add_blob(self, name: RepositoryName, digest: Digest, size: int, session_id: str, now: float) -> None:
        """Let the repository hold a blob."""
        if self.failing:
            raise Unavailable("the disk is gone")
        await super().add_blob(name, digest, size, session_id, now)

    async def idle_uploads(self, before: float, limit: int) -> tuple[UploadRecord, ...]:
        """List idle sessions."""
        records = await super().idle_uploads(before, limit)
        if self.returning is not None:
            await super().touch_upload(self.returning.session_id, self.returning.touched)
        return records


class SlowBlobs(MemoryBlobs):
    """
    Blobs that take their time to end a session.

    :ivar ending: what a session waits for.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ending: Deferred[None] = Deferred()

    async def begin(self, session_id: str, algorithm: str) -> IUploadSession:
        """Begin a session."""
        return SlowUpload(await super().begin(session_id, algorithm), self.ending)

    async def resume(self, session_id: str) -> IUploadSession:
        """Become the writer of a session."""
        return SlowUpload(await super().resume(session_id), self.ending)


@implementer(IUploadSession)
class SlowUpload:
    """A session that takes its time to end, and cannot if waiting fails."""

    def __init__(self, session: IUploadSession, ending: Deferred[None]) -> None:
        self._session = session
        self._ending = ending
        self.session_id: str = session.session_id

    @property
    def offset(self) -> int:
        """How many bytes it holds."""
        return self._session.offset

    async def append(self, chunk: bytes) -> int:
        """Add some bytes."""
        return await self._session.append(chunk)

    async def commit(self, digest: Digest) -> int:
        """Make a blob."""
        await self._ending
        return await self._session.commit(digest)

    async def cancel(self) -> None:
        """End it."""
        await self._ending
        await self._session.cancel()

    def close(self) -> None:
        """Let go of it."""
        self._session.close()


async def begin(repository: IRepository, content: bytes) -> str:
    """Begin a session, and let go of it."""
    session = await repository.begin_upload()
    await session.append(content)
    session.close()
    return session.session_id
