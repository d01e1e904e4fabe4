"""
Where blobs' bytes are kept.

A blob store knows digests and bytes.  It knows no repositories: which repository holds which blob is
metadata (`oci_twisted.interfaces.IBlobIndex`), and so is who may see it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zope.interface import Attribute, Interface

if TYPE_CHECKING:
    from twisted.internet.interfaces import IConsumer

    from oci_twisted.spec.digests import Digest
    from oci_twisted.spec.pages import Page


class IBlobReader(Interface):
    """
    One blob, opened.  Its bytes stay readable until `close`, even if the blob is deleted meanwhile.
    """

    size: int = Attribute("How many bytes the blob has.")

    async def send(consumer: IConsumer, start: int, stop: int) -> None:
        """
        Write the bytes from ``start`` up to but not including ``stop`` to ``consumer``.

        The reader registers a push producer, obeys ``pauseProducing`` and ``resumeProducing``, and unregisters it
        before it returns; it holds at most 256 KiB at a time.  It returns when the last byte was handed over.  When the
        consumer calls ``stopProducing``, or this call is cancelled, it stops and raises `CancelledError`.

        :raise Unavailable: when the bytes cannot be read.  Some may have been written already, so the caller aborts.
        """

    def close() -> None:
        """Let go of what the reader holds.  May be called again, to no effect."""


class IFileBacked(IBlobReader):
    """
    A reader whose blob is an ordinary file of this machine: a front may use ``sendfile``.
    """

    def fileno() -> int:
        """
        Answer a descriptor that is open for reading until `close`.

        The caller passes offsets explicitly and neither moves the descriptor's position nor closes it.
        """


class IRedirected(IBlobReader):
    """
    A reader whose bytes a client can fetch elsewhere: a front answers 307 instead of sending them.
    """

    url: str = Attribute("An absolute URL that needs no further credentials.")


class IUploadSession(Interface):
    """
    A blob on its way in.  It survives the connection, and the process, that began it.

    Whoever has a session from `IBlobStore.begin` or `IBlobStore.resume` is its only writer until `close`,
    `commit` or `cancel`.
    """

    session_id: str = Attribute("What `IBlobStore.resume` takes.")
    offset: int = Attribute("How many bytes it holds.")

    async def append(chunk: bytes) -> int:
        """
        Add ``chunk`` at the end and answer the new offset.

        If cancelled or failed, the offset is either the old or the new one.

        :raise StorageFull: and the offset is the old one; the session goes on.
        """

    async def commit(digest: Digest) -> int:
        """
        Make the bytes the blob ``digest``, durably, and end the session.  Answer its size.

        A reader finds the whole blob or none.  A blob that is already there is replaced by the same bytes.
        A cancelled commit may have happened; repeat the upload to be sure.

        :param digest: of an algorithm for which `Digest.verifiable` is true.
        :raise DigestInvalid: when the bytes have another digest; nothing is kept and the session has ended.
        :raise StorageFull: and the session goes on.
        """

    async def cancel() -> None:
        """Forget the bytes and end the session."""

    def close() -> None:
        """
        Stop being the writer.  The session goes on, and can be resumed, unless it has ended.

        May be called again, and after `commit` and `cancel`, to no effect.
        """


class IBlobStore(Interface):
    """
    Blobs by digest.  All methods may be called at the same time, for the same digest too.
    """

    async def stat(digest: Digest) -> int | None:
        """Answer the blob's size in bytes, or ``None`` when it is not here."""

    async def open(digest: Digest) -> IBlobReader:
        """
        Open a blob.  The caller closes the reader.

        :raise BlobUnknown: when it is not here.
        """

    async def begin(session_id: str, algorithm: str) -> IUploadSession:
        """
        Begin an upload session.

        :param session_id: new; letters, digits and ``-``.
        :param algorithm: one of `oci_twisted.spec.digests.ALGORITHMS`, the one that the digest will likely be of.
            `IUploadSession.commit` takes any of them.
        """

    async def resume(session_id: str) -> IUploadSession:
        """
        Become the writer of a session that another request, or another process, began.

        :raise UploadUnknown: when there is no such session.
        :raise UploadBusy: when it has a writer.
        """

    async def received(session_id: str) -> int:
        """
        Answer how many bytes a session holds, whether it has a writer or not.

        :raise UploadUnknown: when there is no such session.
        """

    async def delete(digest: Digest) -> bool:
        """Remove a blob; answer whether it was here.  Open readers go on."""

    async def digests(after: Digest | None, limit: int) -> Page[Digest]:
        """
        List what is here, in any fixed order, at most ``limit`` at a time.

        :param after: the last digest of the page before, which need not exist any more; ``None`` to begin.
        """

    async def close() -> None:
        """Let go of everything.  Called once, when no other call is in progress."""
