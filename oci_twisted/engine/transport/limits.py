"""
How long is waited, and how much is open at once.
"""

from __future__ import annotations

from enum import Enum, auto

from attrs import frozen


@frozen
class Timeouts:
    """
    What is waited for, in seconds.

    Only pauses are bounded, never the whole of a stream.  Operations during which an engine may rightly be silent, such
    as to wait for a container, have neither a ``first_byte`` nor an ``idle``: they are the caller's to cancel, and each
    group of operations names its own.

    That the engine's machine has gone is known all the same, after two minutes: over TCP and SSH it is asked whether it
    is there.  Only where something was written over TCP that does not arrive, that is repeated instead, on Linux for
    about a quarter of an hour.

    :ivar connect: until the engine has accepted the connection.
    :ivar first_byte: from the end of a request until its answer begins.
    :ivar idle: between two pieces of an answer, and between two of a request's body.
    :ivar kept: how long a connection is kept that nobody uses.
    """

    connect: float = 10.0
    first_byte: float = 60.0
    idle: float = 60.0
    kept: float = 30.0


class Turns(Enum):
    """
    What waits for its turn together.

    Whoever has a turn may need another: who is attached to a container starts it.  The other one stands below in this
    list, never above or beside, so that they do not wait for each other.
    """

    WAITS = auto()
    STREAMS = auto()
    WORKS = auto()
    CALLS = auto()


@frozen
class Limits:
    """
    How much may be open at once; what is above waits for its turn.

    :ivar waits: requests that are answered when a container has ended.
    :ivar streams: requests that may be open for long: streams, and processes that are attached to.
    :ivar works: requests for which an engine takes its time, such as those that start and stop.
    :ivar calls: the others, whose answer is a document.
    :ivar kept: connections that are kept for further requests.
    """

    waits: int = 256
    streams: int = 256
    works: int = 64
    calls: int = 16
    kept: int = 8

    def of(self, turns: Turns) -> int:
        """Answer how many there are of one kind."""
        return {
            Turns.WAITS: self.waits,
            Turns.STREAMS: self.streams,
            Turns.WORKS: self.works,
            Turns.CALLS: self.calls,
        }[turns]


DEFAULT_TIMEOUTS = Timeouts()
DEFAULT_LIMITS = Limits()
