"""
Bodies of requests, and what processes read, sent as fast as they leave.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable

# A transport is given no larger pieces at once.
_PIECE = 256 << 10


@implementer(IPushProducer)
class Upload:
    """
    The chunked body of one request, or bytes as they are.

    :param transport: pauses us while it has enough.
    :param moved: called after each piece that the transport took.
    :param chunked: as HTTP has it.
    """

    def __init__(self, transport: Any, moved: Callable[[], None], *, chunked: bool = True) -> None:  # noqa: ANN401 - any stream transport
        self._transport = transport
        self._moved = moved
        self._chunked = chunked
        self._gate: Deferred[None] | None = None
        self._paused = False
        self._stopped = False

    async def send(self, body: AsyncIterable[bytes]) -> bool:
        """Send all of ``body``; answer whether that was possible, for the connection may end first."""
        self._transport.registerProducer(self, True)
        try:
            async for whole in body:
                view = memoryview(whole)
                for start in range(0, len(view), _PIECE):
                    piece = view[start : start + _PIECE]
                    if self._stopped:
                        return False
                    if self._chunked:
                        self._transport.writeSequence((b"%x\r\n" % len(piece), bytes(piece), b"\r\n"))
                    else:
                        self._transport.write(bytes(piece))
                    if self._paused:
                        self._gate = Deferred()
                        await self._gate
                    self._moved()
            if self._chunked and not self._stopped:
                self._transport.write(b"0\r\n\r\n")
            return not self._stopped
        finally:
            if not self._stopped:
                self._transport.unregisterProducer()

    def pauseProducing(self) -> None:
        """Wait."""
        self._paused = True

    def resumeProducing(self) -> None:
        """Go on."""
        self._paused = False
        self._open()

    def stopProducing(self) -> None:
        """The connection is gone."""
        self._stopped = True
        self._open()

    def _open(self) -> None:
        gate, self._gate = self._gate, None
        if gate is not None:
            gate.callback(None)
