"""
The registry, for users whose rules about tags differ.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from zope.interface import implementer

from oci_twisted.interfaces import IRegistry
from oci_twisted.registry.registry import StoredRegistry
from oci_twisted.storage.disk.blobs import DiskBlobs
from oci_twisted.storage.disk.metadata import SqliteMetadata
from oci_twisted.stream.pools import InlinePool
from oci_twisted.testing.repository import TagRulesContract
from tests.registry.stores import Stores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from oci_twisted.interfaces import IRepository
    from oci_twisted.spec.names import RepositoryName
    from oci_twisted.spec.pages import Page, PageRequest
    from oci_twisted.spec.tagrules import TagRules


@implementer(IRegistry)
@frozen
class Seen:
    """A registry as one sees it for whom some rules hold."""

    _registry: StoredRegistry
    _rules: TagRules

    def repository(self, name: RepositoryName) -> IRepository:
        """Answer a repository."""
        return self._registry.repository(name, self._rules)

    async def repositories(self, page: PageRequest) -> Page[RepositoryName]:
        """List the repositories."""
        return await self._registry.repositories(page)


def views(registry: StoredRegistry) -> Callable[[TagRules], IRegistry]:
    """Answer what a contract's fixture ``registries`` is."""
    return lambda rules: Seen(registry, rules)


class TestOnMemory(TagRulesContract):
    """`StoredRegistry` keeps its users' rules where everything is in memory."""

    @pytest.fixture
    def registries(self) -> Callable[[TagRules], IRegistry]:
        """Give an empty registry."""
        return views(Stores().registry())


class TestOnDisk(TagRulesContract):
    """`StoredRegistry` keeps its users' rules where everything is on disk."""

    @pytest.fixture
    def registries(self, tmp_path: Path) -> Iterator[Callable[[TagRules], IRegistry]]:
        """Give an empty registry."""
        registry = StoredRegistry(
            DiskBlobs(tmp_path, InlinePool(), durability="relaxed"),
            SqliteMetadata(tmp_path / "registry.sqlite", InlinePool(), durability="relaxed"),
            Clock(),
        )
        yield views(registry)
        Deferred.fromCoroutine(registry.close())
