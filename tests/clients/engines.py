"""Container engines that run as daemons, each with its own folders and its own socket."""

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeAlias

from attrs import Factory, frozen

from tests.clients.processes import Daemon, unmount_below
from tests.clients.tools import SEARCH, TOOLS, require, require_root, run

DockerRelease: TypeAlias = Literal["debian", "current"]
"""Debian's Docker, or today's: API 1.41 or 1.56, and images in a store of its own or in containerd's."""

# All of a machine's Podmans would share their locks, and the youngest reset them, were they in shared memory.
# Podman gives containers as many files and processes as it likes, which is more than root has in some machines.
CONTAINERS_CONF = """\
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]

[engine]
lock_type = "file"
"""

CONTAINERD_TOML = """\
version = 2
root = "{folder}/root"
state = "{folder}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]

[grpc]
  address = "{folder}/sock"
"""


@contextmanager
def docker_engine(which: DockerRelease = "debian") -> Iterator[str]:
    """Run Docker, and lend the address that clients name with ``--host``."""
    with short_folder() as folder, docker_daemon(folder, which) as address:
        yield address


@contextmanager
def docker_daemon(folder: Path, which: DockerRelease = "debian") -> Iterator[str]:
    """Run Docker with what is in a folder of a short path, and lend its address."""
    with docker_program(folder, which=which) as program, program.running():
        yield program.address


@contextmanager
def podman_engine() -> Iterator[str]:
    """Run Podman's service, and lend its address."""
    with short_folder() as folder, podman_program(folder) as program, program.running():
        yield program.address


@frozen
class Program:
    """
    How an engine is started, again and again if need be.

    :ivar socket: on which it answers.
    :ivar pid_file: of what it starts and what ends with it, if there is such a thing.
    """

    command: Sequence[str | Path]
    socket: Path
    log: Path
    env: Mapping[str, str] = Factory(dict)
    pid_file: Path | None = None

    @property
    def address(self) -> str:
        """What clients are given."""
        return f"unix://{self.socket}"

    def start(self) -> Daemon:
        """Start it, and wait until it answers."""
        daemon = Daemon(self.command, self.log, env=self.env)
        daemon.wait_until(lambda: _answers(self.socket))
        return daemon

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run it for a while."""
        daemon = self.start()
        try:
            yield
        finally:
            daemon.stop()


@contextmanager
def docker_program(folder: Path, *more: str | Path, which: DockerRelease = "debian") -> Iterator[Program]:
    """
    Lend Docker with all that it has in a folder of a short path.  Its containers end with it.

    :param more: of its command line.
    """
    require_root()
    dockerd, env = "dockerd", {}
    if which == "current":
        # It looks for the others on its path.  Its runc was built without libseccomp.
        dockerd, more = str(TOOLS / "docker" / dockerd), (*more, "--seccomp-profile=unconfined")
        env = {"PATH": os.pathsep.join([str(TOOLS / "docker"), SEARCH])}
    address, configuration = folder / "sock", folder / "daemon.json"
    configuration.write_text("{}")
    command: tuple[str | Path, ...] = (
        require(dockerd),
        *("--data-root", folder / "data"),
        *("--exec-root", folder / "exec"),
        *("--pidfile", folder / "pid"),
        *("--host", f"unix://{address}"),
        *("--config-file", configuration),
        "--iptables=false",
        "--ip6tables=false",
        "--bridge=none",
        *more,
    )
    yield Program(command, address, folder / "log", env, pid_file=folder / "exec" / "containerd" / "containerd.pid")


@contextmanager
def podman_program(folder: Path) -> Iterator[Program]:
    """Lend Podman's service with all that it has in a folder of a short path, and end its containers afterwards."""
    require_root()
    podman = require("podman")
    store = ("--root", folder / "root", "--runroot", folder / "run", "--storage-driver", "vfs")
    # Neither systemd nor its journal is needed, nor the machine's networks.
    modest = ("--cgroup-manager", "cgroupfs", "--events-backend", "file", "--network-config-dir", folder / "nets")
    configuration = folder / "containers.conf"
    configuration.write_text(CONTAINERS_CONF)
    # As Docker does, Podman shall let registries on this machine do without TLS.
    registries = folder / "registries.conf"
    registries.write_text('[[registry]]\nlocation = "127.0.0.1"\ninsecure = true\n')
    env = {"CONTAINERS_CONF": str(configuration), "CONTAINERS_REGISTRIES_CONF": str(registries)}
    address = folder / "podman.sock"
    service = ("system", "service", "--time=0", f"unix://{address}")
    try:
        yield Program((podman, *store, *modest, *service), address, folder / "log", env)
    finally:
        # The containers do not end with the service.
        run(podman, *store, *modest, "rm", "--all", "--force", "--time=0", env=env)


@contextmanager
def containerd_engine() -> Iterator[str]:
    """Run containerd, and lend the address that ``ctr`` takes with ``--address``."""
    require_root()
    containerd = require("containerd")
    with short_folder() as folder:
        configuration = folder / "config.toml"
        configuration.write_text(CONTAINERD_TOML.format(folder=folder))
        with _running(Daemon((containerd, "--config", configuration), folder / "log"), folder / "sock"):
            ctr = (require("ctr"), "--address", folder / "sock")
            try:
                yield str(folder / "sock")
            finally:
                for task in run(*ctr, "tasks", "ls", "--quiet").split():
                    run(*ctr, "tasks", "rm", "--force", task)


@contextmanager
def short_folder() -> Iterator[Path]:
    """Lend a folder with a short path, for a socket's path holds about a hundred characters."""
    folder = Path(tempfile.mkdtemp(prefix="oci-")).resolve()
    try:
        yield folder
    finally:
        unmount_below(folder)
        shutil.rmtree(folder)


@contextmanager
def _running(daemon: Daemon, address: Path) -> Iterator[None]:
    """Wait until a daemon answers on its socket, and end it afterwards."""
    try:
        daemon.wait_until(lambda: _answers(address))
        yield
    finally:
        daemon.stop()


def _answers(address: Path) -> bool:
    """Tell whether something accepts connections there."""
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(address)) == 0
