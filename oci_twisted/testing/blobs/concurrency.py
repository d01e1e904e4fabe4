"""
What happens at the same time, and what becomes of calls that are cancelled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from twisted.internet.defer import Deferred

from oci_twisted.spec.digests import SHA256, digest_of
from oci_twisted.spec.errors import BlobUnknown
from oci_twisted.testing.blobs.examples import (
    LARGE,
    cancelled,
    new_session_id,
    pull,
    push,
    resume_when_free,
    some_bytes,
)
from oci_twisted.testing.waiting import turn, waits

if TYPE_CHECKING:
    from oci_twisted.interfaces import IBlobStore


class ConcurrencyContract:
    """What a store does for many at once."""

    @waits
    async def test_blob_is_not_there_before_it_is_committed(self, store: IBlobStore) -> None:
        """No reader finds a blob whose session has not been committed."""
        content = some_bytes(LARGE)
        digest = digest_of(content)
        session = await store.begin(new_session_id(), SHA256)
        await session.append(content)
        assert await store.stat(digest) is None
        with pytest.raises(BlobUnknown):
            await store.open(digest)
        committing = Deferred.fromCoroutine(session.commit(digest))
        try:
            found = await pull(store, digest)
        except BlobUnknown:
            found = content
        assert found == content
        await committing
        assert await pull(store, digest) == content

    @waits
    async def test_cancelled_append_has_happened_or_not(self, store: IBlobStore) -> None:
        """When an append is cancelled the offset is the old one or the new one, and the session goes on from there."""
        first, chunk = some_bytes(100), some_bytes(LARGE)
        session = await store.begin(new_session_id(), SHA256)
        await session.append(first)
        await cancelled(Deferred.fromCoroutine(session.append(chunk)))
        session.close()
        resumed = await resume_when_free(store, session.session_id)
        assert resumed.offset in {len(first), len(first + chunk)}
        if resumed.offset == len(first):
            await resumed.append(chunk)
        digest = digest_of(first + chunk)
        await resumed.commit(digest)
        assert await pull(store, digest) == first + chunk

    @waits
    async def test_cancelled_commit_has_happened_or_not(self, store: IBlobStore) -> None:
        """When a commit is cancelled the whole blob is there or none of it, and to push it again makes sure."""
        content = some_bytes(LARGE)
        digest = digest_of(content)
        session = await store.begin(new_session_id(), SHA256)
        await session.append(content)
        await cancelled(Deferred.fromCoroutine(session.commit(digest)))
        session.close()
        assert await store.stat(digest) in {None, len(content)}
        await push(store, content)
        assert await pull(store, digest) == content

    @waits
    async def test_cancelled_resume_keeps_nobody_out(self, store: IBlobStore) -> None:
        """When becoming a writer is cancelled, somebody else can become it."""
        session = await store.begin(new_session_id(), SHA256)
        session.close()
        resuming = Deferred.fromCoroutine(store.resume(session.session_id))
        resumed = await cancelled(resuming)
        if resumed is not None:
            resumed.close()
        again = await resume_when_free(store, session.session_id)
        await again.cancel()

    @waits
    async def test_one_blob_is_pushed_by_many(self, store: IBlobStore) -> None:
        """All who push one blob at the same time succeed."""
        content = some_bytes(LARGE)
        digest = digest_of(content)
        sessions = [await store.begin(new_session_id(), SHA256) for _ in range(8)]
        appending = [Deferred.fromCoroutine(session.append(content)) for session in sessions]
        assert [await each for each in appending] == [len(content)] * 8
        committing = [Deferred.fromCoroutine(session.commit(digest)) for session in sessions]
        assert [await each for each in committing] == [len(content)] * 8
        assert await pull(store, digest) == content

    @waits
    async def test_one_blob_is_pushed_pulled_and_deleted_at_once(self, store: IBlobStore) -> None:
        """Whoever pulls a blob that is pushed and deleted meanwhile finds all of it or none."""
        content = some_bytes(300_000)
        digest = digest_of(content)

        async def pull_often() -> None:
            for _ in range(20):
                try:
                    assert await pull(store, digest) == content
                except BlobUnknown:
                    await turn()

        async def push_often() -> None:
            for _ in range(10):
                await push(store, content)

        async def delete_often() -> None:
            for _ in range(20):
                await store.delete(digest)
                await turn()

        tasks = [
            Deferred.fromCoroutine(task())
            for task in (push_often, delete_often, pull_often, push_often, delete_often, pull_often)
        ]
        for task in tasks:
            await task
        await push(store, content)
        assert await pull(store, digest) == content
