"""
``SqliteMetadata``: several changes in one transaction, and changes that fail.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, NoReturn

import pytest
from twisted.python.failure import Failure

from oci_twisted.interfaces import UploadRecord
from oci_twisted.spec.errors import ReferenceChanged, Unavailable
from oci_twisted.spec.pages import Page
from oci_twisted.spec.preconditions import Precondition
from oci_twisted.storage.disk.metadata import SqliteMetadata, repositories, uploads
from oci_twisted.storage.disk.metadata.connections import open_reader, open_writer
from oci_twisted.storage.disk.metadata.writer import Writer
from oci_twisted.stream.pools import InlinePool
from oci_twisted.testing.metadata.examples import ALL, ALPINE, BUSYBOX, LATEST, NOW, digest, hold, image, put, target
from tests.storage.metadata_pools import BrokenPool, HeldPool, answer, begin

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NEW = Precondition(None, absent=True)


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


def test_changes_that_wait_become_one_transaction(path: Path) -> None:
    """What arrives while a change is being written is written together, and answered when all of it can be seen."""
    pool = HeldPool()
    store = SqliteMetadata(path, pool)
    outcomes = [begin(store.begin_upload(_record(number)))[1] for number in range(10)]
    assert len(pool.held) == 1
    pool.release()
    assert [len(outcome) for outcome in outcomes] == [1] + [0] * 9
    assert len(pool.held) == 1
    assert answer(store.idle_uploads(NOW + 1, 100)) == (_record(0),)
    pool.release()
    assert outcomes == [[None]] * 10
    assert not pool.held
    assert len(answer(store.idle_uploads(NOW + 1, 100))) == 10


def test_a_transaction_has_a_limit(path: Path) -> None:
    """More changes than fit into one transaction make several, in the order in which they came."""
    pool = HeldPool()
    store = SqliteMetadata(path, pool)
    outcomes = [begin(store.begin_upload(_record(number)))[1] for number in range(300)]
    while pool.held:
        done = [len(outcome) for outcome in outcomes]
        assert done == sorted(done, reverse=True)
        pool.release()
    assert outcomes == [[None]] * 300


def test_what_is_refused_takes_nothing_else_back(path: Path) -> None:
    """Of changes in one transaction only the one that is refused is undone, and only its caller hears of it."""
    pool = HeldPool()
    store = SqliteMetadata(path, pool)
    begin(store.begin_upload(_record(0)))
    manifests = [image("first"), image("second"), image("third")]
    outcomes = [begin(put(store, ALPINE, each, LATEST, precondition=NEW))[1] for each in manifests]
    outcomes.append(begin(hold(store, BUSYBOX, digest("blob")))[1])
    pool.release()
    pool.release()
    (won,), (lost,), (lost_too,), (held,) = outcomes
    assert won == manifests[0].digest()
    for failure in (lost, lost_too):
        assert isinstance(failure, Failure)
        assert failure.check(ReferenceChanged)
    assert held is None
    assert answer(target(store, ALPINE, LATEST)) == won
    assert answer(store.manifest(ALPINE, manifests[1].digest())) is None
    assert answer(store.repositories(ALL)) == Page((ALPINE, BUSYBOX))


def test_a_change_goes_on_without_its_caller(path: Path) -> None:
    """A caller that is cancelled is told so at once; its change happens, and the others are answered."""
    pool = HeldPool()
    store = SqliteMetadata(path, pool)
    begin(store.begin_upload(_record(0)))
    cancelled, gone = begin(store.begin_upload(_record(1)))
    _, waited = begin(store.begin_upload(_record(2)))
    cancelled.cancel()
    assert len(gone) == 1
    pool.release()
    pool.release()
    assert waited == [None]
    assert len(answer(store.idle_uploads(NOW + 1, 10))) == 3


def test_a_close_waits_for_what_is_being_written(path: Path) -> None:
    """A change whose caller has gone away is still written before the file is closed."""
    pool = HeldPool()
    store = SqliteMetadata(path, pool)
    begin(store.begin_upload(_record(0)))
    abandoned, _ = begin(store.begin_upload(_record(1)))
    abandoned.cancel()
    _, closed = begin(store.close())
    while pool.held:
        assert not closed
        pool.release()
    assert closed == [None]
    with closing(open_reader(path)) as reader:
        assert uploads.find(reader, "session-1") == _record(1)


def test_a_close_is_not_cut_short(path: Path) -> None:
    """A close that is cancelled takes nothing from what is being written, and ends as it would have."""
    pool = HeldPool()
    store = SqliteMetadata(path, pool)
    _, written = begin(store.begin_upload(_record(0)))
    closing_it, _ = begin(store.close())
    closing_it.cancel()
    while pool.held:
        pool.release()
    assert written == [None]
    assert list(path.parent.iterdir()) == [path]


def test_a_pool_that_fails_keeps_nobody_waiting(connection: sqlite3.Connection) -> None:
    """When no thread can be had, the caller hears why."""
    writer = Writer(connection, BrokenPool())
    for number in range(2):
        with pytest.raises(RuntimeError, match="no thread"):
            answer(writer.write(uploads.begin, _record(number)))


def test_a_change_that_raises_is_undone(connection: sqlite3.Connection) -> None:
    """Whatever a change raises reaches its caller, and what it had changed by then is as before."""
    writer = Writer(connection, InlinePool())

    def fail(connection: sqlite3.Connection) -> NoReturn:
        repositories.ensure(connection, ALPINE)
        raise LookupError("a defect")

    with pytest.raises(LookupError, match="a defect"):
        answer(writer.write(fail))
    assert repositories.page(connection, ALL).items == ()
    assert not connection.in_transaction
    answer(writer.write(uploads.begin, _record(0)))


def test_a_change_that_sqlite_stops_is_undone(connection: sqlite3.Connection) -> None:
    """When a statement cannot be carried out, what the change has done by then is as before, and others go on."""
    writer = Writer(connection, InlinePool())

    def fail(connection: sqlite3.Connection) -> None:
        repositories.ensure(connection, ALPINE)
        connection.execute("SELECT * FROM nowhere")

    with pytest.raises(Unavailable):
        answer(writer.write(fail))
    assert repositories.page(connection, ALL).items == ()
    answer(writer.write(uploads.begin, _record(0)))


@pytest.mark.parametrize("table", ["repository", "blob", "manifest"])
def test_nothing_is_removed_under_what_refers_to_it(path: Path, table: str) -> None:
    """The file itself keeps a defect from leaving a tag without its manifest, or anything without its repository."""
    store = SqliteMetadata(path, InlinePool())
    answer(hold(store, ALPINE, digest("blob")))
    answer(put(store, ALPINE, image("manifest"), LATEST))
    answer(store.close())
    with closing(open_writer(path, "full")) as connection, pytest.raises(sqlite3.IntegrityError):
        connection.execute(f"DELETE FROM {table}")  # noqa: S608 - our own


def test_a_session_that_was_begun_before_is_a_defect(path: Path) -> None:
    """A session's id is begun once; a second time is raised as it is, and harms nothing."""
    store = SqliteMetadata(path, InlinePool())
    answer(store.begin_upload(_record(0)))
    with pytest.raises(sqlite3.IntegrityError):
        answer(store.begin_upload(UploadRecord("session-0", BUSYBOX, NOW)))
    assert answer(store.upload("session-0")) == _record(0)
    answer(store.close())
