"""
The registry: repositories on one blob store and one metadata store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zope.interface import implementer

from oci_twisted.interfaces import IBlobStore, IMetadataStore, IRegistry, IRepository
from oci_twisted.registry.policy import Policy
from oci_twisted.registry.repository import Repository
from oci_twisted.registry.uploads import expire_uploads
from oci_twisted.spec.tagrules import FREE, TagRules

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

    from oci_twisted.spec.digests import Digest
    from oci_twisted.spec.names import RepositoryName
    from oci_twisted.spec.pages import Page, PageRequest


@implementer(IRegistry)
class StoredRegistry:
    """
    A registry whose content is in stores of this process.

    :param clock: tells the time for leases and idle sessions, in seconds since the epoch.
    """

    def __init__(
        self,
        blobs: IBlobStore,
        metadata: IMetadataStore,
        clock: IReactorTime,
        policy: Policy | None = None,
    ) -> None:
        self._blobs = IBlobStore(blobs)
        self._metadata = IMetadataStore(metadata)
        self._clock = clock
        self.policy = policy or Policy()

    def repository(self, name: RepositoryName, rules: TagRules = FREE) -> IRepository:
        """
        Answer a repository, whether it exists or not.

        :param rules: what its user may not do to single tags.
        """
        return Repository(name, self._blobs, self._metadata, self.policy, self._clock, rules)

    async def repositories(self, page: PageRequest) -> Page[RepositoryName]:
        """List the repositories that exist, in byte order."""
        return await self._metadata.repositories(page)

    async def blob_holders(self, digest: Digest, page: PageRequest) -> Page[RepositoryName]:
        """List the repositories that hold a blob: where a mount that names no source can look."""
        return await self._metadata.blob_holders(digest, page)

    async def expire_uploads(self) -> int:
        """Cancel the upload sessions that have been idle for the policy's lifetime; answer how many."""
        before = self._clock.seconds() - self.policy.upload_lifetime
        return await expire_uploads(self._blobs, self._metadata, before)

    async def close(self) -> None:
        """Close both stores.  Called once, when no call is in progress."""
        try:
            await self._blobs.close()
        finally:
            await self._metadata.close()
