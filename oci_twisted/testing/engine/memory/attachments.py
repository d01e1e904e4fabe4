"""
Connections to processes.
"""

from __future__ import annotations

import signal
import struct
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from zope.interface import implementer

from oci_twisted.testing.engine.memory.processes import STDERR, STDOUT

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.python.failure import Failure

    from oci_twisted.testing.engine.memory.processes import Process

_INTERRUPT, _END = b"\x03", b"\x04"
_DETACH_KEYS = "ctrl-p,ctrl-q"


def _codes(keys: str) -> bytes:
    """Read keys such as ``ctrl-p,ctrl-q``."""
    return b"".join(
        bytes([ord(key[-1].upper()) ^ 0x40]) if key.startswith("ctrl-") else key.encode() for key in keys.split(",")
    )


def frame(stream: int, content: bytes) -> bytes:
    """Put a head before some output."""
    return struct.pack(">BxxxI", stream, len(content)) + content


@implementer(IHalfCloseableProtocol, IPushProducer)
class Attachment(Protocol):
    """
    A client that is connected to a process, which may still have to begin.

    :param tty: whether output has no frames.
    :param stdin: whether what comes is the process's input.
    :param begin: called when the connection is there.
    :param gone: called when it is lost.
    :param wanted: which of standard output and error are handed on.
    :param closes: whether the end of what comes is the end of the process's input.
    :param detach_keys: those at which a terminal is let go of, in the engine's words.
    """

    def __init__(
        self,
        *,
        tty: bool,
        stdin: bool,
        begin: Callable[[Attachment], None],
        gone: Callable[[Attachment], None] = lambda _: None,
        wanted: frozenset[int] = frozenset({STDOUT, STDERR}),
        closes: bool = True,
        detach_keys: str = "",
    ) -> None:
        self._tty = tty
        self._stdin = stdin
        self._begin = begin
        self._gone = gone
        self._wanted = wanted
        self._closes = closes
        self._keys = _codes(detach_keys or _DETACH_KEYS)
        self._held = b""
        self._process: Process | None = None
        self._early: list[bytes] = []
        self._early_end = False

    @property
    def _stream(self) -> Any:  # noqa: ANN401 - that of a pipe, or of a socket
        return self.transport

    def connect(self, process: Process) -> None:
        """Know the process."""
        self._process = process
        process.watchers.append(self.write)
        ended = Deferred.fromCoroutine(process.wait())
        ended.addCallback(lambda _: self.end())
        for content in self._early:
            self.dataReceived(content)
        if self._early_end:
            self.readConnectionLost()

    def write(self, when: float, stream: int, content: bytes) -> None:
        """Hand on what the process writes."""
        del when
        if stream not in self._wanted:
            return
        if self._tty:
            self._stream.write(content.replace(b"\n", b"\r\n"))
        elif content:
            self._stream.write(frame(stream, content))

    def end(self) -> None:
        """Close the connection, behind all output."""
        # With a producer whom it has paused, a socket would wait for more.
        self._stream.unregisterProducer()
        self._stream.loseConnection()

    # The connection calls:

    def connectionMade(self) -> None:
        """Begin."""
        self._stream.registerProducer(self, True)
        self._begin(self)

    def dataReceived(self, data: bytes) -> None:
        """Hand on what the process reads."""
        if not self._stdin:
            return
        if self._process is None:
            self._early.append(data)
        elif self._tty:
            self._type(self._process, self._unheld(data))
        else:
            self._process.feed(data)

    def _unheld(self, data: bytes) -> bytes:
        """Look for the keys at which to let go, and hold back what may be the beginning of them."""
        data, detach, _ = (self._held + data).partition(self._keys)
        if detach:
            self.end()
        lengths = range(min(len(data), len(self._keys) - 1), 0, -1)
        held = next((length for length in lengths if data.endswith(self._keys[:length])), 0)
        self._held = data[len(data) - held :]
        return data[: len(data) - held]

    @staticmethod
    def _type(process: Process, keys: bytes) -> None:
        """Do what a terminal does with keys that mean something to it."""
        if _INTERRUPT in keys:
            if signal.SIGINT in process.traps:
                process.signal(signal.SIGINT)
            else:
                process.exit_with(128 + signal.SIGINT)
            return
        text, end, _ = keys.partition(_END)
        if text:
            process.feed(text)
        if end:
            process.end_input()

    def readConnectionLost(self) -> None:
        """There is no more to read."""
        if self._process is None:
            self._early_end = True
        elif self._stdin and self._closes:
            self._process.end_input()

    def writeConnectionLost(self) -> None:
        """Never: we close both halves at once."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Let the process be."""
        del reason
        self._gone(self)
        if self._process is not None and self.write in self._process.watchers:
            self._process.watchers.remove(self.write)

    def pauseProducing(self) -> None:
        """Let the process wait."""
        if self._process is not None:
            self._process.hold(self)

    def resumeProducing(self) -> None:
        """Let it go on."""
        if self._process is not None:
            self._process.release(self)

    def stopProducing(self) -> None:
        """Nobody reads any more, and so nobody keeps it waiting."""
        self.resumeProducing()
