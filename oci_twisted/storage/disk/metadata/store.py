"""
The metadata of a registry in one SQLite file.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, TypeVar, TypeVarTuple

from zope.interface import implementer

from oci_twisted.interfaces import IMetadataStore
from oci_twisted.spec.tagrules import FREE, TagRules
from oci_twisted.storage.disk.metadata import blobs, manifests, referrers, repositories, tags, uploads
from oci_twisted.storage.disk.metadata.connections import open_reader, open_writer
from oci_twisted.storage.disk.metadata.failures import refusal
from oci_twisted.storage.disk.metadata.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from oci_twisted.interfaces import IBlockingPool, StoredManifest, UploadRecord
    from oci_twisted.spec.descriptors import Descriptor
    from oci_twisted.spec.digests import Digest
    from oci_twisted.spec.manifests import Manifest
    from oci_twisted.spec.names import Reference, RepositoryName, Tag
    from oci_twisted.spec.pages import Page, PageRequest
    from oci_twisted.spec.preconditions import Precondition
    from oci_twisted.storage.disk.metadata.connections import Durability

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


@implementer(IMetadataStore)
class SqliteMetadata:
    """
    Metadata in one file, which several processes may share.

    What reads does so where it stands, in microseconds, and never awaits.  What writes does so on the pool's thread.

    :param path: of the file; its folder exists.  The file need not.
    :param pool: of one thread, for this store alone; whoever made it stops it after `close`.
    :param durability: ``full``: what is done survives a power cut.  ``relaxed``: it survives the end of the process,
        and a power cut may take back the last of it.
    :raise DatabaseUnusable: when the file cannot be opened, or is no metadata of ours.
    """

    def __init__(self, path: Path, pool: IBlockingPool, *, durability: Durability = "full") -> None:
        self._writer = Writer(open_writer(path, durability), pool)
        self._reader = open_reader(path)

    def _read(self, query: Callable[[sqlite3.Connection, *Ts], T], *arguments: *Ts) -> T:
        try:
            return query(self._reader, *arguments)
        except sqlite3.OperationalError as error:
            raise refusal(error) from error

    async def blob_size(self, name: RepositoryName, digest: Digest) -> int | None:
        """Answer the blob's size in bytes."""
        return self._read(blobs.size, name, digest)

    async def add_blob(self, name: RepositoryName, digest: Digest, size: int, session_id: str, now: float) -> None:
        """Let the repository hold a blob, and forget the upload session that brought it."""
        await self._writer.write(blobs.add, name, digest, size, session_id, now)

    async def mount_blob(self, name: RepositoryName, digest: Digest, source: RepositoryName, now: float) -> int | None:
        """Let the repository hold a blob that ``source`` holds."""
        return await self._writer.write(blobs.mount, name, digest, source, now)

    async def blob_holders(self, digest: Digest, page: PageRequest) -> Page[RepositoryName]:
        """List the repositories that hold a blob."""
        return self._read(blobs.holders, digest, page)

    async def remove_blob(self, name: RepositoryName, digest: Digest, rules: TagRules = FREE) -> bool:
        """Let the repository hold a blob no longer."""
        return await self._writer.write(blobs.remove, name, digest, rules)

    async def manifest(self, name: RepositoryName, reference: Reference) -> StoredManifest | None:
        """Answer a manifest by tag or digest."""
        return self._read(manifests.find, name, reference)

    async def put_manifest(
        self,
        name: RepositoryName,
        digest: Digest,
        manifest: Manifest,
        tags: Collection[Tag],
        blobs: Collection[Digest],
        children: Collection[Digest],
        precondition: Precondition | None,
        rules: TagRules = FREE,
    ) -> None:
        """Keep a manifest, point ``tags`` to it, and list it among its subject's referrers."""
        await self._writer.write(manifests.put, name, digest, manifest, tags, blobs, children, precondition, rules)

    async def delete_manifest(self, name: RepositoryName, digest: Digest, rules: TagRules = FREE) -> bool:
        """Remove a manifest, every tag that points to it, and its entry among referrers."""
        return await self._writer.write(manifests.remove, name, digest, rules)

    async def referrers(
        self, name: RepositoryName, subject: Digest, artifact_types: Collection[str], page: PageRequest
    ) -> Page[Descriptor]:
        """List the manifests that refer to ``subject``."""
        return self._read(referrers.page, name, subject, artifact_types, page)

    async def tags(self, name: RepositoryName, page: PageRequest) -> Page[Tag]:
        """List a repository's tags."""
        return self._read(tags.page, name, page)

    async def delete_tag(
        self, name: RepositoryName, tag: Tag, precondition: Precondition | None, rules: TagRules = FREE
    ) -> bool:
        """Remove a tag, and only the tag."""
        return await self._writer.write(tags.remove, name, tag, precondition, rules)

    async def repositories(self, page: PageRequest) -> Page[RepositoryName]:
        """List the repositories."""
        return self._read(repositories.page, page)

    async def begin_upload(self, record: UploadRecord) -> None:
        """Remember a new session."""
        await self._writer.write(uploads.begin, record)

    async def upload(self, session_id: str) -> UploadRecord | None:
        """Answer what is known of a session."""
        return self._read(uploads.find, session_id)

    async def touch_upload(self, session_id: str, now: float) -> None:
        """Remember that a session was written to."""
        await self._writer.write(uploads.touch, session_id, now)

    async def end_upload(self, session_id: str) -> None:
        """Forget a session."""
        await self._writer.write(uploads.end, session_id)

    async def idle_uploads(self, before: float, limit: int) -> tuple[UploadRecord, ...]:
        """List sessions last written to earlier than ``before``."""
        return self._read(uploads.idle, before, limit)

    async def close(self) -> None:
        """Write out what is still under way, then let go of the file.  The pool is the caller's to stop."""
        self._reader.close()
        await self._writer.close()
