"""
What it costs to ask who somebody is, and what a flood of wrong logins does to those who pull.

Run as ``python -m tests.bench.logins``.  It asks registries with ``wrk`` that are open, that take Basic (remembered),
and that take Bearer, and prints the processor time a request.  Then it lets a thousand wrong logins a second come, from
one address and from a hundred, and prints how many times as long a pull takes beside them as it does without.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from tests.bench.cost import wrk_seconds
from tests.bench.guarded import MODES
from tests.bench.processes import cpu_seconds
from tests.bench.transfers import Registry
from tests.clients.processes import Daemon

if TYPE_CHECKING:
    from collections.abc import Iterator

RATE = 1000
ADDRESSES = (1, 100)
_LAYER = b"x" * (1 << 20)
_PATHS = {"GET /v2/": "/v2/", "a manifest by tag": "/v2/bench/small/manifests/latest"}


@frozen
class Guarded:
    """
    A registry under measurement.

    :ivar authorization: what lets one in.
    """

    host: str
    pid: int
    authorization: str | None = field(repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """What every request of a user has."""
        return {} if self.authorization is None else {"Authorization": self.authorization}


@contextmanager
def serving(mode: str, folder: Path, *options: str) -> Iterator[Guarded]:
    """Serve a registry in a process of its own, with an image in it."""
    command = (sys.executable, "-m", "tests.bench.guarded", mode, str(folder), *options)
    daemon = Daemon(command, folder / f"{mode}.log")
    try:
        daemon.wait_until(lambda: any(line.startswith("{") and line.endswith("}") for line in daemon.log.split("\n")))
        line = next(line for line in daemon.log.split("\n") if line.startswith("{"))
        server = Guarded(pid=daemon.pid, **json.loads(line))
        Registry(server.host, server.authorization).push_image("bench/small", ["latest"], _LAYER)
        yield server
    finally:
        daemon.stop()


def costs(folder: Path, rounds: int, seconds: int) -> None:
    """Print the processor time of a request, in each mode, and how many times that of an open registry it is."""
    with ExitStack() as stack:
        servers = {mode: stack.enter_context(serving(mode, folder)) for mode in MODES}
        for label, path in _PATHS.items():
            spent: dict[str, list[float]] = {mode: [] for mode in MODES}
            for _ in range(rounds):
                for mode, server in servers.items():
                    spent[mode].append(wrk_seconds(server.host, server.pid, path, seconds, server.headers))
            medians = {mode: statistics.median(spent[mode]) for mode in MODES}
            figures = (
                f"{mode} {medians[mode] * 1e6:6.1f} us ({medians[mode] / medians['open']:.2f})" for mode in MODES
            )
            print(f"{label:20}", "   ".join(figures))


def pull_seconds(server: Guarded, seconds: float) -> list[float]:
    """Pull an image of 1 MiB again and again, over one connection, and answer how long each pull took."""
    spent = []
    accept = {"Accept": "application/vnd.oci.image.manifest.v1+json", **server.headers}
    until = time.monotonic() + seconds
    with closing(HTTPConnection(server.host, timeout=60)) as connection:

        def get(path: str) -> bytes:
            connection.request("GET", path, headers=accept)
            response = connection.getresponse()
            content = response.read()
            assert response.status == 200, (path, response.status, content)
            return content

        while (began := time.monotonic()) < until:
            get("/v2/")
            manifest: dict[str, Any] = json.loads(get("/v2/bench/small/manifests/latest"))
            for part in (manifest["config"], *manifest["layers"]):
                get(f"/v2/bench/small/blobs/{part['digest']}")
            spent.append(time.monotonic() - began)
            # A client has something to do between two images, and a machine of two cores has others to serve.
            time.sleep(0.01)
    return spent


def flooded(server: Guarded, addresses: int, rounds: int, seconds: float) -> None:
    """Print how pulls fare beside a flood, compared with those just before it."""
    ratios = []
    for _ in range(rounds):
        quiet = statistics.median(pull_seconds(server, seconds))
        before = cpu_seconds(server.pid)
        command = (sys.executable, "-m", "tests.bench.flood", server.host, str(RATE), str(seconds), str(addresses))
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as flood:  # noqa: S603 - our own
            beside = statistics.median(pull_seconds(server, seconds))
            answers, _ = flood.communicate(timeout=seconds + 120)
        busy = (cpu_seconds(server.pid) - before) / seconds
        ratios.append(beside / quiet)
        print(
            f"{RATE} wrong logins a second from {addresses:3} addresses: a pull takes {quiet * 1e3:.1f} ms without, "
            f"{beside * 1e3:.1f} ms beside them, {ratios[-1]:.2f} times as long; "
            f"the server was busy for {busy:.2f} s a second; answers {answers.strip()}"
        )
    print(f"from {addresses} addresses: {statistics.median(ratios):.2f} times as long, in the middle of {rounds}")


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=10, help="of a flood, and of the pulls before it")
    parser.add_argument("--threads", type=int, default=1, help="that compare passwords")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        costs(folder, arguments.rounds, 2)
        with serving("basic", folder, f"--threads={arguments.threads}") as server:
            for addresses in ADDRESSES:
                flooded(server, addresses, arguments.rounds, arguments.seconds)


if __name__ == "__main__":
    main()
