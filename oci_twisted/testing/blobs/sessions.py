"""
Blobs on their way in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oci_twisted.spec.digests import ALGORITHMS, SHA256, digest_of
from oci_twisted.spec.errors import DigestInvalid, UploadBusy, UploadUnknown
from oci_twisted.testing.blobs.examples import assert_ended, examples, new_session_id, pull, push, some_bytes
from oci_twisted.testing.waiting import waits

if TYPE_CHECKING:
    from oci_twisted.interfaces import IBlobStore


class SessionContract:
    """What upload sessions do."""

    @examples
    @given(chunks=st.lists(st.tuples(st.binary(max_size=2000), st.booleans()), max_size=8))
    @waits
    async def test_any_split_gives_the_same_blob(self, store: IBlobStore, chunks: list[tuple[bytes, bool]]) -> None:
        """However the bytes are split into chunks, and whoever writes which, they make the same blob."""
        session = await store.begin(new_session_id(), SHA256)
        for chunk, leaves in chunks:
            await session.append(chunk)
            if leaves:
                session.close()
                session = await store.resume(session.session_id)
        content = b"".join(chunk for chunk, _ in chunks)
        digest = digest_of(content)
        assert await session.commit(digest) == len(content)
        assert await pull(store, digest) == content

    @pytest.mark.parametrize("announced", ALGORITHMS)
    @pytest.mark.parametrize("algorithm", ALGORITHMS)
    @waits
    async def test_any_algorithm_is_committed(self, store: IBlobStore, announced: str, algorithm: str) -> None:
        """A session is committed under a digest of any algorithm, whichever it was begun with."""
        content = some_bytes(1000)
        session = await store.begin(new_session_id(), announced)
        await session.append(content)
        digest = digest_of(content, algorithm)
        assert await session.commit(digest) == len(content)
        assert await pull(store, digest) == content

    @waits
    async def test_offset_counts_bytes(self, store: IBlobStore) -> None:
        """The offset is how many bytes were appended, to the writer as to whoever asks."""
        session_id = new_session_id()
        session = await store.begin(session_id, SHA256)
        assert session.session_id == session_id
        assert session.offset == 0
        assert await store.received(session_id) == 0
        assert await session.append(b"four") == 4
        assert await session.append(b"") == 4
        assert session.offset == 4
        assert await store.received(session_id) == 4
        session.close()
        assert await store.received(session_id) == 4
        resumed = await store.resume(session_id)
        assert resumed.session_id == session_id
        assert resumed.offset == 4
        await resumed.cancel()

    @waits
    async def test_session_has_one_writer(self, store: IBlobStore) -> None:
        """Nobody resumes a session that has a writer, until it has left."""
        session = await store.begin(new_session_id(), SHA256)
        with pytest.raises(UploadBusy):
            await store.resume(session.session_id)
        session.close()
        resumed = await store.resume(session.session_id)
        with pytest.raises(UploadBusy):
            await store.resume(session.session_id)
        # The one who has left does not let others in again.
        session.close()
        with pytest.raises(UploadBusy):
            await store.resume(session.session_id)
        await resumed.cancel()

    @pytest.mark.parametrize(
        "session_id", ["unknown", "", ".", "..", "../uploads", "/etc/passwd", "a" * 5000, "a\0", "a\n", "é", "\udcff"]
    )
    @waits
    async def test_unknown_session(self, store: IBlobStore, session_id: str) -> None:
        """A session that was never begun cannot be resumed and has received nothing, whatever its id looks like."""
        with pytest.raises(UploadUnknown):
            await store.resume(session_id)
        with pytest.raises(UploadUnknown):
            await store.received(session_id)

    @waits
    async def test_commit_ends_the_session(self, store: IBlobStore) -> None:
        """A session that was committed is not there any more, and closing it has no effect."""
        content = some_bytes(100)
        session = await store.begin(new_session_id(), SHA256)
        await session.append(content)
        await session.commit(digest_of(content))
        session.close()
        session.close()
        await assert_ended(store, session.session_id)
        assert await pull(store, digest_of(content)) == content

    @waits
    async def test_cancel_ends_the_session(self, store: IBlobStore) -> None:
        """A session that was cancelled is not there any more, and closing it has no effect."""
        session = await store.begin(new_session_id(), SHA256)
        await session.append(b"some")
        await session.cancel()
        session.close()
        session.close()
        await assert_ended(store, session.session_id)

    @waits
    async def test_close_may_be_called_again(self, store: IBlobStore) -> None:
        """A session that was closed twice goes on, and its bytes are there."""
        session = await store.begin(new_session_id(), SHA256)
        await session.append(b"some")
        session.close()
        session.close()
        resumed = await store.resume(session.session_id)
        await resumed.append(b"thing")
        digest = digest_of(b"something")
        await resumed.commit(digest)
        assert await pull(store, digest) == b"something"

    @pytest.mark.parametrize("algorithm", ALGORITHMS)
    @waits
    async def test_other_bytes_are_refused(self, store: IBlobStore, algorithm: str) -> None:
        """Bytes that have another digest are not kept, under either digest, and the session has ended."""
        content, other = some_bytes(100), some_bytes(100)
        expected, found = digest_of(content, algorithm), digest_of(other, algorithm)
        session = await store.begin(new_session_id(), SHA256)
        await session.append(other)
        with pytest.raises(DigestInvalid):
            await session.commit(expected)
        assert await store.stat(expected) is None
        assert await store.stat(found) is None
        session.close()
        await assert_ended(store, session.session_id)

    @waits
    async def test_other_bytes_do_no_harm(self, store: IBlobStore) -> None:
        """A blob that is there stays as it is when other bytes are pushed under its digest."""
        content = some_bytes(100)
        digest = await push(store, content)
        session = await store.begin(new_session_id(), SHA256)
        await session.append(some_bytes(100))
        with pytest.raises(DigestInvalid):
            await session.commit(digest)
        assert await pull(store, digest) == content
