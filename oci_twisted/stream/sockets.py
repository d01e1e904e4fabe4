"""
Bytes to a socket at once, instead of when the reactor comes by.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from twisted.internet.tcp import Connection


def send_now(transport: Connection, content: bytes) -> None:
    """
    Send what the socket takes at once, and leave the rest to the transport.

    A transport sends nothing before the reactor has asked the kernel whether the socket is writable, as it nearly
    always is for a short answer: to ask costs more than many an answer.

    :param transport: a socket for which `takes_sendfile` is true; what was written to it before goes first.
    """
    if transport.connected and not (transport.dataBuffer or transport._tempDataBuffer):  # noqa: SLF001 - no other way
        sent = transport.writeSomeData(content)
        # The transport finds out by itself, and in its own time, that the connection is lost.
        if isinstance(sent, int):
            content = content[sent:]
    if content:
        transport.write(content)
