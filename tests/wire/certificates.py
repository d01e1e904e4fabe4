"""
Certificates of one's own, and an authority that signs them.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from typing import TYPE_CHECKING, Any

from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from pathlib import Path

DAY = dt.timedelta(days=1)
ALWAYS = (-DAY, DAY)
PAST = (-2 * DAY, -DAY)
FUTURE = (DAY, 2 * DAY)


@frozen
class Certified:
    """
    A key and a certificate of it.
    """

    key: Any
    certificate: x509.Certificate

    @property
    def key_pem(self) -> bytes:
        """The key in PEM."""
        encryption = serialization.NoEncryption()
        encoded: bytes = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
        )
        return encoded

    @property
    def certificate_pem(self) -> bytes:
        """The certificate in PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def write(self, path: Path) -> Path:
        """Write both into one file, and answer it."""
        path.write_bytes(self.key_pem + self.certificate_pem)
        return path

    def sign(
        self, *names: str, valid: tuple[dt.timedelta, dt.timedelta] = ALWAYS, authority: bool = False
    ) -> Certified:
        """
        Make a key, and sign a certificate of it for 127.0.0.1 and ``localhost``.

        :param names: the common names.
        :param valid: from when to when, from now.
        :param authority: whether it can sign others.
        """
        return certify(*names, valid=valid, issuer=self, authority=authority)


def certify(
    *names: str,
    valid: tuple[dt.timedelta, dt.timedelta] = ALWAYS,
    issuer: Certified | None = None,
    key: Any = None,  # noqa: ANN401 - any of several kinds
    authority: bool = False,
) -> Certified:
    """
    Make a certificate.

    :param issuer: signs it; by default it is an authority, and signs itself.
    :param key: by default a new one.
    :param authority: whether it can sign others, as one that signs itself always can.
    """
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name) for name in names])
    now = dt.datetime.now(dt.UTC)
    local = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + valid[0])
        .not_valid_after(now + valid[1])
        .add_extension(x509.BasicConstraints(ca=authority or issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(local), critical=False)
    )
    return Certified(key, builder.sign(key if issuer is None else issuer.key, hashes.SHA256()))


def make_certificate(path: Path) -> None:
    """Write a key and a certificate for 127.0.0.1, signed by itself, into one file."""
    certify("registry.test").write(path)
