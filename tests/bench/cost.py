"""
What a request costs the server: processor time, which a busy machine moves less than the clock.

Run as ``python -m tests.bench.cost [--peer PATH]``.  It starts a registry on a fresh folder, asks it with ``wrk``, and
reads the process's times from ``/proc``.  It does the same in turn, row by row and round by round, to the least that a
front can be (`tests.bench.prototype`) and, with ``--peer``, to CNCF distribution's ``registry``.  Microseconds differ
from machine to machine; how many times as much one costs as the other hardly does, and is printed too.
"""

from __future__ import annotations

import argparse
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from attrs import define, field

from tests.bench.processes import cpu_seconds
from tests.bench.transfers import OCI_MANIFEST, Registry
from tests.clients.processes import Daemon
from tests.clients.servers import registries
from tests.clients.tools import require

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")

MIB = 1 << 20
TAGS = 150
PROTOTYPE = "prototype"
PAGE = "a page of 100 tags"
_LARGE = 1 << 30
_NO_HEADERS: Mapping[str, str] = {}
_REQUESTS = re.compile(r"^\s*([0-9]+) requests in", re.MULTILINE)


@define
class Server:
    """
    A server under measurement.

    :ivar folder: of its data.
    """

    label: str
    pid: int
    registry: Registry
    folder: Path
    layer: str = ""
    rows: dict[str, list[float]] = field(factory=dict)

    def fill(self) -> None:
        """Push what is asked for afterwards."""
        tags = ["latest", *(f"t{number:03}" for number in range(TAGS))]
        self.layer = self.registry.push_image("bench/small", tags, b"x" * 1024)

    def note(self, row: str, seconds: float) -> None:
        """Keep one round's figure."""
        self.rows.setdefault(row, []).append(seconds)


def ours(folder: Path, stack: ExitStack) -> Server:
    """Start oci-twisted as a user would."""
    server = stack.enter_context(registries(folder))("--root", folder / "root")
    return Server("oci-twisted", server.pid, Registry(server.host), folder / "root")


def prototype(folder: Path, stack: ExitStack) -> Server:
    """Start the prototype on a folder of its own."""
    data = folder / "prototype"
    data.mkdir()
    daemon = Daemon([sys.executable, "-m", "tests.bench.prototype", data], folder / "prototype.log")
    stack.callback(daemon.kill)
    daemon.wait_until(lambda: daemon.log.endswith("\n"))
    return Server(PROTOTYPE, daemon.pid, Registry(daemon.log.split()[-1]), data)


def distribution(program: Path, folder: Path, stack: ExitStack) -> Server:
    """Start CNCF distribution on a folder of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{probe.getsockname()[1]}"
    config = folder / "distribution.yml"
    config.write_text(
        f"version: 0.1\nlog: {{level: error}}\nhttp: {{addr: '{host}'}}\n"
        f"storage: {{filesystem: {{rootdirectory: {folder / 'peer'}}}, cache: {{blobdescriptor: inmemory}}}}\n",
        "utf-8",
    )
    daemon = Daemon([program, "serve", config], folder / "distribution.log", env={"OTEL_TRACES_EXPORTER": "none"})
    stack.callback(daemon.kill)
    daemon.wait_until(lambda: _answers(host))
    return Server("distribution", daemon.pid, Registry(host), folder / "peer")


def _answers(host: str) -> bool:
    try:
        Registry(host).ask("GET", "/v2/")
    except OSError:
        return False
    return True


def small_requests(servers: list[Server], seconds: float) -> None:
    """Ask for small things over eight connections, and note the processor time a request."""
    paths = {
        "GET /v2/": "/v2/",
        "a manifest by tag": "/v2/bench/small/manifests/latest",
        "a blob of 1 KiB": "/v2/bench/small/blobs/{layer}",
        PAGE: "/v2/bench/small/tags/list?n=100",
    }
    for row, path in paths.items():
        for server in servers:
            if not (row == PAGE and server.label == PROTOTYPE):
                asked = path.format(layer=server.layer)
                server.note(row, wrk_seconds(server.registry.host, server.pid, asked, seconds))


def wrk_seconds(host: str, pid: int, path: str, seconds: float, headers: Mapping[str, str] = _NO_HEADERS) -> float:
    """Ask for something over eight connections, and answer the processor time that a request takes the server."""
    before = cpu_seconds(pid)
    command = [require("wrk"), "-t1", "-c8", f"-d{seconds}s", f"http://{host}{path}"]
    for name, value in {"Accept": OCI_MANIFEST, **headers}.items():
        command += ["-H", f"{name}: {value}"]
    outcome = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - our own
    count = _REQUESTS.search(outcome.stdout)
    assert count is not None, outcome.stdout
    assert "Non-2xx" not in outcome.stdout, outcome.stdout
    return (cpu_seconds(pid) - before) / int(count.group(1))


def large_blobs(servers: list[Server]) -> None:
    """Push and pull 1 GiB, and note the processor time of each."""
    content = os.urandom(MIB)
    digests = [
        _measured(server, "1 GiB pushed", partial(server.registry.push, "bench/large", content, _LARGE // MIB))
        for server in servers
    ]
    for server, digest in zip(servers, digests, strict=True):
        _measured(server, "1 GiB pulled", partial(server.registry.pull, "bench/large", digest))
    # Memory that nobody has used yet costs whoever writes to it first, above all on a virtual machine.  What is given
    # back now is used again in the next round.
    for server in servers:
        for path in server.folder.rglob("*"):
            if path.is_file() and path.stat().st_size == _LARGE:
                path.unlink()


def _measured(server: Server, row: str, work: Callable[[], T]) -> T:
    before = cpu_seconds(server.pid)
    result = work()
    # What the kernel does on the process's behalf is booked a little later.
    time.sleep(0.1)
    server.note(row, cpu_seconds(server.pid) - before)
    return result


def report(servers: list[Server]) -> None:
    """Print a row for each thing that was measured: the middle of the rounds, and of their ratios."""
    first, *peers = servers
    for row, figures in first.rows.items():
        scale, unit = (1e6, "us") if figures[0] < 0.01 else (1e3, "ms")
        columns = [f"{first.label} {statistics.median(figures) * scale:8.1f} {unit}"]
        for peer in peers:
            theirs = peer.rows.get(row)
            if theirs is not None:
                times = statistics.median(ours / other for ours, other in zip(figures, theirs, strict=True))
                columns.append(f"{times:5.2f} x {peer.label} {statistics.median(theirs) * scale:8.1f} {unit}")
        print(f"{row:20} " + "   ".join(columns), flush=True)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", type=Path, help="distribution's registry program")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3, help="of wrk, for each small request and round")
    parser.add_argument("--small", action="store_true", help="leave the large blobs out")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        servers = [ours(folder, stack), prototype(folder, stack)]
        if arguments.peer is not None:
            servers.append(distribution(arguments.peer, folder, stack))
        for server in servers:
            server.fill()
        for _ in range(arguments.rounds):
            small_requests(servers, arguments.seconds)
            if not arguments.small:
                large_blobs(servers)
        report(servers)


if __name__ == "__main__":
    main()
