"""
What an engine in memory refuses.
"""

from __future__ import annotations


class Refused(Exception):
    """
    A request that is not done.

    :ivar status: of the answer.
    :ivar message: what it says.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
