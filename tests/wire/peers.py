"""
Connections in memory: our channel at one end, and at the other a test in the place of the peer and its kernel.
"""

from __future__ import annotations

import math
import socket
import struct
from typing import TYPE_CHECKING, Any

from twisted.internet.abstract import FileDescriptor
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.python.failure import Failure

from oci_twisted.http.errors import render
from oci_twisted.http.routes import API
from oci_twisted.spec.errors import RegistryError
from tests.http.stacks import Stack
from tests.wire.messages import read_answers

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from twisted.internet.defer import Deferred
    from twisted.internet.interfaces import IAddress
    from twisted.internet.protocol import Protocol
    from twisted.internet.testing import MemoryReactorClock

    from oci_twisted.http.calls import Call
    from oci_twisted.http.limits import Limits
    from oci_twisted.http.replies import Reply
    from oci_twisted.http.site import Identify
    from tests.wire.messages import Answer


class WireSocket:
    """
    What our kernel knows of a TCP connection.

    :ivar acknowledged: how many bytes the peer's kernel has taken.
    """

    def __init__(self) -> None:
        self.acknowledged = 0

    def getsockopt(self, level: int, option: int, size: int) -> bytes:
        """Answer Linux's ``struct tcp_info``, as far as it matters."""
        assert (level, option, size) == (socket.IPPROTO_TCP, socket.TCP_INFO, 128)
        return bytes(120) + struct.pack("=Q", self.acknowledged)


class WireTransport(FileDescriptor):
    """
    Twisted's own buffers and producers, on a socket that is a test's.

    :ivar socket: ``None`` for one that is not TCP.
    :ivar delivered: what the peer's kernel has taken.
    :ivar window: how many bytes more it takes.
    :ivar half_closed: nothing more will be sent, but what comes is read.
    """

    def __init__(self, reactor: MemoryReactorClock, protocol: Protocol) -> None:
        super().__init__(reactor)
        self._clock = reactor
        self._protocol = protocol
        self.connected = 1
        self.socket: WireSocket | None = WireSocket()
        self.delivered = bytearray()
        self.window: float = math.inf
        self.half_closed = False
        self.aborted = False
        self.startReading()  # type: ignore[no-untyped-call]  # Twisted's

    @property
    def held(self) -> int:
        """How many bytes wait for the peer to take them."""
        return len(self.dataBuffer) - self.offset + sum(map(len, self._tempDataBuffer))

    @property
    def reading(self) -> bool:
        """Whether bytes are taken from the peer."""
        return self in self._clock.readers

    @property
    def writing(self) -> bool:
        """Whether the reactor is asked to say when the peer takes bytes."""
        return self in self._clock.writers

    def setTcpNoDelay(self, enabled: bool) -> None:  # noqa: FBT001 - Twisted's signature
        """As a TCP connection has it."""

    def getHost(self) -> IAddress:
        """Answer our address."""
        return IPv4Address("TCP", "192.0.2.1", 5000)

    def getPeer(self) -> IAddress:
        """Answer the peer's address."""
        return IPv4Address("TCP", "192.0.2.7", 54321)

    def writeSomeData(self, data: bytes) -> int:
        """Let the peer take as much as it will."""
        taken = int(min(len(data), self.window))
        self.window -= taken
        self.delivered += data[:taken]
        if self.socket is not None:
            self.socket.acknowledged += taken
        return taken

    def _closeWriteConnection(self) -> None:
        self.half_closed = True

    def abortConnection(self) -> None:
        """Close at once; what the peer has not taken is lost."""
        if not self.aborted and self.connected:
            self.aborted = True
            self.stopReading()  # type: ignore[no-untyped-call]  # Twisted's
            self.stopWriting()  # type: ignore[no-untyped-call]  # Twisted's
            self._clock.callLater(0, self.connectionLost, Failure(ConnectionAborted()))

    def startWriting(self) -> None:
        """Ask for writability, unless it is all over."""
        if not self.aborted:
            super().startWriting()  # type: ignore[no-untyped-call]  # Twisted's

    def connectionLost(self, reason: Failure) -> None:
        """Close."""
        if self.connected:
            super().connectionLost(reason)  # type: ignore[no-untyped-call]  # Twisted's
            self._protocol.connectionLost(reason)


class Peer:
    """
    A client, byte by byte.

    :ivar channel: the server's end.
    :ivar transport: between them.
    """

    def __init__(self, channel: Protocol, clock: MemoryReactorClock) -> None:
        self._clock = clock
        self.channel = channel
        self.transport = WireTransport(clock, self.channel)
        self.channel.makeConnection(self.transport)
        self._sent = bytearray()

    @property
    def unread(self) -> int:
        """How many bytes were sent that the server has not read."""
        return len(self._sent)

    @property
    def received(self) -> bytes:
        """All that came from the server."""
        return bytes(self.transport.delivered)

    @property
    def connected(self) -> bool:
        """Whether the connection is there, half closed or not."""
        return bool(self.transport.connected)

    @property
    def open(self) -> bool:
        """Whether the server has closed no side of it."""
        return self.connected and not self.transport.half_closed

    def send(self, *pieces: bytes) -> Peer:
        """Send bytes; every piece arrives by itself."""
        for piece in pieces:
            self._sent += piece
            self.settle()
        return self

    def take(self, count: float) -> None:
        """Take that many bytes more from the server, where the window was closed."""
        self.transport.window += count
        self.settle()

    def hang_up(self) -> None:
        """Be gone."""
        self.transport.connectionLost(Failure(ConnectionDone()))
        self.settle()

    def pass_time(self, seconds: float) -> None:
        """Let time pass, in steps of a second at most."""
        while seconds > 0:
            self._clock.advance(min(seconds, 1))
            seconds -= 1
            self.settle()

    def answers(self, *methods: str) -> list[Answer]:
        """
        Answer what has come, which must be whole answers and nothing else.

        :param methods: of the requests in their order, where they are not all GET.
        """
        self.settle()
        answers, rest = read_answers(self.received, methods)
        assert rest == b"", f"{len(rest)} bytes are no answer: {rest[:1000]!r}"
        return answers

    def answer(self, method: str = "GET") -> Answer:
        """Answer the only answer."""
        (answer,) = self.answers(method)
        return answer

    def settle(self) -> None:
        """Let the reactor run until nothing is left that it could do now."""
        while self._read() or self._write() or self._call():
            pass

    def _read(self) -> bool:
        if not (self._sent and self.transport.reading):
            return False
        size = self.transport.bufferSize
        piece = bytes(self._sent[:size])
        del self._sent[:size]
        self.channel.dataReceived(piece)
        return True

    def _write(self) -> bool:
        transport = self.transport
        if not transport.writing:
            return False
        before = len(transport.delivered)
        result: Any = transport.doWrite()  # type: ignore[no-untyped-call]  # Twisted's
        if result is not None:
            transport.connectionLost(Failure(result))
        return len(transport.delivered) > before or not transport.writing

    def _call(self) -> bool:
        now = self._clock.seconds()
        due = any(call.getTime() <= now for call in self._clock.getDelayedCalls())
        if due:
            self._clock.advance(0)
        return due


class ScriptedAPI(API):
    """
    The API, and endpoints of a test's own beside it.

    :ivar scripts: by path.
    """

    scripts: dict[bytes, Callable[[Call], Coroutine[Deferred[Any], Any, Reply]]]

    async def answer(self, call: Call) -> Reply:
        """Answer a call."""
        script = self.scripts.get(call.raw_path)
        if script is None:
            return await super().answer(call)
        try:
            return await script(call)
        except RegistryError as error:
            return render(error)


class Wire:
    """
    A registry in memory behind the streaming front, with endpoints of a test's own.

    :ivar stack: the registry.
    :ivar scripts: endpoints by path.
    """

    def __init__(
        self, limits: Limits | None = None, stack: Stack | None = None, identify: Identify | None = None
    ) -> None:
        self.stack = stack or Stack(api=ScriptedAPI)
        self.scripts: dict[bytes, Callable[[Call], Coroutine[Deferred[Any], Any, Reply]]] = {}
        if isinstance(self.stack.api, ScriptedAPI):
            self.stack.api.scripts = self.scripts
        self.site = self.stack.site(limits, identify)

    def connect(self) -> Peer:
        """Connect a client."""
        return Peer(self.site.buildProtocol(None), self.stack.clock)

    def send(self, *pieces: bytes) -> Peer:
        """Connect a client that sends something."""
        return self.connect().send(*pieces)
