"""The real engines, each started once."""

from collections.abc import Iterator

import pytest

from tests.clients.engines import docker_engine, podman_engine


@pytest.fixture(scope="session")
def docker_address() -> Iterator[str]:
    """Run Docker's daemon for all tests of this folder."""
    with docker_engine() as address:
        yield address


@pytest.fixture(scope="session")
def podman_address() -> Iterator[str]:
    """Run Podman's service for all tests of this folder."""
    with podman_engine() as address:
        yield address
