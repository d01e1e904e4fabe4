"""
The client for threads that are not the reactor's: every operation as a plain call that waits for its answer.

Nothing is listed here.  What the client, its groups, and the streams that they answer have as coroutines is there as
methods, by the same names; asynchronous iterators are iterators.  Errors are the same, with their tracebacks.

Everything of Twisted's happens in the reactor's thread.  Either a program runs the reactor in one thread, and uses
``client.blocking`` in others; or it has no reactor, and `connect` runs one in a thread of its own.
"""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from oci_twisted.engine.threads import FromThread, Runner, closing, is_live, running_reactor

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from types import TracebackType

    from oci_twisted.engine.client import EngineClient

T = TypeVar("T")

_END = object()


class Facade:
    """
    Something of the reactor's, for other threads: its coroutines are methods that wait for what they answer.

    Its other methods are called in the reactor's thread as well.  A parameter that is an iterator of bytes, such as a
    file, becomes an asynchronous one, which takes pieces in a thread.
    """

    def __init__(self, target: Any, runner: Runner) -> None:  # noqa: ANN401 - whatever it is
        self._target = target
        self._runner = runner

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as the target has it
        if name.startswith("_"):
            raise AttributeError(name)
        member = getattr(self._target, name)
        if not inspect.isroutine(member):
            return self._outward(member)

        @functools.wraps(member)
        def call(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401
            return self._call(member, arguments, named)

        return call

    def __dir__(self) -> list[str]:
        return [name for name in dir(self._target) if not name.startswith("_")]

    def __repr__(self) -> str:
        return f"<blocking {self._target!r}>"

    def _call(self, member: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:  # noqa: ANN401
        async def work() -> Any:  # noqa: ANN401
            answer = member(*(self._inward(one) for one in arguments), **{k: self._inward(v) for k, v in named.items()})
            return await answer if inspect.isawaitable(answer) else answer

        return self._outward(self._runner.run(member.__qualname__, work))

    def _inward(self, value: Any) -> Any:  # noqa: ANN401
        if isinstance(value, Facade):
            return value._target  # noqa: SLF001 - of the same class
        return FromThread(value, self._runner.reactor) if isinstance(value, Iterator) else value

    def _outward(self, value: Any) -> Any:  # noqa: ANN401
        if isinstance(value, AsyncIterator):
            return Stream(value, self._runner)
        if isinstance(value, tuple) and type(value) is tuple:
            return tuple(self._outward(one) for one in value)
        return Facade(value, self._runner) if is_live(cast("Any", type(value))) else value


class Stream(Facade):
    """
    An asynchronous iterator, as an iterator.

    Close it, or use it in a ``with`` statement, unless it is read to its end.
    """

    def __init__(self, target: Any, runner: Runner) -> None:  # noqa: ANN401
        super().__init__(target, runner)
        # An asynchronous iterator has one reader.
        self._lock = threading.Lock()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:  # noqa: ANN401 - what the iterator gives
        async def work() -> Any:  # noqa: ANN401
            try:
                return await self._target.__anext__()
            except StopAsyncIteration:
                # No coroutine can raise StopIteration.
                return _END

        with self._lock:
            given = self._runner.run("the next of a stream", work)
        if given is _END:
            raise StopIteration
        return self._outward(given)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Break it off, unless it has ended.  May be called again."""

        async def work() -> None:
            await closing(self._target)

        self._runner.run("to close a stream", work)


class Blocking(Facade):
    """
    A client, for threads that are not the reactor's.

    Any number of threads may use it at once.  A wait that is interrupted, as by Ctrl-C, is cancelled.
    """

    def __init__(self, client: EngineClient, runner: Runner | None = None) -> None:
        super().__init__(client, runner or Runner(client.calls.reactor))

    def within(self, seconds: float | None) -> Blocking:
        """
        Answer the same, with a bound for each call and each step of a stream; there is none otherwise.

        What takes longer is cancelled, and raises `TimedOut`.
        """
        return Blocking(self._target, self._runner.within(seconds))

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """
        Wait for a coroutine of the client's, or of one's own: it runs in the reactor's thread.

        It says the same as the method here, and type checkers understand it:
        ``client.blocking.wait(client.images.list())``.
        """
        try:
            return self._runner.run(getattr(work, "__qualname__", "a coroutine"), lambda: work)
        finally:
            # One that could not begin says nothing of it; for others, this does nothing.
            if inspect.iscoroutine(work) and inspect.getcoroutinestate(work) == inspect.CORO_CREATED:
                work.close()

    def each(self, iterator: AsyncIterator[T]) -> Iterator[T]:
        """Answer an asynchronous iterator as an iterator, which type checkers understand as well."""
        return cast("Iterator[T]", Stream(iterator, self._runner))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._call(self._target.close, (), {})


def connect(*arguments: Any, timeout: float | None = None, **named: Any) -> Blocking:  # noqa: ANN401
    """
    Connect to an engine in a program that runs no reactor, or runs it in another thread.

    Where no reactor runs, Twisted's is run in a thread of its own, until the process ends.  That can be done once: a
    program that stops the reactor cannot have it again.

    :param arguments: those of `EngineClient.connect`, which has the same errors.
    :param timeout: as `Blocking.within` has it.
    """
    # The client imports this module.
    from oci_twisted.engine.client import EngineClient  # noqa: PLC0415

    runner = Runner(running_reactor(), timeout)
    client = runner.run("connect", lambda: EngineClient.connect(*arguments, reactor=runner.reactor, **named))
    return Blocking(client, runner)
