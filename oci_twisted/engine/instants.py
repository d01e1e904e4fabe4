"""
Points in time, as engines take them.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TypeAlias

Instant: TypeAlias = datetime | float
"""A time with its zone, or seconds since 1970."""

_FRACTION = re.compile(r"\.(\d+)")
_NANO = 1_000_000_000


def encode_instant(instant: Instant | None) -> str | None:
    """
    Answer seconds since 1970, with a fraction where there is one.

    :raise ValueError: when a time has no zone.
    """
    if instant is None:
        return None
    if isinstance(instant, datetime):
        if instant.tzinfo is None:
            raise ValueError("a time needs a zone, such as datetime.UTC")
        instant = instant.timestamp()
    return f"{instant:.6f}".rstrip("0").rstrip(".")


def encode_nanoseconds(nanoseconds: int) -> str:
    """Answer seconds since 1970, to the nanosecond."""
    return f"{nanoseconds // _NANO}.{nanoseconds % _NANO:09d}"


def parse_instant(text: str) -> datetime:
    """
    Read a time of RFC 3339.  Engines write nanoseconds, of which Python keeps microseconds.

    :raise ValueError: when it is none.
    """
    return datetime.fromisoformat(_FRACTION.sub(lambda match: f".{match[1][:6]:0<6}", text))
