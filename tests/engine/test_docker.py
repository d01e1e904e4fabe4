"""Docker, a real one."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import pytest

from oci_twisted.engine import EngineClient
from oci_twisted.testing.engine import EngineContract

if TYPE_CHECKING:
    from oci_twisted.testing.engine import Connect

pytestmark = pytest.mark.clients


class TestDocker(EngineContract):
    """`EngineClient` keeps its promises where Docker answers it."""

    @pytest.fixture
    def connect(self, docker_address: str) -> Connect:
        """Give what connects to the engine."""
        from twisted.internet import reactor  # noqa: PLC0415 - pytest-twisted installs it

        return functools.partial(EngineClient.connect, docker_address, reactor=reactor, driver="docker")
