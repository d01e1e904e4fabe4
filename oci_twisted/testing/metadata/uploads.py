"""
Upload sessions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from oci_twisted.interfaces import UploadRecord
from oci_twisted.testing.metadata.examples import ALPINE, BUSYBOX, NOW
from oci_twisted.testing.waiting import waits

if TYPE_CHECKING:
    from oci_twisted.interfaces import IMetadataStore

RECORD = UploadRecord("2f1c6c0e-session", ALPINE, NOW + 0.125)


class UploadIndexContract:
    """What `oci_twisted.interfaces.IUploadIndex` promises."""

    @waits
    async def test_a_session_is_remembered(self, store: IMetadataStore) -> None:
        """A session is answered as it was begun, to the fraction of a second, and no other is."""
        other = UploadRecord("other", BUSYBOX, NOW)
        await store.begin_upload(RECORD)
        await store.begin_upload(other)
        assert await store.upload(RECORD.session_id) == RECORD
        assert await store.upload("other") == other
        assert await store.upload("2f1c6c0e") is None

    @waits
    async def test_a_session_is_touched(self, store: IMetadataStore) -> None:
        """A session that was written to has the time of that, and all else as before."""
        await store.begin_upload(RECORD)
        await store.touch_upload(RECORD.session_id, NOW + 60.5)
        assert await store.upload(RECORD.session_id) == evolve(RECORD, touched=NOW + 60.5)

    @waits
    async def test_a_session_is_ended(self, store: IMetadataStore) -> None:
        """A session that ended is not known, and others still are."""
        await store.begin_upload(RECORD)
        await store.begin_upload(evolve(RECORD, session_id="other"))
        await store.end_upload(RECORD.session_id)
        assert await store.upload(RECORD.session_id) is None
        assert await store.upload("other") is not None

    @waits
    async def test_an_unknown_session_is_let_be(self, store: IMetadataStore) -> None:
        """To touch or end what is not known makes nothing known."""
        await store.touch_upload(RECORD.session_id, NOW)
        await store.end_upload(RECORD.session_id)
        assert await store.upload(RECORD.session_id) is None
        assert await store.idle_uploads(NOW + 1e9, 10) == ()

    @waits
    async def test_idle_sessions_are_listed(self, store: IMetadataStore) -> None:
        """Those last written to before a time are listed, the longest idle first, and not those of that very time."""
        records = [UploadRecord(f"session-{9 - number}", ALPINE, NOW + number) for number in range(4)]
        for record in (records[2], records[0], records[3], records[1]):
            await store.begin_upload(record)
        assert await store.idle_uploads(NOW, 10) == ()
        assert await store.idle_uploads(NOW + 2, 10) == tuple(records[:2])
        assert await store.idle_uploads(NOW + 2.5, 10) == tuple(records[:3])
        assert await store.idle_uploads(NOW + 10, 10) == tuple(records)

    @waits
    async def test_as_many_idle_sessions_are_listed_as_are_wanted(self, store: IMetadataStore) -> None:
        """The list has at most so many, and those are the longest idle."""
        records = [UploadRecord(f"session-{number}", ALPINE, NOW + number) for number in range(4)]
        for record in records:
            await store.begin_upload(record)
        for limit in range(5):
            assert await store.idle_uploads(NOW + 10, limit) == tuple(records[:limit])

    @waits
    async def test_a_session_that_was_touched_is_idle_from_then(self, store: IMetadataStore) -> None:
        """A touch moves a session behind those that are idle for longer, and an end takes it out."""
        for number in range(3):
            await store.begin_upload(UploadRecord(f"session-{number}", ALPINE, NOW + number))
        await store.touch_upload("session-0", NOW + 10)
        await store.end_upload("session-1")
        idle = await store.idle_uploads(NOW + 20, 10)
        assert [record.session_id for record in idle] == ["session-2", "session-0"]
        assert await store.idle_uploads(NOW + 10, 10) == idle[:1]
