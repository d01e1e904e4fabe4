"""
TLS with a certificate that may be exchanged while the registry serves; and clients that show one of their own.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, TypeAlias, cast

from attrs import field, frozen
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import NameOID
from OpenSSL import SSL, crypto
from twisted.application.service import Service
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator, IStreamServerEndpoint
from twisted.internet.ssl import CertificateOptions
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOFactory
from zope.interface import implementer

from oci_twisted.app.hangup import Hangup

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from twisted.internet.defer import Deferred
    from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IReactorTime, ISSLTransport
    from twisted.protocols.tls import TLSMemoryBIOProtocol

    # Of each file when it was last changed, its size and its number; ``None`` for one that is not there.
    Look: TypeAlias = "tuple[tuple[int, int, int] | None, ...]"

_log = Logger(namespace="oci_twisted.tls")

_INTERVAL = 5.0


class CertificateUnusable(ValueError):
    """A certificate or a key that cannot be used; the message is a sentence for the operator."""


@frozen
class CertificateFiles:
    """
    Where certificates are, all of them in PEM.

    :ivar certificate: the registry's own, and behind it those between it and the one that clients trust.
    :ivar key: of the registry's own; it may be the same file.
    :ivar client_ca: whose certificates clients may show; ``None`` where they are asked for none.
    """

    certificate: Path
    key: Path
    client_ca: Path | None = None

    def look(self) -> Look:
        """Answer something that is different when one of the files is, without reading them."""
        return tuple(_stat(path) for path in (self.certificate, self.key, self.client_ca) if path is not None)

    def read(self) -> Loaded:
        """
        Read them.

        :raise CertificateUnusable: when they cannot be used.
        """
        own, *between = _read_certificates(self.certificate, "certificate")
        key = _read_key(self.key)
        authorities = [] if self.client_ca is None else _read_certificates(self.client_ca, "client CA")
        try:
            belongs = own.public_key() == key.public_key()
            options = _options(own, between, key, authorities) if belongs else None
        except (SSL.Error, TypeError, ValueError, UnsupportedAlgorithm) as error:
            raise CertificateUnusable(f"the certificate {self.certificate} cannot be used: {_reason(error)}") from error
        if options is None:
            raise CertificateUnusable(
                f"the key {self.key} does not belong to the first certificate in {self.certificate}, which has to be "
                "the registry's own"
            )
        return Loaded(options, own)


@frozen
class Loaded:
    """
    Certificates as they were read.

    :ivar options: make connections.
    :ivar certificate: the registry's own.
    """

    options: CertificateOptions = field(repr=False)
    certificate: x509.Certificate

    def complaint(self, now: dt.datetime) -> str | None:
        """Answer what clients will not like about the time."""
        if now > self.certificate.not_valid_after_utc:
            return f"has expired on {self.certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
        if now < self.certificate.not_valid_before_utc:
            return f"is not valid before {self.certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
        return None


@implementer(IOpenSSLServerConnectionCreator)
class Certificates:
    """
    Makes TLS connections with the certificate of the moment: TLS 1.2 or later, with Twisted's choice of ciphers.

    Connections that are there keep the one with which they began.

    :param clock: tells the time.
    :raise CertificateUnusable: when it cannot begin.
    """

    def __init__(self, files: CertificateFiles, clock: IReactorTime) -> None:
        self._files = files
        self._clock = clock
        self._read = self._seen = files.look()
        self._loaded = files.read()
        self._complain()

    def serverConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> SSL.Connection:  # noqa: N803 - Twisted's name
        """Make the connection of a protocol."""
        return self._loaded.options.serverConnectionForTLS(tlsProtocol)

    def look(self) -> None:
        """Take new files once they stand still: a certificate and its key are hardly ever exchanged at one time."""
        seen, self._seen = self._seen, self._files.look()
        if self._seen == seen != self._read:
            self.reload()

    def reload(self) -> None:
        """Read the files, and go on with what they hold, or with what there was if that cannot be used."""
        self._read = self._seen = self._files.look()
        try:
            self._loaded = self._files.read()
        except CertificateUnusable as error:
            _log.error("the old certificate is kept: {reason}", reason=str(error))
            return
        until = f"{self._loaded.certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
        _log.info("new connections get the certificate that is valid until {until}", until=until)
        self._complain()

    def _complain(self) -> None:
        complaint = self._loaded.complaint(dt.datetime.fromtimestamp(self._clock.seconds(), dt.UTC))
        if complaint is not None:
            path = self._files.certificate
            _log.warn("the certificate {path} {complaint}", path=str(path), complaint=complaint)


class CertificateWatch(Service):
    """
    Looks now and then whether the certificates were exchanged, and reads them again on SIGHUP.

    :param reactor: tells when to look.
    """

    def __init__(self, certificates: Certificates, reactor: Any) -> None:  # noqa: ANN401 - as Registry's own
        self._looking = LoopingCall(certificates.look)
        self._looking.clock = reactor
        self._hangup = Hangup(reactor, certificates.reload)

    def startService(self) -> None:
        """Begin."""
        super().startService()  # type: ignore[no-untyped-call]  # Twisted's
        self._looking.start(_INTERVAL, now=False)
        self._hangup.install()

    def stopService(self) -> Deferred[None] | None:
        """End."""
        super().stopService()  # type: ignore[no-untyped-call]  # Twisted's
        self._hangup.restore()
        self._looking.stop()
        return None


@implementer(IStreamServerEndpoint)
class TLSEndpoint:
    """
    Listens as another endpoint does, and speaks TLS there.

    :param clock: tells when to send what is little.
    """

    def __init__(self, endpoint: IStreamServerEndpoint, certificates: Certificates, clock: IReactorTime) -> None:
        self._endpoint = endpoint
        self._certificates = certificates
        self._clock = clock

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:  # noqa: N803 - Twisted's name
        """Listen."""
        return self._endpoint.listen(TLSMemoryBIOFactory(self._certificates, False, protocolFactory, self._clock))


def common_name(transport: ISSLTransport) -> str | None:
    """
    Answer the common name of the certificate that a peer has proved to own, if it has shown one.

    A certificate with several of them, or with one that cannot be written into a line, is nobody's.

    :param transport: behind the handshake, and of a connection that takes verified certificates only.
    """
    certificate = cast("crypto.X509 | None", transport.getPeerCertificate())
    if certificate is None:
        return None
    try:
        names = certificate.to_cryptography().subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    except ValueError:
        return None
    values = [name.value for name in names]
    if len(values) != 1 or not isinstance(values[0], str) or not values[0].isprintable():
        return None
    return values[0].strip() or None


def _options(
    own: x509.Certificate,
    between: list[x509.Certificate],
    key: Any,  # noqa: ANN401 - as it was read
    authorities: list[x509.Certificate],
) -> CertificateOptions:
    options = CertificateOptions(
        privateKey=crypto.PKey.from_cryptography_key(key),
        certificate=crypto.X509.from_cryptography(own),
        extraCertChain=[crypto.X509.from_cryptography(one) for one in between],
        # Who shows none is served as well; whoever shows one has to own one that is valid.
        verify=bool(authorities),
        requireCertificate=False,
        caCerts=[crypto.X509.from_cryptography(one) for one in authorities] or None,
    )
    # Made now, because now there is somebody to be told that it cannot be.
    options.getContext()
    return options


def _stat(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _read_certificates(path: Path, what: str) -> list[x509.Certificate]:
    encoded = _bytes(path, what)
    try:
        return x509.load_pem_x509_certificates(encoded)
    except ValueError as error:
        raise CertificateUnusable(f"there is no {what} in PEM in {path}") from error


def _read_key(path: Path) -> Any:  # noqa: ANN401 - one of several kinds of key, which OpenSSL knows
    encoded = _bytes(path, "key")
    try:
        return load_pem_private_key(encoded, None)
    except TypeError as error:
        # OpenSSL itself would ask for the passphrase at the terminal.
        sentence = f"the key in {path} is encrypted, and nobody is there to type its passphrase: store it decrypted"
        raise CertificateUnusable(sentence) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CertificateUnusable(f"there is no key in PEM in {path}") from error


def _bytes(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CertificateUnusable(f"cannot read the {what} {path}: {error.strerror}") from error


def _reason(error: Exception) -> str:
    """Answer what OpenSSL has to say, which it puts into a list."""
    entries = error.args[0] if isinstance(error, SSL.Error) and error.args else ()
    return "; ".join(entry[-1] for entry in entries) or str(error)
