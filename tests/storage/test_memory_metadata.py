"""
``MemoryMetadata``.
"""

from __future__ import annotations

import pytest

from oci_twisted.storage.memory.metadata import MemoryMetadata
from oci_twisted.testing.metadata import MetadataStoreContract


class TestMemoryMetadata(MetadataStoreContract):
    """``MemoryMetadata`` keeps the promises of ``IMetadataStore``."""

    @pytest.fixture
    def store(self) -> MemoryMetadata:
        """Make a store."""
        return MemoryMetadata()
