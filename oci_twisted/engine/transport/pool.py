"""
The connections to one engine: how many there are, and which are kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore
from twisted.internet.error import ConnectError, ConnectingCancelledError, DNSLookupError
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from oci_twisted.engine.errors import ClientClosed, ConnectionFailed, TimedOut
from oci_twisted.engine.transport.limits import DEFAULT_LIMITS, DEFAULT_TIMEOUTS, Limits, Timeouts, Turns
from oci_twisted.engine.transport.wire import Answer, Exchange, Stale, Wire

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IAddress, IDelayedCall, IReactorTime, IStreamClientEndpoint

_REPEATABLE = frozenset({"GET", "HEAD"})


class _WireFactory(Factory):
    noisy = False

    def __init__(self, build: Callable[[], Wire]) -> None:
        self._build = build

    def buildProtocol(self, addr: IAddress | None) -> Wire:
        del addr
        return self._build()


class Pool:
    """
    All connections to one engine.

    :param endpoint: connects.
    :param engine: what it is called in messages.
    :param lost: called whenever it may be another engine that answers next: it has closed a connection, or there is
        none any more, whoever has closed the last.
    """

    def __init__(
        self,
        clock: IReactorTime,
        endpoint: IStreamClientEndpoint,
        *,
        host: str,
        lost: Callable[[], None],
        engine: str = "the engine",
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self._clock = clock
        self._endpoint = endpoint
        self._host = host
        self._on_lost = lost
        self._engine = engine
        self._timeouts = timeouts
        self._limits = limits
        self._kept: dict[Wire, IDelayedCall] = {}
        self._holders: dict[Wire, DeferredSemaphore] = {}
        self._open: set[Wire] = set()
        self._connecting: set[Deferred[Wire]] = set()
        self._turns = {turns: DeferredSemaphore(limits.of(turns)) for turns in Turns}
        self._drained: Deferred[None] | None = None
        self._closed = False

    @property
    def connections(self) -> int:
        """How many there are, kept ones included."""
        return len(self._open)

    async def send(self, exchange: Exchange, kind: Turns) -> Answer:
        """
        Send a request on a connection that is free, or a new one, as soon as it is its turn.

        The turn is over when the answer's body is, or the connection.

        :param kind: of the turn.
        """
        turns = self._turns[kind]
        await turns.acquire()
        while True:
            wire = await self._take(turns)
            try:
                return await wire.send(exchange)
            except Stale:
                if exchange.verb not in _REPEATABLE:
                    raise ConnectionFailed("the engine closed the connection when the request was sent") from None
                # The turn went with that connection.
                await turns.acquire()

    async def close(self) -> None:
        """Close every connection, and wait until they are."""
        self._closed = True
        for attempt in list(self._connecting):
            attempt.cancel()
        for wire in list(self._open):
            wire.abort()
        if self._open:
            self._drained = self._drained or Deferred()
            await self._drained

    async def _take(self, turns: DeferredSemaphore) -> Wire:
        """Answer a connection that holds the turn from now on."""
        try:
            wire = self._unkeep() or await self._connect()
        except BaseException:
            turns.release()
            raise
        self._holders[wire] = turns
        return wire

    def _unkeep(self) -> Wire | None:
        if self._closed:
            raise ClientClosed("the client is closed")
        while self._kept:
            wire, timer = self._kept.popitem()
            timer.cancel()
            if not wire.lost:
                return wire
        return None

    async def _connect(self) -> Wire:
        def build() -> Wire:
            return Wire(self._clock, self._host, self._is_idle, self._is_gone)

        def late(result: Wire | Failure, seconds: float) -> Wire | Failure:
            # Endpoints have two ways to say that they were cancelled.
            if isinstance(result, Failure):
                return Failure(TimedOut(f"{self._engine} did not accept a connection within {seconds:g} s"))
            return result

        attempt = cast("Deferred[Wire]", self._endpoint.connect(_WireFactory(build)))
        self._connecting.add(attempt)
        try:
            wire = await attempt.addTimeout(self._timeouts.connect, self._clock, late)
        except (CancelledError, ConnectingCancelledError) as error:
            if self._closed:
                raise ClientClosed("the client is closed") from error
            raise CancelledError from error
        except (ConnectError, DNSLookupError, OSError) as error:
            raise ConnectionFailed(f"{self._engine} cannot be reached: {error}") from error
        finally:
            self._connecting.discard(attempt)
        self._open.add(wire)
        return wire

    def _is_idle(self, wire: Wire) -> None:
        if self._closed or len(self._kept) >= self._limits.kept:
            wire.abort()
        else:
            self._kept[wire] = self._clock.callLater(self._timeouts.kept, self._expire, wire)
        # Whoever waited for the turn shall find it.
        self._end_turn(wire)

    def _expire(self, wire: Wire) -> None:
        del self._kept[wire]
        wire.abort()

    def _is_gone(self, wire: Wire, by_engine: bool) -> None:  # noqa: FBT001 - a callback
        timer = self._kept.pop(wire, None)
        if timer is not None:
            timer.cancel()
        self._end_turn(wire)
        self._open.discard(wire)
        if by_engine or not self._open:
            self._on_lost()
        if not self._open and self._drained is not None:
            drained, self._drained = self._drained, None
            drained.callback(None)

    def _end_turn(self, wire: Wire) -> None:
        turns = self._holders.pop(wire, None)
        if turns is not None:
            turns.release()
