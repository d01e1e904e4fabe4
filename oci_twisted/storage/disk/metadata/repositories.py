"""
Repositories.  One has a row exactly as long as it holds a blob or a manifest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from oci_twisted.spec.names import RepositoryName
from oci_twisted.storage.disk.metadata.pages import page_of

if TYPE_CHECKING:
    import sqlite3

    from oci_twisted.spec.pages import Page, PageRequest

ID = "SELECT id FROM repository WHERE name = ?"
PAGE = "SELECT name FROM repository WHERE name > ? ORDER BY name LIMIT ?"
ADD = "INSERT INTO repository (name) VALUES (?)"
REMOVE_EMPTY = """
    DELETE FROM repository
    WHERE name = ?
    AND NOT EXISTS (SELECT 1 FROM holding WHERE holding.repository_name = repository.name)
    AND NOT EXISTS (SELECT 1 FROM manifest WHERE manifest.repository = repository.id)
"""


def page(connection: sqlite3.Connection, wanted: PageRequest) -> Page[RepositoryName]:
    """List the repositories."""
    rows = connection.execute(PAGE, (wanted.last, wanted.limit + 1)).fetchall()
    return page_of(rows, wanted.limit, RepositoryName)


def ensure(connection: sqlite3.Connection, name: RepositoryName) -> int:
    """Answer a repository's key; it comes into being if need be."""
    row: tuple[int] | None = connection.execute(ID, (name.text,)).fetchone()
    if row is None:
        connection.execute(ADD, (name.text,))
        return ensure(connection, name)
    return row[0]


def remove_if_empty(connection: sqlite3.Connection, name: RepositoryName) -> None:
    """Let a repository be gone if it holds nothing any more."""
    connection.execute(REMOVE_EMPTY, (name.text,))
