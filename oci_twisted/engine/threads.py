"""
Threads that are not the reactor's: what they have it do, and the one that it may run in.
"""

from __future__ import annotations

import atexit
import functools
import inspect
import threading
from collections.abc import AsyncIterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadable import isInIOThread

from oci_twisted.engine.errors import ConnectionFailed, TimedOut

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterator

    from twisted.python.failure import Failure

T = TypeVar("T")

# How often one who waits looks whether there still is a reactor.
_LOOK = 1.0
_START, _STOP = 30.0, 5.0
_END = object()


class _TooLate(Exception):
    """Nothing was answered in time."""


class _Call(Generic[T]):
    """
    Some work of the reactor's that a thread waits for.

    All methods but `wait` are the reactor's to call.
    """

    def __init__(self, work: Callable[[], Coroutine[Deferred[Any], Any, T]]) -> None:
        self._work = work
        self._future: Future[T] = Future()
        self._doing: Deferred[T] | None = None
        self._is_abandoned = False

    @property
    def has_failed(self) -> bool:
        """Whether it is over, with an error."""
        return self._future.done() and self._future.exception() is not None

    def begin(self, ended: Callable[[_Call[Any]], None]) -> None:
        """Begin the work."""
        self._doing = Deferred.fromCoroutine(self._done())
        self._doing.addCallbacks(self._succeed, self._fail)
        self._doing.addBoth(lambda _: ended(self))

    async def _done(self) -> T:
        # What is wrong before there is a coroutine, such as a parameter, is for the thread to know as well.
        return await self._work()

    def abandon(self) -> None:
        """Know that nobody waits any more: cancel the work, or close what it has answered."""
        self._is_abandoned = True
        if self._future.done() and self._future.exception() is None:
            close_abandoned(self._future.result())
        elif self._doing is not None:
            self._doing.cancel()

    def stop(self) -> None:
        """Know that the reactor stops."""
        if not self._future.done():
            self._future.set_exception(ConnectionFailed("the reactor has stopped"))
        if self._doing is not None:
            self._doing.cancel()

    def wait(self, seconds: float | None, is_running: Callable[[], bool]) -> T:
        """
        Wait for the answer, in the thread of whoever asks.

        :raise _TooLate: when there is none within ``seconds``.
        """
        left = float("inf") if seconds is None else seconds
        while True:
            try:
                return self._future.result(min(left, _LOOK))
            except NotYet:
                if self._future.done():
                    # It is the work's own, or has come just now.
                    return self._future.result()
                left -= _LOOK
                if left <= 0:
                    raise _TooLate from None
                if not is_running():
                    raise ConnectionFailed("the reactor has stopped") from None

    def _succeed(self, answer: T) -> None:
        if self._is_abandoned or self._future.done():
            close_abandoned(answer)
        else:
            self._future.set_result(answer)

    def _fail(self, failure: Failure) -> None:
        if not self._future.done():
            error = failure.value if failure.value is not None else CancelledError()
            self._future.set_exception(error.with_traceback(failure.getTracebackObject()))


class Runner:
    """
    Lets the reactor work for other threads.

    :param timeout: how long one waits for a call, in seconds.
    """

    def __init__(self, reactor: Any, timeout: float | None = None) -> None:  # noqa: ANN401 - every kind of reactor
        self.reactor = reactor
        self._timeout = timeout
        self._calls: set[_Call[Any]] = set()
        self._trigger: Any = None

    def within(self, seconds: float | None) -> Runner:
        """Answer another one, that waits for so long."""
        return Runner(self.reactor, seconds)

    def run(self, what: str, work: Callable[[], Coroutine[Deferred[Any], Any, T]]) -> T:
        """
        Do some work in the reactor's thread, and wait for it.

        :raise TimedOut: when it takes too long; it is cancelled then.
        """
        if isInIOThread():
            raise RuntimeError(f"{what}: the reactor's thread would wait for itself; await the client's own coroutine")
        if not self.reactor.running:
            raise RuntimeError(f"{what}: the reactor does not run; run it, or use oci_twisted.engine.blocking.connect")
        call = _Call(work)
        self.reactor.callFromThread(self._begin, call)
        try:
            return call.wait(self._timeout, lambda: bool(self.reactor.running))
        except _TooLate:
            self.reactor.callFromThread(call.abandon)
            raise TimedOut(f"{what} took longer than {self._timeout:g} s, and was cancelled") from None
        except BaseException:
            # The call's own error, or what a signal's handler has raised here.
            if not call.has_failed:
                self.reactor.callFromThread(call.abandon)
            raise

    def _begin(self, call: _Call[Any]) -> None:
        if not self._calls:
            self._trigger = self.reactor.addSystemEventTrigger("before", "shutdown", self._stop)
        self._calls.add(call)
        call.begin(self._ended)

    def _ended(self, call: _Call[Any]) -> None:
        self._calls.discard(call)
        if not self._calls and self._trigger is not None:
            trigger, self._trigger = self._trigger, None
            self.reactor.removeSystemEventTrigger(trigger)

    def _stop(self) -> None:
        self._trigger = None
        for call in [*self._calls]:
            call.stop()


_starting = threading.Lock()


def running_reactor() -> Any:  # noqa: ANN401 - every kind of reactor
    """
    Answer Twisted's reactor, which runs: in a thread of its own, until the process ends, if nobody runs it.

    :raise RuntimeError: when it cannot be run, for it has been stopped.
    """
    # To import it is to install it, which is left to the program as long as can be.
    from twisted.internet import reactor  # noqa: PLC0415

    started = threading.Event()
    ended: list[BaseException] = []

    def run() -> None:
        try:
            cast("Any", reactor).run(installSignalHandlers=False)
        except BaseException as error:  # noqa: BLE001 - it is raised by whoever waits
            ended.append(error)
            started.set()

    with _starting:
        if not cast("Any", reactor).running:
            cast("Any", reactor).callWhenRunning(started.set)
            thread = threading.Thread(target=run, name="reactor", daemon=True)
            thread.start()
            if not started.wait(_START) or ended:
                raise RuntimeError("the reactor cannot be run in a thread") from (ended[0] if ended else None)
            atexit.register(_stop, thread)
    return reactor


def _stop(thread: threading.Thread) -> None:
    from twisted.internet import reactor  # noqa: PLC0415

    if cast("Any", reactor).running:
        cast("Any", reactor).callFromThread(cast("Any", reactor).stop)
        thread.join(_STOP)


class FromThread:
    """An iterator whose pieces are taken in a thread, for reading them may take its time."""

    def __init__(self, iterator: Iterator[Any], reactor: Any) -> None:  # noqa: ANN401
        self._iterator = iterator
        self._reactor = reactor

    def __aiter__(self) -> FromThread:
        return self

    async def __anext__(self) -> Any:  # noqa: ANN401
        pool = self._reactor.getThreadPool()
        given = await deferToThreadPool(self._reactor, pool, next, self._iterator, _END)
        if given is _END:
            raise StopAsyncIteration
        return given


@functools.cache
def is_live(kind: type[Any]) -> bool:
    """Answer whether something has coroutines, so that it belongs into the reactor's thread."""
    return any(
        inspect.iscoroutinefunction(member) or inspect.isasyncgenfunction(member)
        for ancestor in kind.__mro__
        for member in vars(ancestor).values()
    )


async def closing(stream: Any) -> None:  # noqa: ANN401 - whatever it is
    """Close something, in whichever way it has."""
    close = getattr(stream, "close", None) or getattr(stream, "aclose", None)
    if close is not None:
        closed: Awaitable[None] | None = close()
        if inspect.isawaitable(closed):
            await closed


def close_abandoned(answer: object) -> None:
    """Close what nobody has received."""
    if isinstance(answer, AsyncIterator) or is_live(cast("Any", type(answer))):
        Deferred.fromCoroutine(closing(answer)).addErrback(lambda _: None)
