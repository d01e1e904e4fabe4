"""
Upload sessions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from oci_twisted.interfaces import UploadRecord
from oci_twisted.spec.names import RepositoryName

if TYPE_CHECKING:
    import sqlite3

FIND = "SELECT session_id, repository_name, touched FROM upload WHERE session_id = ?"
IDLE = """
    SELECT session_id, repository_name, touched FROM upload
    WHERE touched < ? ORDER BY touched, session_id LIMIT ?
"""
BEGIN = "INSERT INTO upload (session_id, repository_name, touched) VALUES (?, ?, ?)"
TOUCH = "UPDATE upload SET touched = ? WHERE session_id = ?"
END = "DELETE FROM upload WHERE session_id = ?"


def find(connection: sqlite3.Connection, session_id: str) -> UploadRecord | None:
    """Answer what is known of a session, or ``None``."""
    row: tuple[str, str, float] | None = connection.execute(FIND, (session_id,)).fetchone()
    return None if row is None else _record(row)


def idle(connection: sqlite3.Connection, before: float, limit: int) -> tuple[UploadRecord, ...]:
    """List sessions last written to earlier than ``before``, the longest idle first."""
    return tuple(map(_record, connection.execute(IDLE, (before, limit)).fetchall()))


def begin(connection: sqlite3.Connection, record: UploadRecord) -> None:
    """Remember a new session."""
    connection.execute(BEGIN, (record.session_id, record.name.text, record.touched))


def touch(connection: sqlite3.Connection, session_id: str, now: float) -> None:
    """Remember that a session was written to."""
    connection.execute(TOUCH, (now, session_id))


def end(connection: sqlite3.Connection, session_id: str) -> None:
    """Forget a session."""
    connection.execute(END, (session_id,))


def _record(row: tuple[str, str, float]) -> UploadRecord:
    session_id, name, touched = row
    return UploadRecord(session_id, RepositoryName(name), touched)
