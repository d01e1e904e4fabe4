"""
One repository, on a blob store and a metadata store.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from twisted.logger import Logger
from zope.interface import implementer

from oci_twisted.interfaces import IRepository, PushedManifest, UploadRecord
from oci_twisted.registry.uploads import RepositoryUpload, is_stale
from oci_twisted.spec.digests import SHA256, Digest, parse_algorithm
from oci_twisted.spec.errors import (
    BlobUnknown,
    DeleteDisabled,
    DigestInvalid,
    ManifestTooLarge,
    ManifestUnknown,
    UploadUnknown,
)
from oci_twisted.spec.manifests import parse_manifest
from oci_twisted.spec.tagrules import FREE, TagRules
from oci_twisted.stream.shielding import shielded

if TYPE_CHECKING:
    from collections.abc import Collection

    from twisted.internet.interfaces import IReactorTime

    from oci_twisted.interfaces import (
        IBlobReader,
        IBlobStore,
        IMetadataStore,
        IUploadSession,
        StoredManifest,
    )
    from oci_twisted.registry.policy import Policy
    from oci_twisted.spec.descriptors import Descriptor
    from oci_twisted.spec.names import Reference, RepositoryName, Tag
    from oci_twisted.spec.pages import Page, PageRequest
    from oci_twisted.spec.preconditions import Precondition


@implementer(IRepository)
class Repository:
    """
    A repository of this registry.  Holds no state, so that making one costs nothing.

    :param rules: what its user may not do to single tags.
    """

    _log = Logger()

    def __init__(
        self,
        name: RepositoryName,
        blobs: IBlobStore,
        metadata: IMetadataStore,
        policy: Policy,
        clock: IReactorTime,
        rules: TagRules = FREE,
    ) -> None:
        self.name = name
        self._blobs = blobs
        self._metadata = metadata
        self._policy = policy
        self._clock = clock
        self._rules = rules

    async def stat_blob(self, digest: Digest) -> int:
        """Answer a blob's size in bytes (end-2)."""
        size = await self._held_size(digest)
        stored = await self._blobs.stat(digest)
        if stored != size:
            raise self._damaged(digest, size, stored)
        return size

    async def open_blob(self, digest: Digest) -> IBlobReader:
        """Open a blob (end-2)."""
        size = await self._held_size(digest)
        try:
            reader = await self._blobs.open(digest)
        except BlobUnknown as error:
            raise self._damaged(digest, size, None) from error
        if reader.size != size:
            reader.close()
            raise self._damaged(digest, size, reader.size)
        return reader

    async def _held_size(self, digest: Digest) -> int:
        size = await self._metadata.blob_size(self.name, digest)
        if size is None:
            raise BlobUnknown.of(digest)
        return size

    def _damaged(self, digest: Digest, size: int, found: int | None) -> BlobUnknown:
        """
        Log that the store has lost bytes that it should have, and answer what to tell the client.

        It is told that the blob is not here, by HEAD too: so a client that has it pushes it again, which mends it.
        """
        self._log.error(
            "{digest} in {name} has {found} bytes in storage and should have {size}",
            digest=str(digest),
            name=str(self.name),
            found=found or 0,
            size=size,
        )
        return BlobUnknown(
            f"the bytes of {digest} are damaged in storage; push it again to mend it", {"digest": str(digest)}
        )

    async def delete_blob(self, digest: Digest) -> None:
        """Let this repository hold a blob no longer (end-10)."""
        if not self._policy.delete_blobs:
            raise DeleteDisabled("this registry does not delete blobs")
        if not await shielded(self._metadata.remove_blob(self.name, digest, self._rules)):
            raise BlobUnknown.of(digest)

    async def mount_blob(self, digest: Digest, source: RepositoryName) -> bool:
        """Hold a blob that ``source`` holds (end-11)."""
        mounted = self._metadata.mount_blob(self.name, digest, source, self._clock.seconds())
        return await shielded(mounted) is not None

    async def begin_upload(self, algorithm: str = SHA256) -> IUploadSession:
        """Begin to push a blob (end-4a, end-4c)."""
        record = UploadRecord(str(uuid.uuid4()), self.name, self._clock.seconds())
        # The record first, so that no crash leaves bytes that nobody would ever look for.
        await self._metadata.begin_upload(record)
        session = await self._blobs.begin(record.session_id, algorithm)
        return RepositoryUpload(session, record, self._metadata, self._clock, self._policy.upload_lifetime)

    async def resume_upload(self, session_id: str) -> IUploadSession:
        """Go on with an upload session of this repository (end-5, end-6, end-14)."""
        record = await self._upload_record(session_id)
        session = await self._blobs.resume(session_id)
        upload = RepositoryUpload(session, record, self._metadata, self._clock, self._policy.upload_lifetime)
        now = self._clock.seconds()
        if is_stale(record.touched, now, self._policy.upload_lifetime):
            try:
                await self._metadata.touch_upload(session_id, now)
            except BaseException:
                upload.close()
                raise
        return upload

    async def upload_offset(self, session_id: str) -> int:
        """Answer how many bytes a session holds (end-13)."""
        await self._upload_record(session_id)
        return await self._blobs.received(session_id)

    async def _upload_record(self, session_id: str) -> UploadRecord:
        record = await self._metadata.upload(session_id)
        if record is None or record.name != self.name:
            raise UploadUnknown.of(session_id)
        return record

    async def get_manifest(self, reference: Reference) -> StoredManifest:
        """Answer a manifest (end-3)."""
        manifest = await self._metadata.manifest(self.name, reference)
        if manifest is None:
            raise ManifestUnknown.of(reference)
        return manifest

    async def put_manifest(
        self,
        content: bytes,
        content_type: str | None,
        reference: Reference,
        tags: Collection[Tag] = (),
        precondition: Precondition | None = None,
    ) -> PushedManifest:
        """Push a manifest (end-7a, end-7b)."""
        if len(content) > self._policy.manifest_limit:
            raise ManifestTooLarge(f"a manifest has at most {self._policy.manifest_limit} bytes here")
        manifest = parse_manifest(content, content_type)
        if isinstance(reference, Digest):
            digest = manifest.digest(parse_algorithm(reference.algorithm))
            if digest != reference:
                raise DigestInvalid(
                    f"the manifest's digest is {digest}, not {reference}",
                    {"digest": str(digest), "expected": str(reference)},
                )
            named = tuple(dict.fromkeys(tags))
        else:
            digest = manifest.digest()
            named = (reference,)
        blobs = () if self._policy.incomplete_images else manifest.blobs
        children = () if self._policy.incomplete_indexes else manifest.children
        await shielded(
            self._metadata.put_manifest(
                self.name,
                digest,
                manifest,
                named,
                [blob.digest for blob in blobs if blob.distributed],
                [child.digest for child in children if child.distributed],
                precondition,
                self._rules,
            )
        )
        subject = None if manifest.subject is None else manifest.subject.digest
        return PushedManifest(digest, subject, named)

    async def delete_manifest(self, digest: Digest) -> None:
        """Remove a manifest and every tag that points to it (end-9)."""
        if not self._policy.delete_manifests:
            raise DeleteDisabled("this registry does not delete manifests")
        if not await shielded(self._metadata.delete_manifest(self.name, digest, self._rules)):
            raise ManifestUnknown.of(digest)

    async def delete_tag(self, tag: Tag, precondition: Precondition | None = None) -> None:
        """Remove a tag, and only the tag (end-9)."""
        if not self._policy.delete_tags:
            raise DeleteDisabled("this registry does not delete tags")
        if not await shielded(self._metadata.delete_tag(self.name, tag, precondition, self._rules)):
            raise ManifestUnknown.of(tag)

    async def tags(self, page: PageRequest) -> Page[Tag]:
        """List tags in byte order (end-8)."""
        return await self._metadata.tags(self.name, page)

    async def referrers(self, subject: Digest, artifact_types: Collection[str], page: PageRequest) -> Page[Descriptor]:
        """List the manifests that refer to ``subject`` (end-12)."""
        return await self._metadata.referrers(self.name, subject, artifact_types, page)
