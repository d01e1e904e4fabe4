"""Registries that the suites have to themselves."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.servers import StartRegistry, registries


@pytest.fixture
def start_registry(tmp_path: Path) -> Iterator[StartRegistry]:
    """Lend a function that starts registries for this test alone."""
    with registries(tmp_path) as start:
        yield start
