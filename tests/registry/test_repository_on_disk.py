"""
The registry on a folder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from oci_twisted.registry.registry import StoredRegistry
from oci_twisted.storage.disk.blobs import DiskBlobs
from oci_twisted.storage.disk.metadata import SqliteMetadata
from oci_twisted.stream.pools import InlinePool
from oci_twisted.testing.repository import RepositoryContract

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from oci_twisted.interfaces import IRegistry


class TestRepositoryOnDisk(RepositoryContract):
    """`StoredRegistry` keeps the promises of `IRegistry` where everything is on disk."""

    @pytest.fixture
    def registry(self, tmp_path: Path) -> Iterator[IRegistry]:
        """Give an empty registry."""
        registry = StoredRegistry(
            DiskBlobs(tmp_path, InlinePool(), durability="relaxed"),
            SqliteMetadata(tmp_path / "registry.sqlite", InlinePool(), durability="relaxed"),
            Clock(),
        )
        yield registry
        Deferred.fromCoroutine(registry.close())
