"""
The client on the registry's own front.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from oci_twisted.testing.repository import RepositoryContract
from tests.client.fronts import channel_front, connect, memory_registry

if TYPE_CHECKING:
    from oci_twisted.interfaces import IRegistry


class TestRepositoryOverChannel(RepositoryContract):
    """
    `RemoteRegistry` keeps the promises of `IRegistry` where our channel answers it.

    So the client and the server agree, with the specification and with each other.
    """

    @pytest.fixture
    def registry(self) -> IRegistry:
        """Give an empty registry."""
        return connect(channel_front(memory_registry()))
