"""
What is known about the bytes: repositories, manifests, tags, referrers, upload sessions.

Every method is one transaction, and one that changes something has made it durable when it returns, as far as
the store was configured to.  Every listing costs O(page).

Methods that move or remove things take `TagRules`: what the one who asks may not do to single tags, which differs from
one to the next.  A tag that the rules keep (`TagRules.keeps`) keeps all that belongs to it: the manifest that it points
to, the manifests that an index lists (`Manifest.children`), theirs in turn, and the blobs that they name.  What refers
to it, as a signature does, does not belong to it.  The rules are looked at in the transaction of the change, so that of
two who push one pinned tag at once, from whichever process, one succeeds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import field, frozen
from zope.interface import Interface

from oci_twisted.spec.tagrules import FREE, TagRules

if TYPE_CHECKING:
    from collections.abc import Collection

    from oci_twisted.spec.descriptors import Descriptor
    from oci_twisted.spec.digests import Digest
    from oci_twisted.spec.manifests import Manifest
    from oci_twisted.spec.names import Reference, RepositoryName, Tag
    from oci_twisted.spec.pages import Page, PageRequest
    from oci_twisted.spec.preconditions import Precondition


@frozen
class StoredManifest:
    """
    A manifest as it is served.

    :ivar digest: the one that it was pushed under; for a tag, the one that the tag was pushed with.
    """

    content: bytes = field(repr=False)
    media_type: str
    digest: Digest


@frozen
class UploadRecord:
    """
    What is known of an upload session beside its bytes.

    :ivar touched: when it was last written to, in seconds of the registry's clock.
    """

    session_id: str
    name: RepositoryName
    touched: float


class IBlobIndex(Interface):
    """
    Which repository holds which blob.

    A repository comes into being with the first thing that it holds and is gone with the last.
    """

    async def blob_size(name: RepositoryName, digest: Digest) -> int | None:
        """Answer the blob's size in bytes, or ``None`` when this repository does not hold it."""

    async def add_blob(name: RepositoryName, digest: Digest, size: int, session_id: str, now: float) -> None:
        """
        Let the repository hold a blob whose bytes are in the store, and forget the upload session that brought it.

        To add what is there already changes only the lease.

        :param now: when the blob's lease begins, in seconds: until a grace period after it nothing collects the
            blob, though no manifest names it yet.
        """

    async def mount_blob(name: RepositoryName, digest: Digest, source: RepositoryName, now: float) -> int | None:
        """
        Let the repository hold a blob that ``source`` holds, and renew its lease.

        :return: the blob's size, or ``None`` when ``source`` does not hold it and nothing was changed.
        """

    async def blob_holders(digest: Digest, page: PageRequest) -> Page[RepositoryName]:
        """List the repositories that hold a blob."""

    async def remove_blob(name: RepositoryName, digest: Digest, rules: TagRules = FREE) -> bool:
        """
        Let the repository hold a blob no longer; answer whether it did.  Others that hold it are not touched.

        Which manifests name a blob is not recorded, so the blobs of a repository that has a tag which ``rules`` keep
        all stay.

        :raise TagProtected: naming the first tag that is kept, when the repository holds the blob and has such a tag.
        """


class IManifestIndex(Interface):
    """
    Manifests, and who refers to whom.
    """

    async def manifest(name: RepositoryName, reference: Reference) -> StoredManifest | None:
        """Answer a manifest by tag or digest, or ``None``."""

    async def put_manifest(
        name: RepositoryName,
        digest: Digest,
        manifest: Manifest,
        tags: Collection[Tag],
        blobs: Collection[Digest],
        children: Collection[Digest],
        precondition: Precondition | None,
        rules: TagRules = FREE,
    ) -> None:
        """
        Keep a manifest, point ``tags`` to it, and list it among its subject's referrers.

        To put what is there already only moves the tags.  All of the checks and changes are one transaction.

        :param digest: of the manifest's bytes.
        :param blobs: what this repository must hold as blobs.
        :param children: what it must hold as manifests or as blobs (build caches list layers in an index).
        :param precondition: what must be true of every one of ``tags``.
        :raise TagImmutable: naming the first of ``tags`` that ``rules`` pin and that points to another digest.  It goes
            before what is missing, which would be pushed in vain, and before the precondition (RFC 9110, 13.2.1).
        :raise ManifestBlobUnknown: naming all that is missing, in the order blobs, children.
        :raise ReferenceChanged: when the precondition does not hold.
        """

    async def delete_manifest(name: RepositoryName, digest: Digest, rules: TagRules = FREE) -> bool:
        """
        Remove a manifest, every tag that points to it, and its entry among referrers; answer whether it was here.

        :raise TagProtected: when it is here and belongs to a tag that ``rules`` keep; the first such tag is named, and
            nothing is removed.
        """

    async def referrers(
        name: RepositoryName, subject: Digest, artifact_types: Collection[str], page: PageRequest
    ) -> Page[Descriptor]:
        """
        List the manifests that refer to ``subject``, in the order of their digests' text; ``last`` is such a text.

        A page may come short, with ``more``, to stay below `oci_twisted.spec.referrers.PAGE_BYTES` of annotations.

        :param artifact_types: only those of one of these types; empty for all.
        """


class ITagIndex(Interface):
    """
    The names of things.
    """

    async def tags(name: RepositoryName, page: PageRequest) -> Page[Tag]:
        """
        List a repository's tags.

        :raise NameUnknown: when there is no such repository.
        """

    async def delete_tag(
        name: RepositoryName, tag: Tag, precondition: Precondition | None, rules: TagRules = FREE
    ) -> bool:
        """
        Remove a tag, and only the tag; answer whether it was here.

        :raise TagProtected: when it is here and ``rules`` keep it, whatever the precondition is.
        :raise ReferenceChanged: when the precondition does not hold.
        """

    async def repositories(page: PageRequest) -> Page[RepositoryName]:
        """List the repositories."""


class IUploadIndex(Interface):
    """
    Upload sessions: which repository each belongs to, and how long it has been idle.
    """

    async def begin_upload(record: UploadRecord) -> None:
        """Remember a new session."""

    async def upload(session_id: str) -> UploadRecord | None:
        """Answer what is known of a session, or ``None``."""

    async def touch_upload(session_id: str, now: float) -> None:
        """Remember that a session was written to; one that is not known is let be."""

    async def end_upload(session_id: str) -> None:
        """Forget a session; one that is not known is let be."""

    async def idle_uploads(before: float, limit: int) -> tuple[UploadRecord, ...]:
        """List sessions last written to earlier than ``before``, the longest idle first."""


class IMetadataStore(IBlobIndex, IManifestIndex, ITagIndex, IUploadIndex):
    """
    All of the metadata, behind one transaction.

    Its parts are interfaces of their own because each is a subject of its own, not because they could be provided
    apart: a manifest PUT looks at blobs, manifests and tags at once.
    """

    async def close() -> None:
        """Let go of everything.  Called once, when no other call is in progress."""
