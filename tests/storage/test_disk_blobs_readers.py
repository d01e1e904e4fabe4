"""
Readers on disk: what is in memory, what is not, and what is damaged.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from twisted.internet.defer import CancelledError, Deferred

from oci_twisted.interfaces import IFileBacked
from oci_twisted.spec.digests import digest_of
from oci_twisted.spec.errors import Unavailable
from oci_twisted.storage.disk.blobs import DiskBlobs
from oci_twisted.stream.pools import InlinePool
from oci_twisted.stream.senders import BURST, PIECE
from oci_twisted.stream.zerocopy import read_hot
from oci_twisted.testing.blobs import pull, push
from oci_twisted.testing.consumers import CheckingConsumer, PausingConsumer
from oci_twisted.testing.waiting import waits
from tests.storage.disks import content_file
from tests.storage.metadata_pools import HeldPool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oci_twisted.interfaces import IBlobReader


async def open_pushed(root: Path, content: bytes, pool: HeldPool) -> IBlobReader:
    """Push a blob, and open it as somebody who has to wait for the pool."""
    digest = await push(DiskBlobs(root, InlinePool(), durability="relaxed"), content)
    return await DiskBlobs(root, pool, durability="relaxed").open(digest)


def forget(path: Path) -> None:
    """Let the kernel drop a file from its page cache."""
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)


def is_open(descriptor: int) -> bool:
    """Answer whether a descriptor is open."""
    return Path(f"/proc/self/fd/{descriptor}").exists()


@waits
async def test_hot_blob_is_read_at_once(tmp_path: Path) -> None:
    """A blob that is in the page cache waits for no thread."""
    content = os.urandom(PIECE + 1)
    reader = await open_pushed(tmp_path, content, HeldPool())
    if read_hot(IFileBacked(reader).fileno(), 0, 1) is None:
        pytest.skip("this file system cannot tell what is in the page cache")
    consumer = CheckingConsumer()
    await reader.send(consumer, 0, reader.size)
    assert consumer.content == content
    reader.close()


@waits
async def test_cold_blob_is_read_by_the_pool(tmp_path: Path) -> None:
    """A blob that is only on the disk is read by the pool, and only when the consumer wants more."""
    content = os.urandom(2 * PIECE)
    pool = HeldPool()
    reader = await open_pushed(tmp_path, content, pool)
    forget(content_file(tmp_path, content))
    consumer = PausingConsumer()
    sending = Deferred.fromCoroutine(reader.send(consumer, 0, reader.size))
    assert len(pool.held) == 1
    pool.release()
    assert consumer.content == content[:PIECE]
    assert not pool.held
    forget(content_file(tmp_path, content))
    consumer.resume()
    assert len(pool.held) == 1
    pool.release()
    assert consumer.content == content
    await sending
    reader.close()


@waits
async def test_consumer_pauses_while_the_disk_is_read(tmp_path: Path) -> None:
    """A piece that arrives when the consumer has paused waits until it resumes."""
    content = os.urandom(100)
    pool = HeldPool()
    reader = await open_pushed(tmp_path, content, pool)
    forget(content_file(tmp_path, content))
    consumer = CheckingConsumer()
    sending = Deferred.fromCoroutine(reader.send(consumer, 0, reader.size))
    consumer.pause()
    pool.release()
    assert consumer.content == b""
    consumer.resume()
    assert consumer.content == content
    await sending
    reader.close()


@waits
async def test_consumer_stops_while_the_disk_is_read(tmp_path: Path) -> None:
    """A piece that arrives when the consumer has stopped is dropped."""
    content = os.urandom(100)
    pool = HeldPool()
    reader = await open_pushed(tmp_path, content, pool)
    forget(content_file(tmp_path, content))
    consumer = CheckingConsumer()
    sending = Deferred.fromCoroutine(reader.send(consumer, 0, reader.size))
    consumer.stop()
    pool.release()
    with pytest.raises(CancelledError):
        await sending
    assert consumer.content == b""
    reader.close()


@waits
async def test_file_stays_open_while_a_thread_reads_it(tmp_path: Path) -> None:
    """A reader that is closed while its file is being read closes the file when that is done, not before."""
    content = os.urandom(100)
    pool = HeldPool()
    reader = await open_pushed(tmp_path, content, pool)
    forget(content_file(tmp_path, content))
    descriptor = IFileBacked(reader).fileno()
    sending = Deferred.fromCoroutine(reader.send(CheckingConsumer(), 0, reader.size))
    sending.cancel()
    with pytest.raises(CancelledError):
        await sending
    reader.close()
    assert is_open(descriptor)
    pool.release()
    assert not is_open(descriptor)
    reader.close()


@waits
async def test_deleted_blob_is_let_go_by_the_pool(tmp_path: Path) -> None:
    """A file that was deleted is closed by the pool, because the disk then frees what it took."""
    pool = HeldPool()
    reader = await open_pushed(tmp_path, b"content", pool)
    content_file(tmp_path, b"content").unlink()
    descriptor = IFileBacked(reader).fileno()
    reader.close()
    assert is_open(descriptor)
    pool.release()
    assert not is_open(descriptor)


@waits
async def test_consumer_that_never_pauses_lets_others_live(tmp_path: Path) -> None:
    """A consumer that takes all it can get does not keep the reactor from its other work."""
    content = os.urandom(BURST + 1)
    pool = HeldPool()
    reader = await open_pushed(tmp_path, content, pool)
    consumer = CheckingConsumer()
    sending = Deferred.fromCoroutine(reader.send(consumer, 0, reader.size))
    while len(consumer.content) < BURST:
        pool.release()
    assert not sending.called
    while pool.held:
        pool.release()
    await sending
    assert consumer.content == content
    reader.close()


@pytest.mark.parametrize("left", [0, 5, PIECE, PIECE + 5])
@waits
async def test_truncated_blob_is_not_sent_short(tmp_path: Path, left: int) -> None:
    """A blob whose file has become shorter raises, whatever was sent before; it never just ends."""
    content = os.urandom(2 * PIECE)
    store = DiskBlobs(tmp_path, InlinePool(), durability="relaxed")
    reader = await store.open(await push(store, content))
    os.truncate(content_file(tmp_path, content), left)
    consumer = CheckingConsumer()
    with pytest.raises(Unavailable, match="shorter"):
        await reader.send(consumer, 0, reader.size)
    assert consumer.content == content[:left]
    assert not consumer.registered
    reader.close()


@waits
async def test_blob_that_cannot_be_read(tmp_path: Path) -> None:
    """Where the disk cannot read, the reader says so."""
    store = DiskBlobs(tmp_path, InlinePool(), durability="relaxed")
    # A folder opens like a file, and has a size, but cannot be read.
    content_file(tmp_path, b"content").mkdir(parents=True)
    reader = await store.open(digest_of(b"content"))
    with pytest.raises(Unavailable, match="storage failed"):
        await reader.send(CheckingConsumer(), 0, reader.size)
    reader.close()


@pytest.fixture
def memory_folder() -> Iterator[Path]:
    """Give a folder that is in memory, where the system has one."""
    shared = Path("/dev/shm")  # noqa: S108 - what is made there has a name of its own
    if not shared.is_dir():
        pytest.skip("this system has no /dev/shm")
    folder = shared / f"oci-twisted-{os.getpid()}"
    folder.mkdir()
    yield folder
    for path, folders, files in os.walk(folder, topdown=False):
        for name in files:
            Path(path, name).unlink()
        for name in folders:
            Path(path, name).rmdir()
    folder.rmdir()


@waits
async def test_file_system_without_a_page_cache(memory_folder: Path) -> None:
    """A blob is sent from a file system that cannot tell what is in the page cache."""
    content = os.urandom(PIECE + 5)
    store = DiskBlobs(memory_folder, InlinePool(), durability="full")
    assert await pull(store, await push(store, content)) == content
