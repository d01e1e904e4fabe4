"""
Connections that were taken over: exec and attach.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.protocol import connectionDone
from zope.interface import implementer

from oci_twisted.engine.interfaces import IDuplex

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IProtocol
    from twisted.python.failure import Failure


@implementer(IDuplex)
class Duplex:
    """
    A connection behind the answer that gave it away.

    :ivar media_type: such as ``application/vnd.docker.raw-stream``; old engines say that of framed bytes, too.
    :param released: called once when the connection is lost.
    """

    def __init__(self, transport: Any, media_type: str, released: Callable[[], None]) -> None:  # noqa: ANN401 - any stream transport
        self.transport = transport
        self.media_type = media_type
        self._released = released
        self._protocol: IProtocol | None = None
        self._early: list[bytes] = []
        self._lost: Failure | None = None
        # Nothing more than what came with the head is read before somebody is there for it.
        transport.pauseProducing()

    def start(self, protocol: IProtocol) -> None:
        """Connect a protocol; bytes that are there already are delivered at once."""
        if self._protocol is not None:
            raise RuntimeError("a duplex has one protocol")
        self._protocol = protocol
        protocol.makeConnection(self.transport)
        early, self._early = b"".join(self._early), []
        if early:
            protocol.dataReceived(early)
        if self._lost is not None:
            protocol.connectionLost(self._lost)
        else:
            self.transport.resumeProducing()

    def end_input(self) -> None:
        """Close our half of the connection, behind what has been written."""
        self.transport.loseWriteConnection()

    def close(self) -> None:
        """Close the transport at once."""
        self.transport.abortConnection()

    # The connection calls:

    def receive(self, data: bytes) -> None:
        """Take bytes."""
        if self._protocol is None:
            self._early.append(data)
        else:
            self._protocol.dataReceived(data)

    def lose(self, reason: Failure = connectionDone) -> None:
        """Know that the connection is gone."""
        self._lost = reason
        self._released()
        if self._protocol is not None:
            self._protocol.connectionLost(reason)
