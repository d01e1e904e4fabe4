"""
What a request costs the server: processor time, which a busy machine moves less than the clock.

Run as ``python -m tests.bench.cost [--peer PATH]``.  It starts a registry on a fresh folder, asks it with ``wrk``, and
reads the process's times from ``/proc``.  With ``--peer`` it does the same to CNCF distribution's ``registry`` in turn,
round by round, and prints how many times as much that costs.
"""

from __future__ import annotations

import argparse
import os
import re
import socket
import statistics
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import define, field

from tests.bench.processes import cpu_seconds
from tests.bench.transfers import Registry
from tests.clients.processes import Daemon
from tests.clients.servers import registries
from tests.clients.tools import require

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MIB = 1 << 20
TAGS = 150
_LARGE = 1 << 30
_REQUESTS = re.compile(r"^\s*([0-9]+) requests in", re.MULTILINE)


@define
class Server:
    """A server under measurement."""

    label: str
    pid: int
    registry: Registry
    layer: str = ""
    rows: dict[str, list[float]] = field(factory=dict)

    def fill(self) -> None:
        """Push what is asked for afterwards."""
        tags = ["latest", *(f"t{number:03}" for number in range(TAGS))]
        self.layer = self.registry.push_image("bench/small", tags, b"x" * 1024)

    def note(self, row: str, seconds: float) -> None:
        """Keep one round's figure."""
        self.rows.setdefault(row, []).append(seconds)

    def median(self, row: str) -> float:
        """Answer the middle of the rounds."""
        return statistics.median(self.rows[row])


def ours(folder: Path, stack: ExitStack) -> Server:
    """Start oci-twisted as a user would."""
    server = stack.enter_context(registries(folder))("--root", folder / "root")
    return Server("oci-twisted", server.pid, Registry(server.host))


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
    return Server("distribution", daemon.pid, Registry(host))


def _answers(host: str) -> bool:
    try:
        Registry(host).ask("GET", "/v2/")
    except OSError:
        return False
    return True


def _paths(server: Server) -> Iterator[tuple[str, str]]:
    yield "GET /v2/", "/v2/"
    yield "a manifest by tag", "/v2/bench/small/manifests/latest"
    yield "a blob of 1 KiB", f"/v2/bench/small/blobs/{server.layer}"
    yield "a page of 100 tags", "/v2/bench/small/tags/list?n=100"


def small_requests(server: Server, seconds: int) -> None:
    """Ask for small things over eight connections, and note the processor time a request."""
    for row, path in _paths(server):
        before = cpu_seconds(server.pid)
        command = [require("wrk"), "-t1", "-c8", f"-d{seconds}s", f"http://{server.registry.host}{path}"]
        accept = "Accept: application/vnd.oci.image.manifest.v1+json"
        outcome = subprocess.run([*command, "-H", accept], check=True, capture_output=True, text=True)  # noqa: S603
        count = _REQUESTS.search(outcome.stdout)
        assert count is not None, outcome.stdout
        assert "Non-2xx" not in outcome.stdout, outcome.stdout
        server.note(row, (cpu_seconds(server.pid) - before) / int(count.group(1)))


def large_blobs(server: Server) -> None:
    """Push and pull 1 GiB, and note the processor time of each."""
    content = os.urandom(MIB)
    digest = _measured(server, "1 GiB pushed", lambda: server.registry.push("bench/large", content, _LARGE // MIB))
    _measured(server, "1 GiB pulled", lambda: str(server.registry.pull("bench/large", digest)))


def _measured(server: Server, row: str, work: Callable[[], str]) -> str:
    before = cpu_seconds(server.pid)
    result = work()
    # What the kernel does on the process's behalf is booked a little later.
    time.sleep(0.1)
    server.note(row, cpu_seconds(server.pid) - before)
    return result


def report(servers: list[Server]) -> None:
    """Print a row for each thing that was measured."""
    for row in servers[0].rows:
        figures = []
        for server in servers:
            scale, unit = (1e6, "us") if server.median(row) < 0.01 else (1e3, "ms")
            figures.append(f"{server.label} {server.median(row) * scale:8.1f} {unit}")
        if len(servers) > 1:
            figures.append(f"{servers[1].median(row) / servers[0].median(row):5.1f} times as much")
        print(f"{row:20} " + "   ".join(figures))


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", type=Path, help="distribution's registry program")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3, help="of wrk, for each small request and round")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        servers = [ours(folder, stack)]
        if arguments.peer is not None:
            servers.append(distribution(arguments.peer, folder, stack))
        for server in servers:
            server.fill()
        for _ in range(arguments.rounds):
            for server in servers:
                small_requests(server, arguments.seconds)
                large_blobs(server)
        report(servers)


if __name__ == "__main__":
    main()
