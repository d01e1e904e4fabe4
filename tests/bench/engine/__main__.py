"""
What a call, a saved image and a log cost a client, beside aiodocker and docker-py.

It starts a dockerd of its own (root is needed), makes what is asked for, and lets each client do each row, in a process
of its own, round by round.  Printed are the middle of the rounds and the ratio to the better of the others, in time and
in processor time: below 1, ours needs less.  A client that is not installed is left out.

A saved image is timed from its first piece: dockerd writes the whole archive to its disk before that.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys

from attrs import frozen

from tests.bench.engine.filling import LARGE, LINES
from tests.clients.engines import docker_engine

CLIENTS = {"ours": "oci_twisted", "aio": "aiodocker", "docker_py": "docker"}
_OURS = "ours"
_PATIENCE = 600


@frozen
class Row:
    """
    Something that is measured.

    :ivar amount: how many calls, or lines, or MiB.
    :ivar unit: of what is done in a second; ``scale`` of them are one of it.
    """

    label: str
    method: str
    subject: str
    amount: int
    unit: str
    scale: int = 1
    parallel: int = 1


@frozen
class Figures:
    """What one client took for one row in one round."""

    amount: int
    seconds: float
    cpu: float
    peak: int


def _measure(client: str, row: Row, address: str) -> Figures:
    task = {
        "client": client,
        "row": row.method,
        "address": address,
        "subject": row.subject,
        "amount": row.amount,
        "parallel": row.parallel,
    }
    command = [sys.executable, "-m", "tests.bench.engine.worker", json.dumps(task)]
    outcome = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, check=False)  # noqa: S603 - ours
    if outcome.returncode != 0:
        raise SystemExit(f"{client} failed at {row.label!r}:\n{outcome.stdout}{outcome.stderr}")
    figures = Figures(**json.loads(outcome.stdout))
    # A client that does less than it should is no faster.
    if figures.amount < row.amount:
        raise SystemExit(f"{client} did {figures.amount} instead of {row.amount} of {row.label!r}")
    return figures


def _report(row: Row, rounds: dict[str, list[Figures]]) -> None:
    seconds = {client: statistics.median(one.seconds for one in all_) for client, all_ in rounds.items()}
    cpu = {client: statistics.median(one.cpu for one in all_) for client, all_ in rounds.items()}
    others = [client for client in rounds if client != _OURS]
    for client, all_ in rounds.items():
        rate = all_[0].amount / row.scale / seconds[client]
        peak = statistics.median(one.peak for one in all_) / (1 << 20)
        print(
            f"{row.label:24} {client:10} {seconds[client]:8.3f} s {rate:10,.0f} {row.unit}/s"
            f"   cpu {cpu[client]:8.3f} s   peak {peak:7.1f} MiB"
        )
    if others:
        time_ratio = seconds[_OURS] / min(seconds[client] for client in others)
        cpu_ratio = cpu[_OURS] / min(cpu[client] for client in others)
        print(f"{row.label:24} ours/better {time_ratio:6.2f} in time {cpu_ratio:6.2f} in processor time", flush=True)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.engine", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--mib", type=int, default=1024, help="of the image that is saved")
    arguments = parser.parse_args()
    clients = [client for client, module in CLIENTS.items() if importlib.util.find_spec(module) is not None]
    calls = arguments.calls // 16 * 16
    rows = (
        Row("inspect", "inspect", LINES, calls, "calls"),
        Row("inspect, 16 in parallel", "inspect", LINES, calls, "calls", parallel=16),
        Row(f"save, {arguments.mib} MiB", "save", LARGE, arguments.mib << 20, "MiB", scale=1 << 20),
        Row(f"logs, {arguments.lines} lines", "logs", LINES, arguments.lines, "lines"),
    )
    with docker_engine() as address:
        _fill(address, arguments.lines, arguments.mib << 20)
        figures: dict[Row, dict[str, list[Figures]]] = {row: {client: [] for client in clients} for row in rows}
        for number in range(arguments.rounds):
            for row in rows:
                # Nobody is always the first.
                for client in clients[number % len(clients) :] + clients[: number % len(clients)]:
                    figures[row][client].append(_measure(client, row, address))
    for row in rows:
        _report(row, figures[row])


def _fill(address: str, lines: int, size: int) -> None:
    command = [sys.executable, "-m", "tests.bench.engine.filling", address, str(lines), str(size)]
    subprocess.run(command, timeout=_PATIENCE, check=True)  # noqa: S603 - ours


if __name__ == "__main__":
    main()
