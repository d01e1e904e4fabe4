"""
Blobs on disk keep the promises of every store, with threads and without.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest
from twisted.internet.defer import Deferred

from oci_twisted.storage.disk.blobs import DiskBlobs
from oci_twisted.stream.pools import InlinePool, ThreadedPool
from oci_twisted.testing.blobs import FileBackedBlobStoreContract

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from oci_twisted.interfaces import IBlobStore


class TestDiskBlobs(FileBackedBlobStoreContract):
    """
    `DiskBlobs` keeps the promises of `IBlobStore`.
    """

    @pytest.fixture
    def store(self, tmp_path: Path) -> IBlobStore:
        """Give an empty store."""
        return DiskBlobs(tmp_path, InlinePool(), durability="full")


class TestDiskBlobsOnThreads(FileBackedBlobStoreContract):
    """
    `DiskBlobs` keeps them too where its work is done by threads.
    """

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[IBlobStore]:
        """Give an empty store."""
        from twisted.internet import reactor  # noqa: PLC0415 - pytest-twisted installs it

        pool = ThreadedPool(cast("Any", reactor), "disk", 4)
        yield DiskBlobs(tmp_path, pool, durability="relaxed")
        Deferred.fromCoroutine(pool.stop())
