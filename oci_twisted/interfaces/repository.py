"""
What a repository does, here or at the other end of HTTP.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen
from zope.interface import Attribute, Interface

from oci_twisted.spec.digests import SHA256

if TYPE_CHECKING:
    from collections.abc import Collection

    from oci_twisted.interfaces.blobs import IBlobReader, IUploadSession
    from oci_twisted.interfaces.metadata import StoredManifest
    from oci_twisted.spec.descriptors import Descriptor
    from oci_twisted.spec.digests import Digest
    from oci_twisted.spec.names import Reference, RepositoryName, Tag
    from oci_twisted.spec.pages import Page, PageRequest
    from oci_twisted.spec.preconditions import Precondition


@frozen
class PushedManifest:
    """
    What a manifest PUT did.

    :ivar subject: the digest that the manifest refers to and is now listed under, or ``None``.
    :ivar tags: those that now point to it.
    """

    digest: Digest
    subject: Digest | None
    tags: tuple[Tag, ...]


class IRepository(Interface):
    """
    One repository.  It need not exist: a push makes it, and a pull from it finds nothing.

    The same contract holds for the registry's own repositories and for a client's, so that each tests the other.
    More than eight methods, because the specification has that many endpoints and each is one of them.
    """

    name: RepositoryName = Attribute("Its name.")

    async def stat_blob(digest: Digest) -> int:
        """
        Answer a blob's size in bytes (end-2).

        :raise BlobUnknown: when this repository does not hold it, whoever else does.
        """

    async def open_blob(digest: Digest) -> IBlobReader:
        """
        Open a blob (end-2).  The caller closes the reader.

        :raise BlobUnknown: when this repository does not hold it.
        """

    async def delete_blob(digest: Digest) -> None:
        """
        Let this repository hold a blob no longer (end-10).

        :raise BlobUnknown: when it did not.
        :raise TagProtected: when the blob may belong to a tag that one may not delete.
        """

    async def mount_blob(digest: Digest, source: RepositoryName) -> bool:
        """Hold a blob that ``source`` holds, without moving its bytes (end-11).  ``False`` when that cannot be."""

    async def begin_upload(algorithm: str = SHA256) -> IUploadSession:
        """
        Begin to push a blob (end-4a, end-4c).  The caller closes the session.

        Its `IUploadSession.commit` makes the blob visible in this repository before it returns.
        """

    async def resume_upload(session_id: str) -> IUploadSession:
        """
        Go on with an upload session of this repository (end-5, end-6, end-14).  The caller closes it.

        :raise UploadUnknown: when this repository has no such session.
        :raise UploadBusy: when it has a writer.
        """

    async def upload_offset(session_id: str) -> int:
        """
        Answer how many bytes a session holds (end-13).

        :raise UploadUnknown: when this repository has no such session.
        """

    async def get_manifest(reference: Reference) -> StoredManifest:
        """
        Answer a manifest (end-3).

        :raise ManifestUnknown: when there is none.
        """

    async def put_manifest(
        content: bytes,
        content_type: str | None,
        reference: Reference,
        tags: Collection[Tag] = (),
        precondition: Precondition | None = None,
    ) -> PushedManifest:
        """
        Push a manifest (end-7a, end-7b).

        :param reference: a tag, or the digest of ``content``.
        :param tags: further tags, where ``reference`` is a digest.
        :param precondition: what must be true of each tag.
        :raise ManifestInvalid: when the content is not what its type says.
        :raise TagImmutable: when one of the tags points elsewhere and may not be moved.
        :raise ManifestBlobUnknown: when content that it names is missing, and the registry insists.
        :raise DigestInvalid: when ``reference`` is not the content's digest.
        :raise ReferenceChanged: when the precondition does not hold.
        """

    async def delete_manifest(digest: Digest) -> None:
        """
        Remove a manifest and every tag that points to it (end-9).

        :raise ManifestUnknown: when there is none.
        :raise TagProtected: when it belongs to a tag that one may not delete.
        """

    async def delete_tag(tag: Tag, precondition: Precondition | None = None) -> None:
        """
        Remove a tag, and only the tag (end-9).

        :raise ManifestUnknown: when there is none.
        :raise TagProtected: when one may not delete it.
        :raise ReferenceChanged: when the precondition does not hold.
        """

    async def tags(page: PageRequest) -> Page[Tag]:
        """
        List tags in byte order (end-8).

        :raise NameUnknown: when the repository does not exist.
        """

    async def referrers(subject: Digest, artifact_types: Collection[str], page: PageRequest) -> Page[Descriptor]:
        """
        List the manifests that refer to ``subject``, of any of the given types or of all (end-12).

        Nothing refers to what does not exist, which is no error.
        """


class IRegistry(Interface):
    """Repositories by name."""

    def repository(name: RepositoryName) -> IRepository:
        """Answer a repository, whether it exists or not."""

    async def repositories(page: PageRequest) -> Page[RepositoryName]:
        """List the repositories that exist, in byte order."""
