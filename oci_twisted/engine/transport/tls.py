"""
TLS to an engine.  Needs the extra ``tls``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen
from cryptography.x509 import load_pem_x509_certificates
from OpenSSL.crypto import X509, Error
from OpenSSL.SSL import Connection
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.ssl import (
    Certificate,
    CertificateOptions,
    PrivateCertificate,
    optionsForClientTLS,
    platformTrust,
    trustRootFromCertificates,
)
from zope.interface import implementer

if TYPE_CHECKING:
    from pathlib import Path

    from twisted.protocols.tls import TLSMemoryBIOProtocol

    from oci_twisted.engine.address import TlsFiles


def client_options(host: str, files: TlsFiles) -> IOpenSSLClientConnectionCreator:
    """
    Answer what a connection to ``host`` is secured with.

    :raise ValueError: when only one of certificate and key is there, or a file cannot be read or holds something else.
    """
    if (files.certificate is None) != (files.key is None):
        raise ValueError("a client's certificate needs its key, and the other way round")
    own = None
    if files.certificate is not None and files.key is not None:
        pem = _read(files.key) + b"\n" + _read(files.certificate)
        try:
            own = PrivateCertificate.loadPEM(pem)
        except Error as error:
            raise ValueError(f"{files.key} and {files.certificate} hold no key and certificate in PEM") from error
    if not files.verify:
        return _Unverified(_options(own))
    trust = platformTrust()
    if files.authority is not None:
        trust = trustRootFromCertificates(_authorities(files.authority))
    return optionsForClientTLS(host, trustRoot=trust, clientCertificate=own)


def _authorities(path: Path) -> list[Certificate]:
    content = _read(path)
    try:
        found = load_pem_x509_certificates(content)
    except ValueError as error:
        raise ValueError(f"{path} holds no certificate in PEM") from error
    return [Certificate(X509.from_cryptography(one)) for one in found]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error


def _options(own: PrivateCertificate | None) -> CertificateOptions:
    if own is None:
        return CertificateOptions(verify=False)
    return CertificateOptions(privateKey=own.privateKey.original, certificate=own.original, verify=False)


@implementer(IOpenSSLClientConnectionCreator)
@frozen
class _Unverified:
    """Takes any certificate, as a context of Docker's says with ``SkipTLSVerify``."""

    options: CertificateOptions

    def clientConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> Connection:  # noqa: N803 - Twisted's name
        del tlsProtocol
        return Connection(self.options.getContext(), None)
