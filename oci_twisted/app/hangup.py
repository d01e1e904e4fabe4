"""
SIGHUP, by which operators have a process read its files again.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType


class Hangup:
    """
    Calls something on SIGHUP, which nobody else in Twisted handles and which would end the process.

    A handler that was there before is called too, and is there again at the end.

    :param reactor: in whose turn it is called.
    """

    def __init__(self, reactor: Any, call: Callable[[], None]) -> None:  # noqa: ANN401 - as Registry's own
        self._reactor = reactor
        self._call = call
        self._before: Any = None

    def install(self) -> None:
        """Begin, if this is the main thread; Python has no handlers in others."""
        try:
            self._before = signal.signal(signal.SIGHUP, self._received)
        except ValueError:
            self._before = None

    def restore(self) -> None:
        """End, unless somebody else has taken over since."""
        if signal.getsignal(signal.SIGHUP) == self._received:
            signal.signal(signal.SIGHUP, self._before if self._before is not None else signal.SIG_DFL)

    def _received(self, number: int, frame: FrameType | None) -> None:
        # Between any two instructions of the program, so that nothing may be done here.
        self._reactor.callFromThread(self._call)
        if callable(self._before):
            self._before(number, frame)
