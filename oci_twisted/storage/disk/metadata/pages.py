"""
Pages out of rows.
"""

from __future__ import annotations

from itertools import starmap
from typing import TYPE_CHECKING, TypeVar

from oci_twisted.spec.pages import Page

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")


def page_of(rows: Sequence[tuple[str]], limit: int, make: Callable[[str], T]) -> Page[T]:
    """
    Answer a page of what ``make`` makes of each row.

    :param rows: one more than ``limit``, if the listing has so many.
    """
    # After a page of none there is nothing to go on from.
    return Page(tuple(starmap(make, rows[:limit])), more=0 < limit < len(rows))
