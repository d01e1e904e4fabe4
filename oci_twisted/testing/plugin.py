"""
The pytest plugin.

Every run of pytest imports it, whatever it tests, so it imports nothing of ours before a test asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oci_twisted.engine import EngineClient
    from oci_twisted.testing.engine.memory import MemoryEngine
    from oci_twisted.testing.process import RegistryProcess, ServedRegistry


@pytest.fixture(scope="session")
def oci_registry_process() -> Iterator[RegistryProcess]:
    """A process that serves registries, as many as are asked for; what other fixtures than `oci_registry` need."""
    from oci_twisted.testing.process import RegistryProcess  # noqa: PLC0415 - see above

    with RegistryProcess() as process:
        yield process


@pytest.fixture
def oci_registry(oci_registry_process: RegistryProcess) -> Iterator[ServedRegistry]:
    """A registry of the test's own: empty, in memory, at ``oci_registry.url``, also known as ``oci_registry.host``."""
    with oci_registry_process.registry() as registry:
        yield registry


@pytest.fixture
def oci_engine() -> Iterator[MemoryEngine]:
    """A container engine of the test's own: empty, in memory, on pytest-twisted's reactor; it fails on demand."""
    from twisted.internet import reactor  # noqa: PLC0415 - pytest-twisted has installed the one that was asked for

    from oci_twisted.testing.engine.memory import MemoryEngine  # noqa: PLC0415 - see above

    engine = MemoryEngine(reactor)
    yield engine
    engine.close()


@pytest.fixture
def oci_engine_client(oci_engine: MemoryEngine) -> Iterator[EngineClient]:
    """A client of `oci_engine`, connected."""
    try:
        from pytest_twisted import blockon  # type: ignore[import-untyped]  # noqa: PLC0415 - see above
    except ImportError:
        pytest.fail("oci_engine_client waits on a reactor, which needs: pip install pytest-twisted", pytrace=False)
    from twisted.internet.defer import Deferred  # noqa: PLC0415 - see above

    client = blockon(Deferred.fromCoroutine(oci_engine.client()))
    yield client
    blockon(Deferred.fromCoroutine(client.close()))
