"""
``SqliteMetadata``: pinned tags between processes, and what an older file knows of indexes.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import ExitStack, closing
from itertools import chain
from pathlib import Path

import pytest

from oci_twisted.spec.digests import digest_of
from oci_twisted.spec.errors import TagImmutable, TagProtected
from oci_twisted.spec.mediatypes import DOCKER_LIST, OCI_INDEX
from oci_twisted.spec.names import parse_tag
from oci_twisted.spec.tagrules import TagRules
from oci_twisted.storage.disk.metadata import SqliteMetadata
from oci_twisted.storage.disk.metadata.schema import APPLICATION_ID, METADATA
from oci_twisted.stream.pools import InlinePool
from oci_twisted.testing.metadata.examples import ALPINE, image, put, target
from tests.storage import metadata_racing
from tests.storage.metadata_pools import answer

ROOT = Path(__file__).parents[2]
V1 = parse_tag("v1")
RULES = TagRules(immutable=("v*",))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a file that is not there yet."""
    return tmp_path / "registry.sqlite"


def test_a_pin_holds_between_connections(path: Path) -> None:
    """What one process has pinned the other cannot move or delete, from the moment of its answer."""
    ours, theirs = (SqliteMetadata(path, InlinePool()) for _ in range(2))
    key = answer(put(ours, ALPINE, image("ours"), V1, rules=RULES))
    with pytest.raises(TagImmutable):
        answer(put(theirs, ALPINE, image("theirs"), V1, rules=RULES))
    with pytest.raises(TagProtected):
        answer(theirs.delete_manifest(ALPINE, key, RULES))
    assert answer(target(theirs, ALPINE, V1)) == key
    for store in (ours, theirs):
        answer(store.close())


def test_a_race_between_processes_has_one_winner(path: Path) -> None:
    """Of processes that push the same pinned tags at once, each tag goes to one, and points to what that one pushed."""
    answer(SqliteMetadata(path, InlinePool()).close())
    names = ["ada", "bob", "eve"]
    with ExitStack() as stack:
        racers = [stack.enter_context(_racer(path, who)) for who in names]
        for racer in racers:
            assert racer.stdout is not None
            assert racer.stdout.readline() == "ready\n"
        for racer in racers:
            assert racer.stdin is not None
            racer.stdin.write("\n")
            racer.stdin.flush()
        outputs = [racer.communicate(timeout=60)[0] for racer in racers]
    won = {int(number): who for who, output in zip(names, outputs, strict=True) for number in output.split()}
    assert sum(len(output.split()) for output in outputs) == len(won) == metadata_racing.TAGS
    store = SqliteMetadata(path, InlinePool())
    for number, who in won.items():
        found = answer(target(store, metadata_racing.NAME, metadata_racing.tag(number)))
        assert found == metadata_racing.manifest(who).digest()
    answer(store.close())


def _racer(path: Path, who: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", metadata_racing.__name__, str(path), who]
    return subprocess.Popen(  # noqa: S603 - our own
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )


def test_a_file_of_version_1_learns_what_its_indexes_list(path: Path) -> None:
    """Indexes that were pushed before keep their manifests too, and one that SQLite cannot read stops nothing."""
    child = image("child")
    listed = {"mediaType": "m/t", "digest": str(child.digest()), "size": 5}
    contents = [
        (json.dumps({"manifests": [listed, listed]}), OCI_INDEX),
        (json.dumps({"manifests": None}), OCI_INDEX),
        (json.dumps({"manifests": []}), DOCKER_LIST),
        (json.dumps({"manifests": [listed]}), "text/plain"),
        ('{"manifests": [], "x": ' + "[" * 5000 + "]" * 5000 + "}", OCI_INDEX),
    ]
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in chain.from_iterable(METADATA.scripts[:1]):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("PRAGMA user_version = 1")
        connection.execute("INSERT INTO repository VALUES (1, ?)", (ALPINE.text,))
        rows = [(child.content.decode(), child.media_type), *contents]
        for number, (text, media_type) in enumerate(rows, 1):
            row = (number, str(digest_of(text.encode())), media_type, text.encode())
            connection.execute("INSERT INTO manifest VALUES (?, 1, ?, ?, NULL, NULL, NULL, ?)", row)
            connection.execute("INSERT INTO tag VALUES (1, ?, ?)", (f"x{number}", number))
    store = SqliteMetadata(path, InlinePool())
    with pytest.raises(TagProtected, match="x2"):
        answer(store.delete_manifest(ALPINE, child.digest(), TagRules(protected=("x2",))))
    assert answer(store.delete_manifest(ALPINE, child.digest(), TagRules(protected=("x3", "x4", "x5", "x6"))))
    answer(store.close())
