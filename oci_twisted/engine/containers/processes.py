"""
Processes in containers, as Twisted's own processes: a protocol at this end, a transport that writes to its input.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.interfaces import IConsumer, IProcessTransport, IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from oci_twisted.engine.containers.frames import Frames, Stream
from oci_twisted.engine.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from twisted.internet.interfaces import IAddress, IProcessProtocol, IProducer

    from oci_twisted.engine.interfaces import IDuplex

_STDIN = 0


@implementer(IProcessTransport, IConsumer, IPushProducer)
class ContainerProcess:
    """
    A process in a container that somebody is connected to.

    Its protocol is an `twisted.internet.interfaces.IProcessProtocol`, so that what was written for ``spawnProcess``
    serves here: ``childDataReceived`` with 1 for standard output and 2 for standard error, then ``childConnectionLost``
    for each, then ``processExited`` and ``processEnded``: with `ProcessDone`, with `ProcessTerminated` and the exit
    code, or with the `EngineError` for which that is not known.

    To write is to write to its standard input; producers can be registered for that.  While it is paused, nothing is
    delivered, and soon nothing more is read, so that the process has to wait in the end.

    Whoever has it owns a connection: it ends with the process, or by `close`.

    :param exit_code: answers the exit code, asked for when all output is delivered.
    :param over: called once when the process has ended, or was let go of.
    :ivar pid: the engine knows; see `Containers.top`.
    """

    _log = Logger()
    pid = None

    def __init__(
        self,
        duplex: IDuplex,
        protocol: IProcessProtocol,
        *,
        tty: bool,
        stdin: bool,
        exit_code: Callable[[], Coroutine[Deferred[Any], Any, int]],
        resize: Callable[[int, int], Coroutine[Deferred[Any], Any, None]],
        kill: Callable[[str], Coroutine[Deferred[Any], Any, None]],
        over: Callable[[], None] | None = None,
    ) -> None:
        self._duplex = duplex
        self._protocol = protocol
        self._frames = None if tty else Frames()
        self._stdin = stdin
        self._ask_exit_code = exit_code
        self._resize = resize
        self._kill = kill
        self._over = over
        self._parts: deque[tuple[int, bytes]] = deque()
        self._paused = False
        self._delivering = False
        self._closed = False
        self._lost = False
        self._error: Failure | None = None
        self._asking: Deferred[int] | None = None
        self._outcome: int | Failure | None = None
        self._waiting: list[Deferred[int]] = []

    def start(self) -> None:
        """
        Connect the protocol: ``makeConnection``, and whatever has arrived.

        What the protocol raises is raised, and the process let go of.
        """
        try:
            self._protocol.makeConnection(self)
            self._duplex.start(_Receiver(self._receive, self._end))
        except BaseException:
            self.close()
            raise

    async def wait(self) -> int:
        """
        Answer the exit code when the process has ended and all of its output is delivered.

        :raise EngineError: when that will not be known: the connection broke, or the engine went away.
        """
        if self._outcome is None:
            waiting: Deferred[int] = Deferred(self._waiting.remove)
            self._waiting.append(waiting)
            return await waiting
        if isinstance(self._outcome, Failure):
            self._outcome.raiseException()
        return self._outcome

    async def resize(self, rows: int, columns: int) -> None:
        """
        Say how large the terminal is.

        :raise EngineError: when the process has no terminal, or has ended.
        """
        await self._resize(rows, columns)

    async def signal(self, name: str) -> None:
        """
        Send it a signal, such as ``TERM``.

        No engine's API has signals for a process that was started in a running container.  Only a terminal has, and
        three of them: ``INT``, ``QUIT`` and ``TSTP`` are keys there.

        :raise Unsupported: when that cannot be done.
        """
        await self._kill(name)

    def close(self) -> None:
        """
        Let go of the process at once, which may go on without us.

        Whoever waits for it is cancelled.  May be called again.
        """
        if self._outcome is not None or self._closed:
            return
        self._closed = True
        self._parts.clear()
        if self._asking is not None:
            self._asking.cancel()
        else:
            self._duplex.close()

    # Standard input:

    def write(self, data: bytes) -> None:
        """Write to its standard input; what comes behind the end of either is lost."""
        if not self._stdin:
            raise RuntimeError("this process was not given a standard input")
        self._duplex.transport.write(data)

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """Write several pieces."""
        self.write(b"".join(data))

    def writeToChild(self, childFD: int, data: bytes) -> None:  # noqa: N803 - Twisted's name
        """Write to its standard input, which is the only one of its descriptors that takes bytes."""
        if childFD != _STDIN:
            raise KeyError(childFD)
        self.write(data)

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:  # noqa: FBT001 - Twisted's signature
        """Let a producer fill its standard input, as fast as it takes it."""
        self._duplex.transport.registerProducer(producer, streaming)  # type: ignore[attr-defined]  # all streams have it

    def unregisterProducer(self) -> None:
        """Let the producer go."""
        self._duplex.transport.unregisterProducer()  # type: ignore[attr-defined]  # all streams have it

    def closeStdin(self) -> None:
        """Close its standard input, behind what has been written.  Its output goes on."""
        if self._stdin and not self._lost:
            self._stdin = False
            self._duplex.end_input()

    def closeChildFD(self, descriptor: int) -> None:
        """Close its standard input; the others are its own to close."""
        if descriptor == _STDIN:
            self.closeStdin()

    def closeStdout(self) -> None:
        """Do nothing: it is the process's."""

    def closeStderr(self) -> None:
        """Do nothing: it is the process's."""

    # The rest of Twisted's interfaces:

    def pauseProducing(self) -> None:
        """Deliver nothing more for a while."""
        if not self._paused:
            self._paused = True
            if not self._lost:
                self._pause_transport()

    def resumeProducing(self) -> None:
        """Deliver again."""
        if self._paused:
            self._paused = False
            self._deliver()
            if not self._paused and not self._lost:
                self._duplex.transport.resumeProducing()  # type: ignore[attr-defined]  # all streams have it

    def stopProducing(self) -> None:
        """Let go of the process."""
        self.close()

    def loseConnection(self) -> None:
        """Let go of the process."""
        self.close()

    def signalProcess(self, signalID: str | int) -> None:  # noqa: N803 - Twisted's name
        """Send it a signal; await `signal` to know whether that could be done."""
        sent = Deferred.fromCoroutine(self.signal(str(signalID)))
        sent.addErrback(lambda failure: self._log.failure("{name} was not sent", failure, name=signalID))

    def getPeer(self) -> IAddress:
        """Answer the engine's address."""
        return self._duplex.transport.getPeer()

    def getHost(self) -> IAddress:
        """Answer this end's address."""
        return self._duplex.transport.getHost()

    # The connection:

    def _receive(self, data: bytes) -> None:
        if self._closed:
            return
        try:
            if self._frames is None:
                self._parts.append((Stream.STDOUT, data))
            else:
                self._parts.extend(self._frames.feed(data))
                self._frames.check()
        except EngineError:
            self._error = Failure()
            self._duplex.close()
            return
        self._deliver()
        if self._paused:
            # Twisted's transports may be resumed by those who start them.
            self._pause_transport()

    def _pause_transport(self) -> None:
        self._duplex.transport.pauseProducing()  # type: ignore[attr-defined]  # all streams have it

    def _end(self, reason: Failure) -> None:
        self._lost = True
        if self._closed:
            self._error = Failure(CancelledError())
        elif self._error is None:
            try:
                if self._frames is not None:
                    self._frames.end()
            except EngineError:
                self._error = Failure()
        del reason
        self._deliver()

    def _deliver(self) -> None:
        if self._delivering:
            return
        self._delivering = True
        try:
            while self._parts and not self._paused:
                self._protocol.childDataReceived(*self._parts.popleft())
        finally:
            self._delivering = False
        if self._lost and not self._parts and (not self._paused or self._closed) and self._asking is None:
            self._finish()

    def _finish(self) -> None:
        for descriptor in (_STDIN, Stream.STDOUT, *(() if self._frames is None else (Stream.STDERR,))):
            self._tell(self._protocol.childConnectionLost, descriptor)
        if self._error is not None:
            self._conclude(self._error)
            return
        self._asking = Deferred.fromCoroutine(self._ask_exit_code())
        self._asking.addBoth(self._conclude)

    def _conclude(self, outcome: int | Failure) -> None:
        if self._outcome is not None:
            return
        self._outcome = outcome
        if self._over is not None:
            self._over()
        if isinstance(outcome, Failure):
            reason = outcome
        else:
            reason = Failure(ProcessTerminated(exitCode=outcome) if outcome else ProcessDone(0))
        self._tell(self._protocol.processExited, reason)
        self._tell(self._protocol.processEnded, reason)
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            one.callback(outcome)

    def _tell(self, what: Callable[[Any], object], about: object) -> None:
        """Tell the protocol, whose errors keep nobody from what follows."""
        try:
            what(about)
        except Exception:  # noqa: BLE001 - a protocol's own, of whatever kind
            self._log.failure("the protocol of a process failed: {protocol!r}", protocol=self._protocol)


class _Receiver(Protocol):
    """The protocol of the connection."""

    def __init__(self, received: Callable[[bytes], None], ended: Callable[[Failure], None]) -> None:
        self._received = received
        self._ended = ended

    def dataReceived(self, data: bytes) -> None:
        """Take bytes."""
        self._received(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Know that there are no more."""
        self._ended(reason)
