"""
The tables of the metadata.

The SQL of this package is meant to be read by PostgreSQL too, beside what is in `migrations`; text has to compare
bytewise there (``COLLATE "C"``), as it does here.
"""

from __future__ import annotations

from oci_twisted.storage.disk.metadata.migrations import Schema

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

_VERSION_2 = (
    # Which manifest lists a digest among its children; only indexes have any.  What images name is not here: it would
    # be ten times as much, and nobody asks for it.
    """
    CREATE TABLE child (
        repository INTEGER NOT NULL REFERENCES repository (id),
        digest TEXT NOT NULL,
        parent INTEGER NOT NULL REFERENCES manifest (id),
        PRIMARY KEY (repository, digest, parent)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX child_by_parent ON child (parent)",
    # The indexes that are there already.  Each was parsed when it came, but some that Python can read are too deep for
    # SQLite, and a list may be null.
    """
    INSERT INTO child
    SELECT DISTINCT written.repository, json_extract(entry.value, '$.digest'), written.id
    FROM (
        SELECT id, repository, CAST(content AS TEXT) AS document FROM manifest
        WHERE media_type IN (
            'application/vnd.oci.image.index.v1+json',
            'application/vnd.docker.distribution.manifest.list.v2+json'
        )
    ) AS written
    JOIN json_each(CASE WHEN json_valid(document) THEN document ELSE '{}' END, '$.manifests') AS entry
    WHERE entry.type = 'object'
    """,
)

METADATA = Schema(APPLICATION_ID, (_VERSION_1, _VERSION_2))
