"""
Upload sessions of a repository: bytes in the blob store, their owner and age in the metadata.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.logger import Logger
from zope.interface import implementer

from oci_twisted.interfaces import IUploadSession, UploadRecord
from oci_twisted.spec.errors import DigestInvalid, RegistryError, UploadBusy, UploadUnknown
from oci_twisted.stream.shielding import shielded

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

    from oci_twisted.interfaces import IBlobStore, IMetadataStore
    from oci_twisted.spec.digests import Digest

# How stale the record of the last write may get; it saves a transaction for most chunks.
TOUCH_SECONDS = 60.0
_TOUCHES_A_LIFETIME = 10
_EXPIRED_AT_ONCE = 100

_log = Logger()


def is_stale(touched: float, now: float, lifetime: float) -> bool:
    """Answer whether a session's last write has to be recorded anew, long before the session would be abandoned."""
    return now - touched > min(TOUCH_SECONDS, lifetime / _TOUCHES_A_LIFETIME)


@implementer(IUploadSession)
class RepositoryUpload:
    """
    A blob on its way into one repository.

    Committing it makes the blob visible there, in one transaction, behind the bytes' own durability.

    :param lifetime: after how many seconds without a write a session is abandoned.
    """

    def __init__(
        self,
        session: IUploadSession,
        record: UploadRecord,
        metadata: IMetadataStore,
        clock: IReactorTime,
        lifetime: float,
    ) -> None:
        self._lifetime = lifetime
        self._session = session
        self._record = record
        self._touched = record.touched
        self._metadata = metadata
        self._clock = clock

    @property
    def session_id(self) -> str:
        """What `IRepository.resume_upload` takes."""
        return self._record.session_id

    @property
    def offset(self) -> int:
        """How many bytes it holds."""
        return self._session.offset

    async def append(self, chunk: bytes) -> int:
        """Add ``chunk`` at the end and answer the new offset."""
        offset = await self._session.append(chunk)
        now = self._clock.seconds()
        if is_stale(self._touched, now, self._lifetime):
            self._touched = now
            await self._metadata.touch_upload(self.session_id, now)
        return offset

    async def commit(self, digest: Digest) -> int:
        """Make the bytes the blob ``digest`` and let the repository hold it.  Runs to its end if cancelled."""
        return await shielded(self._commit(digest))

    async def _commit(self, digest: Digest) -> int:
        try:
            size = await self._session.commit(digest)
        except DigestInvalid:
            await self._metadata.end_upload(self.session_id)
            raise
        await self._metadata.add_blob(self._record.name, digest, size, self.session_id, self._clock.seconds())
        return size

    async def cancel(self) -> None:
        """Forget the bytes and end the session.  Runs to its end if cancelled."""
        await shielded(self._cancel())

    async def _cancel(self) -> None:
        # The bytes first: while the record is there, expiry finds what a crash has left.
        await self._session.cancel()
        await self._metadata.end_upload(self.session_id)

    def close(self) -> None:
        """Stop being the writer; the session goes on unless it has ended."""
        self._session.close()


async def expire_uploads(blobs: IBlobStore, metadata: IMetadataStore, before: float) -> int:
    """
    Cancel the sessions that were last written to earlier than ``before``, and answer how many.

    One that has a writer just now is let be, however long it takes; and one that cannot be cancelled is left for the
    next time, so that it does not keep the others.
    """
    expired = 0
    for record in await metadata.idle_uploads(before, _EXPIRED_AT_ONCE):
        facts = {"session": record.session_id, "name": str(record.name)}
        try:
            abandoned = await _expire(blobs, metadata, record.session_id, before)
        except RegistryError as error:
            _log.error("upload session {session} of {name} cannot be removed: {error}", error=error, **facts)
            continue
        if abandoned:
            expired += 1
            _log.info("upload session {session} of {name} was abandoned", **facts)
    return expired


async def _expire(blobs: IBlobStore, metadata: IMetadataStore, session_id: str, before: float) -> bool:
    try:
        session = await blobs.resume(session_id)
    except UploadBusy:
        return False
    except UploadUnknown:
        # Begun or ended just when the process died: there is a record and there are no bytes.
        await metadata.end_upload(session_id)
        return True
    try:
        # Somebody may have come back to it since it was listed; nobody can now, while it has a writer.
        record = await metadata.upload(session_id)
        if record is not None and record.touched >= before:
            return False
        await session.cancel()
    finally:
        session.close()
    await metadata.end_upload(session_id)
    return True
