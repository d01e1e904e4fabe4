"""
The client on the registry as a resource under a site of Twisted's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from oci_twisted.testing.repository import RepositoryContract
from tests.client.fronts import connect, memory_registry, mounted_front

if TYPE_CHECKING:
    from oci_twisted.interfaces import IRegistry


class TestRepositoryOverSite(RepositoryContract):
    """
    `RemoteRegistry` keeps the promises of `IRegistry` where the mounted API answers it.

    So the client and the server agree, with the specification and with each other.
    """

    @pytest.fixture
    def registry(self) -> IRegistry:
        """Give an empty registry."""
        return connect(mounted_front(memory_registry()))
