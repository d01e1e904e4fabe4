"""
What happens in an engine, as it says it.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

from attrs import frozen

from oci_twisted.engine.documents import Fields
from oci_twisted.engine.errors import StreamCorrupt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oci_twisted.engine.requests import Json

NANO = 1_000_000_000
# Go counts the nanoseconds before and after 1970 in 64 bits.
_EPOCHS = 1 << 63
_EXIT_CODE = re.compile(r"[0-9]{1,10}")


@frozen
class Event:
    """
    Something that has happened.

    :ivar time_ns: when, by the engine's clock, in nanoseconds since 1970.
    :ivar kind: of what it happened to: ``container``, ``image``, ``network``, ``volume`` ... .
    :ivar action: in the engine's words, such as ``start`` or ``exec_create``.
    :ivar detail: what some actions have behind a colon, such as the command of an ``exec_create``.
    :ivar id: of what it happened to.
    :ivar attributes: such as its name and its labels.
    """

    time_ns: int
    kind: str
    action: str
    detail: str
    id: str
    attributes: Mapping[str, str]

    @property
    def instant(self) -> datetime:
        """When it happened, of which Python keeps microseconds."""
        return datetime.fromtimestamp(self.time_ns / NANO, UTC)

    @property
    def exit_code(self) -> int | None:
        """Of a container or a process that has ended, where the engine says it."""
        # The second word is Podman's.
        text = self.attributes.get("exitCode") or self.attributes.get("containerExitCode") or ""
        return int(text) if _EXIT_CODE.fullmatch(text) else None

    @property
    def identity(self) -> tuple[int, str, str, str, str]:
        """What no two events share."""
        return self.time_ns, self.kind, self.action, self.detail, self.id


class GapCause(Enum):
    """Why events may have been missed."""

    NOT_REPLAYED = "the engine has forgotten the last event that was seen: it was restarted, or too much has happened"
    NOTHING_TO_GO_ON_FROM = "the connection broke before there was an event to go on from"
    SLOW_READER = "too many events waited to be read, and so many have happened that the engine may have dropped some"


@frozen
class Gap:
    """
    Here events may be missing: look at what there is instead of relying on them.

    :ivar after: the last event before, if there was one.
    """

    cause: GapCause
    after: Event | None


Happening: TypeAlias = Event | Gap


def read_event(message: Json) -> Event:
    """
    Read an event.

    :raise StreamCorrupt: when it is none.
    """
    fields = Fields(message, "an event")
    actor = fields.inner("Actor")
    action, _, detail = fields.text("Action", "").partition(": ")
    time_ns = fields.number("timeNano", 0) or fields.number("time", 0) * NANO
    if not -_EPOCHS <= time_ns < _EPOCHS:
        raise StreamCorrupt(f"the time of an event is {time_ns} ns")
    return Event(
        time_ns=time_ns,
        kind=fields.text("Type", ""),
        action=action,
        detail=detail,
        id=actor.text("ID", ""),
        attributes=actor.labels("Attributes"),
    )
