"""Drivers by their names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from zope.interface.verify import verifyObject

from oci_twisted.engine import EngineClient
from oci_twisted.engine.drivers.docker import DockerDriver
from oci_twisted.engine.drivers.named import driver, known, register
from oci_twisted.engine.drivers.podman import PodmanDriver
from oci_twisted.engine.errors import ConnectionFailed
from oci_twisted.engine.interfaces import IDriver
from oci_twisted.testing.engine.memory import MemoryDriver, MemoryEngine
from oci_twisted.testing.waiting import waits
from tests.engine.memory import Bench

if TYPE_CHECKING:
    from pathlib import Path


def test_ours_are_known_by_their_entry_points() -> None:
    """Docker and Podman are found as those of other distributions would be."""
    assert {"docker", "podman"} <= set(known())
    assert driver("docker") == DockerDriver()
    assert driver("podman") == PodmanDriver()


def test_a_name_that_is_not_known_is_said() -> None:
    """The error lists the names that are."""
    with pytest.raises(LookupError, match=r"'lxd', only.*docker"):
        driver("lxd")


def test_a_program_registers_its_own() -> None:
    """A registered driver is found by its name, which nobody else can take."""
    mine = DockerDriver()
    register("mine", lambda: mine)
    assert driver("mine") is mine
    with pytest.raises(ValueError, match="'mine' already"):
        register("mine", DockerDriver)


def test_drivers_provide_the_interface() -> None:
    """Each has every method of `IDriver`, with its parameters."""
    bench = Bench()
    assert isinstance(bench.engine, MemoryEngine)
    for one in (DockerDriver(), PodmanDriver(), MemoryDriver(bench.engine.server)):
        assert verifyObject(IDriver, one)


@pytest.mark.parametrize("name", ["docker", "podman"])
@waits
async def test_an_engine_that_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    """The error of a call says at which address nobody was, for the environment may have named it."""
    from twisted.internet import reactor  # noqa: PLC0415 - pytest-twisted installs it

    address = f"unix://{tmp_path}/sock"
    async with await EngineClient.connect(address, reactor=reactor, driver=name) as client:
        with pytest.raises(ConnectionFailed, match=f"the engine at {address} cannot be reached: .*No such file"):
            await client.system.ping()
