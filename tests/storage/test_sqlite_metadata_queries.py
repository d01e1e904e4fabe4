"""
``SqliteMetadata``: what the statements cost, in SQLite's own terms.
"""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest

from oci_twisted.spec.digests import digest_of, parse_digest
from oci_twisted.spec.names import parse_name, parse_tag
from oci_twisted.spec.pages import PageRequest
from oci_twisted.spec.tagrules import TagRules
from oci_twisted.storage.disk.metadata import blobs, manifests, referrers, repositories, tags, uploads
from oci_twisted.storage.disk.metadata.connections import open_writer
from oci_twisted.storage.disk.metadata.schema import METADATA

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator
    from pathlib import Path

STATEMENTS = {
    f"{module.__name__.rpartition('.')[2]}.{name}": value
    for module in (blobs, manifests, referrers, repositories, tags, uploads)
    for name, value in vars(module).items()
    if name.isupper() and isinstance(value, str)
}

MANY = 100_000
FEW = 100
NAME = parse_name("large/repository")
SUBJECT = digest_of(b"subject")
BLOB = digest_of(b"blob")
FIFTIETH = parse_digest(f"sha256:{50:064}")
RULES = TagRules(immutable=("v1",))


def test_all_statements_are_here() -> None:
    """The statements are found where they are expected, each a constant of its subject's module."""
    assert len(STATEMENTS) > 20
    assert {statement.split()[0] for statement in STATEMENTS.values()} == {
        "SELECT",
        "WITH",
        "INSERT",
        "UPDATE",
        "DELETE",
    }


@pytest.mark.parametrize("name", STATEMENTS)
def test_no_statement_scans_or_sorts(tmp_path: Path, name: str) -> None:
    """Every row that a statement looks at is found by an index, and comes in the order in which it is wanted."""
    with closing(open_writer(tmp_path / "registry.sqlite", "relaxed")) as connection:
        plan = [
            step
            for *_, step in connection.execute(
                f"EXPLAIN QUERY PLAN {STATEMENTS[name]}", (None,) * STATEMENTS[name].count("?")
            )
        ]
    assert plan or STATEMENTS[name].lstrip().startswith("INSERT")
    for step in plan:
        # A recursive query takes its own results from a queue, one after the other, and that it does scan.
        if step in {
            "MATERIALIZE above",
            "CO-ROUTINE above",
            "SETUP",
            "SCAN CONSTANT ROW",
            "RECURSIVE STEP",
            "SCAN above",
        }:
            continue
        assert step.startswith(("SEARCH ", "SCALAR SUBQUERY ", "CORRELATED SCALAR SUBQUERY ")), plan
        if step.startswith("SEARCH "):
            assert "USING" in step, plan
            assert "AUTOMATIC" not in step, plan


@contextmanager
def _filled(path: Path, size: int) -> Iterator[sqlite3.Connection]:
    """Lend a connection to a registry that has ``size`` of everything."""
    with closing(open_writer(path, "relaxed")) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        numbers = range(1, size + 1)
        connection.execute("BEGIN")
        connection.execute("INSERT INTO repository VALUES (1, ?)", (NAME.text,))
        connection.execute("INSERT INTO blob VALUES (1, ?, 5, 0.0)", (str(BLOB),))
        connection.execute("INSERT INTO holding VALUES (1, ?)", (NAME.text,))
        for statement, make in (
            ("INSERT INTO repository VALUES (?, ?)", lambda number: (number + 1, f"small/{number:06}")),
            ("INSERT INTO holding VALUES (1, ?)", lambda number: (f"small/{number:06}",)),
            ("INSERT INTO blob VALUES (?, ?, 5, 0.0)", lambda number: (number + 1, f"sha256:{number:064}")),
            (
                "INSERT INTO manifest VALUES (?, 1, ?, 'm/t', ?, ?, NULL, x'00')",
                lambda number: (number, f"sha256:{number:064}", str(SUBJECT), f"type/{number % 2}"),
            ),
            ("INSERT INTO child VALUES (1, ?, ?)", lambda number: (f"sha256:{number:064}", max(number // 2, 1))),
            ("INSERT INTO tag VALUES (1, ?, ?)", lambda number: (f"v{number:06}", number)),
            ("INSERT INTO upload VALUES (?, 'small/1', ?)", lambda number: (f"session-{number}", float(number))),
        ):
            connection.executemany(statement, map(make, numbers))
        connection.execute("COMMIT")
        yield connection


def _steps(connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], object]) -> int:
    """Count the steps of SQLite's machine that ``work`` takes."""
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    connection.set_progress_handler(count, 1)
    work(connection)
    connection.set_progress_handler(None, 1)
    return steps


@pytest.mark.parametrize(
    "work",
    [
        lambda connection: tags.page(connection, NAME, PageRequest(20, "v000050")),
        lambda connection: tags.page(connection, NAME, PageRequest(0)),
        lambda connection: repositories.page(connection, PageRequest(20, "small/000050")),
        lambda connection: blobs.holders(connection, BLOB, PageRequest(20, "small/000050")),
        lambda connection: referrers.page(connection, NAME, SUBJECT, [], PageRequest(20, f"sha256:{50:064}")),
        lambda connection: referrers.page(
            connection, NAME, SUBJECT, ["type/0", "type/1", "type/2"], PageRequest(20, f"sha256:{50:064}")
        ),
        lambda connection: uploads.idle(connection, 50.0, 20),
        lambda connection: manifests.find(connection, NAME, parse_tag("v000050")),
        lambda connection: manifests.find(connection, NAME, SUBJECT),
        lambda connection: blobs.size(connection, NAME, BLOB),
        lambda connection: tags.check_removal(connection, 50, RULES),
        lambda connection: tags.check_move(connection, NAME, [parse_tag("v000050")], FIFTIETH, RULES),
        lambda connection: METADATA.prepare(connection, "the file"),
    ],
    ids=[
        "tags",
        "no-tags",
        "repositories",
        "holders",
        "referrers",
        "referrers-of-types",
        "idle",
        "by-tag",
        "by-digest",
        "blob-size",
        "owners",
        "move",
        "start-up",
    ],
)
def test_nothing_grows_with_what_is_stored(
    few: sqlite3.Connection, many: sqlite3.Connection, work: Callable[[sqlite3.Connection], object]
) -> None:
    """A read, a page, and the start take the same steps over a hundred thousand as over a hundred."""
    assert 0 < _steps(many, work) == _steps(few, work)


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """Lend a small registry."""
    with _filled(tmp_path_factory.mktemp("few") / "registry.sqlite", FEW) as connection:
        yield connection


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """Lend a large registry."""
    with _filled(tmp_path_factory.mktemp("many") / "registry.sqlite", MANY) as connection:
        yield connection
