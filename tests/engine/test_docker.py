"""Docker, two real ones."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import pytest

from oci_twisted.engine import EngineClient
from oci_twisted.testing.engine import EngineContract

if TYPE_CHECKING:
    from oci_twisted.testing.engine import Connect

pytestmark = pytest.mark.clients


def connect_to(address: str) -> Connect:
    """Answer what connects to an engine."""
    from twisted.internet import reactor  # noqa: PLC0415 - pytest-twisted installs it

    return functools.partial(EngineClient.connect, address, reactor=reactor, driver="docker")


class TestDocker(EngineContract):
    """`EngineClient` keeps its promises where Debian's Docker answers it."""

    @pytest.fixture
    def connect(self, docker_address: str) -> Connect:
        """Give what connects to the engine."""
        return connect_to(docker_address)


class TestCurrentDocker(EngineContract):
    """`EngineClient` keeps its promises where today's Docker answers it."""

    @pytest.fixture
    def connect(self, current_docker_address: str) -> Connect:
        """Give what connects to the engine."""
        return connect_to(current_docker_address)
