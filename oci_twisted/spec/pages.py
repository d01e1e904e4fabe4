"""
Pages of listings (distribution-spec, "Listing Tags").
"""

from __future__ import annotations

from typing import Generic, TypeVar
from urllib.parse import quote

from attrs import frozen

from oci_twisted.spec.errors import PageInvalid

T = TypeVar("T")

_LONGEST_NUMBER = 18
_LONGEST_CURSOR = 512


@frozen
class PageRequest:
    """
    Which part of a listing is wanted.

    :ivar limit: at most this many items; 0 is allowed and gives none.
    :ivar last: the item before the first one wanted; it need not exist.  ``""`` begins at the start.
    """

    limit: int
    last: str = ""


@frozen
class Page(Generic[T]):
    """
    Part of a listing.

    :ivar items: in ascending byte order.
    :ivar more: whether the listing goes on behind the last item.
    """

    items: tuple[T, ...]
    more: bool = False


def parse_page(n: str | None, last: str | None, most: int) -> PageRequest:
    """
    Read ``n`` and ``last`` of a query.

    :param most: what ``n`` is capped to, and what it is when it is absent.
    :raise PageInvalid: when ``n`` is not a number of items, or ``last`` is longer than any item.
    """
    if n is None:
        limit = most
    elif n.isascii() and n.isdigit():
        # A number too long to be read is more than any page.
        limit = min(int(n), most) if len(n) <= _LONGEST_NUMBER else most
    else:
        raise PageInvalid(f"n={n[:32]!a} is not a number of items; leave it out or send 0 or more")
    cursor = last or ""
    if len(cursor) > _LONGEST_CURSOR:
        raise PageInvalid("last= is longer than any item of this listing")
    return PageRequest(limit, cursor)


def next_link(path: str, parameters: list[tuple[str, str]]) -> str:
    """
    Answer the value of ``Link`` for the next page.

    The target is path-absolute: clients refuse another host, and behind a proxy we do not know our own.
    """
    query = "&".join(f"{key}={quote(value, safe='')}" for key, value in parameters)
    return f'<{quote(path)}?{query}>; rel="next"'
