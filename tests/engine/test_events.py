"""Subscriptions that outlive their connections, on a clock that the tests turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError

from oci_twisted.engine.errors import ConnectionFailed, EngineError, Invalid, StreamCorrupt
from oci_twisted.engine.events.subscription import QUEUE, Backoff
from oci_twisted.engine.events.values import Event, Gap, GapCause, read_event
from oci_twisted.testing.engine.memory import Fault, garbage, html, refuse, silence
from oci_twisted.testing.engine.memory.events import KEPT
from tests.engine.memory import Bench

if TYPE_CHECKING:
    from oci_twisted.engine.events.subscription import EventSubscription

# Each pause is as long as it can be.
STEADY = Backoff(first=1, most=8, jitter=lambda: 1.0)


def subscribed(bench: Bench, backoff: Backoff = STEADY) -> EventSubscription:
    """Subscribe to everything."""
    return bench.result(bench.client.events(backoff=backoff))


def emit(bench: Bench, *ids: str) -> None:
    """Let something happen, and come through."""
    for id_ in ids:
        bench.engine.events.emit("container", "start", id_, {})
    bench.turn()


def taken(bench: Bench, subscription: EventSubscription, count: int) -> list[str | GapCause]:
    """Take so many events that are there: their ids, and why there are gaps."""
    found = [bench.result(subscription.__anext__()) for _ in range(count)]
    return [one.id if isinstance(one, Event) else one.cause for one in found]


def break_off(bench: Bench) -> None:
    """Break every connection, of which the engine knows nothing else."""
    for server in list(bench.engine.server.servers):
        server.abort()
    bench.turn()


def is_clean(bench: Bench) -> bool:
    """Answer whether neither a connection nor a timer is left."""
    bench.turn()
    transports: int = bench.client.connection.transports  # type: ignore[attr-defined]  # that of HTTP
    kept = [timer for timer in bench.clock.getDelayedCalls() if timer.active()]
    # A connection that is kept for the next call is closed in a while.
    return transports == len(kept) <= 2


def test_a_connection_that_breaks_is_made_again() -> None:
    """What happened meanwhile comes, nothing comes twice, and as the engine remembers all there is no gap."""
    bench = Bench()
    events = subscribed(bench)
    emit(bench, "a", "b")
    break_off(bench)
    emit(bench, "c")
    bench.pass_time(1)
    emit(bench, "d")
    assert taken(bench, events, 4) == ["a", "b", "c", "d"]
    events.close()
    assert is_clean(bench)


def test_an_engine_that_restarts_may_have_forgotten() -> None:
    """Events of an engine that has forgotten those before come behind a gap, which names the last one that was seen."""
    bench = Bench()
    events = subscribed(bench)
    emit(bench, "a")
    bench.engine.restart()
    emit(bench, "b")
    bench.pass_time(1)
    # It takes a while to be sure that the engine does not know it.
    bench.pass_time(5)
    assert taken(bench, events, 1) == ["a"]
    gap = bench.result(events.__anext__())
    assert isinstance(gap, Gap)
    assert gap.cause is GapCause.NOT_REPLAYED
    assert gap.after is not None
    assert gap.after.id == "a"
    assert taken(bench, events, 1) == ["b"]
    events.close()
    assert is_clean(bench)


def test_more_than_an_engine_remembers_is_a_gap() -> None:
    """When so much has happened that the engine has forgotten some of it, that is said."""
    bench = Bench()
    events = subscribed(bench)
    emit(bench, "a")
    break_off(bench)
    emit(bench, *(f"b{number}" for number in range(KEPT + 1)))
    bench.pass_time(1)
    bench.pass_time(5)
    assert taken(bench, events, 3) == ["a", GapCause.NOT_REPLAYED, "b1"]


def test_as_much_as_an_engine_remembers_is_no_gap() -> None:
    """One event less, and nothing is missing."""
    bench = Bench()
    events = subscribed(bench)
    emit(bench, "a")
    break_off(bench)
    emit(bench, *(f"b{number}" for number in range(KEPT - 1)))
    bench.pass_time(1)
    assert taken(bench, events, 2) == ["a", "b0"]


def test_without_an_event_there_is_nothing_to_go_on_from() -> None:
    """A connection that breaks before the first event leaves a gap, and what has happened since comes."""
    bench = Bench()
    bench.pass_time(1000)
    emit(bench, "before")
    bench.pass_time(1)
    events = subscribed(bench)
    break_off(bench)
    emit(bench, "a")
    bench.pass_time(1)
    assert taken(bench, events, 2) == [GapCause.NOTHING_TO_GO_ON_FROM, "a"]


def test_attempts_are_further_and_further_apart() -> None:
    """An engine that does not come back is asked less and less often, and at least so often."""
    bench = Bench()
    events = subscribed(bench)
    emit(bench, "a")
    for _ in range(5):
        bench.engine.fail_next("system.events", html(503))
    break_off(bench)
    asked = []
    for second in range(1, 40):
        before = len(bench.engine.asked)
        bench.pass_time(1)
        if len(bench.engine.asked) > before:
            asked.append(second)
    # The last one succeeded.
    assert asked == [1, 3, 7, 15, 23, 31]
    emit(bench, "b")
    assert taken(bench, events, 2) == ["a", "b"]


def test_a_subscription_gives_up_if_told_to() -> None:
    """After so many attempts in a row, the last error is raised, behind what came before."""
    bench = Bench()
    events = subscribed(bench, Backoff(first=1, most=1, attempts=2, jitter=lambda: 1.0))
    emit(bench, "a")
    bench.engine.fail_next("system.events", garbage())
    bench.engine.fail_next("system.events", html(502))
    break_off(bench)
    bench.pass_time(1)
    bench.pass_time(1)
    assert taken(bench, events, 1) == ["a"]
    for _ in range(2):
        with pytest.raises(EngineError, match="Something went wrong"):
            bench.result(events.__anext__())
    assert is_clean(bench)


def test_what_does_not_pass_is_not_tried_again() -> None:
    """An engine that refuses a subscription for good is believed."""
    bench = Bench()
    events = subscribed(bench)
    bench.engine.fail_next("system.events", refuse(400, "invalid filter"))
    break_off(bench)
    bench.pass_time(1)
    with pytest.raises(Invalid):
        bench.result(events.__anext__())


def test_a_first_connection_is_not_tried_again() -> None:
    """Who subscribes knows at once when that is not possible."""
    bench = Bench()
    bench.engine.fail_next("system.events", html(503))
    with pytest.raises(EngineError):
        bench.result(bench.client.events())


@pytest.mark.parametrize("fault", [garbage(b"nonsense"), Fault(after=10), silence()])
def test_an_engine_that_breaks_again_is_tried_again(fault: Fault) -> None:
    """Whatever goes wrong on the way back, the subscription goes on, and without a gap."""
    bench = Bench()
    events = subscribed(bench)
    emit(bench, "a")
    bench.engine.fail_next("system.events", fault)
    break_off(bench)
    bench.pass_time(1)
    break_off(bench)
    emit(bench, "b")
    for _ in range(10):
        bench.pass_time(1)
    assert taken(bench, events, 2) == ["a", "b"]


@pytest.mark.parametrize("more", [1, KEPT - 1])
def test_a_slow_reader_misses_nothing_that_the_engine_remembers(more: int) -> None:
    """When too many events wait, the engine has to wait; it has dropped none as long as it knows the last one."""
    bench = Bench()
    events = subscribed(bench)
    emit(bench, *(str(number) for number in range(QUEUE + more)))
    assert taken(bench, events, QUEUE) == [str(number) for number in range(QUEUE)]
    bench.turn()
    assert taken(bench, events, more) == [str(number) for number in range(QUEUE, QUEUE + more)]
    events.close()
    assert is_clean(bench)


@pytest.mark.parametrize("pauses", [1, 2])
def test_a_slow_reader_is_told(pauses: int) -> None:
    """When so many have happened that the engine has forgotten the last one that was read, it may have dropped some."""
    bench = Bench()
    events = subscribed(bench)
    for _ in range(pauses):
        emit(bench, *(str(number) for number in range(QUEUE + KEPT)))
        assert taken(bench, events, QUEUE) == [str(number) for number in range(QUEUE)]
        # It takes a while to be sure that the engine does not know it.
        bench.pass_time(5)
        gap = bench.result(events.__anext__())
        assert isinstance(gap, Gap)
        assert (gap.cause, gap.after and gap.after.id) == (GapCause.SLOW_READER, str(QUEUE - 1))
        assert taken(bench, events, KEPT) == [str(number) for number in range(QUEUE, QUEUE + KEPT)]
    events.close()
    assert is_clean(bench)


def test_an_engine_that_ends_while_it_is_asked_what_it_knows_is_tried_again() -> None:
    """Behind a pause as at any other time, the subscription goes on when the engine is there again."""
    bench = Bench()
    events = subscribed(bench)
    emit(bench, *(str(number) for number in range(QUEUE + 1)))
    bench.engine.fail_next("system.events", silence())
    assert len(taken(bench, events, QUEUE)) == QUEUE
    bench.engine.restart()
    emit(bench, "a")
    bench.pass_time(1)
    bench.pass_time(5)
    assert taken(bench, events, 2) == [GapCause.NOT_REPLAYED, "a"]


@pytest.mark.parametrize("fault", [html(503), garbage()])
def test_an_engine_that_cannot_say_what_it_knows_is_connected_to_anew(fault: Fault) -> None:
    """And when it can be shown then that nothing is missing, there is no gap."""
    bench = Bench()
    events = subscribed(bench)
    emit(bench, *(str(number) for number in range(QUEUE + 1)))
    bench.engine.fail_next("system.events", fault)
    assert len(taken(bench, events, QUEUE)) == QUEUE
    bench.pass_time(1)
    assert taken(bench, events, 1) == [str(QUEUE)]
    events.close()
    assert is_clean(bench)


def test_an_engine_that_does_not_say_what_it_knows_may_have_dropped_events() -> None:
    """What cannot be shown is a gap, and the subscription goes on."""
    bench = Bench()
    events = subscribed(bench)
    emit(bench, *(str(number) for number in range(QUEUE + 1)))
    bench.engine.fail_next("system.events", silence())
    assert len(taken(bench, events, QUEUE)) == QUEUE
    bench.pass_time(5)
    assert taken(bench, events, 2) == [GapCause.SLOW_READER, str(QUEUE)]


def test_a_subscription_is_closed_while_it_asks_what_the_engine_knows() -> None:
    """Nothing of the question is left."""
    bench = Bench()
    events = subscribed(bench)
    emit(bench, *(str(number) for number in range(QUEUE + 1)))
    bench.engine.fail_next("system.events", silence())
    assert len(taken(bench, events, QUEUE)) == QUEUE
    events.close()
    assert is_clean(bench)


def test_no_more_is_read_than_is_taken() -> None:
    """The engine's stream stands still while nobody reads."""
    bench = Bench()
    events = subscribed(bench)
    for number in range(20):
        emit(bench, *(f"{number}-{one}" for one in range(500)))
    (server,) = bench.engine.server.servers
    assert server.transport._buffer  # type: ignore[union-attr]  # noqa: SLF001 - a pipe of a test
    events.close()
    assert is_clean(bench)


@pytest.mark.parametrize("seconds", [0, 0.5, 1.5])
def test_closing_leaves_nothing_behind(seconds: float) -> None:
    """Whether it is connected, waits for the next attempt or makes one, a subscription ends when it is closed."""
    bench = Bench()
    events = subscribed(bench)
    emit(bench, "a")
    bench.engine.fail_next("system.events", silence())
    break_off(bench)
    bench.pass_time(seconds)
    assert taken(bench, events, 1) == ["a"]
    waiting = bench.begin(events.__anext__())
    events.close()
    with pytest.raises(StopAsyncIteration):
        bench.result(waiting)
    assert is_clean(bench)


def test_a_cancelled_wait_leaves_nothing_behind() -> None:
    """Who gives up an event gives up the subscription."""
    bench = Bench()
    events = subscribed(bench)
    waiting = bench.begin(events.__anext__())
    waiting.cancel()
    with pytest.raises(CancelledError):
        bench.result(waiting)
    assert is_clean(bench)


def test_a_closed_client_is_not_connected_again() -> None:
    """A subscription does not try for ever what its owner has closed."""
    bench = Bench()
    events = subscribed(bench)
    waiting = bench.begin(events.__anext__())
    bench.result(bench.client.close())
    bench.pass_time(1)
    with pytest.raises(ConnectionFailed, match="closed"):
        bench.result(waiting)


def test_a_subscription_may_have_an_end() -> None:
    """At its time it ends, although a connection broke before."""
    bench = Bench()
    events = bench.result(bench.client.events(until=10.0, backoff=STEADY))
    emit(bench, "a")
    break_off(bench)
    for _ in range(10):
        bench.pass_time(1)
    assert taken(bench, events, 1) == ["a"]
    with pytest.raises(StopAsyncIteration):
        bench.result(events.__anext__())
    assert is_clean(bench)


@given(st.floats(0, 1), st.integers(0, 10_000))
def test_pauses_are_bounded(jitter: float, attempt: int) -> None:
    """No pause is longer than the longest, none is shorter than a half of what it could be."""
    backoff = Backoff(first=0.1, most=30, jitter=lambda: jitter)
    longest = min(0.1 * 2.0 ** min(attempt, 20), 30)
    assert longest / 2 <= backoff.pause(attempt) <= longest


def test_an_event_is_read() -> None:
    """Its action is apart from what is behind it; engines of old say seconds only."""
    event = read_event(
        {
            "Type": "container",
            "Action": "exec_create: /bin/sh -c x: y",
            "Actor": {"ID": "a", "Attributes": {"exitCode": "3"}},
            "time": 5,
        }
    )
    assert (event.action, event.detail, event.time_ns) == ("exec_create", "/bin/sh -c x: y", 5_000_000_000)
    assert event.instant.timestamp() == 5
    assert event.exit_code == 3
    assert read_event({}).exit_code is None
    with pytest.raises(StreamCorrupt):
        read_event([])
