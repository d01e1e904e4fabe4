"""
``SqliteMetadata``: the file, and files that are none of ours.
"""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from threading import Barrier, Thread

import pytest

from oci_twisted.storage.disk.metadata import DatabaseUnusable, NewerSchema, SqliteMetadata
from oci_twisted.storage.disk.metadata.connections import open_reader, open_writer
from oci_twisted.storage.disk.metadata.schema import APPLICATION_ID, METADATA
from oci_twisted.stream.pools import InlinePool
from oci_twisted.testing.metadata.examples import ALPINE, digest, hold
from tests.storage.metadata_pools import answer


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a file that is not there yet."""
    return tmp_path / "registry.sqlite"


def test_a_new_file_says_what_it_is(path: Path) -> None:
    """The file has our mark, the version of its schema, and a write-ahead log."""
    with closing(open_writer(path, "full")) as connection:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    assert (application, version, mode) == (APPLICATION_ID, METADATA.version, "wal")
    assert APPLICATION_ID.to_bytes(4, "big") == b"OCIt"


@pytest.mark.parametrize(("durability", "synchronous"), [("full", 2), ("relaxed", 1)])
def test_durability_is_how_sqlite_syncs(path: Path, durability: str, synchronous: int) -> None:
    """Full durability syncs every commit and relaxed durability only checkpoints."""
    with closing(open_writer(path, "full" if durability == "full" else "relaxed")) as connection:
        assert connection.execute("PRAGMA synchronous").fetchone() == (synchronous,)


def test_a_file_is_prepared_once(path: Path) -> None:
    """To open a file that is up to date changes none of its tables."""
    with closing(open_writer(path, "full")) as connection:
        before = connection.execute("PRAGMA schema_version").fetchone()
    with closing(open_writer(path, "full")) as connection:
        assert connection.execute("PRAGMA schema_version").fetchone() == before


def test_an_empty_file_is_a_new_one(path: Path) -> None:
    """A file of no bytes, such as mktemp makes, becomes a database."""
    path.touch()
    store = SqliteMetadata(path, InlinePool())
    answer(hold(store, ALPINE, digest("blob")))
    answer(store.close())


def test_many_processes_may_open_a_new_file(path: Path) -> None:
    """Workers that start at the same moment over an empty folder all get a database, and the same one."""
    workers = 8
    start = Barrier(workers)
    opened: list[sqlite3.Connection] = []

    def open_it() -> None:
        start.wait()
        opened.append(open_writer(path, "full"))

    threads = [Thread(target=open_it) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == workers
    for connection in opened:
        connection.execute("INSERT INTO repository (name) VALUES (hex(randomblob(8)))")
        connection.close()


def test_a_file_of_a_later_release_is_refused(path: Path) -> None:
    """A newer version of the schema is not touched; the error says which it is and what to do."""
    with closing(open_writer(path, "full")) as connection:
        connection.execute(f"PRAGMA user_version = {METADATA.version + 41}")
    with pytest.raises(
        NewerSchema, match=rf"version {METADATA.version + 41} .* up to {METADATA.version}: upgrade oci-twisted"
    ):
        SqliteMetadata(path, InlinePool())
    with closing(open_reader(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (METADATA.version + 41,)


def test_a_database_of_another_program_is_refused(path: Path) -> None:
    """A database with tables of somebody else is left as it is."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE tag (name TEXT)")
    before = path.read_bytes()
    with pytest.raises(DatabaseUnusable, match=r"registry\.sqlite is the database of another program"):
        SqliteMetadata(path, InlinePool())
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    """A file of something else is left as it is."""
    path.write_bytes(b"some text, and more of it\n" * 100)
    before = path.read_bytes()
    with pytest.raises(
        DatabaseUnusable, match=r"registry\.sqlite cannot be opened for writing: file is not a database"
    ):
        SqliteMetadata(path, InlinePool())
    assert path.read_bytes() == before


def test_a_place_where_no_file_can_be_is_refused(tmp_path: Path) -> None:
    """A folder that does not exist, a folder in place of the file, and a file in place of the folder are named."""
    (tmp_path / "file").touch()
    for place in (tmp_path / "nowhere" / "registry.sqlite", tmp_path, tmp_path / "file" / "registry.sqlite"):
        with pytest.raises(DatabaseUnusable, match=str(place)):
            SqliteMetadata(place, InlinePool())


@pytest.mark.skipif(sys.platform != "linux", reason="needs a folder that not even root can write to")
def test_a_folder_that_cannot_be_written_is_refused() -> None:
    """A read-only folder is refused at the start, not at the first push."""
    with pytest.raises(DatabaseUnusable, match=r"/proc/self/registry\.sqlite cannot be opened for writing"):
        SqliteMetadata(Path("/proc/self/registry.sqlite"), InlinePool())


def test_a_place_without_a_log_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where SQLite has no write-ahead log, as in memory, processes could not share the file."""
    # To anything but SQLite that is the name of a file like any other.
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DatabaseUnusable, match="local file system"):
        SqliteMetadata(Path(":memory:"), InlinePool())
