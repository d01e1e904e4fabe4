"""
Connections to the file, as reading and writing need them.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, Literal, TypeAlias

from oci_twisted.storage.disk.metadata.migrations import DatabaseUnusable
from oci_twisted.storage.disk.metadata.schema import METADATA

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from oci_twisted.storage.disk.metadata.migrations import Schema

Durability: TypeAlias = Literal["full", "relaxed"]

# In WAL mode, "normal" syncs at checkpoints only: a power cut may take back the last commits, and breaks nothing.
_SYNCHRONOUS = {"full": "FULL", "relaxed": "NORMAL"}

# Another process is writing.
_WRITER_WAITS = 5.0
# Another process is opening or closing the file; nothing else keeps a reader waiting, and the reactor waits with it.
_READER_WAITS = 1.0

_FILE_MODE = 0o600

# More than there are statements.
_CACHED_STATEMENTS = 256
_CACHED_KIBIBYTES = 16 * 1024
# The log keeps the size that it once had; what is above this is given back.
_LOG_BYTES = 64 << 20


def open_writer(path: Path, durability: Durability, schema: Schema = METADATA) -> sqlite3.Connection:
    """
    Connect for writing, from whichever thread; make the file and its tables if need be.

    :raise DatabaseUnusable: when that cannot be.
    """
    try:
        with ExitStack() as undo:
            with _alone_in(path.parent):
                _make_private(path)
                connection = undo.enter_context(closing(_connect(path, _WRITER_WAITS)))
                schema.prepare(connection, str(path))
                _keep_log(connection, path)
            connection.execute(f"PRAGMA synchronous = {_SYNCHRONOUS[durability]}")
            connection.execute("PRAGMA foreign_keys = ON")
            undo.pop_all()
    except (sqlite3.Error, OSError) as error:
        raise DatabaseUnusable(f"{path} cannot be opened for writing: {error}") from error
    return connection


def _make_private(path: Path) -> None:
    # Manifests may be secret, as layers may, and so may be who has tokens.  SQLite gives its log and its index the
    # mode of the file.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, _FILE_MODE))


def open_reader(path: Path) -> sqlite3.Connection:
    """Connect to a file that `open_writer` has opened, for reading."""
    connection = _connect(path, _READER_WAITS)
    connection.execute(f"PRAGMA cache_size = -{_CACHED_KIBIBYTES}")
    connection.execute("PRAGMA query_only = ON")
    return connection


def _connect(path: Path, wait: float) -> sqlite3.Connection:
    return sqlite3.connect(
        path,
        timeout=wait,
        # Python begins no transactions of its own accord.
        isolation_level=None,
        check_same_thread=False,
        cached_statements=_CACHED_STATEMENTS,
    )


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    # While one process makes a file into one with a log, SQLite lets others fail at once instead of wait.
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _keep_log(connection: sqlite3.Connection, path: Path) -> None:
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise DatabaseUnusable(f"{path} is where SQLite has no write-ahead log: use a local file system")
    connection.execute(f"PRAGMA journal_size_limit = {_LOG_BYTES}")
