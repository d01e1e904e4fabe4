"""The engine in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from oci_twisted.testing.engine import EngineContract
from oci_twisted.testing.engine.memory import MemoryEngine
from oci_twisted.testing.engine.registries import ADA, Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oci_twisted.testing.engine import Connect


class TestMemory(EngineContract):
    """`MemoryEngine` does what the real ones do, and reaches `EngineClient` by the same HTTP."""

    @pytest.fixture(params=["1.41", "1.51"])
    def connect(self, request: pytest.FixtureRequest) -> Iterator[Connect]:
        """Give what connects to an engine of the test's own, as Docker was and as it is."""
        from twisted.internet import reactor  # noqa: PLC0415 - pytest-twisted installs it

        engine = MemoryEngine(reactor, api_version=request.param)
        engine.accounts["guarded.test"] = {ADA.username: ADA.password}
        yield engine.client
        engine.close()

    @pytest.fixture
    def registry(self) -> Place:
        """Give a registry of the engine's own."""
        return Place("registry.test")

    @pytest.fixture
    def guarded(self) -> Place:
        """Give another one, which knows a user."""
        return Place("guarded.test")
