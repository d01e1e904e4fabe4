"""Whether credentials would travel in the clear."""

from __future__ import annotations

from pathlib import Path

import pytest

from oci_twisted.app.exposure import credentials_in_the_clear
from oci_twisted.app.settings import Settings

EVERYWHERE = "0.0.0.0"  # noqa: S104 - nothing listens
CERTIFICATE = Path("cert.pem")


@pytest.mark.parametrize(
    "settings",
    [
        Settings(),
        Settings(host="127.0.0.1"),
        Settings(host="127.8.9.1"),
        Settings(host="::1"),
        Settings(host="localhost"),
        Settings(host=EVERYWHERE, tls_cert=CERTIFICATE, tls_key=CERTIFICATE),
        Settings(host=EVERYWHERE, proxies=("10.0.0.1",)),
        Settings(port="tcp:5000:interface=127.0.0.1"),
        Settings(port=r"tcp:5000:interface=\:\:1"),
        Settings(port=r"tcp:interface=\:\:1:port=5000"),
        Settings(port=r"tcp6:5000:interface=\:\:1"),
        Settings(port="ssl:443:privateKey=key.pem"),
        Settings(port="tls:certs:443"),
        Settings(port="unix:/run/registry.sock"),
        Settings(port="systemd:domain=INET:name=http"),
    ],
    ids=repr,
)
def test_what_is_safe_may_start(settings: Settings) -> None:
    """Nobody can listen in on this machine, behind TLS, or behind a proxy; what cannot be told is let be."""
    assert credentials_in_the_clear(settings) is None


@pytest.mark.parametrize(
    ("settings", "where"),
    [
        (Settings(host=EVERYWHERE), "0.0.0.0:5000"),
        (Settings(host="192.0.2.1", port="80"), "192.0.2.1:80"),
        (Settings(host="::"), ":::5000"),
        (Settings(host="registry.test"), "registry.test:5000"),
        (Settings(port="tcp:5000"), "tcp:5000"),
        (Settings(port="tcp:5000:interface=192.0.2.1"), "tcp:5000:interface=192.0.2.1"),
        (Settings(port=r"tcp:5000:interface=\:\:"), r"tcp:5000:interface=\:\:"),
        (Settings(port="tcp6:5000"), "tcp6:5000"),
    ],
)
def test_what_others_can_read_may_not(settings: Settings, where: str) -> None:
    """The sentence says where it would listen, and the three ways out."""
    sentence = credentials_in_the_clear(settings)
    assert sentence is not None
    assert sentence.startswith(f"it would listen on {where} without TLS")
    assert all(way in sentence for way in ("tls.cert and tls.key", "proxy.trusted", "leave host out"))
