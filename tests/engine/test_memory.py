"""The engine in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from oci_twisted.testing.engine import EngineContract
from tests.engine.memory import OwnRegistries, with_registries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oci_twisted.testing.engine import Connect


class TestMemory(OwnRegistries, EngineContract):
    """`MemoryEngine` does what the real ones do, and reaches `EngineClient` by the same HTTP."""

    @pytest.fixture(params=["1.41", "1.51"])
    def connect(self, request: pytest.FixtureRequest) -> Iterator[Connect]:
        """Give what connects to an engine of the test's own, as Docker was and as it is."""
        from twisted.internet import reactor  # noqa: PLC0415 - pytest-twisted installs it

        engine = with_registries(reactor, api_version=request.param)
        yield engine.client
        engine.close()
