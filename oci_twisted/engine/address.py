"""
Where an engine is.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from attrs import evolve, frozen

from oci_twisted.engine.errors import Unsupported

if TYPE_CHECKING:
    from collections.abc import Mapping
    from urllib.parse import SplitResult

DOCKER_PORT = 2375
DOCKER_TLS_PORT = 2376
SSH_PORT = 22

# Who, and perhaps a password, before a host.
_LOGIN = re.compile(r"(?<=//).*@|^[^/]*@", re.DOTALL)


@frozen
class TlsFiles:
    """
    What a connection over TLS is made with, as PEM files.

    :ivar authority: who may have signed the engine's certificate, one or several; the system's authorities if ``None``.
    :ivar certificate: our own, shown to the engine together with ``key``.
    :ivar verify: whether the engine's certificate has to be right.
    """

    authority: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    verify: bool = True

    @classmethod
    def below(cls, folder: Path) -> TlsFiles:
        """Answer those with Docker's names (``ca.pem``, ``cert.pem``, ``key.pem``) that are there."""
        authority, certificate, key = (
            path if path.is_file() else None for path in (folder / name for name in ("ca.pem", "cert.pem", "key.pem"))
        )
        return cls(authority, certificate, key)


@frozen
class SshFiles:
    """
    What a connection over SSH is made with.

    :ivar known_hosts: files with the keys of hosts; that the key of ours is in one of them cannot be switched off.
    :ivar identities: files with private keys of ours, which are shown first.
    :ivar agent: the path of an agent's socket, whose keys are shown next.
    :ivar default_identities: files with private keys that are shown last, where they are there.
    """

    known_hosts: tuple[Path, ...] = ()
    identities: tuple[Path, ...] = ()
    agent: str | None = None
    default_identities: tuple[Path, ...] = ()

    @classmethod
    def below(cls, home: Path, environment: Mapping[str, str]) -> SshFiles:
        """Answer those that ``ssh`` has for a user.  Its ``config`` is not read."""
        folder = home / ".ssh"
        return cls(
            known_hosts=(folder / "known_hosts", Path("/etc/ssh/ssh_known_hosts")),
            agent=environment.get("SSH_AUTH_SOCK") or None,
            default_identities=tuple(folder / name for name in ("id_ed25519", "id_ecdsa", "id_rsa")),
        )

    @classmethod
    def of_process(cls) -> SshFiles:
        """Answer those of the user that this process runs as."""
        return cls.below(Path.home(), os.environ)


@frozen
class Address:
    """
    Where an engine is.

    :ivar scheme: ``unix``, ``tcp``, ``tls``, ``ssh`` or one that only a certain driver knows, such as ``memory``.
    :ivar path: of the socket; behind ``ssh``, the one at the other end, where the default is the engine's.
    :ivar tls: for ``tls``.
    :ivar ssh: for ``ssh``; those of the user of this process if ``None``.
    """

    scheme: str
    path: str = ""
    host: str = ""
    port: int = 0
    user: str | None = None
    tls: TlsFiles | None = None
    ssh: SshFiles | None = None

    def __str__(self) -> str:
        if self.scheme == "unix":
            return f"unix://{self.path}"
        user = f"{self.user}@" if self.user else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = f":{self.port}" if self.port else ""
        return f"{self.scheme}://{user}{host}{port}{self.path}"

    def with_socket(self, path: str) -> Address:
        """Answer the same place; behind ``ssh``, with the path of a socket if it has none."""
        return evolve(self, path=path) if self.scheme == "ssh" and not self.path else self

    def secured(self, tls: TlsFiles) -> Address:
        """Answer the same place, reached over TLS, if it is one of TCP; others are as safe as they get."""
        if self.scheme not in {"tcp", "tls"}:
            return self
        port = DOCKER_TLS_PORT if self.port == DOCKER_PORT and self.scheme == "tcp" else self.port
        return evolve(self, scheme="tls", tls=tls, port=port)


def parse_address(text: str) -> Address:
    """
    Read an address as ``docker --host`` takes it.

    :raise ValueError: when it is none.
    :raise Unsupported: for ``npipe``, which are Windows's named pipes.
    """
    if text.startswith("/"):
        return Address("unix", path=text)
    scheme, separator, rest = text.partition("://")
    if not separator:
        raise _invalid(text, "it begins with a scheme, such as unix:// or tcp://")
    scheme = scheme.lower()
    if scheme == "npipe":
        raise Unsupported(f"{text} is a named pipe of Windows, which is not supported")
    if scheme in {"unix", "http+unix"}:
        path = unquote(rest) if scheme == "http+unix" else rest
        if not path.startswith("/"):
            raise _invalid(text, "the path of a socket is absolute")
        return Address("unix", path=path)
    parts, port = _split(text)
    if scheme in {"tcp", "http", "https"}:
        if parts.path.rstrip("/") or parts.query or parts.fragment or parts.username is not None:
            raise _invalid(text, "it is a host and a port, and nothing else")
        tls = TlsFiles() if scheme == "https" else None
        default = DOCKER_TLS_PORT if tls else DOCKER_PORT
        return Address("tls" if tls else "tcp", host=parts.hostname or "localhost", port=port or default, tls=tls)
    if scheme == "ssh":
        if not parts.hostname or parts.password is not None or parts.query or parts.fragment:
            raise _invalid(text, "it is perhaps a user, a host, perhaps a port and perhaps the path of a socket")
        path = "" if parts.path == "/" else parts.path
        return Address("ssh", host=parts.hostname, port=port or SSH_PORT, user=parts.username, path=path)
    return Address(scheme, host=parts.hostname or "", port=port, user=parts.username, path=parts.path)


def _split(text: str) -> tuple[SplitResult, int]:
    try:
        parts = urlsplit(text)
        port = parts.port or 0
    except ValueError:
        # Without the cause, which shows what may be a password.
        raise _invalid(text, "its host, or its port, is none") from None
    return parts, port


def _invalid(text: str, why: str) -> ValueError:
    shown = _LOGIN.sub("...@", text)
    return ValueError(f"{shown!r} is not an engine's address: {why}")
