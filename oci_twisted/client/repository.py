"""
One repository of a registry at the other end of HTTP.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zope.interface import implementer

from oci_twisted.client import blobs, listings, manifests, referrers, uploads
from oci_twisted.interfaces import IRepository
from oci_twisted.spec.digests import SHA256

if TYPE_CHECKING:
    from collections.abc import Collection

    from oci_twisted.client.origin import Origin
    from oci_twisted.interfaces import IBlobReader, IUploadSession, PushedManifest, StoredManifest
    from oci_twisted.spec.descriptors import Descriptor
    from oci_twisted.spec.digests import Digest
    from oci_twisted.spec.names import Reference, RepositoryName, Tag
    from oci_twisted.spec.pages import Page, PageRequest
    from oci_twisted.spec.preconditions import Precondition


@implementer(IRepository)
class RemoteRepository:
    """
    A repository that is reached over HTTP.  Holds no state, so that making one costs nothing.

    Besides what the interface says, everything raises `Unavailable` when the registry cannot be reached or answers
    what is no answer of a registry, and the refusal that the registry gives, such as `Unauthorized` or `Denied`.

    :param manifest_limit: the longest manifest that is read, in bytes.
    """

    def __init__(self, origin: Origin, name: RepositoryName, manifest_limit: int) -> None:
        self.name = name
        self._origin = origin
        self._manifest_limit = manifest_limit

    async def stat_blob(self, digest: Digest) -> int:
        """Answer a blob's size in bytes (end-2)."""
        return await blobs.stat(self._origin, self.name, digest)

    async def open_blob(self, digest: Digest) -> IBlobReader:
        """Open a blob (end-2)."""
        return await blobs.open_blob(self._origin, self.name, digest)

    async def delete_blob(self, digest: Digest) -> None:
        """Let this repository hold a blob no longer (end-10)."""
        await blobs.delete(self._origin, self.name, digest)

    async def mount_blob(self, digest: Digest, source: RepositoryName) -> bool:
        """Hold a blob that ``source`` holds (end-11)."""
        return await uploads.mount(self._origin, self.name, digest, source)

    async def begin_upload(self, algorithm: str = SHA256) -> IUploadSession:
        """Begin to push a blob (end-4a, end-4c)."""
        return await uploads.begin(self._origin, self.name, algorithm)

    async def resume_upload(self, session_id: str) -> IUploadSession:
        """Go on with an upload session of this repository (end-5, end-6, end-14)."""
        return await uploads.resume(self._origin, self.name, session_id)

    async def upload_offset(self, session_id: str) -> int:
        """Answer how many bytes a session holds (end-13)."""
        return await uploads.offset(self._origin, self.name, session_id)

    async def get_manifest(self, reference: Reference) -> StoredManifest:
        """
        Answer a manifest (end-3).

        :raise ManifestTooLarge: when it is longer than the limit.
        """
        return await manifests.get(self._origin, self.name, reference, self._manifest_limit)

    async def put_manifest(
        self,
        content: bytes,
        content_type: str | None,
        reference: Reference,
        tags: Collection[Tag] = (),
        precondition: Precondition | None = None,
    ) -> PushedManifest:
        """Push a manifest (end-7a, end-7b)."""
        return await manifests.put(self._origin, self.name, content, content_type, reference, tags, precondition)

    async def delete_manifest(self, digest: Digest) -> None:
        """Remove a manifest and every tag that points to it (end-9)."""
        await manifests.delete(self._origin, self.name, digest)

    async def delete_tag(self, tag: Tag, precondition: Precondition | None = None) -> None:
        """Remove a tag, and only the tag (end-9)."""
        await manifests.delete(self._origin, self.name, tag, precondition)

    async def tags(self, page: PageRequest) -> Page[Tag]:
        """List tags in byte order (end-8)."""
        return await listings.tags(self._origin, self.name, page)

    async def referrers(self, subject: Digest, artifact_types: Collection[str], page: PageRequest) -> Page[Descriptor]:
        """List the manifests that refer to ``subject`` (end-12)."""
        return await referrers.listing(self._origin, self.name, subject, artifact_types, page, self._manifest_limit)
