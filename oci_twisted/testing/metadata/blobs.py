"""
Which repository holds which blob.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from oci_twisted.interfaces import UploadRecord
from oci_twisted.spec.digests import digest_of, parse_digest
from oci_twisted.spec.names import parse_name
from oci_twisted.testing.metadata.examples import (
    ALL,
    ALPINE,
    BUSYBOX,
    DEBIAN,
    NOW,
    SIZE,
    check_pages,
    digest,
    exists,
    hold,
)
from oci_twisted.testing.waiting import waits

if TYPE_CHECKING:
    from oci_twisted.interfaces import IMetadataStore

BLOB = digest("blob")
OTHER = digest("other")


class BlobIndexContract:
    """What `oci_twisted.interfaces.IBlobIndex` promises."""

    @waits
    async def test_a_blob_that_nobody_added_is_not_held(self, store: IMetadataStore) -> None:
        """There is no size for a blob that the repository does not hold, whether the repository exists or not."""
        assert await store.blob_size(ALPINE, BLOB) is None
        await hold(store, ALPINE, OTHER)
        assert await store.blob_size(ALPINE, BLOB) is None

    @pytest.mark.parametrize("size", [0, 1, 5 << 40])
    @waits
    async def test_a_blob_that_was_added_is_held(self, store: IMetadataStore, size: int) -> None:
        """The size of a blob is the one that it was added with, however large."""
        await store.add_blob(ALPINE, BLOB, size, "session", NOW)
        assert await store.blob_size(ALPINE, BLOB) == size

    @pytest.mark.parametrize(
        "key",
        [digest_of(b"blob", "sha512"), parse_digest(f"future+b64:{BLOB.encoded}"), parse_digest("future:aZ09=_-")],
    )
    @waits
    async def test_any_digest_is_a_key(self, store: IMetadataStore, key: object) -> None:
        """Blobs whose digests are of other algorithms are apart from one another, whatever the rest of the text is."""
        other = parse_digest(str(key))
        await store.add_blob(ALPINE, BLOB, 1, "session", NOW)
        assert await store.blob_size(ALPINE, other) is None
        await store.add_blob(ALPINE, other, 2, "session", NOW)
        assert await store.blob_size(ALPINE, BLOB) == 1
        assert await store.blob_size(ALPINE, other) == 2

    @waits
    async def test_a_blob_is_held_by_the_repository_alone(self, store: IMetadataStore) -> None:
        """A blob that one repository holds is not in another, not even in one whose name begins or ends alike."""
        await hold(store, ALPINE, BLOB)
        await hold(store, BUSYBOX, OTHER)
        for text in ("library/busybox", "library/alpin", "library/alpine2", "library/alpine/edge", "library", "alpine"):
            assert await store.blob_size(parse_name(text), BLOB) is None

    @waits
    async def test_to_add_a_blob_again_changes_nothing_that_shows(self, store: IMetadataStore) -> None:
        """A blob that is added twice is held once."""
        await store.add_blob(ALPINE, BLOB, SIZE, "first", NOW)
        await store.add_blob(ALPINE, BLOB, SIZE, "second", NOW + 1)
        assert await store.blob_size(ALPINE, BLOB) == SIZE
        assert (await store.blob_holders(BLOB, ALL)).items == (ALPINE,)
        assert await store.remove_blob(ALPINE, BLOB)
        assert await store.blob_size(ALPINE, BLOB) is None

    @waits
    async def test_to_add_a_blob_ends_the_session_that_brought_it(self, store: IMetadataStore) -> None:
        """The upload session is forgotten with the blob that it became, and no other session is."""
        ours = UploadRecord("ours", ALPINE, NOW)
        theirs = UploadRecord("theirs", ALPINE, NOW)
        await store.begin_upload(ours)
        await store.begin_upload(theirs)
        await store.add_blob(ALPINE, BLOB, SIZE, "ours", NOW)
        assert await store.upload("ours") is None
        assert await store.idle_uploads(NOW + 1, 10) == (theirs,)

    @waits
    async def test_a_mounted_blob_is_held(self, store: IMetadataStore) -> None:
        """A mount answers the size, and the blob is then in both repositories."""
        await hold(store, ALPINE, BLOB)
        assert await store.mount_blob(BUSYBOX, BLOB, ALPINE, NOW) == SIZE
        assert await store.blob_size(BUSYBOX, BLOB) == SIZE
        assert await store.blob_size(ALPINE, BLOB) == SIZE

    @waits
    async def test_a_mount_from_where_the_blob_is_not_changes_nothing(self, store: IMetadataStore) -> None:
        """A source that lacks the blob gives none, though a third repository has it."""
        await hold(store, ALPINE, BLOB)
        await hold(store, DEBIAN, OTHER)
        for source in (DEBIAN, BUSYBOX, parse_name("nowhere")):
            assert await store.mount_blob(BUSYBOX, BLOB, source, NOW) is None
        assert await store.blob_size(BUSYBOX, BLOB) is None
        assert not await exists(store, BUSYBOX)
        assert (await store.blob_holders(BLOB, ALL)).items == (ALPINE,)

    @waits
    async def test_a_mount_of_what_is_held_is_no_fault(self, store: IMetadataStore) -> None:
        """A blob can be mounted again, also from the repository itself, and is held once."""
        await hold(store, ALPINE, BLOB)
        for name, source in ((ALPINE, ALPINE), (BUSYBOX, ALPINE), (BUSYBOX, ALPINE), (ALPINE, BUSYBOX)):
            assert await store.mount_blob(name, BLOB, source, NOW) == SIZE
        assert (await store.blob_holders(BLOB, ALL)).items == (ALPINE, BUSYBOX)

    @waits
    async def test_a_mounted_blob_stays_when_its_source_lets_go(self, store: IMetadataStore) -> None:
        """A delete in the source does not reach the repository that mounted, which can be a source itself."""
        await hold(store, ALPINE, BLOB)
        await store.mount_blob(BUSYBOX, BLOB, ALPINE, NOW)
        assert await store.remove_blob(ALPINE, BLOB)
        assert await store.blob_size(ALPINE, BLOB) is None
        assert await store.mount_blob(DEBIAN, BLOB, BUSYBOX, NOW) == SIZE

    @waits
    async def test_a_blob_is_removed_once(self, store: IMetadataStore) -> None:
        """To remove a blob answers whether it was held, and takes no other blob along."""
        await hold(store, ALPINE, BLOB, OTHER)
        assert await store.remove_blob(ALPINE, BLOB)
        assert await store.blob_size(ALPINE, BLOB) is None
        assert not await store.remove_blob(ALPINE, BLOB)
        assert not await store.remove_blob(BUSYBOX, OTHER)
        assert await store.blob_size(ALPINE, OTHER) == SIZE

    @waits
    async def test_a_removed_blob_can_be_added_again(self, store: IMetadataStore) -> None:
        """A blob that nobody held any more is held again after a new upload."""
        await hold(store, ALPINE, BLOB)
        await store.remove_blob(ALPINE, BLOB)
        assert await store.mount_blob(BUSYBOX, BLOB, ALPINE, NOW) is None
        await hold(store, ALPINE, BLOB)
        assert await store.blob_size(ALPINE, BLOB) == SIZE

    @waits
    async def test_nothing_in_another_repository_undoes_a_delete(self, store: IMetadataStore) -> None:
        """After a delete the blob stays away, whatever is pushed, mounted or deleted elsewhere."""
        await hold(store, ALPINE, BLOB)
        await hold(store, BUSYBOX, BLOB)
        await store.remove_blob(ALPINE, BLOB)
        await hold(store, BUSYBOX, BLOB)
        await store.mount_blob(DEBIAN, BLOB, BUSYBOX, NOW)
        await store.remove_blob(BUSYBOX, BLOB)
        await hold(store, BUSYBOX, BLOB)
        await hold(store, ALPINE, OTHER)
        assert await store.blob_size(ALPINE, BLOB) is None
        assert (await store.blob_holders(BLOB, ALL)).items == (BUSYBOX, DEBIAN)

    @waits
    async def test_holders_are_listed_in_pages(self, store: IMetadataStore) -> None:
        """The repositories that hold a blob are listed by name in byte order, those with names that begin alike too."""
        texts = ["a", "a-b", "a-b/c", "a.b", "a/b", "a/b/c", "a0", "aa", "b"]
        for text in reversed(texts):
            await hold(store, parse_name(text), BLOB)
        await hold(store, parse_name("a/a"), OTHER)
        await check_pages(partial(store.blob_holders, BLOB), [parse_name(text) for text in texts])

    @waits
    async def test_a_blob_that_nobody_holds_has_no_holders(self, store: IMetadataStore) -> None:
        """A blob that was never added, or that everybody let go of, is listed nowhere."""
        assert (await store.blob_holders(BLOB, ALL)).items == ()
        await hold(store, ALPINE, BLOB)
        await store.remove_blob(ALPINE, BLOB)
        assert (await store.blob_holders(BLOB, ALL)).items == ()
