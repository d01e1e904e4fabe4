"""
How much and how long a connection may take.
"""

from __future__ import annotations

from attrs import frozen


@frozen(kw_only=True)
class Limits:
    """
    The limits of one connection.  All times are seconds, all sizes bytes.

    :ivar head_size: of a request line and headers; bearer tokens are long.
    :ivar head_time: from the first byte of a head to its last.
    :ivar idle_time: between requests.
    :ivar stall_time: how long a body, or an answer, may go on without `stall_size` bytes having moved.
    :ivar discard_size: how much of a body is read that nobody wants, to keep the connection; likewise the next.
    :ivar drain_time: how long answers in progress may take when the process stops.
    """

    head_size: int = 32 << 10
    head_time: float = 30.0
    idle_time: float = 120.0
    stall_time: float = 60.0
    stall_size: int = 16 << 10
    discard_size: int = 1 << 20
    discard_time: float = 5.0
    drain_time: float = 30.0
