"""
``SqliteMetadata``: the contract, and what outlives the process.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from twisted.internet.defer import Deferred

from oci_twisted.interfaces import UploadRecord
from oci_twisted.spec.digests import digest_of
from oci_twisted.spec.pages import Page
from oci_twisted.storage.disk.metadata import SqliteMetadata
from oci_twisted.storage.disk.metadata.connections import open_reader
from oci_twisted.stream.pools import InlinePool, ThreadedPool
from oci_twisted.testing.metadata import MetadataStoreContract
from oci_twisted.testing.metadata.examples import (
    ALL,
    ALPINE,
    BUSYBOX,
    LATEST,
    NOW,
    digest,
    exists,
    hold,
    image,
    put,
    target,
)
from tests.storage import metadata_pushing
from tests.storage.metadata_pools import answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from twisted.internet.interfaces import IReactorFromThreads

    from oci_twisted.storage.disk.metadata import Durability

BLOB = digest("blob")
SUBJECT = digest("subject")
RECORD = UploadRecord("session", ALPINE, NOW)


class TestInline(MetadataStoreContract):
    """``SqliteMetadata`` that writes where it stands keeps the promises of ``IMetadataStore``."""

    @pytest.fixture(params=["full", "relaxed"])
    def store(self, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[SqliteMetadata]:
        """Lend a store."""
        store = SqliteMetadata(tmp_path / "registry.sqlite", InlinePool(), durability=request.param)
        yield store
        answer(store.close())


class TestThreaded(MetadataStoreContract):
    """``SqliteMetadata`` that writes on a thread keeps the promises of ``IMetadataStore``."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[SqliteMetadata]:
        """Lend a store and its thread."""
        # To import the reactor is to install it, which is pytest-twisted's to do.
        from twisted.internet import reactor  # noqa: PLC0415

        pool = ThreadedPool(cast("IReactorFromThreads", reactor), "metadata", 1)
        store = SqliteMetadata(tmp_path / "registry.sqlite", pool)
        yield store
        pytest_twisted.blockon(Deferred.fromCoroutine(store.close()))
        pytest_twisted.blockon(Deferred.fromCoroutine(pool.stop()))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a file that is not there yet."""
    return tmp_path / "registry.sqlite"


@pytest.mark.parametrize("durability", ["full", "relaxed"])
def test_everything_is_there_when_the_file_is_opened_again(path: Path, durability: Durability) -> None:
    """Blobs, manifests, tags, referrers, annotations and upload sessions survive a close."""
    store = SqliteMetadata(path, InlinePool(), durability=durability)
    answer(hold(store, ALPINE, BLOB))
    manifest = image("manifest", subject=SUBJECT, artifact_type="a/b", annotations={"key": "value"})
    key = answer(put(store, ALPINE, manifest, LATEST, blobs=[BLOB]))
    answer(store.begin_upload(RECORD))
    answer(store.close())
    again = SqliteMetadata(path, InlinePool())
    assert answer(again.blob_size(ALPINE, BLOB)) is not None
    assert answer(target(again, ALPINE, LATEST)) == key
    assert answer(again.referrers(ALPINE, SUBJECT, ["a/b"], ALL)) == Page((manifest.descriptor(key),))
    assert answer(again.upload("session")) == RECORD
    answer(again.close())


def test_a_closed_store_is_one_file(path: Path) -> None:
    """To close writes the log into the file, so that a copy of the file is a copy of all."""
    store = SqliteMetadata(path, InlinePool())
    answer(hold(store, ALPINE, BLOB))
    answer(store.close())
    assert list(path.parent.iterdir()) == [path]


def test_a_close_empties_the_log_that_others_share(path: Path) -> None:
    """A process that ends leaves an empty log to those that go on."""
    store = SqliteMetadata(path, InlinePool())
    other = SqliteMetadata(path, InlinePool())
    answer(hold(store, ALPINE, BLOB))
    answer(store.close())
    assert path.with_name("registry.sqlite-wal").stat().st_size == 0
    assert answer(exists(other, ALPINE))
    answer(other.close())


def test_a_close_does_not_insist_on_an_empty_log(path: Path) -> None:
    """A reader elsewhere that keeps the log from being emptied keeps nobody from closing."""
    store = SqliteMetadata(path, InlinePool())
    answer(hold(store, ALPINE, BLOB))
    with closing(open_reader(path)) as reading:
        reading.execute("BEGIN")
        reading.execute("SELECT * FROM repository").fetchall()
        answer(hold(store, BUSYBOX, BLOB))
        answer(store.close())
    again = SqliteMetadata(path, InlinePool())
    assert answer(again.repositories(ALL)) == Page((ALPINE, BUSYBOX))
    answer(again.close())


def test_stores_on_one_file_see_each_other(path: Path) -> None:
    """What one process has committed the other reads at once, and neither overwrites the other's repositories."""
    ours = SqliteMetadata(path, InlinePool())
    theirs = SqliteMetadata(path, InlinePool())
    for number in range(10):
        writer, reader = (ours, theirs) if number % 2 else (theirs, ours)
        # A listing of several statements must not leave its moment behind for the reads that follow.
        answer(reader.referrers(ALPINE, SUBJECT, ["a/b", "c/d"], ALL))
        key = answer(put(writer, ALPINE, image(str(number), subject=SUBJECT, artifact_type="a/b"), LATEST))
        assert answer(target(reader, ALPINE, LATEST)) == key
        assert len(answer(reader.referrers(ALPINE, SUBJECT, ["a/b", "c/d"], ALL)).items) == number + 1
    answer(ours.delete_tag(ALPINE, LATEST, None))
    assert answer(theirs.manifest(ALPINE, LATEST)) is None
    for store in (ours, theirs):
        answer(store.close())


def test_a_lease_is_renewed(path: Path) -> None:
    """The time of the last push or mount of a blob is kept for the collector, whichever repository it was."""
    store = SqliteMetadata(path, InlinePool())
    with closing(open_reader(path)) as reader:
        leases = []
        for pushed in (
            store.add_blob(ALPINE, BLOB, 5, "session", 1.5),
            store.add_blob(ALPINE, BLOB, 5, "session", 2.5),
            store.mount_blob(BUSYBOX, BLOB, ALPINE, 3.5),
            store.mount_blob(BUSYBOX, BLOB, ALPINE, 4.5),
        ):
            answer(pushed)
            leases += reader.execute("SELECT leased FROM blob").fetchall()
    assert leases == [(1.5,), (2.5,), (3.5,), (4.5,)]
    answer(store.close())


def test_a_killed_process_loses_nothing_that_it_acknowledged(path: Path) -> None:
    """After kill -9 at any moment every acknowledged push is there whole, and the file is sound; again and again."""
    acknowledged: list[int] = []
    for round_ in range(6):
        first = acknowledged[-1] + 2 if acknowledged else 0
        acknowledged += _push_and_kill(path, first, pushes=5 + 17 * round_)
        with closing(open_reader(path)) as reader:
            assert reader.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert reader.execute("PRAGMA foreign_key_check").fetchall() == []
        store = SqliteMetadata(path, InlinePool())
        for number in acknowledged:
            assert answer(store.blob_size(metadata_pushing.NAME, digest_of(str(number).encode()))) == number
            manifest = answer(store.manifest(metadata_pushing.NAME, metadata_pushing.tag(number)))
            assert manifest is not None
            assert manifest.content == metadata_pushing.manifest(number).content
        answer(store.close())


def _push_and_kill(path: Path, first: int, pushes: int) -> list[int]:
    """Let a process push, kill it after so many acknowledgements, and answer all that it gave."""
    command = [sys.executable, "-m", metadata_pushing.__name__, str(path), str(first)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:  # noqa: S603 - our own
        assert process.stdout is not None
        numbers = [int(process.stdout.readline()) for _ in range(pushes)]
        process.kill()
        # What it had written before it died, all but a line that is not whole.
        rest = process.stdout.read()
    return numbers + [int(line) for line in rest.splitlines(keepends=True) if line.endswith("\n")]
