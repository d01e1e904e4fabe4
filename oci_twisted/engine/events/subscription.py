"""
A subscription to what happens in an engine, which outlives its connections.
"""

from __future__ import annotations

import random
from collections import deque
from typing import TYPE_CHECKING, Self

from attrs import frozen
from twisted.internet import defer
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger

from oci_twisted.engine.errors import ClientClosed, ConnectionFailed, EngineError, StreamCorrupt
from oci_twisted.engine.events.values import NANO, Event, Gap, GapCause, Happening, read_event
from oci_twisted.engine.filters import encode_filters
from oci_twisted.engine.instants import encode_instant, encode_nanoseconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.python.failure import Failure

    from oci_twisted.engine.calls import Calls
    from oci_twisted.engine.filters import Filters
    from oci_twisted.engine.instants import Instant
    from oci_twisted.engine.interfaces import IMessageStream

_METHOD = "system.events"
# So many events wait for their reader.
QUEUE = 1024
# So many are known again when an engine replays them; Docker keeps 256.
_REMEMBERED = 2048
# Podman reads times as floating-point numbers, which are as exact as this in this century.
_BLUR = 1000
_PROOF_TIMEOUT = 5.0
_SERVER_FAULTS = 500


@frozen
class Backoff:
    """
    How long to wait before the next attempt to connect: twice as long each time, and not all at once.

    :ivar first: seconds before the first.
    :ivar most: seconds before any.
    :ivar attempts: in a row, before the last error is raised; ``None`` to try for ever.
    :ivar jitter: answers a number from 0 to 1: between a half of the time and all of it is waited.
    """

    first: float = 0.1
    most: float = 30.0
    attempts: int | None = None
    jitter: Callable[[], float] = random.random

    def pause(self, attempt: int) -> float:
        """Answer the seconds before an attempt, of which the first is 0."""
        # More would be too large a number before it is cut.
        longest = min(self.first * 2.0 ** min(attempt, 64), self.most)
        return longest * (1 + self.jitter()) / 2


class _Memory:
    """The events that were seen lately."""

    def __init__(self) -> None:
        self._seen: dict[tuple[int, str, str, str, str], None] = {}
        self.last: Event | None = None

    def add(self, event: Event) -> bool:
        """Answer whether it is new, and remember it."""
        if event.identity in self._seen:
            return False
        self._seen[event.identity] = None
        if len(self._seen) > _REMEMBERED:
            del self._seen[next(iter(self._seen))]
        if self.last is None or event.time_ns >= self.last.time_ns:
            self.last = event
        return True


class EventSubscription:
    """
    Events, as an asynchronous iterator, with a `Gap` where some may be missing.

    When its connection breaks, it makes another and goes on from the last event, none of which comes twice.  It reads
    on until `QUEUE` events wait for their reader, and then lets the engine wait.  It has one reader.  It ends when it
    is closed, and at ``until``; cancelling a wait closes it.

    An engine that waits may drop events: Docker keeps 1024 for each subscription, gives each that is too much 100 ms,
    in which the daemon does nothing else for whoever made it happen, and throws it away without a word.  Of all events
    it keeps 256 to tell them again.  So when it still knows the last event that was read, there were not so many since
    that it has dropped one, and otherwise there is a gap.  Podman reads events from a file, or from the journal, as
    fast as they are taken, and knows them all.
    """

    _log = Logger()

    def __init__(
        self, calls: Calls, filters: Filters | None, since: Instant | None, until: Instant | None, backoff: Backoff
    ) -> None:
        self._calls = calls
        self._filters = encode_filters(filters)
        self._since = encode_instant(since)
        self._until = encode_instant(until)
        self._backoff = backoff
        self._memory = _Memory()
        self._begun = self._since
        self._attempt = 0
        self._connected = 0.0
        self._stream: IMessageStream | None = None
        self._work: Deferred[None] | None = None
        self._queue: deque[Happening] = deque()
        self._reader: Deferred[None] | None = None
        self._room: Deferred[None] | None = None
        self._ended = False
        self._error: BaseException | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Happening:
        """
        Take the next event, or gap.

        :raise StopAsyncIteration: at the end.
        :raise EngineError: when the engine refuses to go on, or could not be reached as often as the backoff says.
        """
        if not self._queue and not self._ended:
            if self._reader is not None:
                raise RuntimeError("a subscription has one reader")
            self._reader = Deferred(self._give_up)
            try:
                await self._reader
            finally:
                self._reader = None
        if self._queue:
            happening = self._queue.popleft()
            self._make_room()
            return happening
        if self._error is not None:
            raise self._error
        raise StopAsyncIteration

    async def open(self) -> None:
        """
        Connect for the first time, which is not tried again.

        :raise EngineError: when that fails.
        """
        if self._since is None:
            # To go on from, if the connection breaks before the first event.
            self._begun = encode_instant(self._calls.reactor.seconds())
        self._stream = await self._connect(self._since)
        self._work = Deferred.fromCoroutine(self._run())
        self._work.addCallbacks(lambda _: self._end(), self._fail)

    def close(self) -> None:
        """End it, and its connection.  May be called again, and always."""
        self._queue.clear()
        if self._stream is not None:
            self._stream.close()
        if self._work is not None:
            self._work.cancel()
        self._end()

    def _make_room(self) -> None:
        # Not at once, or there would be a gap at each event of those that wait.
        if self._room is not None and len(self._queue) <= QUEUE // 2:
            room, self._room = self._room, None
            room.callback(None)

    def _give_up(self, waiting: Deferred[None]) -> None:
        # It is cancelled, and shall not know of the end instead.
        del waiting
        self._reader = None
        self.close()

    # What goes on while somebody reads, or does not:

    async def _run(self) -> None:
        while self._stream is not None:
            has_ended = await self._read(self._stream)
            if has_ended and self._until is not None:
                return
            self._stream = await self._reconnect()

    async def _read(self, stream: IMessageStream) -> bool:
        """Read to the end; answer whether it was an orderly one."""
        try:
            async for message in stream:
                event = read_event(message)
                if self._memory.add(event):
                    self._attempt = 0
                    await self._put(event)
        except EngineError as error:
            if not _is_passing(error):
                raise
            self._log.info("the engine's events broke off: {error}", error=error)
            return False
        finally:
            stream.close()
        return True

    async def _put(self, event: Event) -> None:
        self._offer(event)
        if len(self._queue) >= QUEUE:
            self._room = Deferred()
            await self._room
            if not await self._is_proved(event):
                self._offer(Gap(GapCause.SLOW_READER, event))

    async def _reconnect(self) -> IMessageStream:
        if self._calls.reactor.seconds() - self._connected > self._backoff.most:
            # That one was good.
            self._attempt = 0
        while True:
            await deferLater(self._calls.reactor, self._backoff.pause(self._attempt))
            self._attempt += 1
            try:
                return await self._resume()
            except ClientClosed:
                raise
            except EngineError as error:
                if not _is_passing(error) or self._attempt == self._backoff.attempts:
                    raise

    async def _resume(self) -> IMessageStream:
        stream = await self._connect(self._resumption())
        try:
            cause = await self._doubt()
        except BaseException:
            stream.close()
            raise
        if cause is not None:
            self._offer(Gap(cause, self._memory.last))
        return stream

    async def _connect(self, since: str | None) -> IMessageStream:
        stream = await self._calls.messages(_METHOD, since=since, until=self._until, filters=self._filters)
        self._connected = self._calls.reactor.seconds()
        return stream

    def _resumption(self) -> str | None:
        last = self._memory.last
        if last is None:
            return self._begun
        return encode_nanoseconds(last.time_ns - _BLUR)

    async def _doubt(self) -> GapCause | None:
        """
        Answer why the new stream may not have all that has happened.

        It has, if the engine still knows the last event that was seen, now that the stream is there.
        """
        last = self._memory.last
        if last is None:
            return GapCause.NOTHING_TO_GO_ON_FROM
        return None if await self._is_proved(last) else GapCause.NOT_REPLAYED

    async def _is_proved(self, event: Event) -> bool:
        """
        Answer whether the engine can be shown to know an event, soon.

        :raise EngineError: when it does not answer as it should.  The subscription connects anew then.
        """
        try:
            return await Deferred.fromCoroutine(self._is_known(event)).addTimeout(_PROOF_TIMEOUT, self._calls.reactor)
        except defer.TimeoutError:
            return False

    async def _is_known(self, event: Event) -> bool:
        messages = await self._calls.messages(
            _METHOD,
            since=encode_nanoseconds(event.time_ns - _BLUR),
            until=encode_nanoseconds(event.time_ns + NANO),
            filters=self._filters,
        )
        try:
            async for message in messages:
                if read_event(message).identity == event.identity:
                    return True
        finally:
            messages.close()
        return False

    def _offer(self, happening: Happening) -> None:
        self._queue.append(happening)
        self._wake()

    def _end(self) -> None:
        self._ended = True
        self._wake()

    def _fail(self, failure: Failure) -> None:
        if not self._ended and not failure.check(CancelledError):
            self._error = failure.value
        self._end()

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.called:
            self._reader.callback(None)


async def subscribe(
    calls: Calls,
    *,
    filters: Filters | None = None,
    since: Instant | None = None,
    until: Instant | None = None,
    backoff: Backoff | None = None,
) -> EventSubscription:
    """Do what `EngineClient.events` says."""
    subscription = EventSubscription(calls, filters, since, until, backoff or Backoff())
    await subscription.open()
    return subscription


def _is_passing(error: EngineError) -> bool:
    """Answer whether it may be better in a while: what begins, or a proxy before it, says 503 and the like."""
    return isinstance(error, ConnectionFailed | StreamCorrupt) or (error.status or 0) >= _SERVER_FAULTS
