"""
The client, where the server has rules about tags.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from attrs import frozen
from zope.interface import implementer

from oci_twisted.interfaces import Decision, IAuthorizer
from oci_twisted.testing.repository import TagRulesContract
from tests.client.fronts import channel_front, connect, memory_registry, mounted_front

if TYPE_CHECKING:
    from collections.abc import Callable

    from oci_twisted.interfaces import Action, IRegistry, Principal
    from oci_twisted.spec.names import RepositoryName
    from oci_twisted.spec.tagrules import TagRules


@implementer(IAuthorizer)
@frozen
class Ruled:
    """Permits everything, but for what rules say of single tags."""

    rules: TagRules

    async def decide(self, principal: Principal, action: Action, name: RepositoryName | None) -> Decision:
        """Permit it."""
        del principal, action, name
        return Decision(permitted=True, by="a rule", tags=self.rules)


class TestOverChannel(TagRulesContract):
    """`RemoteRegistry` is refused by our channel what a local registry refuses, in the same words."""

    @pytest.fixture
    def registries(self) -> Callable[[TagRules], IRegistry]:
        """Give an empty registry."""
        registry = memory_registry()
        return lambda rules: connect(channel_front(registry, Ruled(rules)))


class TestOverSite(TagRulesContract):
    """`RemoteRegistry` is refused by the mounted API what a local registry refuses, in the same words."""

    @pytest.fixture
    def registries(self) -> Callable[[TagRules], IRegistry]:
        """Give an empty registry."""
        registry = memory_registry()
        return lambda rules: connect(mounted_front(registry, Ruled(rules)))
