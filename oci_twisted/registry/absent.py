"""
A repository that does not exist: what is shown to those who may not see one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from zope.interface import implementer

from oci_twisted.interfaces import IRepository
from oci_twisted.spec.digests import SHA256
from oci_twisted.spec.errors import BlobUnknown, Denied, ManifestUnknown, NameUnknown, UploadUnknown
from oci_twisted.spec.pages import Page

if TYPE_CHECKING:
    from collections.abc import Collection

    from oci_twisted.spec.descriptors import Descriptor
    from oci_twisted.spec.digests import Digest
    from oci_twisted.spec.names import Reference, RepositoryName, Tag
    from oci_twisted.spec.pages import PageRequest
    from oci_twisted.spec.preconditions import Precondition


@implementer(IRepository)
class AbsentRepository:
    """
    Holds nothing, whatever is stored under its name.

    It answers what a repository that does not exist answers, and touches no store: so neither the answer nor the time
    that it takes depends on what there is.  Nothing can be brought into it.
    """

    def __init__(self, name: RepositoryName) -> None:
        self.name = name

    async def stat_blob(self, digest: Digest) -> NoReturn:
        """Say that there is none."""
        raise BlobUnknown.of(digest)

    async def open_blob(self, digest: Digest) -> NoReturn:
        """Say that there is none."""
        raise BlobUnknown.of(digest)

    async def delete_blob(self, digest: Digest) -> NoReturn:
        """Say that there is none."""
        raise BlobUnknown.of(digest)

    async def mount_blob(self, digest: Digest, source: RepositoryName) -> bool:
        """Say that it cannot be."""
        del digest, source
        return False

    async def begin_upload(self, algorithm: str = SHA256) -> NoReturn:
        """Refuse it."""
        del algorithm
        raise Denied(f"nothing can be pushed to {self.name}")

    async def resume_upload(self, session_id: str) -> NoReturn:
        """Say that there is none."""
        raise UploadUnknown.of(session_id)

    async def upload_offset(self, session_id: str) -> NoReturn:
        """Say that there is none."""
        raise UploadUnknown.of(session_id)

    async def get_manifest(self, reference: Reference) -> NoReturn:
        """Say that there is none."""
        raise ManifestUnknown.of(reference)

    async def put_manifest(
        self,
        content: bytes,
        content_type: str | None,
        reference: Reference,
        tags: Collection[Tag] = (),
        precondition: Precondition | None = None,
    ) -> NoReturn:
        """Refuse it."""
        del content, content_type, reference, tags, precondition
        raise Denied(f"nothing can be pushed to {self.name}")

    async def delete_manifest(self, digest: Digest) -> NoReturn:
        """Say that there is none."""
        raise ManifestUnknown.of(digest)

    async def delete_tag(self, tag: Tag, precondition: Precondition | None = None) -> NoReturn:
        """Say that there is none."""
        del precondition
        raise ManifestUnknown.of(tag)

    async def tags(self, page: PageRequest) -> NoReturn:
        """Say that the repository does not exist."""
        del page
        raise NameUnknown.of(self.name)

    async def referrers(self, subject: Digest, artifact_types: Collection[str], page: PageRequest) -> Page[Descriptor]:
        """Nothing refers to what does not exist."""
        del subject, artifact_types, page
        return Page(())
