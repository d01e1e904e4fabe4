"""Docker, a real one, behind TLS, as its own clients reach it from other machines."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import pytest

from oci_twisted.engine import EngineClient
from oci_twisted.engine.address import Address, TlsFiles
from oci_twisted.testing.engine import TransportContract
from oci_twisted.testing.engine.examples import config, in_pieces
from oci_twisted.testing.waiting import waits
from tests.clients.engines import docker_program, short_folder
from tests.docs.running import free_port
from tests.wire.certificates import certify

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from oci_twisted.testing.engine import Connect
    from oci_twisted.testing.engine.examples import Made

pytestmark = pytest.mark.clients


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """Run Docker's daemon, and lend the address that asks for a certificate."""
    folder: Path = tmp_path_factory.mktemp("tls")
    signer = certify("authority")
    authority = signer.write(folder / "authority.pem")
    docker, ours = (signer.sign(name).write(folder / f"{name}.pem") for name in ("docker", "ours"))
    port = free_port()
    tls = ("--tlsverify", "--tlscacert", authority, "--tlscert", docker, "--tlskey", docker)
    with (
        short_folder() as data,
        docker_program(data, *tls, "--host", f"tcp://127.0.0.1:{port}") as program,
        program.running(),
    ):
        yield Address("tls", host="127.0.0.1", port=port, tls=TlsFiles(authority, ours, ours))


class TestDockerBehindTls(TransportContract):
    """What a client promises of streams and processes holds where Docker answers it through TLS."""

    @pytest.fixture
    def connect(self, address: Address) -> Connect:
        """Give what connects to the engine."""
        from twisted.internet import reactor  # noqa: PLC0415 - pytest-twisted installs it

        return functools.partial(EngineClient.connect, address, reactor=reactor, driver="docker")

    @pytest.mark.parametrize("size", [1, 3 << 20])
    @waits
    async def test_a_container_reads_to_the_end(self, client: EngineClient, made: Made, size: int) -> None:
        """The standard input of a container's own process arrives whole, and ends, while its output goes on."""
        content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
        cat = config(made.image, "/bin/cat")
        for given in (content, in_pieces(content)):
            output = await client.containers.run(cat, input=given, limit=4 << 20)
            assert (output.exit_code, output.stdout) == (0, content)
