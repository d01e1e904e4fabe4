"""Docker, a real one, behind a real SSH server."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import pytest

from oci_twisted.engine import EngineClient
from oci_twisted.testing.engine import TransportContract

if TYPE_CHECKING:
    from oci_twisted.testing.engine import Connect
    from tests.engine.sshd import SshServer

pytestmark = pytest.mark.clients


class TestDockerBehindSsh(TransportContract):
    """What a client promises of streams and processes holds where Docker answers it through SSH."""

    @pytest.fixture
    def connect(self, sshd: SshServer, docker_address: str) -> Connect:
        """Give what connects to the engine."""
        from twisted.internet import reactor  # noqa: PLC0415 - pytest-twisted installs it

        address = sshd.address(docker_address.removeprefix("unix://"))
        return functools.partial(EngineClient.connect, address, reactor=reactor, driver="docker")
