"""
The driver of engines in memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import field, frozen
from zope.interface import implementer

from oci_twisted.engine.address import Address
from oci_twisted.engine.drivers.docker import API, OPERATIONS, DockerConnection
from oci_twisted.engine.interfaces import IDriver
from oci_twisted.engine.transport.limits import DEFAULT_LIMITS, DEFAULT_TIMEOUTS, Limits, Timeouts
from oci_twisted.testing.pipes import PipeEndpoint

if TYPE_CHECKING:
    from twisted.internet.interfaces import IProtocolFactory

    from oci_twisted.engine.interfaces import IConnection

ADDRESS = Address("memory")


@implementer(IDriver)
@frozen
class MemoryDriver:
    """
    Reaches one engine in memory, whatever the address says.

    :ivar server: of the engine's protocols; `MemoryEngine.server`.
    """

    server: IProtocolFactory
    timeouts: Timeouts = DEFAULT_TIMEOUTS
    limits: Limits = DEFAULT_LIMITS
    name: str = field(default="memory", init=False)

    async def connect(self, reactor: Any, address: Address) -> IConnection:  # noqa: ANN401 - every kind of reactor
        """Answer a connection."""
        return DockerConnection(
            OPERATIONS,
            reactor,
            PipeEndpoint(reactor, self.server),
            host=address.scheme,
            timeouts=self.timeouts,
            limits=self.limits,
            docker=API,
        )
