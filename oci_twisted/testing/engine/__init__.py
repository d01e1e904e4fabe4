"""
The contract of `oci_twisted.engine.EngineClient` and of the drivers under it, as tests.

Subclass the suite and give it a fixture::

    class TestMyEngine(EngineContract):
        @pytest.fixture
        def connect(self) -> Connect:
            return functools.partial(EngineClient.connect, "mine://", reactor=reactor, driver=MyDriver())

`TransportContract` is the part of it that depends on how the engine is reached.

The engine may have images, containers and so on already, and serve other tests at the same time: the suite looks only
at what it has made, under names that nobody else has, and removes that afterwards.

Images are pushed to registries on this machine and pulled from them.  They are ours, at ports of the loopback interface
and without TLS, so the engine has to be content with that; or overwrite the fixtures ``registry`` and ``guarded``.

Containers are made of one image, which the suite imports: Busybox, as it is on this machine.  An engine that runs
nothing has to imitate these of its programs: see `oci_twisted.testing.engine.memory`.

Needs ``pytest-twisted``, for the tests await on the reactor.  The engine in `oci_twisted.testing.engine.memory` does
without it, so the suite is imported when it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from oci_twisted.testing.engine.contract import Connect, EngineContract, TransportContract

__all__ = ["Connect", "EngineContract", "TransportContract"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a class or an alias
    """Import the suite."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from oci_twisted.testing.engine import contract  # noqa: PLC0415 - it needs pytest

    return getattr(contract, name)
