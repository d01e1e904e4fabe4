"""
Short answers on their way to their sockets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime
    from twisted.internet.tcp import Connection

_MOST_HELD = 16


class Outbox:
    """
    Sends together what was given to it in one turn of the reactor, for whichever socket.

    Whoever reads from a socket is woken by what it is sent, if it sleeps.  On one machine that takes a fifth of what a
    small answer takes, and one that has several connections is awake for all but the first of several in a row.

    A transport sends nothing before the reactor has asked the kernel whether the socket is writable, as it nearly
    always is for a short answer: to ask costs more than many an answer, and is not done here.

    :param clock: ends the turn.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._held: list[tuple[Connection, bytes]] = []
        self._due = False

    def send(self, transport: Connection, content: bytes) -> None:
        """
        Send, at the end of the turn at the latest, what the socket takes, and leave the rest to the transport.

        Whoever uses the transport's own methods meanwhile calls `flush` first.

        :param transport: a socket for which `takes_sendfile` is true; what was written to it before goes first.
        """
        self._held.append((transport, content))
        if len(self._held) >= _MOST_HELD:
            self.flush()
        elif not self._due:
            self._due = True
            self._clock.callLater(0, self._turn_ended)

    def flush(self) -> None:
        """Send what is held."""
        held, self._held = self._held, []
        for transport, content in held:
            _send(transport, content)

    def _turn_ended(self) -> None:
        self._due = False
        self.flush()


def _send(transport: Connection, content: bytes) -> None:
    if transport.connected and not (transport.dataBuffer or transport._tempDataBuffer):  # noqa: SLF001 - no other way
        sent = transport.writeSomeData(content)
        # The transport finds out by itself, and in its own time, that the connection is lost.
        if isinstance(sent, int):
            content = content[sent:]
    if content:
        transport.write(content)
