"""Docker, a real one, behind a real SSH server."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import pytest

from oci_twisted.engine import EngineClient
from oci_twisted.testing.engine import TransportContract
from tests.engine.sshd import SshServer, ssh_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oci_twisted.testing.engine import Connect

pytestmark = pytest.mark.clients


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    """Run an SSH server."""
    with ssh_server(tmp_path_factory.mktemp("ssh")) as running:
        yield running


class TestDockerBehindSsh(TransportContract):
    """What a client promises of streams and processes holds where Docker answers it through SSH."""

    @pytest.fixture
    def connect(self, server: SshServer, docker_address: str) -> Connect:
        """Give what connects to the engine."""
        from twisted.internet import reactor  # noqa: PLC0415 - pytest-twisted installs it

        address = server.address(docker_address.removeprefix("unix://"))
        return functools.partial(EngineClient.connect, address, reactor=reactor, driver="docker")
