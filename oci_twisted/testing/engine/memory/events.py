"""
What happens in an engine in memory, and who is told.
"""

from __future__ import annotations

import json
from collections import deque
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred

from oci_twisted.testing.engine.memory.server import Reply, as_messages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from twisted.internet.interfaces import IReactorTime

    from oci_twisted.testing.engine.memory.engine import MemoryEngine
    from oci_twisted.testing.engine.memory.routes import Asked

# As many as Docker keeps.
KEPT = 256
_NANO = 10**9


class EventLog:
    """
    The last events, in memory: they are gone when the engine is restarted.

    :ivar kept: the last of them, as documents.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._last = 0
        self._watchers: list[Callable[[dict[str, Any]], None]] = []
        self.kept: deque[dict[str, Any]] = deque(maxlen=KEPT)

    def emit(self, kind: str, action: str, id_: str, attributes: dict[str, str]) -> None:
        """Let something have happened."""
        # No two at once.
        self._last = max(self._last + 1, int(self._clock.seconds() * _NANO))
        document = {
            "Type": kind,
            "Action": action,
            "Actor": {"ID": id_, "Attributes": attributes},
            "scope": "local",
            "time": self._last // _NANO,
            "timeNano": self._last,
        }
        self.kept.append(document)
        for watcher in list(self._watchers):
            watcher(document)

    async def follow(self, since: float | None, until: float | None) -> AsyncIterator[dict[str, Any]]:
        """Give those that are kept and have happened since, if that is asked for, and those to come, until then."""
        waiting: deque[dict[str, Any]] = deque()
        if since is not None or until is not None:
            waiting.extend(one for one in self.kept if one["timeNano"] >= (since or 0) * _NANO)
        turn: list[Deferred[None]] = []

        def wake(document: dict[str, Any] | None = None) -> None:
            if document is not None:
                waiting.append(document)
            if turn and not turn[0].called:
                turn[0].callback(None)

        self._watchers.append(wake)
        left = None if until is None else max(until - self._clock.seconds(), 0)
        timer = None if left is None else self._clock.callLater(left, wake)
        try:
            while True:
                while waiting:
                    document = waiting.popleft()
                    if until is None or document["timeNano"] <= until * _NANO:
                        yield document
                if timer is not None and not timer.active():
                    break
                turn[:] = [Deferred()]
                await turn[0]
        finally:
            self._watchers.remove(wake)
            if timer is not None and timer.active():
                timer.cancel()


async def events(engine: MemoryEngine, asked: Asked) -> Reply:
    """Answer with what happens, and has happened."""
    filters = asked.filters("container", "event", "label", "type")
    since, until = (float(asked.text(name)) if asked.text(name) else None for name in ("since", "until"))

    async def chosen() -> AsyncIterator[bytes]:
        async for document in engine.events.follow(since, until):
            if _is_chosen(document, filters):
                yield json.dumps(document).encode() + b"\n"

    return as_messages(chosen())


def _is_chosen(document: dict[str, Any], filters: dict[str, list[str]]) -> bool:
    attributes = document["Actor"]["Attributes"]
    wanted = [one.partition("=") for one in filters.get("label", [])]
    return (
        document["Type"] in filters.get("type", [document["Type"]])
        and document["Action"].partition(":")[0] in filters.get("event", [document["Action"].partition(":")[0]])
        and all(name in attributes and (not equals or attributes[name] == value) for name, equals, value in wanted)
        and (
            not filters.get("container")
            or bool({document["Actor"]["ID"], attributes.get("name")} & set(filters["container"]))
        )
    )


OPERATIONS = {"system.events": events}
