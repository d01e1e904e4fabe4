"""
What happens in an engine.

- `values`: events, and gaps between them
- `subscription`: events that go on when a connection breaks
"""

from oci_twisted.engine.events.subscription import Backoff, EventSubscription
from oci_twisted.engine.events.values import Event, Gap, GapCause

__all__ = [
    "Backoff",
    "Event",
    "EventSubscription",
    "Gap",
    "GapCause",
]
