"""
Blobs in memory: the reference implementation, and what tests store in.
"""

from __future__ import annotations

from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from zope.interface import implementer

from oci_twisted.interfaces import IBlobReader, IBlobStore, IUploadSession
from oci_twisted.spec.digests import digest_of
from oci_twisted.spec.errors import BlobUnknown, DigestInvalid, UploadBusy, UploadUnknown
from oci_twisted.spec.pages import Page
from oci_twisted.stream.senders import send_pieces

if TYPE_CHECKING:
    from twisted.internet.interfaces import IConsumer

    from oci_twisted.spec.digests import Digest


async def _slice(content: bytes, start: int, length: int) -> bytes:
    return content[start : start + length]


@implementer(IBlobReader)
class MemoryReader:
    """One blob, opened."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.size = len(content)

    async def send(self, consumer: IConsumer, start: int, stop: int) -> None:
        """Write some of the blob's bytes to ``consumer``."""
        await send_pieces(partial(_slice, self._content), consumer, start, stop)

    def close(self) -> None:
        """Let go of the bytes."""
        self._content = b""


class _Upload:
    """What outlives the writers of a session."""

    def __init__(self) -> None:
        self.content = bytearray()
        self.writer: MemoryUpload | None = None


@implementer(IUploadSession)
class MemoryUpload:
    """
    A blob on its way in.

    A method that is called after `commit`, `cancel` or `close` finds no session.
    """

    def __init__(self, session_id: str, uploads: dict[str, _Upload], blobs: dict[Digest, bytes]) -> None:
        self.session_id = session_id
        self._uploads = uploads
        self._blobs = blobs
        self._upload = uploads[session_id]
        self._upload.writer = self

    @property
    def offset(self) -> int:
        """How many bytes it holds."""
        return len(self._upload.content)

    async def append(self, chunk: bytes) -> int:
        """Add ``chunk`` at the end and answer the new offset."""
        self._refuse_unless_writer()
        self._upload.content += chunk
        return self.offset

    async def commit(self, digest: Digest) -> int:
        """Make the bytes the blob ``digest`` and end the session.  Answer its size."""
        self._refuse_unless_writer()
        content = bytes(self._upload.content)
        found = digest_of(content, digest.algorithm)
        self._end()
        if found != digest:
            raise DigestInvalid.of(digest, found)
        self._blobs[digest] = content
        return len(content)

    async def cancel(self) -> None:
        """Forget the bytes and end the session."""
        self._refuse_unless_writer()
        self._end()

    def close(self) -> None:
        """Stop being the writer."""
        if self._upload.writer is self:
            self._upload.writer = None

    def _refuse_unless_writer(self) -> None:
        if self._upload.writer is not self:
            raise UploadUnknown.of(self.session_id)

    def _end(self) -> None:
        del self._uploads[self.session_id]
        self._upload = _Upload()


@implementer(IBlobStore)
class MemoryBlobs:
    """Blobs in a dictionary.  They last as long as it does."""

    def __init__(self) -> None:
        self._blobs: dict[Digest, bytes] = {}
        self._uploads: dict[str, _Upload] = {}

    async def stat(self, digest: Digest) -> int | None:
        """Answer the blob's size in bytes, or ``None`` when it is not here."""
        content = self._blobs.get(digest)
        return None if content is None else len(content)

    async def open(self, digest: Digest) -> IBlobReader:
        """Open a blob."""
        try:
            return MemoryReader(self._blobs[digest])
        except KeyError:
            raise BlobUnknown.of(digest) from None

    async def begin(self, session_id: str, algorithm: str) -> IUploadSession:  # noqa: ARG002 - nothing is hashed yet
        """
        Begin an upload session.

        :raise ValueError: when there is one of this id.
        """
        if session_id in self._uploads:
            raise ValueError(f"upload session {session_id!a} is not new")
        self._uploads[session_id] = _Upload()
        return MemoryUpload(session_id, self._uploads, self._blobs)

    async def resume(self, session_id: str) -> IUploadSession:
        """Become the writer of a session."""
        if self._known(session_id).writer is not None:
            raise UploadBusy.of(session_id)
        return MemoryUpload(session_id, self._uploads, self._blobs)

    async def received(self, session_id: str) -> int:
        """Answer how many bytes a session holds."""
        return len(self._known(session_id).content)

    async def delete(self, digest: Digest) -> bool:
        """Remove a blob; answer whether it was here."""
        return self._blobs.pop(digest, None) is not None

    async def digests(self, after: Digest | None, limit: int) -> Page[Digest]:
        """List what is here, sorted."""
        behind = (digest for digest in sorted(self._blobs) if after is None or digest > after)
        found = tuple(islice(behind, limit + 1))
        return Page(found[:limit], more=len(found) > limit)

    async def close(self) -> None:
        """Let go of everything."""
        self._blobs.clear()
        self._uploads.clear()

    def _known(self, session_id: str) -> _Upload:
        try:
            return self._uploads[session_id]
        except KeyError:
            raise UploadUnknown.of(session_id) from None
