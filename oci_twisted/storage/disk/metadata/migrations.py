"""
How a file comes to have its tables.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, TypeAlias

from attrs import frozen

if TYPE_CHECKING:
    import sqlite3

    Script: TypeAlias = tuple[str, ...]


class DatabaseUnusable(Exception):
    """A database cannot be opened; the message is a sentence for the operator and names the file."""


class NewerSchema(DatabaseUnusable):
    """The file was written by a later release."""


@frozen
class Schema:
    """
    The tables of one kind of file.

    :ivar application_id: by which file(1) and we know such a file.
    :ivar scripts: each brings a file from the version before to its own.  What was released is not edited.
    """

    application_id: int
    scripts: tuple[Script, ...]

    @property
    def version(self) -> int:
        """The current one."""
        return len(self.scripts)

    def prepare(self, connection: sqlite3.Connection, name: str) -> None:
        """
        Bring a file to the current version, in one transaction; a file that is empty begins at none.

        :param name: what to call the file in an error.
        :raise DatabaseUnusable: when the file is someone else's.
        :raise NewerSchema: when the file's version is not known yet.
        """
        connection.execute("BEGIN IMMEDIATE")
        try:
            version = self._version_of(connection, name)
            if version < self.version:
                for statement in chain.from_iterable(self.scripts[version:]):
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {self.application_id}")
                connection.execute(f"PRAGMA user_version = {self.version}")
            connection.execute("COMMIT")
        finally:
            connection.rollback()

    def _version_of(self, connection: sqlite3.Connection, name: str) -> int:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        if application != self.application_id:
            if connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is not None:
                raise DatabaseUnusable(f"{name} is the database of another program")
            return 0
        version: int
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > self.version:
            raise NewerSchema(
                f"{name} has version {version} of the schema and this release knows versions up to {self.version}: "
                "upgrade oci-twisted"
            )
        return version
