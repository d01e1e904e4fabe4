"""A real SSH server, with keys and a configuration of its own."""

from __future__ import annotations

import getpass
import os
import socket
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from oci_twisted.engine.address import Address, SshFiles
from tests.clients.processes import Daemon
from tests.clients.tools import require, run
from tests.docs.running import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

CONFIGURATION = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host
HostKey {folder}/host_rsa
PidFile none
AuthorizedKeysFile {folder}/authorized
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
LogLevel VERBOSE
"""
# Where a server that runs as root puts itself before it knows who asks; Debian's service makes it.
_EMPTY = Path("/run/sshd")


@frozen
class SshServer:
    """
    An SSH server that lets the user of the tests in.

    :ivar folder: with the keys ``host``, ``me``, ``me_rsa`` and ``stranger``, and with ``known_hosts``.
    """

    folder: Path
    port: int

    def files(self) -> SshFiles:
        """Answer what one connects to it with."""
        return SshFiles(known_hosts=(self.folder / "known_hosts",), identities=(self.folder / "me",))

    def address(self, path: str, files: SshFiles | None = None, host: str = "127.0.0.1") -> Address:
        """Answer the address of a socket at the other end."""
        files = files or self.files()
        return Address("ssh", path=path, host=host, port=self.port, user=getpass.getuser(), ssh=files)

    def known_as(self, name: str, key: str = "host.pub") -> str:
        """Answer a line of a file of known hosts."""
        kind, encoded, *_ = (self.folder / key).read_text().split()
        return f"{name} {kind} {encoded}\n"

    def with_known_hosts(self, path: Path, text: str) -> SshFiles:
        """Write a file of known hosts, and answer what uses it."""
        path.write_text(text)
        return evolve(self.files(), known_hosts=(path,))

    @property
    def name(self) -> str:
        """What it is called in such a file."""
        return f"[127.0.0.1]:{self.port}"


@contextmanager
def ssh_server(folder: Path, extra: str = "") -> Iterator[SshServer]:
    """
    Run a server.

    :param extra: more lines of its configuration.
    """
    sshd = require("sshd")
    if os.geteuid() == 0:
        _EMPTY.mkdir(mode=0o755, exist_ok=True)
    for name in ("host", "other", "me", "stranger"):
        run(require("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", folder / name)
    for name in ("host_rsa", "me_rsa"):
        run(require("ssh-keygen"), "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", folder / name)
    run(require("ssh-keygen"), "-q", "-t", "ed25519", "-N", "secret", "-f", folder / "locked")
    server = SshServer(folder, free_port())
    (folder / "authorized").write_text("".join((folder / f"{name}.pub").read_text() for name in ("me", "me_rsa")))
    (folder / "known_hosts").write_text(server.known_as(server.name))
    configuration = folder / "sshd_config"
    configuration.write_text(CONFIGURATION.format(folder=folder, port=server.port) + extra)
    daemon = Daemon((sshd, "-D", "-e", "-f", configuration), folder / "log")
    try:
        daemon.wait_until(lambda: _answers(server.port))
        yield server
    finally:
        daemon.stop()


@contextmanager
def ssh_agent(folder: Path, *keys: Path) -> Iterator[str]:
    """Run an agent that has these keys, and lend the path of its socket."""
    path = folder / "agent"
    daemon = Daemon((require("ssh-agent"), "-D", "-a", path), folder / "agent.log")
    try:
        daemon.wait_until(path.is_socket)
        for key in keys:
            run(require("ssh-add"), "-q", key, env={"SSH_AUTH_SOCK": str(path)})
        yield str(path)
    finally:
        daemon.stop()


def _answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
