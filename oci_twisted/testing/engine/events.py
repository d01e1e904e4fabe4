"""
What happens.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from twisted.internet.defer import CancelledError, Deferred

from oci_twisted.engine.errors import ConnectionFailed
from oci_twisted.engine.events.values import Event
from oci_twisted.testing.engine.examples import fresh
from oci_twisted.testing.waiting import waits

if TYPE_CHECKING:
    from oci_twisted.engine import EngineClient
    from oci_twisted.engine.events.subscription import EventSubscription
    from oci_twisted.testing.engine.contract import Connect
    from oci_twisted.testing.engine.examples import Made

SOON = timedelta(minutes=10)


async def _until(subscription: EventSubscription, action: str) -> list[Event]:
    """Read events up to the first with an action."""
    found: list[Event] = []
    async for happening in subscription:
        assert isinstance(happening, Event), happening
        found.append(happening)
        if happening.action == action:
            break
    return found


class EventContract:
    """How an engine says what happens."""

    @waits
    async def test_what_happens_is_told(self, client: EngineClient, made: Made) -> None:
        """Who has subscribed hears of a container's life in order, and of nobody else's with the right filter."""
        label = fresh("label")
        events = await client.events(filters={"type": "container", "label": f"test={label}"})
        container = await made.container("/bin/false", labels={"test": label})
        found = await _until(events, "die")
        events.close()
        actions = [event.action for event in found]
        assert [action for action in actions if action in {"create", "start", "die"}] == ["create", "start", "die"]
        assert {event.id for event in found} == {container}
        assert {event.kind for event in found} == {"container"}
        assert all(event.attributes["test"] == label for event in found)
        assert found[-1].exit_code == 1
        times = [event.time_ns for event in found]
        assert times == sorted(times)
        assert abs(datetime.now(UTC) - found[0].instant) < SOON

    @waits
    async def test_what_has_happened_is_told_again(self, client: EngineClient, made: Made) -> None:
        """A subscription to some time tells what happened in it, and ends."""
        label = fresh("label")
        filters = {"label": f"test={label}", "event": ["create", "start", "die"]}
        live = await client.events(filters=filters)
        await made.container("/bin/true", labels={"test": label})
        told = await _until(live, "die")
        live.close()
        # The engine's time is not this machine's.
        first, last = told[0].instant - timedelta(seconds=2), told[-1].instant + timedelta(seconds=1)
        again = [event async for event in await client.events(filters=filters, since=first, until=last)]
        assert again == told

    @waits
    async def test_a_subscription_ends_when_it_is_closed(self, client: EngineClient) -> None:
        """Who waits for an event then is told that there are no more."""
        events = await client.events(filters={"label": f"test={fresh()}"})
        waiting = Deferred.fromCoroutine(_until(events, "never"))
        events.close()
        events.close()
        assert await waiting == []
        with pytest.raises(StopAsyncIteration):
            await events.__anext__()

    @waits
    async def test_a_wait_for_an_event_can_be_cancelled(self, client: EngineClient) -> None:
        """Who cancels it closes the subscription."""
        events = await client.events(filters={"label": f"test={fresh()}"})
        waiting = Deferred.fromCoroutine(events.__anext__())
        waiting.cancel()
        with pytest.raises(CancelledError):
            await waiting
        with pytest.raises(StopAsyncIteration):
            await events.__anext__()

    @waits
    async def test_a_subscription_ends_with_its_client(self, connect: Connect) -> None:
        """When the client is closed there is no going on, and that is said."""
        client = await connect()
        events = await client.events(filters={"label": f"test={fresh()}"})
        waiting = Deferred.fromCoroutine(events.__anext__())
        await client.close()
        with pytest.raises(ConnectionFailed, match="closed"):
            await waiting
