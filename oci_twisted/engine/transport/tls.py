"""
TLS to an engine.  Needs the extra ``tls``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificates
from OpenSSL.crypto import FILETYPE_PEM, X509, Error
from OpenSSL.SSL import Connection
from twisted.internet.error import VerifyError
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.ssl import (
    Certificate,
    CertificateOptions,
    KeyPair,
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

    The file of authorities may have several; that of our certificate, after it, those who stand between an authority
    and us.

    :raise ValueError: when only one of certificate and key is there, or a file cannot be read or holds something else.
    """
    if (files.certificate is None) != (files.key is None):
        raise ValueError("a client's certificate needs its key, and the other way round")
    own, between = None, []
    if files.certificate is not None and files.key is not None:
        first, *between = _certificates(files.certificate)
        own = _own(first, files.key)
    chain = [certificate.original for certificate in between]
    if not files.verify:
        return _Unverified(_options(own, chain))
    trust = platformTrust()
    if files.authority is not None:
        trust = trustRootFromCertificates(_certificates(files.authority))
    return optionsForClientTLS(
        host, trustRoot=trust, clientCertificate=own, extraCertificateOptions={"extraCertChain": chain} if own else {}
    )


def _certificates(path: Path) -> list[Certificate]:
    """Read those of a file, of which there is one at least."""
    content = _read(path)
    try:
        found = load_pem_x509_certificates(content)
    except ValueError as error:
        raise ValueError(f"{path} holds no certificate in PEM") from error
    return [Certificate(X509.from_cryptography(one)) for one in found]


def _own(certificate: Certificate, path: Path) -> PrivateCertificate:
    content = _read(path)
    try:
        # Of one with a passphrase OpenSSL would ask for that at the terminal, and wait.
        load_pem_private_key(content, None)
        key = KeyPair.load(content, FILETYPE_PEM)
        own: PrivateCertificate = PrivateCertificate.fromCertificateAndKeyPair(certificate, key)
    except TypeError:
        raise ValueError(f"{path} holds a key with a passphrase; write it without") from None
    except VerifyError:
        raise ValueError(f"{path} holds the key of another certificate") from None
    except (ValueError, UnsupportedAlgorithm, Error) as error:
        raise ValueError(f"{path} holds no key in PEM") from error
    return own


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error


def _options(own: PrivateCertificate | None, chain: list[X509]) -> CertificateOptions:
    if own is None:
        return CertificateOptions(verify=False)
    return CertificateOptions(
        privateKey=own.privateKey.original, certificate=own.original, verify=False, extraCertChain=chain
    )


@implementer(IOpenSSLClientConnectionCreator)
@frozen
class _Unverified:
    """Takes any certificate, as a context of Docker's says with ``SkipTLSVerify``."""

    options: CertificateOptions

    def clientConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> Connection:  # noqa: N803 - Twisted's name
        del tlsProtocol
        return Connection(self.options.getContext(), None)
