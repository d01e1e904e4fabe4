"""The engine in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from oci_twisted.testing.engine import EngineContract
from oci_twisted.testing.engine.memory import MemoryEngine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oci_twisted.testing.engine import Connect


class TestMemory(EngineContract):
    """`MemoryEngine` does what the real ones do, and reaches `EngineClient` by the same HTTP."""

    @pytest.fixture
    def connect(self) -> Iterator[Connect]:
        """Give what connects to an engine of the test's own."""
        from twisted.internet import reactor  # noqa: PLC0415 - pytest-twisted installs it

        engine = MemoryEngine(reactor)
        yield engine.client
        engine.close()
