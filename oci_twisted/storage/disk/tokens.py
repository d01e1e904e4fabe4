"""
Access tokens in one SQLite file.
"""

# The columns are written once; nothing that a client sends becomes part of a statement.
# ruff: noqa: S608

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, TypeVar, TypeVarTuple

from zope.interface import implementer

from oci_twisted.interfaces import AccessToken, IAccessTokens, TokenKind
from oci_twisted.interfaces.tokens import EXPIRED_FOR
from oci_twisted.spec.pages import Page
from oci_twisted.spec.scopes import parse_scope
from oci_twisted.storage.disk.metadata.connections import open_reader, open_writer
from oci_twisted.storage.disk.metadata.failures import refusal
from oci_twisted.storage.disk.metadata.migrations import Schema
from oci_twisted.storage.disk.metadata.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TypeAlias

    from oci_twisted.interfaces import IBlockingPool
    from oci_twisted.spec.pages import PageRequest
    from oci_twisted.spec.scopes import Scope
    from oci_twisted.storage.disk.metadata.connections import Durability

    _Row: TypeAlias = tuple[str, str, str, str, str | None, float, float | None, float | None]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

# "OCIa", for access.  A file beside the metadata's: it is copied, kept and looked into by other people.
APPLICATION_ID = 0x4F434961

_VERSION_1 = (
    # text_hash: SHA-256 of the token; the token itself is nowhere.  limits: a JSON list of scopes.
    """
    CREATE TABLE token (
        token_id TEXT NOT NULL PRIMARY KEY,
        text_hash BLOB NOT NULL UNIQUE,
        owner TEXT NOT NULL,
        name TEXT NOT NULL,
        kind TEXT NOT NULL,
        limits TEXT,
        created REAL NOT NULL,
        expires REAL,
        used REAL
    ) WITHOUT ROWID
    """,
    "CREATE INDEX token_by_owner ON token (owner, token_id)",
    "CREATE INDEX token_by_expires ON token (expires) WHERE expires IS NOT NULL",
)
TOKENS = Schema(APPLICATION_ID, (_VERSION_1,))

_COLUMNS = "token_id, owner, name, kind, limits, created, expires, used"
BY_HASH = f"SELECT {_COLUMNS} FROM token WHERE text_hash = ?"
BY_ID = f"SELECT {_COLUMNS} FROM token WHERE token_id = ?"
PAGE = f"SELECT {_COLUMNS} FROM token WHERE token_id > ? ORDER BY token_id LIMIT ?"
PAGE_OF_OWNER = f"SELECT {_COLUMNS} FROM token WHERE owner = ? AND token_id > ? ORDER BY token_id LIMIT ?"
ADD = f"INSERT INTO token (text_hash, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
FORGET = "DELETE FROM token WHERE expires <= ?"
REVOKE = "DELETE FROM token WHERE token_id = ?"
NOTE_USE = "UPDATE token SET used = ? WHERE token_id = ? AND (used IS NULL OR used < ?)"


@implementer(IAccessTokens)
class SqliteTokens:
    """
    Access tokens in one file, which several processes may share: so a command revokes while the server runs.

    What reads does so where it stands, in microseconds, and never awaits.  What writes does so on the pool's thread.

    :param path: of the file; its folder exists.  The file need not.
    :param pool: of one thread, for this store alone; whoever made it stops it after `close`.
    :param durability: as `SqliteMetadata`.
    :raise DatabaseUnusable: when the file cannot be opened, or holds something else.
    """

    def __init__(self, path: Path, pool: IBlockingPool, *, durability: Durability = "full") -> None:
        self._writer = Writer(open_writer(path, durability, TOKENS), pool)
        self._reader = open_reader(path)

    def _read(self, query: Callable[[sqlite3.Connection, *Ts], T], *arguments: *Ts) -> T:
        try:
            return query(self._reader, *arguments)
        except sqlite3.OperationalError as error:
            raise refusal(error) from error

    async def add_token(self, token: AccessToken, text_hash: bytes) -> None:
        """Keep a token."""
        await self._writer.write(_add, token, text_hash)

    async def token_by_hash(self, text_hash: bytes) -> AccessToken | None:
        """Answer the token whose text has this hash."""
        return self._read(_find, BY_HASH, text_hash)

    async def token_by_id(self, token_id: str) -> AccessToken | None:
        """Answer a token."""
        return self._read(_find, BY_ID, token_id)

    async def tokens_of(self, owner: str | None, page: PageRequest) -> Page[AccessToken]:
        """List tokens by their ids."""
        return self._read(_page, owner, page)

    async def revoke_token(self, token_id: str) -> bool:
        """Forget a token for good."""
        return await self._writer.write(_revoke, token_id)

    async def note_use(self, token_id: str, now: float) -> None:
        """Remember when a token was last used."""
        await self._writer.write(_note_use, token_id, now)

    async def close(self) -> None:
        """Write out what is still under way, then let go of the file.  The pool is the caller's to stop."""
        self._reader.close()
        await self._writer.close()


def _add(connection: sqlite3.Connection, token: AccessToken, text_hash: bytes) -> None:
    connection.execute(FORGET, (token.created - EXPIRED_FOR,))
    limits = None if token.limits is None else json.dumps(list(map(str, token.limits)))
    times = (token.created, token.expires, token.used)
    connection.execute(ADD, (text_hash, token.token_id, token.owner, token.name, token.kind.value, limits, *times))


def _find(connection: sqlite3.Connection, query: str, key: str | bytes) -> AccessToken | None:
    row: _Row | None = connection.execute(query, (key,)).fetchone()
    return None if row is None else _token(row)


def _page(connection: sqlite3.Connection, owner: str | None, wanted: PageRequest) -> Page[AccessToken]:
    limit = wanted.limit + 1
    if owner is None:
        rows = connection.execute(PAGE, (wanted.last, limit)).fetchall()
    else:
        rows = connection.execute(PAGE_OF_OWNER, (owner, wanted.last, limit)).fetchall()
    return Page(tuple(map(_token, rows[: wanted.limit])), more=0 < wanted.limit < len(rows))


def _revoke(connection: sqlite3.Connection, token_id: str) -> bool:
    return connection.execute(REVOKE, (token_id,)).rowcount > 0


def _note_use(connection: sqlite3.Connection, token_id: str, now: float) -> None:
    connection.execute(NOTE_USE, (now, token_id, now))


def _token(row: _Row) -> AccessToken:
    token_id, owner, name, kind, limits, created, expires, used = row
    return AccessToken(token_id, owner, name, TokenKind(kind), _scopes(limits), created, expires, used)


def _scopes(limits: str | None) -> tuple[Scope, ...] | None:
    return None if limits is None else tuple(map(parse_scope, json.loads(limits)))
