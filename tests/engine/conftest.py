"""The real engines, each started once."""

import functools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from twisted.internet.defer import Deferred

from oci_twisted.testing.waiting import soon
from tests.clients.engines import Program, docker_engine, docker_program, podman_engine, podman_program, short_folder
from tests.engine.killable import Killable
from tests.engine.sshd import SshServer, ssh_server

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path


@pytest.fixture(scope="session")
def docker_address() -> Iterator[str]:
    """Run Docker's daemon for all tests of this folder."""
    with docker_engine() as address:
        yield address


@pytest.fixture(scope="session")
def current_docker_address() -> Iterator[str]:
    """Run today's Docker for all tests of this folder."""
    with docker_engine("current") as address:
        yield address


@pytest.fixture(scope="session")
def podman_address() -> Iterator[str]:
    """Run Podman's service for all tests of this folder."""
    with podman_engine() as address:
        yield address


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    """Run an SSH server for all tests of this folder."""
    with ssh_server(tmp_path_factory.mktemp("ssh")) as server:
        yield server


@pytest.fixture(scope="module", params=["docker", "current-docker", "podman"])
def killable(request: pytest.FixtureRequest) -> Iterator[Killable]:
    """Lend an engine that nobody else uses, and that may be killed."""
    programs: dict[str, Callable[[Path], AbstractContextManager[Program]]] = {
        "docker": docker_program,
        "current-docker": functools.partial(docker_program, which="current"),
        "podman": podman_program,
    }
    with short_folder() as folder, programs[request.param](folder) as one:
        engine = Killable(request.param.removeprefix("current-"), one)
        pytest_twisted.blockon(Deferred.fromCoroutine(soon(engine.start())))
        yield engine
        engine.stop()
