"""The line that tells the operator what listens where."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from twisted.internet.address import HostnameAddress, IPv4Address, IPv6Address, UNIXAddress

from oci_twisted import __version__
from oci_twisted.app.settings import Settings
from oci_twisted.app.start_line import start_line

if TYPE_CHECKING:
    from twisted.internet.interfaces import IAddress

LOOPBACK = IPv4Address("TCP", "127.0.0.1", 5000)
CLOSED = " (this machine only; --host 0.0.0.0 opens it to others)"
OPEN = " (everyone who reaches it may push and pull, for nobody is asked for a password)"


@pytest.mark.parametrize(
    ("address", "where"),
    [
        (LOOPBACK, f"http://127.0.0.1:5000{CLOSED}"),
        (IPv4Address("TCP", "127.0.0.2", 80), f"http://127.0.0.2:80{CLOSED}"),
        (IPv4Address("TCP", "0.0.0.0", 5000), f"http://0.0.0.0:5000{OPEN}"),  # noqa: S104 - nothing listens
        (IPv4Address("TCP", "192.0.2.1", 5000), f"http://192.0.2.1:5000{OPEN}"),
        (IPv6Address("TCP", "::1", 5000), f"http://[::1]:5000{CLOSED}"),
        (IPv6Address("TCP", "::", 5000), f"http://[::]:5000{OPEN}"),
        (IPv6Address("TCP", "fe80::1%eth0", 5000), f"http://[fe80::1%eth0]:5000{OPEN}"),
        (UNIXAddress("/run/registry.sock"), "unix:/run/registry.sock"),
        (HostnameAddress(b"example.com", 5000), "HostnameAddress(hostname=b'example.com', port=5000)"),
    ],
    ids=str,
)
def test_it_says_where_and_for_whom(address: IAddress, where: str) -> None:
    """It names what listens, and who reaches it: an open registry is called open, a closed one how to open it."""
    line = start_line(Settings(storage="memory"), address)
    assert line == f"oci-twisted {__version__} listening on {where}; storage: memory, all of it gone at the end"


@pytest.mark.parametrize("port", ["tls:5000:privateKey=key.pem", "ssl:5000"])
def test_it_says_that_the_connection_is_encrypted(port: str) -> None:
    """An endpoint that speaks TLS is shown as a URL that does; one that is described is not to be opened by a flag."""
    assert " https://127.0.0.1:5000 (this machine only); " in start_line(Settings(port=port), LOOPBACK)
    own = Settings(tls_cert=Path("cert.pem"), tls_key=Path("key.pem"))
    assert f" https://127.0.0.1:5000{CLOSED}; " in start_line(own, LOOPBACK)


def test_it_says_where_the_data_is() -> None:
    """It names the folder by its whole path, and what becomes of the data when the power fails."""
    line = start_line(Settings(root=Path("data"), durability="relaxed"), LOOPBACK)
    assert line.endswith(f"; storage: disk at {Path.cwd() / 'data'}, durability relaxed")


def test_it_says_that_nothing_can_be_pushed() -> None:
    """A registry that takes no changes says so."""
    assert start_line(Settings(read_only=True), LOOPBACK).endswith(", read-only")


def test_it_says_that_one_has_to_log_in() -> None:
    """Where rules say who may do what, nobody is told that the registry is open."""
    guarded = Settings(rules=({}, {}), host="0.0.0.0")  # noqa: S104 - nothing listens
    line = start_line(guarded, IPv4Address("TCP", "0.0.0.0", 5000))  # noqa: S104 - nothing listens
    assert "http://0.0.0.0:5000 (everyone who reaches it is asked who they are)" in line
    assert line.endswith("; access by 2 rules")
