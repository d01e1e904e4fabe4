"""
Processes that are coroutines.
"""

from __future__ import annotations

import signal as signals
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger

if TYPE_CHECKING:
    from collections.abc import Mapping

    from twisted.internet.interfaces import IReactorTime
    from twisted.python.failure import Failure

STDOUT, STDERR = 1, 2


def signal_number(name: str) -> int:
    """
    Answer the number of ``SIGTERM``, ``TERM`` or ``15``.

    :raise ValueError: when there is none.
    """
    if name.isdigit():
        return int(name)
    try:
        return int(signals.Signals[name if name.startswith("SIG") else f"SIG{name}"])
    except KeyError as error:
        raise ValueError(f"Invalid signal: {name}") from error


@define(eq=False)
class Process:
    """
    What a program sees of the world.

    :ivar argv: its name and arguments.
    :ivar traps: what it does with signals, by their numbers; all others but ``SIGKILL`` pass it by, as they do the
        first process of a container.
    :ivar output: all that it has written: when, to which of standard output and error, what.
    :ivar size: of its terminal: rows and columns.
    :ivar keeps_output: whether that is kept.
    :ivar watchers: called with each of those as it comes.
    :ivar holders: whoever does not take more for now.
    :ivar exited: fires with the exit code; for one who waits, use `wait`.
    """

    _log = Logger()

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    clock: IReactorTime
    pid: int
    traps: dict[int, Callable[[], None]] = field(factory=dict)
    output: list[tuple[float, int, bytes]] = field(factory=list, repr=False)
    watchers: list[Callable[[float, int, bytes], None]] = field(factory=list, repr=False)
    holders: set[object] = field(factory=set, repr=False)
    size: tuple[int, int] = (0, 0)
    keeps_output: bool = True
    exit_code: int | None = None
    _work: Deferred[int] | None = None
    _killed_by: int | None = None
    _waiting: list[Deferred[int]] = field(factory=list, repr=False)
    _input: bytearray = field(factory=bytearray, repr=False)
    _input_ended: bool = False
    _reader: Deferred[None] | None = None
    _writer: Deferred[None] | None = None

    # A program calls:

    def write(self, content: bytes, stream: int = STDOUT) -> None:
        """Write to standard output or error."""
        line = (self.clock.seconds(), stream, content)
        if self.keeps_output:
            self.output.append(line)
        for watcher in list(self.watchers):
            watcher(*line)

    async def flush(self) -> None:
        """Wait while somebody who is connected does not take more, as a pipe that is full makes a process wait."""
        # Whoever writes for ever lets everybody else have a turn.
        await self.sleep(0)
        while self.holders:
            self._writer = Deferred()
            await self._writer

    async def read(self) -> bytes:
        """Answer what has come from standard input, as soon as there is some; nothing at its end."""
        if not self._input and not self._input_ended:
            self._reader = Deferred()
            await self._reader
        content = bytes(self._input)
        self._input.clear()
        return content

    async def sleep(self, seconds: float) -> None:
        """Do nothing for a while."""
        await deferLater(self.clock, seconds)

    # The engine calls:

    def start(self, program: Program) -> None:
        """Begin."""
        self._work = Deferred.fromCoroutine(program(self))
        self._work.addCallbacks(self._exit, self._fail)

    def feed(self, content: bytes) -> None:
        """Give it standard input."""
        self._input += content
        self._wake()

    def end_input(self) -> None:
        """Close its standard input."""
        self._input_ended = True
        self._wake()

    def signal(self, number: int) -> None:
        """Send it a signal."""
        if number == signals.SIGKILL:
            self._killed_by = number
            if self._work is not None and self.exit_code is None:
                self._work.cancel()
        elif number in self.traps:
            self.traps[number]()

    def exit_with(self, code: int) -> None:
        """End it, as its own handler of a signal would."""
        self._killed_by = code - 128
        if self._work is not None and self.exit_code is None:
            self._work.cancel()

    def hold(self, holder: object) -> None:
        """Let `flush` wait for one who is connected."""
        self.holders.add(holder)

    def release(self, holder: object) -> None:
        """Let it go on."""
        self.holders.discard(holder)
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.callback(None)

    async def wait(self) -> int:
        """Answer its exit code when it has ended."""
        if self.exit_code is None:
            waiting: Deferred[int] = Deferred(self._waiting.remove)
            self._waiting.append(waiting)
            return await waiting
        return self.exit_code

    def _wake(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.callback(None)

    def _fail(self, failure: Failure) -> None:
        if self._killed_by is None or not failure.check(CancelledError):
            self._log.failure("{argv} failed", failure, argv=self.argv)
            self._exit(1)
        else:
            self._exit(128 + self._killed_by)

    def _exit(self, code: int) -> None:
        self.exit_code = code
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            one.callback(code)


Program: TypeAlias = Callable[[Process], Coroutine[Deferred[Any], Any, int]]
"""Runs a process, and answers its exit code."""
