"""
Whether passwords and tokens would travel in the clear, which is found out before anybody sends one.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from oci_twisted.app.settings import Settings

# An endpoint description's arguments have colons between them; a colon with a backslash is part of one.
_ARGUMENT = re.compile(r":interface=((?:[^:\\]|\\.)*)")
_ENCRYPTED = ("ssl:", "tls:")


def credentials_in_the_clear(settings: Settings) -> str | None:
    """
    Answer the sentence that refuses to start a registry that asks for credentials; ``None`` when it may start.

    What listens in a way that cannot be read from its description, such as a socket that systemd has opened, is let
    be: every request is looked at again (`oci_twisted.auth.authentication`).
    """
    if settings.tls_cert is not None or settings.port.startswith(_ENCRYPTED) or settings.proxies:
        return None
    address = _address(settings)
    if address is None or _is_loopback(address):
        return None
    where = f"{address}:{settings.port}" if settings.port.isdigit() else settings.port
    return (
        f"it would listen on {where} without TLS, where others can read passwords and tokens: set tls.cert and "
        'tls.key, or proxy.trusted to the addresses of the proxy that ends TLS (["127.0.0.1"] and host = "127.0.0.1" '
        "for one on this machine), or leave host out so that only this machine can connect"
    )


def _address(settings: Settings) -> str | None:
    """Answer the address to listen on; ``None`` when it is none, or cannot be told."""
    if settings.port.isdigit():
        return settings.host or "127.0.0.1"
    if settings.port.startswith("tcp:"):
        found = _ARGUMENT.search(settings.port)
        return "0.0.0.0" if found is None else found[1].replace("\\", "")  # noqa: S104 - that is what it would do
    return "::" if settings.port.startswith("tcp6:") and "interface=" not in settings.port else None


def _is_loopback(address: str) -> bool:
    try:
        # An IPv6 address may have a zone behind it.
        return ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return address == "localhost"
