"""A registry behind the streaming front."""

import pytest

from tests.wire.peers import Wire


@pytest.fixture
def wire() -> Wire:
    """Make an empty registry in memory, with the limits that it has by default."""
    return Wire()
