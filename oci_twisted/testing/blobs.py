"""
What every blob store does: a suite for implementers of `IBlobStore`.

Subclass `BlobStoreContract`, or `FileBackedBlobStoreContract` where readers are `IFileBacked`, and give it a store::

    class TestMyBlobs(BlobStoreContract):
        @pytest.fixture
        def store(self) -> Iterator[IBlobStore]:
            yield MyBlobs()

The store need not be empty, and the suite leaves blobs behind.  The tests run in pytest-twisted's reactor, so a store
may wait for whatever it likes.
"""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred
from zope.interface.verify import verifyObject

from oci_twisted.interfaces import IBlobReader, IBlobStore, IFileBacked, IUploadSession
from oci_twisted.spec.digests import ALGORITHMS, SHA256, Digest, digest_of
from oci_twisted.spec.errors import BlobUnknown, DigestInvalid, UploadBusy, UploadUnknown
from oci_twisted.testing.consumers import (
    CheckingConsumer,
    FlutteringConsumer,
    PausingConsumer,
    StoppingConsumer,
)
from oci_twisted.testing.waiting import soon, turn, waits

if TYPE_CHECKING:
    from collections.abc import Iterator

# Some pieces, and a bit; no two pieces are alike.
_LARGE = 1_000_001
_PATTERN = (bytes(range(251)) * 4000)[:_LARGE]

_examples = settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=(
        # One store serves all examples: none of them relies on finding it empty.
        HealthCheck.function_scoped_fixture,
        # The suite is there to be run by several classes.
        HealthCheck.differing_executors,
    ),
)


def new_session_id() -> str:
    """Answer an id that no upload session has had."""
    return str(uuid.uuid4())


def some_bytes(size: int) -> bytes:
    """Answer bytes that are never the same."""
    return os.urandom(size)


async def push(store: IBlobStore, content: bytes, algorithm: str = SHA256) -> Digest:
    """Store a blob."""
    digest = digest_of(content, algorithm)
    session = await store.begin(new_session_id(), algorithm)
    await session.append(content)
    await session.commit(digest)
    return digest


async def pull(store: IBlobStore, digest: Digest) -> bytes:
    """Read a blob."""
    reader = await store.open(digest)
    try:
        consumer = CheckingConsumer()
        await reader.send(consumer, 0, reader.size)
        return consumer.content
    finally:
        reader.close()


async def resume_when_free(store: IBlobStore, session_id: str) -> IUploadSession:
    """Become the writer of a session as soon as its last writer's work has ended."""
    while True:
        try:
            return await store.resume(session_id)
        except UploadBusy:
            await turn()


async def walk(store: IBlobStore, limit: int) -> list[Digest]:
    """List a store, page by page."""
    found: list[Digest] = []
    more = True
    while more:
        page = await store.digests(found[-1] if found else None, limit)
        assert len(page.items) <= limit
        found += page.items
        more = page.more
    return found


class BlobStoreContract:
    """
    What every `IBlobStore` does.
    """

    @pytest.fixture
    def store(self) -> IBlobStore:
        """Give the store that is to be tested."""
        raise NotImplementedError("give a store in your subclass")

    @pytest.fixture(autouse=True)
    def _examples_of_each_class(self, request: pytest.FixtureRequest) -> Iterator[None]:
        # pytest-twisted puts a function of its own into a test that hypothesis runs, and leaves it there.  The next
        # subclass would run the store of the one before.
        examples: Any = getattr(request.function, "hypothesis", None)
        test = examples and examples.inner_test
        yield
        if examples:
            examples.inner_test = test

    # The interfaces

    @waits
    async def test_interfaces(self, store: IBlobStore) -> None:
        """The store, its sessions and its readers provide their interfaces."""
        verifyObject(IBlobStore, store)
        session = await store.begin(new_session_id(), SHA256)
        verifyObject(IUploadSession, session)
        await session.cancel()
        reader = await store.open(await push(store, b"content"))
        verifyObject(IBlobReader, reader)
        reader.close()

    # Blobs

    @pytest.mark.parametrize("size", [0, 1, _LARGE])
    @waits
    async def test_pushed_blob_is_there(self, store: IBlobStore, size: int) -> None:
        """A blob that was pushed has its size and its bytes, be they none."""
        content = some_bytes(size)
        digest = await push(store, content)
        assert await store.stat(digest) == size
        assert await pull(store, digest) == content

    @waits
    async def test_unknown_blob_is_not_there(self, store: IBlobStore) -> None:
        """A blob that was never pushed has no size, cannot be opened, and cannot be deleted."""
        digest = digest_of(some_bytes(32))
        assert await store.stat(digest) is None
        with pytest.raises(BlobUnknown):
            await store.open(digest)
        assert not await store.delete(digest)

    @pytest.mark.parametrize("encoded", ["ab", "A" * 500])
    @waits
    async def test_digest_that_nobody_can_compute_is_not_there(self, store: IBlobStore, encoded: str) -> None:
        """A digest of an algorithm that the registry does not know belongs to no blob."""
        digest = Digest("multihash+base58", encoded)
        assert await store.stat(digest) is None
        with pytest.raises(BlobUnknown):
            await store.open(digest)
        assert not await store.delete(digest)

    @waits
    async def test_deleted_blob_is_gone(self, store: IBlobStore) -> None:
        """A blob is deleted once, and may be pushed again."""
        content = some_bytes(100)
        digest = await push(store, content)
        assert await store.delete(digest)
        assert await store.stat(digest) is None
        with pytest.raises(BlobUnknown):
            await store.open(digest)
        assert not await store.delete(digest)
        await push(store, content)
        assert await pull(store, digest) == content

    @waits
    async def test_delete_leaves_others(self, store: IBlobStore) -> None:
        """Deleting a blob touches no other one."""
        kept, gone = some_bytes(100), some_bytes(100)
        digest = await push(store, kept)
        await store.delete(await push(store, gone))
        assert await pull(store, digest) == kept

    # Lists

    @pytest.mark.parametrize("limit", [1, 2, 1000])
    @waits
    async def test_every_blob_is_listed_once(self, store: IBlobStore, limit: int) -> None:
        """Page by page, every blob is listed once, in the same order whatever the size of the page."""
        pushed = {await push(store, some_bytes(10), algorithm) for algorithm in (*ALGORITHMS, *ALGORITHMS, *ALGORITHMS)}
        found = await walk(store, limit)
        assert pushed <= set(found)
        assert len(found) == len(set(found))
        assert found == await walk(store, 3)

    @waits
    async def test_list_goes_on_behind_what_was_deleted(self, store: IBlobStore) -> None:
        """A page begins behind a blob that does not exist any more."""
        for _ in range(4):
            await push(store, some_bytes(10))
        everything = await walk(store, 1000)
        middle = len(everything) // 2
        await store.delete(everything[middle])
        page = await store.digests(everything[middle], 1000)
        assert list(page.items) == everything[middle + 1 :]
        assert await walk(store, 1) == [*everything[:middle], *everything[middle + 1 :]]

    @waits
    async def test_last_page_says_so(self, store: IBlobStore) -> None:
        """There is more behind a page, or there is not."""
        for _ in range(2):
            await push(store, some_bytes(10))
        count = len(await walk(store, 1000))
        assert not (await store.digests(None, count)).more
        assert (await store.digests(None, count - 1)).more

    # Readers

    @_examples
    @given(bounds=st.tuples(st.integers(0, _LARGE), st.integers(0, _LARGE)).map(sorted))
    @waits
    async def test_any_range_is_sent_exactly(self, store: IBlobStore, bounds: list[int]) -> None:
        """Whatever range of a blob is asked for, exactly that is sent."""
        digest = digest_of(_PATTERN)
        if await store.stat(digest) is None:
            await push(store, _PATTERN)
        start, stop = bounds
        reader = await store.open(digest)
        consumer = CheckingConsumer()
        await reader.send(consumer, start, stop)
        assert consumer.content == _PATTERN[start:stop]
        reader.close()

    @pytest.mark.parametrize("consumer_type", [CheckingConsumer, FlutteringConsumer])
    @waits
    async def test_producer_is_registered_while_it_sends(
        self, store: IBlobStore, consumer_type: type[CheckingConsumer]
    ) -> None:
        """A push producer is registered before the first byte, and unregistered before the reader returns."""
        content = some_bytes(_LARGE)
        reader = await store.open(await push(store, content))
        consumer = consumer_type()
        await reader.send(consumer, 0, reader.size)
        assert consumer.content == content
        assert consumer.registrations == 1
        assert not consumer.registered
        reader.close()

    @waits
    async def test_nothing_is_sent_while_the_consumer_pauses(self, store: IBlobStore) -> None:
        """A consumer that pauses gets nothing until it resumes, and then the rest."""
        content = some_bytes(_LARGE)
        reader = await store.open(await push(store, content))
        consumer = PausingConsumer()
        sending = Deferred.fromCoroutine(reader.send(consumer, 0, reader.size))
        while len(consumer.content) < len(content):
            await soon(consumer.paused())
            received = len(consumer.pieces)
            for _ in range(3):
                await turn()
            assert len(consumer.pieces) == received
            if len(consumer.content) < len(content):
                consumer.resume()
        await _soon(sending)
        assert consumer.content == content
        assert not consumer.registered
        reader.close()

    @waits
    async def test_consumer_stops_while_it_takes(self, store: IBlobStore) -> None:
        """A consumer that stops the producer within a write gets nothing more, and the call ends as cancelled."""
        reader = await store.open(await push(store, some_bytes(_LARGE)))
        consumer = StoppingConsumer(after=1)
        with pytest.raises(CancelledError):
            await reader.send(consumer, 0, reader.size)
        assert len(consumer.pieces) == 1
        reader.close()

    @waits
    async def test_consumer_stops_at_the_last_byte(self, store: IBlobStore) -> None:
        """A consumer that stops the producer within the last write ends the call as cancelled too."""
        reader = await store.open(await push(store, b"short"))
        with pytest.raises(CancelledError):
            await reader.send(StoppingConsumer(after=1), 0, reader.size)
        reader.close()

    @waits
    async def test_consumer_stops_while_it_pauses(self, store: IBlobStore) -> None:
        """A consumer that has paused may stop the producer, and the call ends as cancelled."""
        reader = await store.open(await push(store, some_bytes(_LARGE)))
        consumer = PausingConsumer()
        sending = Deferred.fromCoroutine(reader.send(consumer, 0, reader.size))
        await soon(consumer.paused())
        consumer.stop()
        with pytest.raises(CancelledError):
            await _soon(sending)
        reader.close()

    @waits
    async def test_send_is_cancelled(self, store: IBlobStore) -> None:
        """A call that is cancelled stops, and has unregistered its producer."""
        reader = await store.open(await push(store, some_bytes(_LARGE)))
        consumer = PausingConsumer()
        sending = Deferred.fromCoroutine(reader.send(consumer, 0, reader.size))
        await soon(consumer.paused())
        sending.cancel()
        with pytest.raises(CancelledError):
            await _soon(sending)
        assert not consumer.registered
        reader.close()

    @waits
    async def test_one_reader_sends_several_ranges(self, store: IBlobStore) -> None:
        """A reader sends one range after another, wherever they lie."""
        reader = await store.open(await push(store, b"0123456789"))
        consumer = CheckingConsumer()
        for start, stop in ((5, 10), (0, 3), (4, 4), (2, 6)):
            await reader.send(consumer, start, stop)
        assert consumer.content == b"567890122345"
        reader.close()

    @waits
    async def test_open_reader_outlives_the_blob(self, store: IBlobStore) -> None:
        """A blob that is deleted, or pushed again, stays readable to those who have opened it."""
        content = some_bytes(_LARGE)
        digest = await push(store, content)
        readers = [await store.open(digest)]
        await push(store, content)
        readers.append(await store.open(digest))
        await store.delete(digest)
        for reader in readers:
            consumer = CheckingConsumer()
            await reader.send(consumer, 0, reader.size)
            assert consumer.content == content
            reader.close()

    @waits
    async def test_reader_may_be_closed_again(self, store: IBlobStore) -> None:
        """Closing a reader again has no effect, not even on another reader."""
        content = some_bytes(100)
        digest = await push(store, content)
        reader = await store.open(digest)
        reader.close()
        other = await store.open(digest)
        reader.close()
        consumer = CheckingConsumer()
        await other.send(consumer, 0, other.size)
        assert consumer.content == content
        other.close()

    # Sessions

    @_examples
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
        await _assert_ended(store, session.session_id)
        assert await pull(store, digest_of(content)) == content

    @waits
    async def test_cancel_ends_the_session(self, store: IBlobStore) -> None:
        """A session that was cancelled is not there any more, and closing it has no effect."""
        session = await store.begin(new_session_id(), SHA256)
        await session.append(b"some")
        await session.cancel()
        session.close()
        session.close()
        await _assert_ended(store, session.session_id)

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
        await _assert_ended(store, session.session_id)

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

    @waits
    async def test_blob_is_not_there_before_it_is_committed(self, store: IBlobStore) -> None:
        """No reader finds a blob whose session has not been committed."""
        content = some_bytes(_LARGE)
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
        await _soon(committing)
        assert await pull(store, digest) == content

    @waits
    async def test_cancelled_append_has_happened_or_not(self, store: IBlobStore) -> None:
        """When an append is cancelled the offset is the old one or the new one, and the session goes on from there."""
        first, chunk = some_bytes(100), some_bytes(_LARGE)
        session = await store.begin(new_session_id(), SHA256)
        await session.append(first)
        await _cancelled(Deferred.fromCoroutine(session.append(chunk)))
        session.close()
        resumed = await soon(resume_when_free(store, session.session_id))
        assert resumed.offset in {len(first), len(first + chunk)}
        if resumed.offset == len(first):
            await resumed.append(chunk)
        digest = digest_of(first + chunk)
        await resumed.commit(digest)
        assert await pull(store, digest) == first + chunk

    @waits
    async def test_cancelled_commit_has_happened_or_not(self, store: IBlobStore) -> None:
        """When a commit is cancelled the whole blob is there or none of it, and to push it again makes sure."""
        content = some_bytes(_LARGE)
        digest = digest_of(content)
        session = await store.begin(new_session_id(), SHA256)
        await session.append(content)
        await _cancelled(Deferred.fromCoroutine(session.commit(digest)))
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
        resumed = await _cancelled(resuming)
        if resumed is not None:
            resumed.close()
        again = await soon(resume_when_free(store, session.session_id))
        await again.cancel()

    # At the same time

    @waits
    async def test_one_blob_is_pushed_by_many(self, store: IBlobStore) -> None:
        """All who push one blob at the same time succeed."""
        content = some_bytes(_LARGE)
        digest = digest_of(content)
        sessions = [await store.begin(new_session_id(), SHA256) for _ in range(8)]
        appending = [Deferred.fromCoroutine(session.append(content)) for session in sessions]
        assert [await _soon(each) for each in appending] == [len(content)] * 8
        committing = [Deferred.fromCoroutine(session.commit(digest)) for session in sessions]
        assert [await _soon(each) for each in committing] == [len(content)] * 8
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
            await _soon(task)
        await push(store, content)
        assert await pull(store, digest) == content


class FileBackedBlobStoreContract(BlobStoreContract):
    """
    What a store does besides whose readers are `IFileBacked`.
    """

    @waits
    async def test_descriptor_reads_the_blob(self, store: IBlobStore) -> None:
        """A reader's descriptor reads the blob at any offset, until the reader is closed, deleted or not."""
        content = some_bytes(1000)
        digest = await push(store, content)
        reader = await store.open(digest)
        assert verifyObject(IFileBacked, reader)
        backed = IFileBacked(reader)
        await store.delete(digest)
        assert os.pread(backed.fileno(), 500, 100) == content[100:600]
        assert os.fstat(backed.fileno()).st_size == reader.size
        reader.close()


async def _soon(deferred: Deferred[Any]) -> Any:  # noqa: ANN401 - whatever it is
    async def wait() -> Any:  # noqa: ANN401
        return await deferred

    return await soon(wait())


async def _cancelled(deferred: Deferred[Any]) -> Any:  # noqa: ANN401 - whatever it is
    """Cancel it; answer what it answers nevertheless."""
    deferred.cancel()
    try:
        return await deferred
    except CancelledError:
        return None


async def _assert_ended(store: IBlobStore, session_id: str) -> None:
    with pytest.raises(UploadUnknown):
        await store.resume(session_id)
    with pytest.raises(UploadUnknown):
        await store.received(session_id)
