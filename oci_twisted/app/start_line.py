"""
What the operator is told when the registry listens.
"""

from __future__ import annotations

import os
from ipaddress import ip_address
from typing import TYPE_CHECKING

from twisted.internet.address import UNIXAddress

from oci_twisted import __version__
from oci_twisted.app.guarding import is_guarded

if TYPE_CHECKING:
    from twisted.internet.interfaces import IAddress

    from oci_twisted.app.settings import Settings

_CLOSED = " (this machine only; --host 0.0.0.0 opens it to others)"
# An endpoint description has its address in itself.
_AS_DESCRIBED = " (this machine only)"
_GUARDED = " (everyone who reaches it is asked who they are)"
_OPEN = " (everyone who reaches it may push and pull, for nobody is asked for a password)"


def start_line(settings: Settings, address: IAddress) -> str:
    """Say what listens where, who can reach it, and where the data is."""
    if settings.storage == "memory":
        storage = "memory, all of it gone at the end"
    else:
        storage = f"disk at {settings.root.absolute()}, durability {settings.durability}"
    limited = ", read-only" if settings.read_only else ""
    if is_guarded(settings):
        limited += f"; access by {len(settings.rules)} rule{'' if len(settings.rules) == 1 else 's'}"
    where = f"{_url(settings, address)}{_reach(settings, address)}"
    return f"oci-twisted {__version__} listening on {where}; storage: {storage}{limited}"


def _url(settings: Settings, address: IAddress) -> str:
    if isinstance(address, UNIXAddress):
        return f"unix:{os.fsdecode(address.name or b'')}"
    host = getattr(address, "host", None)
    if host is None:
        return str(address)
    encrypted = settings.tls_cert is not None or settings.port.startswith(("tls:", "ssl:"))
    scheme = "https" if encrypted else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{getattr(address, 'port', 0)}"


def _reach(settings: Settings, address: IAddress) -> str:
    try:
        # An IPv6 address may have a zone behind it.
        loopback = ip_address(getattr(address, "host", "").partition("%")[0]).is_loopback
    except ValueError:
        return ""
    if loopback:
        return _CLOSED if settings.port.isdigit() else _AS_DESCRIBED
    return _GUARDED if is_guarded(settings) else _OPEN
