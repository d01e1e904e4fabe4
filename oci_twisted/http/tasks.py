"""
Coroutines, driven without a Deferred around them.

Most answers never wait: their metadata is read in place.  To wrap such a coroutine in a Deferred would cost as much
as the answer itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from twisted.python.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from twisted.internet.defer import Deferred

T = TypeVar("T")


class Task(Generic[T]):
    """
    A coroutine that awaits Deferreds.

    :param done: is called once, with the result and ``None`` or with ``None`` and what was raised; it must not raise.
    """

    __slots__ = ("_coroutine", "_done", "_waiting")

    def __init__(
        self,
        coroutine: Coroutine[Deferred[Any], Any, T],
        done: Callable[[T | None, BaseException | None], None],
    ) -> None:
        self._coroutine = coroutine
        self._done = done
        self._waiting: Deferred[Any] | None = None

    def run(self, failure: Failure | None = None) -> None:
        """
        Go on until the coroutine waits or ends.

        :param failure: of what it waits for.
        """
        try:
            # A Deferred that has fired does not yield; one that has not yields itself, and when it is resumed it reads
            # its own result.  But not a failure: while its callbacks run it has not put that where it looks for it.
            waiting = (
                self._coroutine.send(None) if failure is None else failure.throwExceptionIntoGenerator(self._coroutine)
            )
        except StopIteration as stop:
            self._done(stop.value, None)
        except BaseException as error:  # noqa: BLE001 - handed over, not handled
            self._done(None, error)
        else:
            self._waiting = waiting
            waiting.addBoth(self._wake)

    def _wake(self, result: object) -> None:
        self._waiting = None
        self.run(result if isinstance(result, Failure) else None)

    def cancel(self) -> None:
        """Cancel what the coroutine waits for, so that it sees `CancelledError`."""
        if self._waiting is not None:
            self._waiting.cancel()
