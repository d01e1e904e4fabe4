"""Memory stays bounded, however large a blob is and however many and slow the clients are."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from tests.bench.processes import forget_peak, peak_resident_bytes, resident_bytes
from tests.bench.transfers import Registry
from tests.clients.servers import registries

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1 << 20
CLIENTS = 100


def test_one_large_blob(tmp_path: Path) -> None:
    """A blob of 2 GiB, pushed and pulled, adds less than 32 MiB to the process."""
    content = os.urandom(16 * MIB)
    with registries(tmp_path) as start:
        server = start("--root", tmp_path / "root")
        registry = Registry(server.host)
        registry.push("warm/up", b"x" * MIB)
        idle = resident_bytes(server.pid)
        forget_peak(server.pid)
        digest = registry.push("large/blob", content, repeat=128)
        pushed = peak_resident_bytes(server.pid) - idle
        assert registry.pull("large/blob", digest) > 2048 * MIB
        grown = peak_resident_bytes(server.pid) - idle
    print(
        f"2 GiB: the peak grew by {pushed / MIB:.1f} MiB over {idle / MIB:.1f} for the push, {grown / MIB:.1f} for both"
    )
    assert grown < 32 * MIB


def test_many_clients_at_once(tmp_path: Path) -> None:
    """A hundred clients that push 64 MiB each, half of them slowly, and as many that pull add less than 100 MiB."""
    content = os.urandom(MIB)
    with registries(tmp_path) as start:
        server = start("--root", tmp_path / "root")
        registry = Registry(server.host)
        digest = registry.push("many/pulled", content, repeat=64)
        idle = resident_bytes(server.pid)
        forget_peak(server.pid)
        with ThreadPoolExecutor(2 * CLIENTS) as clients:
            pushes = [
                # Every client has bytes of its own, so that no two push the same blob.
                clients.submit(
                    registry.push,
                    f"many/pushed-{number}",
                    number.to_bytes(2, "big") + content[2:],
                    64,
                    0.02 * (number % 2),
                )
                for number in range(CLIENTS)
            ]
            pulls = [
                clients.submit(registry.pull, "many/pulled", digest, 0.005 * (number % 2)) for number in range(CLIENTS)
            ]
            digests = {push.result() for push in pushes}
            assert all(pull.result() > 64 * MIB for pull in pulls)
        grown = peak_resident_bytes(server.pid) - idle
    print(f"{CLIENTS} pushes and {CLIENTS} pulls of 64 MiB at once: the peak grew by {grown / MIB:.1f} MiB")
    assert len(digests) == CLIENTS
    assert grown < 100 * MIB
