"""A daemon that is restarted: the same socket, and perhaps another engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from oci_twisted.engine import EngineClient
from oci_twisted.engine.errors import ConnectionFailed
from oci_twisted.testing.waiting import waits
from tests.clients.engines import docker_daemon, short_folder

if TYPE_CHECKING:
    from oci_twisted.engine.drivers.connection import HttpConnection

pytestmark = pytest.mark.clients


@waits
async def test_the_version_is_agreed_upon_again() -> None:
    """A client goes on with the daemon that answers next, which it asks for its version; in between it says so."""
    from twisted.internet import reactor  # noqa: PLC0415 - pytest-twisted installs it

    with short_folder() as folder:
        with docker_daemon(folder) as address:
            client = await EngineClient.connect(address, reactor=reactor)
            connection: HttpConnection = client.connection  # type: ignore[assignment]  # that of HTTP
            assert await client.containers.list() == ()
            agreed = await connection.versions()
            assert await connection.versions() is agreed
        with pytest.raises(ConnectionFailed, match="cannot be reached"):
            await client.containers.list()
        with docker_daemon(folder):
            assert await client.containers.list() == ()
            again = await connection.versions()
            assert again == agreed
            assert again is not agreed
        await client.close()
