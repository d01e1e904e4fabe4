"""
Which repository holds which blob.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from oci_twisted.spec.names import RepositoryName
from oci_twisted.spec.tagrules import FREE
from oci_twisted.storage.disk.metadata import repositories, tags, uploads
from oci_twisted.storage.disk.metadata.pages import page_of

if TYPE_CHECKING:
    import sqlite3

    from oci_twisted.spec.digests import Digest
    from oci_twisted.spec.pages import Page, PageRequest
    from oci_twisted.spec.tagrules import TagRules

SIZE = """
    SELECT blob.size FROM blob
    JOIN holding ON holding.blob = blob.id
    WHERE blob.digest = ? AND holding.repository_name = ?
"""
HOLDERS = """
    SELECT holding.repository_name FROM blob
    JOIN holding ON holding.blob = blob.id
    WHERE blob.digest = ? AND holding.repository_name > ?
    ORDER BY holding.repository_name LIMIT ?
"""
ADD = "INSERT INTO blob (digest, size, leased) VALUES (?, ?, ?) ON CONFLICT (digest) DO NOTHING"
LEASE = "UPDATE blob SET leased = ? WHERE digest = ?"
HOLD = """
    INSERT INTO holding (blob, repository_name)
    SELECT id, ? FROM blob WHERE digest = ?
    ON CONFLICT (blob, repository_name) DO NOTHING
"""
LET_GO = "DELETE FROM holding WHERE blob = (SELECT id FROM blob WHERE digest = ?) AND repository_name = ?"


def size(connection: sqlite3.Connection, name: RepositoryName, digest: Digest) -> int | None:
    """Answer a blob's size in bytes, or ``None`` when the repository does not hold it."""
    row: tuple[int] | None = connection.execute(SIZE, (str(digest), name.text)).fetchone()
    return None if row is None else row[0]


def holders(connection: sqlite3.Connection, digest: Digest, wanted: PageRequest) -> Page[RepositoryName]:
    """List the repositories that hold a blob."""
    rows = connection.execute(HOLDERS, (str(digest), wanted.last, wanted.limit + 1)).fetchall()
    return page_of(rows, wanted.limit, RepositoryName)


def add(
    connection: sqlite3.Connection, name: RepositoryName, digest: Digest, length: int, session_id: str, now: float
) -> None:
    """Let the repository hold a blob, and forget the upload session that brought it."""
    connection.execute(ADD, (str(digest), length, now))
    _hold(connection, name, digest, now)
    uploads.end(connection, session_id)


def mount(
    connection: sqlite3.Connection, name: RepositoryName, digest: Digest, source: RepositoryName, now: float
) -> int | None:
    """Let the repository hold a blob that ``source`` holds."""
    length = size(connection, source, digest)
    if length is not None:
        _hold(connection, name, digest, now)
    return length


def remove(connection: sqlite3.Connection, name: RepositoryName, digest: Digest, rules: TagRules) -> bool:
    """
    Let the repository hold a blob no longer.

    :raise TagProtected: when ``rules`` keep a tag of the repository.
    """
    if rules != FREE and size(connection, name, digest) is not None:
        tags.check_blobs(connection, name, rules)
    if connection.execute(LET_GO, (str(digest), name.text)).rowcount == 0:
        return False
    repositories.remove_if_empty(connection, name)
    return True


def _hold(connection: sqlite3.Connection, name: RepositoryName, digest: Digest, now: float) -> None:
    repositories.ensure(connection, name)
    connection.execute(LEASE, (now, str(digest)))
    connection.execute(HOLD, (name.text, str(digest)))
