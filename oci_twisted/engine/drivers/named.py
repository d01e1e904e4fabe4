"""
Drivers by name: ours, those that a program registers, and those of other distributions.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from zope.interface.verify import verifyObject

from oci_twisted.engine.interfaces import IDriver

if TYPE_CHECKING:
    from collections.abc import Callable

GROUP = "oci_twisted.drivers"

_registered: dict[str, Callable[[], IDriver]] = {}


def register(name: str, make: Callable[[], IDriver]) -> None:
    """
    Let a driver be known by name in this process.

    :raise ValueError: when there is one of that name already.
    """
    if name in _registered:
        raise ValueError(f"there is a driver {name!r} already")
    _registered[name] = make


def driver(name: str) -> IDriver:
    """
    Answer the driver of that name: a registered one, or that of an entry point.

    :raise LookupError: when there is none.
    """
    make = _registered.get(name)
    if make is not None:
        return make()
    for entry in entry_points(group=GROUP, name=name):
        found = entry.load()
        made: IDriver = found if IDriver.providedBy(found) else found()
        verifyObject(IDriver, made)
        return made
    raise LookupError(f"there is no driver {name!r}, only {', '.join(known())}")


def known() -> list[str]:
    """Answer the names of all drivers."""
    return sorted({*_registered, *(entry.name for entry in entry_points(group=GROUP))})
