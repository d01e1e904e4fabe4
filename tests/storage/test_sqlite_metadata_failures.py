"""
``SqliteMetadata``: no room, no answer, no table.
"""

from __future__ import annotations

import resource
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest
from twisted.python.failure import Failure

from oci_twisted.interfaces import UploadRecord
from oci_twisted.spec.errors import StorageFull, Unavailable
from oci_twisted.spec.pages import Page
from oci_twisted.spec.tagrules import FREE
from oci_twisted.storage.disk.metadata import SqliteMetadata, blobs, repositories, uploads
from oci_twisted.storage.disk.metadata.connections import open_reader, open_writer
from oci_twisted.storage.disk.metadata.writer import Writer
from oci_twisted.stream.pools import InlinePool
from oci_twisted.testing.metadata.examples import ALL, ALPINE, LATEST, NOW, digest, image, put, target
from tests.storage.metadata_pools import HeldPool, answer, begin

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a file that is not there yet."""
    return tmp_path / "registry.sqlite"


@pytest.fixture
def connection(path: Path) -> Iterator[sqlite3.Connection]:
    """Lend a connection for writing."""
    with closing(open_writer(path, "relaxed")) as connection:
        yield connection


def _record(number: int) -> UploadRecord:
    return UploadRecord(f"session-{number}", ALPINE, NOW)


def test_a_full_disk_is_said_to_be_full(connection: sqlite3.Connection) -> None:
    """Without room nothing is changed, what is there can be read, and later there is room again."""
    store = Writer(connection, InlinePool())
    answer(store.write(blobs.add, ALPINE, digest("kept"), 5, "session", NOW))
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StorageFull):
        _fill(store)
    assert repositories.page(connection, ALL) == Page((ALPINE,))
    assert blobs.size(connection, ALPINE, digest("kept")) == 5
    # To let go of things needs no room.
    assert answer(store.write(blobs.remove, ALPINE, digest("kept"), FREE))
    connection.execute(f"PRAGMA max_page_count = {pages + 1000}")
    _fill(store)
    assert len(repositories.page(connection, ALL).items) == 0


def _fill(writer: Writer) -> None:
    """Begin an upload of more than a page."""
    answer(writer.write(uploads.begin, UploadRecord("long " * 10_000, ALPINE, NOW)))


def test_what_has_no_room_leaves_room_to_others(connection: sqlite3.Connection) -> None:
    """A change that does not fit fails alone, though it was to be written together with others."""
    pool = HeldPool()
    writer = Writer(connection, pool)
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    begin(writer.write(uploads.begin, _record(0)))
    large = UploadRecord("long " * 10_000, ALPINE, NOW)
    outcomes = [begin(writer.write(uploads.begin, each))[1] for each in (_record(1), large, _record(2))]
    pool.release()
    pool.release()
    (first,), (failed,), (last,) = outcomes
    assert (first, last) == (None, None)
    assert isinstance(failed, Failure)
    assert failed.check(StorageFull)
    assert len(uploads.idle(connection, NOW + 1, 10)) == 3


@contextmanager
def _no_file_may_grow(path: Path) -> Iterator[None]:
    """Let the system refuse whatever makes a file longer than the log is now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.with_name("registry.sqlite-wal").stat().st_size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_log_that_cannot_grow_is_a_full_disk(path: Path) -> None:
    """A quota that is used up when the transaction is written is answered the same way, and passes the same way."""
    store = SqliteMetadata(path, InlinePool())
    kept = answer(put(store, ALPINE, image("kept"), LATEST))
    with _no_file_may_grow(path):
        for _ in range(3):
            with pytest.raises(StorageFull):
                answer(put(store, ALPINE, image("refused"), LATEST))
            assert answer(target(store, ALPINE, LATEST)) == kept
    again = answer(put(store, ALPINE, image("refused"), LATEST))
    answer(store.close())
    with closing(open_reader(path)) as reader:
        assert reader.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert again == image("refused").digest()


def test_a_writer_that_has_to_wait_too_long_gives_up(path: Path, connection: sqlite3.Connection) -> None:
    """While another process keeps the file to itself nothing can be changed; reads go on, and later changes too."""
    pool = HeldPool()
    connection.execute("PRAGMA busy_timeout = 0")
    writer = Writer(connection, pool)
    with closing(open_writer(path, "relaxed")) as other:
        other.execute("BEGIN IMMEDIATE")
        outcomes = [begin(writer.write(uploads.begin, _record(number)))[1] for number in range(3)]
        pool.release()
        pool.release()
        for (failed,) in outcomes:
            assert isinstance(failed, Failure)
            assert failed.check(Unavailable)
        assert uploads.idle(connection, NOW + 1, 10) == ()
        other.execute("ROLLBACK")
    _, succeeded = begin(writer.write(uploads.begin, _record(0)))
    pool.release()
    assert succeeded == [None]


def test_a_read_that_fails_is_unavailable(path: Path, connection: sqlite3.Connection) -> None:
    """What cannot be read is not said to be missing."""
    store = SqliteMetadata(path, InlinePool())
    connection.execute("DROP TABLE upload")
    with pytest.raises(Unavailable):
        answer(store.upload("session"))
    answer(store.close())
