"""
The body of a request while it arrives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

if TYPE_CHECKING:
    from collections.abc import Callable

# As soon as this much waits for its reader, the client is made to wait; so large a receive buffer is.
HIGH_WATER = 1 << 19
# While its reader works on so large a piece, a client is made to wait too: the kernel gathers what it sends, and the
# next piece is as large as can be.  A way to a thread and back costs as much as to hash 256 KiB.
LARGE = 1 << 15


class StreamedBody:
    """
    What the parser delivers and an endpoint reads.

    :param length: bytes announced; ``None`` for a chunked body.
    :param changed: is called when the body begins or ceases to want more, or is waited for.
    :ivar received: bytes so far, those thrown away included.
    :ivar ended: the last byte has arrived.
    :ivar wanted: somebody has read from it at all.
    :ivar awaited: somebody waits for the next bytes right now.
    :ivar discarding: nobody will read any more; what arrives is thrown away.
    """

    __slots__ = (
        "_changed",
        "_error",
        "_held",
        "_occupied",
        "_pieces",
        "_waiter",
        "discarding",
        "ended",
        "length",
        "received",
        "wanted",
    )

    def __init__(self, length: int | None, changed: Callable[[], None]) -> None:
        self.length = length
        self._changed = changed
        self._pieces: list[bytes] = []
        self._held = 0
        # The reader has taken a large piece and has not come back.
        self._occupied = False
        self._waiter: Deferred[None] | None = None
        self._error: Exception | None = None
        self.received = 0
        self.ended = False
        self.wanted = False
        self.discarding = False

    @property
    def full(self) -> bool:
        """Whether the client has to wait."""
        return self._occupied or self._held >= HIGH_WATER

    @property
    def failed(self) -> bool:
        """Whether it was given up before its last byte."""
        return self._error is not None

    @property
    def awaited(self) -> bool:
        """Whether somebody waits for the next bytes."""
        return self._waiter is not None

    async def read(self) -> bytes:
        """Answer what has arrived since the last time, waiting for it if need be; ``b""`` behind the last byte."""
        self.wanted = True
        if self._occupied:
            self._occupied = False
            self._changed()
        while not self._pieces:
            if self._error is not None:
                raise self._error
            if self.ended:
                return b""
            self._waiter = Deferred()
            self._changed()
            try:
                await self._waiter
            finally:
                self._waiter = None
        pieces, self._pieces = self._pieces, []
        was_full = self.full
        self._occupied = self._held >= LARGE and not self.ended
        self._held = 0
        if was_full or self._occupied:
            self._changed()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def deliver(self, data: bytes) -> None:
        """Take some bytes from the connection."""
        self.received += len(data)
        if not self.discarding:
            self._pieces.append(data)
            self._held += len(data)
            self._wake()

    def end(self) -> None:
        """Take note that the last byte has arrived."""
        self.ended = True
        self._occupied = False
        self._wake()

    def fail(self, error: Exception) -> None:
        """Take note that no more will arrive, and why."""
        self._error = error
        self._wake()

    def discard(self) -> None:
        """Throw away what is here and what will come."""
        self.discarding = True
        self._occupied = False
        self._pieces = []
        self._held = 0

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            waiter.callback(None)
