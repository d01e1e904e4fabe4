"""``twist oci-registry`` with a certificate: a process that speaks TLS, and takes a new one while it serves."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import ssl
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.app.test_running import Running, ended
from tests.wire.certificates import PAST, Certified, certify

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AUTHORITY = certify("Authority")
TAKEN = "new connections get the certificate that is valid until"


class Secure:
    """
    The command, running with TLS.

    :ivar running: the process.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ca = folder / "ca.pem"
        self._ca.write_bytes(AUTHORITY.certificate_pem)
        self._pair = folder / "pair.pem"
        self.exchange()
        flags = ("--port", "0", "--storage", "memory", "--tls-cert", "pair.pem", "--tls-key", "pair.pem")
        self.running = Running(folder, *flags, log_format="text")

    def exchange(self) -> Certified:
        """Put another certificate there, as a program does that renews them."""
        pair = AUTHORITY.sign("registry.test")
        pair.write(self._folder / "next.pem").rename(self._pair)
        return pair

    def connect(self) -> http.client.HTTPSConnection:
        """Connect a client that verifies the certificate."""
        context = ssl.create_default_context(cafile=str(self._ca))
        connection = http.client.HTTPSConnection(*self.running.address, timeout=30, context=context)
        connection.connect()
        return connection

    def serial(self) -> int:
        """Answer the serial number of the certificate that a new connection gets."""
        with closing(self.connect()) as connection:
            shown = connection.sock.getpeercert()
        assert shown is not None
        return int(str(shown["serialNumber"]), 16)


@pytest.fixture
def secure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Secure]:
    """Run the command with a certificate."""
    monkeypatch.chdir(tmp_path)
    secure = Secure(tmp_path)
    yield secure
    secure.running.daemon.stop()


def status(connection: http.client.HTTPSConnection) -> int:
    """Ask whether this is a registry."""
    connection.request("GET", "/v2/")
    response = connection.getresponse()
    response.read()
    return response.status


def test_it_speaks_tls(secure: Secure) -> None:
    """A number for a port and a certificate are enough, and the start line says https."""
    assert f"listening on https://127.0.0.1:{secure.running.address[1]} (this machine only; " in secure.running.log
    with closing(secure.connect()) as connection:
        assert status(connection) == 200


def test_sighup_takes_a_new_certificate(secure: Secure) -> None:
    """It is taken at once, the process goes on, and no connection is lost."""
    with closing(secure.connect()) as old:
        assert status(old) == 200
        pair = secure.exchange()
        os.kill(secure.running.daemon.pid, signal.SIGHUP)
        secure.running.wait_for(TAKEN)
        assert secure.serial() == pair.certificate.serial_number
        assert status(old) == 200
    assert secure.running.daemon.stop() == -signal.SIGTERM


def test_a_new_certificate_is_found(secure: Secure) -> None:
    """Nobody has to say that the files have changed."""
    pair = secure.exchange()
    secure.running.wait_for(TAKEN)
    assert secure.serial() == pair.certificate.serial_number


def test_a_broken_certificate_is_not_taken(secure: Secure, tmp_path: Path) -> None:
    """The log says what is wrong with it, in a line, and the old one is shown on."""
    before = secure.serial()
    (tmp_path / "pair.pem").write_text("nonsense")
    os.kill(secure.running.daemon.pid, signal.SIGHUP)
    secure.running.wait_for("the old certificate is kept: there is no certificate in PEM in pair.pem")
    assert secure.serial() == before
    assert "Traceback" not in secure.running.log


def test_who_speaks_no_tls_is_turned_away(secure: Secure) -> None:
    """A request in the clear ends its connection, and leaves a line in the log and no traceback."""
    with socket.create_connection(secure.running.address, timeout=30) as client:
        client.sendall(b"GET /v2/ HTTP/1.1\r\nHost: registry\r\n\r\n")
        assert b"HTTP" not in client.recv(1 << 16)
    secure.running.wait_for("#info. no TLS with 127.0.0.1: http request")
    assert "Traceback" not in secure.running.log


def test_a_certificate_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    """It ends the command with a status and a sentence; one that has expired is used, with a warning."""
    AUTHORITY.sign("registry.test").write(tmp_path / "pair.pem")
    certify("registry.test").write(tmp_path / "other.pem")
    sentence = ended("--tls-cert", "pair.pem", "--tls-key", "other.pem", cwd=tmp_path)
    assert "the key other.pem does not belong to the first certificate in pair.pem" in sentence
    assert "tls.key is not" in ended("--tls-cert", "pair.pem", cwd=tmp_path)
    AUTHORITY.sign("registry.test", valid=PAST).write(tmp_path / "old.pem")
    old = str(tmp_path / "old.pem")
    running = Running(
        tmp_path, "--port", "0", "--storage", "memory", "--tls-cert", old, "--tls-key", old, log_format="text"
    )
    try:
        running.wait_for(rf"oci_twisted.tls#warn. the certificate {old} has expired on ")
    finally:
        running.daemon.stop()
