"""
Which repository holds a blob (promise P4): no other can be read through it, and none undoes another's delete.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from oci_twisted.spec.digests import digest_of
from oci_twisted.spec.errors import BlobUnknown, NameUnknown
from oci_twisted.testing.repository.blobs import UNVERIFIABLE
from oci_twisted.testing.repository.examples import ALL, ALPINE, BUSYBOX, LATEST, pull_blob, push_blob
from oci_twisted.testing.waiting import waits

if TYPE_CHECKING:
    from oci_twisted.interfaces import IRegistry

CONTENT = b"a blob"
DIGEST = digest_of(CONTENT)


class MembershipContract:
    """What repositories do with each other's blobs."""

    @waits
    async def test_a_blob_is_only_where_it_was_pushed(self, registry: IRegistry) -> None:
        """A blob of another repository cannot be looked at, opened or deleted, and asking does not change that."""
        await push_blob(registry.repository(ALPINE), CONTENT)
        stranger = registry.repository(BUSYBOX)
        for _ in range(2):
            with pytest.raises(BlobUnknown):
                await stranger.stat_blob(DIGEST)
            with pytest.raises(BlobUnknown):
                await stranger.open_blob(DIGEST)
            with pytest.raises(BlobUnknown):
                await stranger.delete_blob(DIGEST)
        assert await pull_blob(registry.repository(ALPINE), DIGEST) == CONTENT

    @waits
    async def test_a_mounted_blob_is_in_both(self, registry: IRegistry) -> None:
        """A mount makes the repository, and the blob can be pulled from both at once."""
        await push_blob(registry.repository(ALPINE), CONTENT)
        assert await registry.repository(BUSYBOX).mount_blob(DIGEST, ALPINE)
        for name in (ALPINE, BUSYBOX):
            assert await registry.repository(name).stat_blob(DIGEST) == len(CONTENT)
            assert await pull_blob(registry.repository(name), DIGEST) == CONTENT

    @waits
    async def test_a_mount_can_be_repeated(self, registry: IRegistry) -> None:
        """To mount what is there already, even from where it goes to, is no error."""
        await push_blob(registry.repository(ALPINE), CONTENT)
        assert await registry.repository(BUSYBOX).mount_blob(DIGEST, ALPINE)
        assert await registry.repository(BUSYBOX).mount_blob(DIGEST, ALPINE)
        assert await registry.repository(ALPINE).mount_blob(DIGEST, ALPINE)
        await registry.repository(ALPINE).delete_blob(DIGEST)
        with pytest.raises(BlobUnknown):
            await registry.repository(ALPINE).stat_blob(DIGEST)

    @waits
    async def test_a_mount_can_go_on_from_where_it_went(self, registry: IRegistry) -> None:
        """What was mounted can be mounted from there, also when it is gone from where it came."""
        await push_blob(registry.repository(ALPINE), CONTENT)
        await registry.repository(BUSYBOX).mount_blob(DIGEST, ALPINE)
        await registry.repository(ALPINE).delete_blob(DIGEST)
        assert await registry.repository(ALPINE).mount_blob(DIGEST, BUSYBOX)
        assert await pull_blob(registry.repository(ALPINE), DIGEST) == CONTENT

    @waits
    async def test_what_the_source_does_not_hold_cannot_be_mounted(self, registry: IRegistry) -> None:
        """A mount finds nothing in a repository that does not hold the blob, whoever else does, and changes nothing."""
        target = registry.repository(BUSYBOX)
        assert not await target.mount_blob(DIGEST, ALPINE)
        await push_blob(registry.repository(ALPINE), b"another blob")
        assert not await target.mount_blob(DIGEST, ALPINE)
        assert not await target.mount_blob(DIGEST, BUSYBOX)
        assert not await target.mount_blob(UNVERIFIABLE, ALPINE)
        with pytest.raises(BlobUnknown):
            await target.stat_blob(DIGEST)
        with pytest.raises(NameUnknown):
            await target.tags(ALL)

    @waits
    async def test_a_delete_touches_no_other(self, registry: IRegistry) -> None:
        """A delete in the source leaves the blob in the target, and one in the target leaves it in the source."""
        await push_blob(registry.repository(ALPINE), CONTENT)
        await registry.repository(BUSYBOX).mount_blob(DIGEST, ALPINE)
        await registry.repository(ALPINE).delete_blob(DIGEST)
        assert await pull_blob(registry.repository(BUSYBOX), DIGEST) == CONTENT
        await registry.repository(ALPINE).mount_blob(DIGEST, BUSYBOX)
        await registry.repository(BUSYBOX).delete_blob(DIGEST)
        assert await pull_blob(registry.repository(ALPINE), DIGEST) == CONTENT
        with pytest.raises(BlobUnknown):
            await registry.repository(BUSYBOX).stat_blob(DIGEST)

    @waits
    async def test_no_other_undoes_a_delete(self, registry: IRegistry) -> None:
        """A blob that was deleted stays so, whatever is pushed, mounted, asked for or deleted elsewhere."""
        deleted = registry.repository(ALPINE)
        other = registry.repository(BUSYBOX)
        await push_blob(deleted, CONTENT)
        await other.mount_blob(DIGEST, ALPINE)
        await deleted.delete_blob(DIGEST)
        await other.stat_blob(DIGEST)
        await push_blob(other, CONTENT)
        await other.put_manifest(b"not of a known type", "text/plain", LATEST)
        with pytest.raises(BlobUnknown):
            await deleted.stat_blob(DIGEST)
        assert not await other.mount_blob(DIGEST, ALPINE)
        await other.delete_blob(DIGEST)
        await push_blob(other, CONTENT)
        with pytest.raises(BlobUnknown):
            await deleted.open_blob(DIGEST)
