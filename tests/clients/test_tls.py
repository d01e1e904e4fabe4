"""Clients written in Go, over TLS that the registry speaks itself; they offer HTTP/2 first."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.app.test_running import Running
from tests.clients.images import Descriptor, Layout, everything
from tests.clients.tools import attempt, require, run
from tests.wire.certificates import certify

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.clients

AUTHORITY = certify("Authority")


@pytest.fixture
def ca(tmp_path: Path) -> Path:
    """Write the certificate that clients have to trust."""
    path = tmp_path / "ca.pem"
    path.write_bytes(AUTHORITY.certificate_pem)
    return path


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    """Run a registry that speaks TLS."""
    folder = tmp_path / "registry"
    folder.mkdir()
    pair = AUTHORITY.sign("registry.test").write(folder / "pair.pem")
    flags = ("--port", "0", "--storage", "memory", "--tls-cert", pair, "--tls-key", pair)
    running = Running(folder, *flags, log_format="text")
    yield running
    running.daemon.stop()


@pytest.fixture
def host(running: Running) -> str:
    """Name it as an image's name begins."""
    return f"127.0.0.1:{running.address[1]}"


def test_crane_pushes_and_pulls(
    host: str, ca: Path, layout: Layout, image: Descriptor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An image comes back byte for byte."""
    monkeypatch.setenv("SSL_CERT_FILE", str(ca))
    crane = require("crane")
    run(crane, "push", layout.path, f"{host}/some/image:v1")
    assert run(crane, "digest", f"{host}/some/image:v1").strip() == image.digest
    run(crane, "pull", "--format", "oci", f"{host}/some/image:v1", tmp_path / "back")
    assert everything(tmp_path / "back") == everything(layout.path)


def test_oras_pushes_and_pulls(host: str, ca: Path, running: Running, tmp_path: Path) -> None:
    """A large file does too, and a certificate that was renewed meanwhile is what the next command sees."""
    oras = require("oras")
    content = os.urandom(8 << 20)
    (tmp_path / "large").write_bytes(content)
    run(oras, "push", "--ca-file", ca, f"{host}/some/files:v1", "large", cwd=tmp_path)
    other = certify("Another authority")
    other.sign("registry.test").write(tmp_path / "registry" / "pair.pem")
    os.kill(running.daemon.pid, signal.SIGHUP)
    running.wait_for("new connections get the certificate")
    assert "certificate signed by unknown authority" in attempt(
        oras, "pull", "--ca-file", ca, "--output", "back", f"{host}/some/files:v1", cwd=tmp_path
    )
    ca.write_bytes(other.certificate_pem)
    run(oras, "pull", "--ca-file", ca, "--output", "back", f"{host}/some/files:v1", cwd=tmp_path)
    assert (tmp_path / "back" / "large").read_bytes() == content
