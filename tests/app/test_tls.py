"""Certificates: what can be used, what is said of the rest, and how they are exchanged."""

from __future__ import annotations

import datetime as dt
import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from OpenSSL import crypto
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator, IStreamServerEndpoint
from twisted.logger import formatEvent
from twisted.protocols.tls import TLSMemoryBIOFactory
from zope.interface.verify import verifyObject

from oci_twisted.app.hangup import Hangup
from oci_twisted.app.tls import (
    CertificateFiles,
    Certificates,
    CertificateUnusable,
    CertificateWatch,
    TLSEndpoint,
    common_name,
)
from tests.app.reactors import FakeEndpoint, StillReactor
from tests.wire.certificates import FUTURE, PAST, Certified, certify
from tests.wire.logs import events

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from twisted.logger import LogEvent

AUTHORITY = certify("Authority")
WATCH = 10.0


@pytest.fixture
def files(tmp_path: Path) -> CertificateFiles:
    """Write a certificate and its key into files of their own."""
    files = CertificateFiles(tmp_path / "cert.pem", tmp_path / "key.pem")
    exchange(files, AUTHORITY.sign("registry.test"))
    return files


def exchange(files: CertificateFiles, certified: Certified) -> None:
    """Put another pair in the place of the one that is there."""
    files.certificate.write_bytes(certified.certificate_pem)
    files.key.write_bytes(certified.key_pem)


def unusable(files: CertificateFiles) -> str:
    """Answer the sentence with which files are refused."""
    with pytest.raises(CertificateUnusable) as refused:
        files.read()
    sentence = str(refused.value)
    assert "\n" not in sentence
    assert "PRIVATE" not in sentence
    return sentence


@contextmanager
def told() -> Iterator[list[tuple[str, str]]]:
    """Collect what the certificates have to say, with the level."""
    lines: list[tuple[str, str]] = []
    with events() as collected:
        yield lines
    lines += [
        (event["log_level"].name, text(event)) for event in collected if event["log_namespace"] == "oci_twisted.tls"
    ]


def text(event: LogEvent) -> str:
    """Answer how an event reads."""
    return formatEvent(event)


def at_the_moment() -> StillReactor:
    """Make a reactor whose time is that of the certificates."""
    reactor = StillReactor()
    reactor.rightNow = dt.datetime.now(dt.UTC).timestamp()
    return reactor


class Exchanged:
    """Certificates in use."""

    def __init__(self, files: CertificateFiles) -> None:
        self.files = files
        self.reactor = at_the_moment()
        self.certificates = Certificates(files, self.reactor)

    @property
    def serial(self) -> int:
        """The serial number of the certificate that a new connection would get."""
        return self.certificates._loaded.certificate.serial_number  # noqa: SLF001 - what a client sees is tested on the wire


def test_a_pair_can_be_used(files: CertificateFiles, tmp_path: Path) -> None:
    """A certificate and its key are read, from two files or from one."""
    own = AUTHORITY.sign("registry.test")
    exchange(files, own)
    both = own.write(tmp_path / "both.pem")
    assert files.read().certificate == CertificateFiles(both, both).read().certificate == own.certificate


def test_what_is_not_there_is_told(files: CertificateFiles, tmp_path: Path) -> None:
    """The sentence names the file and what the system says of it."""
    absent = tmp_path / "absent.pem"
    reason = f"{absent}: No such file or directory"
    assert unusable(CertificateFiles(absent, files.key)) == f"cannot read the certificate {reason}"
    assert unusable(CertificateFiles(files.certificate, absent)) == f"cannot read the key {reason}"
    assert unusable(CertificateFiles(files.certificate, files.key, absent)) == f"cannot read the client CA {reason}"
    assert unusable(CertificateFiles(tmp_path, files.key)) == f"cannot read the certificate {tmp_path}: Is a directory"


@pytest.mark.parametrize(
    "content", [b"", b"nonsense", b"\xff\x00", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_what_is_no_pem_is_told(files: CertificateFiles, content: bytes, tmp_path: Path) -> None:
    """So is a file that holds something else."""
    other = tmp_path / "other"
    other.write_bytes(content)
    assert unusable(CertificateFiles(other, files.key)) == f"there is no certificate in PEM in {other}"
    assert unusable(CertificateFiles(files.certificate, other)) == f"there is no key in PEM in {other}"
    assert unusable(CertificateFiles(files.certificate, files.key, other)) == f"there is no client CA in PEM in {other}"


def test_a_key_of_another_certificate_is_told(files: CertificateFiles) -> None:
    """A key belongs to the first certificate of the file; the others are those that have signed it."""
    own = AUTHORITY.sign("registry.test")
    files.key.write_bytes(own.key_pem)
    assert "does not belong to the first certificate in" in unusable(files)
    files.certificate.write_bytes(AUTHORITY.certificate_pem + own.certificate_pem)
    assert "does not belong to the first certificate in" in unusable(files)
    files.certificate.write_bytes(own.certificate_pem + AUTHORITY.certificate_pem)
    assert files.read().certificate == own.certificate


def test_an_encrypted_key_is_told(files: CertificateFiles) -> None:
    """Nobody is asked for a passphrase at a terminal that is not there."""
    own = AUTHORITY.sign("registry.test")
    encryption = serialization.BestAvailableEncryption(b"secret")
    pem = own.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    files.certificate.write_bytes(own.certificate_pem)
    files.key.write_bytes(pem)
    assert "is encrypted, and nobody is there to type its passphrase" in unusable(files)


def test_a_key_that_openssl_refuses_is_told(files: CertificateFiles) -> None:
    """A key that does not sign is refused at the start, with OpenSSL's reason, and not at every handshake."""
    exchange(files, certify("registry.test", issuer=AUTHORITY, key=X25519PrivateKey.generate()))
    assert f"the certificate {files.certificate} cannot be used: " in unusable(files)


@pytest.mark.parametrize(("valid", "complaint"), [(PAST, "has expired on "), (FUTURE, "is not valid before ")])
def test_a_certificate_out_of_its_time_is_told(
    files: CertificateFiles, valid: tuple[dt.timedelta, dt.timedelta], complaint: str
) -> None:
    """It is used, because the operator may have nothing better, and the log warns of it."""
    exchange(files, AUTHORITY.sign("registry.test", valid=valid))
    with told() as lines:
        Exchanged(files)
    [(level, line)] = lines
    assert level == "warn"
    assert line.startswith(f"the certificate {files.certificate} {complaint}")


def test_a_good_certificate_is_not_talked_of(files: CertificateFiles) -> None:
    """There is nothing to say of what is as it should be."""
    with told() as lines:
        Exchanged(files).certificates.look()
    assert lines == []


def test_new_files_are_taken_when_they_stand_still(files: CertificateFiles) -> None:
    """A certificate without its key yet is waited for; the pair is taken at the next look but one."""
    exchanged = Exchanged(files)
    old, new = exchanged.serial, AUTHORITY.sign("registry.test")
    with told() as lines:
        exchanged.certificates.look()
        files.certificate.write_bytes(new.certificate_pem)
        exchanged.certificates.look()
        files.key.write_bytes(new.key_pem)
        exchanged.certificates.look()
        assert exchanged.serial == old
        exchanged.certificates.look()
        assert exchanged.serial == new.certificate.serial_number
        exchanged.certificates.look()
    [(level, line)] = lines
    assert (level, line.startswith("new connections get the certificate that is valid until ")) == ("info", True)


def test_a_file_may_be_replaced_by_a_link(files: CertificateFiles, tmp_path: Path) -> None:
    """What a link leads to counts, as tools that renew certificates have it."""
    new = AUTHORITY.sign("registry.test").write(tmp_path / "new.pem")
    exchanged = Exchanged(files)
    for path in (files.certificate, files.key):
        path.unlink()
        path.symlink_to(new)
    exchanged.certificates.look()
    exchanged.certificates.look()
    assert exchanged.serial == CertificateFiles(new, new).read().certificate.serial_number


def test_a_broken_pair_is_told_once(files: CertificateFiles) -> None:
    """The old certificate stays until there is one that can be used."""
    exchanged = Exchanged(files)
    old, new = exchanged.serial, AUTHORITY.sign("registry.test")
    with told() as lines:
        files.key.write_bytes(new.key_pem)
        for _ in range(5):
            exchanged.certificates.look()
    [(level, line)] = lines
    assert level == "error"
    assert line.startswith(f"the old certificate is kept: the key {files.key} does not belong to")
    assert exchanged.serial == old
    exchange(files, new)
    exchanged.certificates.look()
    exchanged.certificates.look()
    assert exchanged.serial == new.certificate.serial_number


def test_files_that_are_gone_are_told_once(files: CertificateFiles) -> None:
    """So is it when the files are not there any more."""
    exchanged = Exchanged(files)
    old = exchanged.serial
    files.certificate.unlink()
    with told() as lines:
        for _ in range(5):
            exchanged.certificates.look()
    assert [line for _, line in lines] == [
        f"the old certificate is kept: cannot read the certificate {files.certificate}: No such file or directory"
    ]
    assert exchanged.serial == old


@contextmanager
def watched(exchanged: Exchanged) -> Iterator[CertificateWatch]:
    """Watch certificates meanwhile."""
    watch = CertificateWatch(exchanged.certificates, exchanged.reactor)
    watch.startService()
    try:
        yield watch
    finally:
        watch.stopService()


def test_time_brings_new_files(files: CertificateFiles) -> None:
    """Without anybody's doing, files are looked at every few seconds, and no longer than the service runs."""
    exchanged = Exchanged(files)
    new = AUTHORITY.sign("registry.test")
    with watched(exchanged):
        exchange(files, new)
        exchanged.reactor.pump([1.0] * int(WATCH))
        assert exchanged.serial == new.certificate.serial_number
    assert exchanged.reactor.getDelayedCalls() == []


def test_sighup_brings_new_files_at_once(files: CertificateFiles) -> None:
    """The files are read in the reactor's turn."""
    exchanged = Exchanged(files)
    new = AUTHORITY.sign("registry.test")
    with watched(exchanged):
        exchange(files, new)
        os.kill(os.getpid(), signal.SIGHUP)
        exchanged.reactor.advance(0)
        assert exchanged.serial == new.certificate.serial_number


def test_who_handled_sighup_before_goes_on(files: CertificateFiles) -> None:
    """A handler that was there is called as well, and is there again at the end."""
    received: list[int] = []
    ours = signal.getsignal(signal.SIGHUP)

    def before(number: int, _frame: Any) -> None:  # noqa: ANN401 - Python's
        received.append(number)

    signal.signal(signal.SIGHUP, before)
    try:
        with watched(Exchanged(files)):
            os.kill(os.getpid(), signal.SIGHUP)
        assert received == [signal.SIGHUP]
        assert signal.getsignal(signal.SIGHUP) is before
    finally:
        signal.signal(signal.SIGHUP, ours)


def test_who_takes_sighup_over_keeps_it() -> None:
    """A handler that was installed later is not taken away; one that never was there is not put back."""
    ours = signal.getsignal(signal.SIGHUP)
    hangup = Hangup(StillReactor(), lambda: None)
    hangup.install()
    try:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        hangup.restore()
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, ours)


def test_an_endpoint_is_wrapped(files: CertificateFiles) -> None:
    """Whatever endpoint there is, what it accepts speaks TLS first."""
    exchanged = Exchanged(files)
    inner = FakeEndpoint()
    endpoint = TLSEndpoint(inner, exchanged.certificates, exchanged.reactor)
    verifyObject(IStreamServerEndpoint, endpoint)
    verifyObject(IOpenSSLServerConnectionCreator, exchanged.certificates)
    factory: Any = object()
    assert endpoint.listen(factory) is inner.listening
    assert isinstance(inner.factory, TLSMemoryBIOFactory)
    assert inner.factory.wrappedFactory is factory


class Shown:
    """A connection whose peer has shown a certificate, or none."""

    def __init__(self, certified: Certified | None) -> None:
        self._certified = certified

    def getPeerCertificate(self) -> crypto.X509 | None:
        """Answer what it has shown."""
        return None if self._certified is None else crypto.X509.from_cryptography(self._certified.certificate)


@pytest.mark.parametrize(
    ("names", "name"),
    [
        (("ada",), "ada"),
        (("Ada Lövelace",), "Ada Lövelace"),
        ((" ada ",), "ada"),
        ((), None),
        (("ada", "bob"), None),
        ((" ",), None),
        (("ada\nbob",), None),
        (("ada\0",), None),
    ],
)
def test_a_common_name_is_a_user(names: tuple[str, ...], name: str | None) -> None:
    """There has to be one, and no other, that can be written into a line."""
    transport: Any = Shown(AUTHORITY.sign(*names))
    assert common_name(transport) == name


def test_who_shows_nothing_is_nobody() -> None:
    """A client need not have a certificate."""
    transport: Any = Shown(None)
    assert common_name(transport) is None
