"""A server on a real socket that says whatever a test lets it say."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from twisted.internet.protocol import Factory, Protocol

from tests.clients.engines import short_folder
from tests.engine.killable import the_reactor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_PING = b"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 2\r\n\r\nOK"


class Script(Factory):
    """
    What is said.

    :ivar replies: to one request after the other, but for those for the version; the last for all that follow.
        ``None`` says nothing, and leaves the connection open.
    :ivar closes: whether the connection is closed behind each.
    :ivar greets: whether it answers with its version.
    :ivar open: how many connections are.
    """

    noisy = False

    def __init__(self, *replies: bytes | None, greets: bool = True, closes: bool = True) -> None:
        self.replies = list(replies)
        self.greets = greets
        self.closes = closes
        self.open = 0

    def buildProtocol(self, addr: object) -> Saying:
        """Take a connection."""
        del addr
        return Saying(self)


class Saying(Protocol):
    """One connection."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._received = b""

    def connectionMade(self) -> None:
        """Count it."""
        self._script.open += 1

    def dataReceived(self, data: bytes) -> None:
        """Answer a request that is complete: none of them has a body."""
        self._received += data
        if not self._received.endswith(b"\r\n\r\n"):
            return
        asked, self._received = self._received, b""
        transport: Any = self.transport
        replies = self._script.replies
        if asked.startswith(b"GET /_ping ") and self._script.greets:
            transport.write(_PING)
            return
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        if reply is not None:
            transport.write(reply)
            if self._script.closes:
                transport.loseConnection()

    def connectionLost(self, reason: object = None) -> None:
        """Count it."""
        del reason
        self._script.open -= 1


@asynccontextmanager
async def saying(script: Script) -> AsyncIterator[str]:
    """Listen, and lend the address."""
    with short_folder() as folder:
        port = the_reactor().listenUNIX(str(folder / "sock"), script)
        try:
            yield f"unix://{folder}/sock"
        finally:
            await port.stopListening()
