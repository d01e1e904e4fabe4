"""
The tables, and how a file comes to have them.

The SQL of this package is meant to be read by PostgreSQL too, beside what this module does; text has to compare
bytewise there (``COLLATE "C"``), as it does here.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

# "OCIt", so that file(1) and we know the file.
APPLICATION_ID = 0x4F434974

_VERSION_1 = (
    "CREATE TABLE repository (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
    # A row stays when nobody holds the blob any more: its bytes are in the store until a collector takes both.
    # leased: when the lease began, in seconds.
    """
    CREATE TABLE blob (
        id INTEGER PRIMARY KEY,
        digest TEXT NOT NULL UNIQUE,
        size INTEGER NOT NULL,
        leased REAL NOT NULL
    )
    """,
    # Which repository holds which blob.  By the repository's name, because a blob's holders are listed in that order.
    """
    CREATE TABLE holding (
        blob INTEGER NOT NULL REFERENCES blob (id),
        repository_name TEXT NOT NULL REFERENCES repository (name),
        PRIMARY KEY (blob, repository_name)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX holding_by_repository ON holding (repository_name)",
    # Every repository has the bytes of its manifests for itself.  They are a few kilobytes beside megabytes of
    # layers; the most frequent read is shorter by a join, a delete counts no references, nothing leaks from one
    # repository to another, and the same bytes may have another media type elsewhere.
    # subject, artifact_type, annotations (JSON): of a referrer only.  content: last, so that reading the others does
    # not walk over it.  Not WITHOUT ROWID: long rows make a deep tree.
    """
    CREATE TABLE manifest (
        id INTEGER PRIMARY KEY,
        repository INTEGER NOT NULL REFERENCES repository (id),
        digest TEXT NOT NULL,
        media_type TEXT NOT NULL,
        subject TEXT,
        artifact_type TEXT,
        annotations TEXT,
        content BLOB NOT NULL,
        UNIQUE (repository, digest)
    )
    """,
    "CREATE INDEX manifest_by_subject ON manifest (repository, subject, digest) WHERE subject IS NOT NULL",
    """
    CREATE INDEX manifest_by_subject_and_type ON manifest (repository, subject, artifact_type, digest)
    WHERE subject IS NOT NULL
    """,
    """
    CREATE TABLE tag (
        repository INTEGER NOT NULL REFERENCES repository (id),
        name TEXT NOT NULL,
        manifest INTEGER NOT NULL REFERENCES manifest (id),
        PRIMARY KEY (repository, name)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX tag_by_manifest ON tag (manifest)",
    # By the repository's name, because a session does not make a repository exist.
    """
    CREATE TABLE upload (
        session_id TEXT NOT NULL PRIMARY KEY,
        repository_name TEXT NOT NULL,
        touched REAL NOT NULL
    ) WITHOUT ROWID
    """,
    "CREATE INDEX upload_by_touched ON upload (touched, session_id)",
)

# Each brings a file from the version before to its own.  What was released is not edited.
SCRIPTS = (_VERSION_1,)
VERSION = len(SCRIPTS)


class DatabaseUnusable(Exception):
    """The metadata cannot be opened; the message is a sentence for the operator and names the file."""


class NewerSchema(DatabaseUnusable):
    """The file was written by a later release."""


def prepare(connection: sqlite3.Connection, name: str) -> None:
    """
    Bring a file to the current version of the schema, in one transaction; a file that is empty begins at none.

    :param name: what to call the file in an error.
    :raise DatabaseUnusable: when the file is someone else's.
    :raise NewerSchema: when the file's version is not known yet.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _version(connection, name)
        if version < VERSION:
            for statement in chain.from_iterable(SCRIPTS[version:]):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    finally:
        connection.rollback()


def _version(connection: sqlite3.Connection, name: str) -> int:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if application != APPLICATION_ID:
        if connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is not None:
            raise DatabaseUnusable(f"{name} is the database of another program")
        return 0
    version: int
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise NewerSchema(
            f"{name} has version {version} of the schema and this release knows versions up to {VERSION}: "
            "upgrade oci-twisted"
        )
    return version
