"""
Upload sessions on disk: other processes, failures, and callers that go away.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from twisted.internet.defer import CancelledError, Deferred

from oci_twisted.spec.digests import SHA256, SHA512, digest_of, hasher
from oci_twisted.spec.errors import BlobUnknown, DigestInvalid, UploadBusy, UploadUnknown
from oci_twisted.storage.disk.blobs import DiskBlobs
from oci_twisted.storage.disk.sessions import Hashed, HashedSessions, open_locked
from oci_twisted.testing.blobs import pull
from oci_twisted.testing.waiting import waits
from tests.storage.disks import open_store
from tests.storage.metadata_pools import HeldPool

if TYPE_CHECKING:
    from pathlib import Path


# Other processes


@pytest.mark.parametrize("algorithm", [SHA256, SHA512])
@waits
async def test_restart(tmp_path: Path, algorithm: str) -> None:
    """A session goes on in another process at the file's size, and commits what both have written."""
    session = await open_store(tmp_path).begin("session", algorithm)
    await session.append(b"some")
    session.close()
    store = open_store(tmp_path)
    session = await store.resume("session")
    assert session.offset == 4
    await session.append(b"thing")
    digest = digest_of(b"something", algorithm)
    assert await session.commit(digest) == 9
    assert await pull(store, digest) == b"something"


@waits
async def test_restart_before_the_first_byte(tmp_path: Path) -> None:
    """A session without bytes goes on in another process too."""
    (await open_store(tmp_path).begin("session", SHA512)).close()
    store = open_store(tmp_path)
    session = await store.resume("session")
    await session.append(b"something")
    digest = digest_of(b"something", SHA512)
    await session.commit(digest)
    assert await pull(store, digest) == b"something"


@waits
async def test_processes_take_turns(tmp_path: Path) -> None:
    """A process does not rely on what it has hashed when another one has gone on with the session."""
    one, other = open_store(tmp_path), open_store(tmp_path)
    (await one.begin("session", SHA256)).close()
    for store, chunk in ((one, b"so"), (other, b"me"), (one, b"th"), (other, b"ing")):
        session = await store.resume("session")
        await session.append(chunk)
        session.close()
    digest = digest_of(b"something")
    await (await one.resume("session")).commit(digest)
    assert await pull(other, digest) == b"something"


@waits
async def test_other_process_reads_the_file_again(tmp_path: Path) -> None:
    """A process that has not hashed the bytes itself commits what is in the file."""
    session = await open_store(tmp_path).begin("session", SHA256)
    await session.append(b"something")
    session.close()
    (tmp_path / "uploads" / "session").write_bytes(b"different")
    session = await open_store(tmp_path).resume("session")
    with pytest.raises(DigestInvalid):
        await session.commit(digest_of(b"something"))


@waits
async def test_large_file_is_read_again(tmp_path: Path) -> None:
    """A file of many pieces is read again as a whole."""
    content = os.urandom(3_000_001)
    session = await open_store(tmp_path).begin("session", SHA256)
    await session.append(content)
    session.close()
    store = open_store(tmp_path)
    digest = digest_of(content)
    assert await (await store.resume("session")).commit(digest) == len(content)


@waits
async def test_two_processes_do_not_write_one_session(tmp_path: Path) -> None:
    """The second process that wants to write to a session is refused until the first has left."""
    one, other = open_store(tmp_path), open_store(tmp_path)
    session = await one.begin("session", SHA256)
    await session.append(b"some")
    with pytest.raises(UploadBusy):
        await other.resume("session")
    assert await other.received("session") == 4
    session.close()
    session = await other.resume("session")
    with pytest.raises(UploadBusy):
        await one.resume("session")
    await session.cancel()
    with pytest.raises(UploadUnknown):
        await one.resume("session")


@pytest.mark.parametrize("ending", ["unlinked", "renamed"])
def test_session_that_ends_while_it_is_opened(tmp_path: Path, ending: str) -> None:
    """Who opens a session's file at the moment when the session ends does not write to what is now no session's."""
    path, blob = tmp_path / "session", tmp_path / "data"
    path.write_bytes(b"content")
    opened: list[int] = []

    def open_too_late() -> int:
        opened.append(os.open(path, os.O_RDWR))
        if ending == "renamed":
            path.rename(blob)
        else:
            path.unlink()
        return opened[0]

    with pytest.raises(UploadUnknown):
        open_locked(open_too_late, str(path), "session")
    assert_closed(opened[0])


def test_file_that_cannot_be_locked(tmp_path: Path) -> None:
    """A file system that cannot lock is an error of the disk, and leaves no file open."""
    path = tmp_path / "session"
    path.touch()
    descriptor = os.open(path, os.O_PATH)
    with pytest.raises(OSError, match="Bad file descriptor"):
        open_locked(lambda: descriptor, str(path), "session")
    assert_closed(descriptor)


def assert_closed(descriptor: int) -> None:
    """Nothing has been opened since, so the number is nobody's."""
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_hashed_bytes_are_remembered_once() -> None:
    """What was hashed serves one next writer, if the file is as it was left."""
    remembered = HashedSessions()
    hashed = Hashed(SHA256, hasher(SHA256), 7)
    remembered.keep("session", hashed)
    assert remembered.take("session", 7) is hashed
    assert remembered.take("session", 7) is None
    remembered.keep("session", hashed)
    assert remembered.take("session", 8) is None


def test_memory_of_hashed_bytes_is_bounded() -> None:
    """Of very many sessions only the latest are remembered."""
    remembered = HashedSessions()
    for number in range(10_000):
        remembered.keep(str(number), Hashed(SHA256, hasher(SHA256), 7))
    assert remembered.take("9999", 7) is not None
    assert remembered.take("5000", 7) is None


@waits
async def test_closed_store_has_forgotten(tmp_path: Path) -> None:
    """A store that was closed has let go of what it remembered, which does no harm."""
    store = open_store(tmp_path)
    session = await store.begin("session", SHA256)
    await session.append(b"something")
    session.close()
    await store.close()
    await (await store.resume("session")).commit(digest_of(b"something"))


# Ids


@waits
async def test_session_id_is_new(tmp_path: Path) -> None:
    """To begin a session under the id of another one is a mistake that is not passed over."""
    store = open_store(tmp_path)
    await (await store.begin("session", SHA256)).append(b"some")
    with pytest.raises(ValueError, match="is not new"):
        await store.begin("session", SHA256)
    assert await store.received("session") == 4


@waits
async def test_session_id_that_is_a_path(tmp_path: Path) -> None:
    """No session begins outside its folder."""
    with pytest.raises(UploadUnknown):
        await open_store(tmp_path).begin("../session", SHA256)
    assert not (tmp_path / "session").exists()


# Callers that go away


@waits
async def test_cancelled_append_still_ends(tmp_path: Path) -> None:
    """An append whose caller has gone keeps the session busy until it has ended, and then lets go of the file."""
    pool = HeldPool()
    store = DiskBlobs(tmp_path, pool, durability="full")
    beginning = Deferred.fromCoroutine(store.begin("session", SHA256))
    pool.release()
    session = await beginning
    appending = Deferred.fromCoroutine(session.append(b"some"))
    appending.cancel()
    with pytest.raises(CancelledError):
        await appending
    session.close()
    with pytest.raises(UploadBusy):
        await open_store(tmp_path).resume("session")
    pool.release()
    resumed = await open_store(tmp_path).resume("session")
    assert resumed.offset == session.offset == 4
    resumed.close()
    # The one who has left knows it.
    with pytest.raises(UploadUnknown):
        await session.append(b"thing")


@waits
async def test_session_at_work_takes_nothing_else(tmp_path: Path) -> None:
    """While one chunk is being written the session takes no other and is not committed; but it is cancelled."""
    pool = HeldPool()
    store = DiskBlobs(tmp_path, pool, durability="full")
    beginning = Deferred.fromCoroutine(store.begin("session", SHA256))
    pool.release()
    session = await beginning
    appending = Deferred.fromCoroutine(session.append(b"some"))
    with pytest.raises(UploadBusy):
        await session.append(b"thing")
    with pytest.raises(UploadBusy):
        await session.commit(digest_of(b""))
    cancelling = Deferred.fromCoroutine(session.cancel())
    session.close()
    assert not cancelling.called
    pool.release()
    assert await appending == 4
    pool.release()
    await cancelling
    # The file has no name any more, so that closing it takes time, and is the pool's to do.
    assert len(pool.held) == 1
    pool.release()
    with pytest.raises(UploadUnknown):
        await store.received("session")


@pytest.mark.parametrize("operation", ["begin", "resume"])
@waits
async def test_cancelled_writer_leaves(tmp_path: Path, operation: str) -> None:
    """Who goes away before the session is open does not stay its writer."""
    pool = HeldPool()
    store = DiskBlobs(tmp_path, pool, durability="full")
    if operation == "begin":
        opening = Deferred.fromCoroutine(store.begin("session", SHA256))
    else:
        (await open_store(tmp_path).begin("session", SHA256)).close()
        opening = Deferred.fromCoroutine(store.resume("session"))
    opening.cancel()
    with pytest.raises(CancelledError):
        await opening
    pool.release()
    await (await open_store(tmp_path).resume("session")).cancel()


@waits
async def test_cancelled_commit_still_ends(tmp_path: Path) -> None:
    """A commit whose caller has gone makes the blob all the same."""
    pool = HeldPool()
    store = DiskBlobs(tmp_path, pool, durability="full")
    opening = Deferred.fromCoroutine(store.begin("session", SHA256))
    pool.release()
    session = await opening
    committing = Deferred.fromCoroutine(session.commit(digest_of(b"")))
    committing.cancel()
    with pytest.raises(CancelledError):
        await committing
    session.close()
    with pytest.raises(BlobUnknown):
        await store.open(digest_of(b""))
    pool.release()
    assert await store.stat(digest_of(b"")) == 0
