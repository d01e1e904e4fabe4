"""
Metadata in memory: the reference implementation.
"""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right, insort
from heapq import merge
from itertools import chain, islice
from typing import TYPE_CHECKING, TypeVar

from attrs import define, field
from zope.interface import implementer

from oci_twisted.interfaces import IMetadataStore, StoredManifest, UploadRecord
from oci_twisted.spec.digests import Digest
from oci_twisted.spec.errors import ManifestBlobUnknown, NameUnknown, TagProtected
from oci_twisted.spec.pages import Page
from oci_twisted.spec.referrers import PAGE_BYTES
from oci_twisted.spec.tagrules import FREE, TagRules
from oci_twisted.storage.memory.holdings import Holdings, digest_text, take_out

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from oci_twisted.spec.descriptors import Descriptor
    from oci_twisted.spec.manifests import Manifest
    from oci_twisted.spec.names import Reference, RepositoryName, Tag
    from oci_twisted.spec.pages import PageRequest
    from oci_twisted.spec.preconditions import Precondition

T = TypeVar("T")


@define
class _Blob:
    """
    A blob, whoever holds it.

    :ivar leased: when its lease began.
    :ivar holders: the repositories that hold it, sorted.
    """

    size: int
    leased: float
    holders: list[RepositoryName] = field(factory=list)


@implementer(IMetadataStore)
class MemoryMetadata:
    """
    Metadata that is gone when the process is.

    No method awaits, so each of them is one transaction.
    """

    def __init__(self) -> None:
        self._repositories: dict[RepositoryName, Holdings] = {}
        self._order: list[RepositoryName] = []
        self._blobs: dict[Digest, _Blob] = {}
        self._uploads: dict[str, UploadRecord] = {}
        self._idle: list[UploadRecord] = []

    async def blob_size(self, name: RepositoryName, digest: Digest) -> int | None:
        """Answer the blob's size in bytes."""
        repository = self._repositories.get(name)
        if repository is None or digest not in repository.blobs:
            return None
        return self._blobs[digest].size

    async def add_blob(self, name: RepositoryName, digest: Digest, size: int, session_id: str, now: float) -> None:
        """Let the repository hold a blob, and forget the upload session that brought it."""
        self._hold(name, digest, self._blobs.setdefault(digest, _Blob(size, now)), now)
        await self.end_upload(session_id)

    async def mount_blob(self, name: RepositoryName, digest: Digest, source: RepositoryName, now: float) -> int | None:
        """Let the repository hold a blob that ``source`` holds."""
        size = await self.blob_size(source, digest)
        if size is not None:
            self._hold(name, digest, self._blobs[digest], now)
        return size

    def _hold(self, name: RepositoryName, digest: Digest, blob: _Blob, now: float) -> None:
        blob.leased = now
        repository = self._open(name)
        if digest not in repository.blobs:
            repository.blobs.add(digest)
            insort(blob.holders, name)

    async def blob_holders(self, digest: Digest, page: PageRequest) -> Page[RepositoryName]:
        """List the repositories that hold a blob."""
        blob = self._blobs.get(digest)
        return _page([] if blob is None else blob.holders, page)

    async def remove_blob(self, name: RepositoryName, digest: Digest, rules: TagRules = FREE) -> bool:
        """Let the repository hold a blob no longer."""
        repository = self._repositories.get(name)
        if repository is None or digest not in repository.blobs:
            return False
        if rules != FREE and (kept := rules.first_kept(repository.tags)) is not None:
            raise TagProtected.of_blobs(kept)
        repository.blobs.remove(digest)
        take_out(self._blobs[digest].holders, name, str)
        self._close_if_empty(name)
        return True

    async def manifest(self, name: RepositoryName, reference: Reference) -> StoredManifest | None:
        """Answer a manifest by tag or digest."""
        repository = self._repositories.get(name)
        if repository is None:
            return None
        digest = reference if isinstance(reference, Digest) else repository.tags.get(reference)
        if digest is None or digest not in repository.manifests:
            return None
        manifest = repository.manifests[digest]
        return StoredManifest(manifest.content, manifest.media_type, digest)

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
        repository = self._repositories.get(name, Holdings())
        for tag in tags:
            rules.check_move(tag, repository.tags.get(tag), digest)
        missing = chain(
            (blob for blob in blobs if blob not in repository.blobs),
            (child for child in children if child not in repository.manifests and child not in repository.blobs),
        )
        if named := tuple(dict.fromkeys(missing)):
            raise ManifestBlobUnknown(named)
        if precondition is not None:
            for tag in tags:
                precondition.check(repository.tags.get(tag))
        repository = self._open(name)
        repository.add_manifest(digest, manifest)
        for tag in tags:
            repository.point(tag, digest)

    async def delete_manifest(self, name: RepositoryName, digest: Digest, rules: TagRules = FREE) -> bool:
        """Remove a manifest, every tag that points to it, and its entry among referrers."""
        repository = self._repositories.get(name)
        if repository is None or digest not in repository.manifests:
            return False
        if rules != FREE and (kept := rules.first_kept(repository.owners(digest))) is not None:
            raise TagProtected.of(kept)
        repository.remove_manifest(digest)
        self._close_if_empty(name)
        return True

    async def referrers(
        self, name: RepositoryName, subject: Digest, artifact_types: Collection[str], page: PageRequest
    ) -> Page[Descriptor]:
        """List the manifests that refer to ``subject``."""
        repository = self._repositories.get(name, Holdings())
        keys: list[tuple[Digest, str | None]] = [(subject, kind) for kind in set(artifact_types)] or [(subject, None)]
        found = merge(
            *(_after(repository.referrers.get(key, []), page.last, digest_text) for key in keys), key=digest_text
        )
        items: list[Descriptor] = []
        size = 0
        for descriptor in found:
            size += _annotation_bytes(descriptor)
            if len(items) == page.limit or (items and size > PAGE_BYTES):
                return Page(tuple(items), more=page.limit > 0)
            items.append(descriptor)
        return Page(tuple(items))

    async def tags(self, name: RepositoryName, page: PageRequest) -> Page[Tag]:
        """List a repository's tags."""
        repository = self._repositories.get(name)
        if repository is None:
            raise NameUnknown.of(name)
        return _page(repository.tag_order, page)

    async def delete_tag(
        self, name: RepositoryName, tag: Tag, precondition: Precondition | None, rules: TagRules = FREE
    ) -> bool:
        """Remove a tag, and only the tag."""
        repository = self._repositories.get(name, Holdings())
        if tag in repository.tags and rules.keeps(tag):
            raise TagProtected.of(tag)
        if precondition is not None:
            precondition.check(repository.tags.get(tag))
        if tag not in repository.tags:
            return False
        del repository.tags[tag]
        take_out(repository.tag_order, tag, str)
        return True

    async def repositories(self, page: PageRequest) -> Page[RepositoryName]:
        """List the repositories."""
        return _page(self._order, page)

    def _open(self, name: RepositoryName) -> Holdings:
        """Answer a repository; it comes into being if need be."""
        repository = self._repositories.get(name)
        if repository is None:
            repository = self._repositories[name] = Holdings()
            insort(self._order, name)
        return repository

    def _close_if_empty(self, name: RepositoryName) -> None:
        """Let a repository be gone if it holds nothing any more."""
        repository = self._repositories[name]
        if not repository.blobs and not repository.manifests:
            del self._repositories[name]
            take_out(self._order, name, str)

    async def begin_upload(self, record: UploadRecord) -> None:
        """Remember a new session."""
        self._uploads[record.session_id] = record
        insort(self._idle, record, key=_idleness)

    async def upload(self, session_id: str) -> UploadRecord | None:
        """Answer what is known of a session."""
        return self._uploads.get(session_id)

    async def touch_upload(self, session_id: str, now: float) -> None:
        """Remember that a session was written to."""
        record = self._uploads.get(session_id)
        if record is not None:
            await self.end_upload(session_id)
            await self.begin_upload(UploadRecord(session_id, record.name, now))

    async def end_upload(self, session_id: str) -> None:
        """Forget a session."""
        record = self._uploads.pop(session_id, None)
        if record is not None:
            take_out(self._idle, record, _idleness)

    async def idle_uploads(self, before: float, limit: int) -> tuple[UploadRecord, ...]:
        """List sessions last written to earlier than ``before``."""
        return tuple(self._idle[: min(limit, bisect_left(self._idle, (before, ""), key=_idleness))])

    async def close(self) -> None:
        """There is nothing to let go of."""


def _page(ordered: list[T], page: PageRequest) -> Page[T]:
    items = tuple(islice(_after(ordered, page.last, str), page.limit + 1))
    return Page(items[: page.limit], more=0 < page.limit < len(items))


def _after(ordered: list[T], last: str, text: Callable[[T], str]) -> Iterator[T]:
    return (ordered[position] for position in range(bisect_right(ordered, last, key=text), len(ordered)))


def _annotation_bytes(descriptor: Descriptor) -> int:
    return len(json.dumps(dict(descriptor.annotations), ensure_ascii=False).encode()) if descriptor.annotations else 0


def _idleness(record: UploadRecord) -> tuple[float, str]:
    return record.touched, record.session_id
