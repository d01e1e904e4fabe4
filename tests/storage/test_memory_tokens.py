"""
``MemoryTokens``.
"""

from __future__ import annotations

import pytest

from oci_twisted.storage.memory.tokens import MemoryTokens
from oci_twisted.testing.tokens import AccessTokensContract


class TestMemoryTokens(AccessTokensContract):
    """``MemoryTokens`` keeps the promises of ``IAccessTokens``."""

    @pytest.fixture
    def store(self) -> MemoryTokens:
        """Make a store."""
        return MemoryTokens()
