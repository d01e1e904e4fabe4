"""
The registry on stores in memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from twisted.internet.task import Clock

from oci_twisted.registry.registry import StoredRegistry
from oci_twisted.storage.memory.blobs import MemoryBlobs
from oci_twisted.storage.memory.metadata import MemoryMetadata
from oci_twisted.testing.repository import RepositoryContract

if TYPE_CHECKING:
    from oci_twisted.interfaces import IRegistry


class TestRepositoryOnMemory(RepositoryContract):
    """`StoredRegistry` keeps the promises of `IRegistry` where everything is in memory."""

    @pytest.fixture
    def registry(self) -> IRegistry:
        """Give an empty registry."""
        return StoredRegistry(MemoryBlobs(), MemoryMetadata(), Clock())
