"""
``SqliteTokens``: the contract, the file, and what several processes see of each other.
"""

from __future__ import annotations

import stat
from contextlib import closing
from typing import TYPE_CHECKING, cast

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from twisted.internet.defer import Deferred

from oci_twisted.spec.errors import Unavailable
from oci_twisted.spec.pages import Page
from oci_twisted.storage.disk import tokens as sql
from oci_twisted.storage.disk.metadata import DatabaseUnusable, SqliteMetadata
from oci_twisted.storage.disk.metadata.connections import open_writer
from oci_twisted.storage.disk.tokens import TOKENS, SqliteTokens
from oci_twisted.stream.pools import InlinePool, ThreadedPool
from oci_twisted.testing.tokens import AccessTokensContract
from oci_twisted.testing.tokens.contract import ALL, NOW, TOKEN, add, hash_of
from tests.storage.metadata_pools import answer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from twisted.internet.interfaces import IReactorFromThreads


class TestInline(AccessTokensContract):
    """``SqliteTokens`` that writes where it stands keeps the promises of ``IAccessTokens``."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[SqliteTokens]:
        """Lend a store."""
        store = SqliteTokens(tmp_path / "tokens.sqlite", InlinePool())
        yield store
        answer(store.close())


class TestThreaded(AccessTokensContract):
    """``SqliteTokens`` that writes on a thread keeps the promises of ``IAccessTokens``."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[SqliteTokens]:
        """Lend a store and its thread."""
        # To import the reactor is to install it, which is pytest-twisted's to do.
        from twisted.internet import reactor  # noqa: PLC0415

        pool = ThreadedPool(cast("IReactorFromThreads", reactor), "tokens", 1)
        store = SqliteTokens(tmp_path / "tokens.sqlite", pool)
        yield store
        pytest_twisted.blockon(Deferred.fromCoroutine(store.close()))
        pytest_twisted.blockon(Deferred.fromCoroutine(pool.stop()))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a file that is not there yet."""
    return tmp_path / "tokens.sqlite"


def test_tokens_are_there_when_the_file_is_opened_again(path: Path) -> None:
    """They survive a close, and the file is one, which only its owner can read."""
    store = SqliteTokens(path, InlinePool())
    answer(add(store, TOKEN))
    answer(store.close())
    assert (list(path.parent.iterdir()), stat.S_IMODE(path.stat().st_mode)) == ([path], 0o600)
    again = SqliteTokens(path, InlinePool())
    assert answer(again.token_by_hash(hash_of(TOKEN))) == TOKEN
    answer(again.close())


def test_stores_on_one_file_see_each_other(path: Path) -> None:
    """What a command creates or revokes, a server that runs knows at once."""
    command, server = SqliteTokens(path, InlinePool()), SqliteTokens(path, InlinePool())
    assert answer(server.token_by_id(TOKEN.token_id)) is None
    answer(add(command, TOKEN))
    assert answer(server.token_by_hash(hash_of(TOKEN))) == TOKEN
    answer(server.note_use(TOKEN.token_id, NOW))
    assert answer(command.tokens_of(None, ALL)).items[0].used == NOW
    answer(command.revoke_token(TOKEN.token_id))
    assert answer(server.token_by_id(TOKEN.token_id)) is None
    assert answer(server.tokens_of("ada", ALL)) == Page(())
    for store in (command, server):
        answer(store.close())


def test_it_is_not_the_file_of_the_metadata(path: Path) -> None:
    """A file of the one kind is not opened as the other."""
    metadata = SqliteMetadata(path, InlinePool())
    answer(metadata.close())
    with pytest.raises(DatabaseUnusable, match=r"tokens\.sqlite is the database of another program"):
        SqliteTokens(path, InlinePool())


def test_what_every_request_asks_is_found_by_an_index(path: Path) -> None:
    """No query that may be asked often walks over all the tokens."""
    with closing(open_writer(path, "relaxed", TOKENS)) as connection:
        for query, arguments in (
            (sql.BY_HASH, 1),
            (sql.BY_ID, 1),
            (sql.PAGE, 2),
            (sql.PAGE_OF_OWNER, 3),
            (sql.FORGET, 1),
            (sql.REVOKE, 1),
            (sql.NOTE_USE, 3),
        ):
            plan = connection.execute(f"EXPLAIN QUERY PLAN {query}", (None,) * arguments).fetchall()
            assert [detail.partition(" ")[0] for *_, detail in plan] == ["SEARCH"], (query, plan)


def test_a_file_that_fails_is_no_reason_to_refuse_a_token(path: Path) -> None:
    """What cannot be looked up is unavailable: neither good nor revoked."""
    store = SqliteTokens(path, InlinePool())
    answer(add(store, TOKEN))
    with closing(open_writer(path, "relaxed", TOKENS)) as other:
        other.execute("DROP TABLE token")
    with pytest.raises(Unavailable):
        answer(store.token_by_hash(hash_of(TOKEN)))
    answer(store.close())
