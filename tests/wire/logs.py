"""
What was logged meanwhile.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from twisted.logger import globalLogPublisher

if TYPE_CHECKING:
    from collections.abc import Iterator

    from twisted.logger import ILogObserver, LogEvent
    from twisted.python.failure import Failure


@contextmanager
def events() -> Iterator[list[LogEvent]]:
    """Collect all events."""
    collected: list[LogEvent] = []
    observer: ILogObserver = collected.append  # type: ignore[assignment]  # any function is one
    globalLogPublisher.addObserver(observer)
    try:
        yield collected
    finally:
        globalLogPublisher.removeObserver(observer)


@contextmanager
def access_lines() -> Iterator[list[dict[str, Any]]]:
    """Collect the requests that the access log has told of."""
    lines: list[dict[str, Any]] = []
    with events() as collected:
        yield lines
    for event in collected:
        if event.get("log_namespace") == "oci_twisted.access":
            lines += event["requests"]


@contextmanager
def errors() -> Iterator[list[Failure | None]]:
    """Collect what went wrong: the failures, and ``None`` for what was logged as an error without one."""
    failures: list[Failure | None] = []
    with events() as collected:
        yield failures
    bad = (event for event in collected if event["log_level"].name in {"error", "critical"})
    failures.extend(event.get("log_failure") for event in bad)
