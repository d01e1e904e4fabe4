"""
A registry in memory whose stores a test can look into, or have fail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from oci_twisted.registry.registry import StoredRegistry
from oci_twisted.storage.memory.blobs import MemoryBlobs
from oci_twisted.storage.memory.metadata import MemoryMetadata

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from oci_twisted.registry.policy import Policy

T = TypeVar("T")


@define
class Stores:
    """Where a registry keeps things."""

    blobs: MemoryBlobs = field(factory=MemoryBlobs)
    metadata: MemoryMetadata = field(factory=MemoryMetadata)
    clock: Clock = field(factory=Clock)

    def registry(self, policy: Policy | None = None) -> StoredRegistry:
        """Make a registry on them."""
        return StoredRegistry(self.blobs, self.metadata, self.clock, policy)


def at_once(work: Coroutine[Deferred[Any], Any, T]) -> T:
    """Answer what some work answers that never waits, or raise what it raises."""
    results: list[T | Failure] = []
    Deferred.fromCoroutine(work).addBoth(results.append)
    (result,) = results
    return result if not isinstance(result, Failure) else result.raiseException()
