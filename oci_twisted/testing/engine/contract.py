"""
The whole contract of an engine.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, TypeAlias

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from twisted.internet.defer import Deferred
from zope.interface.verify import verifyObject

from oci_twisted.engine import EngineClient
from oci_twisted.engine.interfaces import IConnection, IHandler
from oci_twisted.testing.engine.archives import ArchiveContract
from oci_twisted.testing.engine.containers import ContainerContract
from oci_twisted.testing.engine.events import EventContract
from oci_twisted.testing.engine.examples import Made, busybox_archive
from oci_twisted.testing.engine.execs import ExecContract
from oci_twisted.testing.engine.images import ImageContract
from oci_twisted.testing.engine.logs import LogContract
from oci_twisted.testing.engine.networks import NetworkContract
from oci_twisted.testing.engine.pods import ManifestContract, PodContract
from oci_twisted.testing.engine.registries import ADA, Place, guarded_registry, open_registry
from oci_twisted.testing.engine.system import SystemContract
from oci_twisted.testing.engine.transfers import TransferContract
from oci_twisted.testing.engine.volumes import VolumeContract

Connect: TypeAlias = Callable[[], Coroutine[Deferred[Any], Any, EngineClient]]

IMAGE = "oci.test/contract/busybox:v1"


class TransportContract(SystemContract, TransferContract, ExecContract, LogContract, ArchiveContract, EventContract):
    """
    What of an engine depends on the way to it: large bodies, long streams, and connections that are taken over.

    A subclass has a fixture ``connect``, which makes a client.
    """

    @pytest.fixture
    def connect(self) -> Connect:
        """Give what connects to the engine that is to be tested."""
        raise NotImplementedError("give a way to connect in your subclass")

    @pytest_twisted.async_yield_fixture  # type: ignore[untyped-decorator]
    async def client(self, connect: Connect) -> AsyncIterator[EngineClient]:
        """Lend a client, and close it."""
        client = await connect()
        yield client
        await client.close()

    @pytest_twisted.async_yield_fixture  # type: ignore[untyped-decorator]
    async def made(self, client: EngineClient) -> AsyncIterator[Made]:
        """Lend an image that can be run, and remove afterwards what the test has made of it."""
        if not await client.images.exists(IMAGE):
            await client.images.import_archive(busybox_archive(), IMAGE)
        made = Made(client, IMAGE)
        yield made
        await made.remove()

    @pytest_twisted.async_yield_fixture  # type: ignore[untyped-decorator]
    async def registry(self) -> AsyncIterator[Place]:
        """Lend a registry that the engine reaches, without TLS, and that lets everybody do everything."""
        async with open_registry() as place:
            yield place

    @pytest_twisted.async_yield_fixture  # type: ignore[untyped-decorator]
    async def guarded(self) -> AsyncIterator[Place]:
        """Lend a registry that knows `ADA` and nobody else."""
        async with guarded_registry(ADA) as place:
            yield place


class EngineContract(
    TransportContract,
    ImageContract,
    ContainerContract,
    NetworkContract,
    VolumeContract,
    PodContract,
    ManifestContract,
):
    """
    What every engine does.  A subclass has a fixture ``connect``, which makes a client of it.
    """

    def test_it_provides_the_interfaces(self, client: EngineClient) -> None:
        """The connection and its handlers have every method of their interfaces, with its parameters."""
        assert verifyObject(IConnection, client.connection)
        assert verifyObject(IHandler, client.connection.handler("system.ping"))
