"""How samples of what containers take are read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from oci_twisted.engine.containers.stats import Traffic, read_stats
from oci_twisted.engine.documents import Fields
from tests.engine.test_processes import bench_with_container

if TYPE_CHECKING:
    from oci_twisted.engine.requests import Json

SECOND = 10**9


def sample(**more: Json) -> Fields:
    """Make a sample of a machine with two processors, of which half of one was kept busy."""
    document: dict[str, Json] = {
        "read": "2026-01-02T03:04:05Z",
        "cpu_stats": {"cpu_usage": {"total_usage": 3 * SECOND}, "system_cpu_usage": 104 * SECOND, "online_cpus": 2},
        "precpu_stats": {"cpu_usage": {"total_usage": 2 * SECOND}, "system_cpu_usage": 100 * SECOND},
        "memory_stats": {"usage": 100, "limit": 400, "stats": {"inactive_file": 50}},
        **more,
    }
    return Fields(document, "a sample")


def test_a_sample_is_read() -> None:
    """Processor time is a number of processors, and memory is without what could be given away at once."""
    stats = read_stats(
        sample(
            networks={"eth0": {"rx_bytes": 1, "tx_bytes": 2}},
            blkio_stats={"io_service_bytes_recursive": [{"op": "Read", "value": 3}, {"op": "write", "value": 4}]},
            pids_stats={"current": 5},
        )
    )
    assert stats.read == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert stats.cpu == pytest.approx(0.5)
    assert stats.cpu_seconds == 3
    assert (stats.memory, stats.memory_limit, stats.memory_fraction) == (50, 400, 0.125)
    assert stats.networks == {"eth0": Traffic(1, 2)}
    assert (stats.block_read, stats.block_written, stats.processes) == (3, 4, 5)


def test_a_first_sample_says_nothing_of_the_processor() -> None:
    """Without a sample before there is no telling how busy it was."""
    assert read_stats(sample(precpu_stats={})).cpu is None


def test_a_container_that_does_not_run_takes_nothing() -> None:
    """What an engine leaves out, or has as null, is nothing."""
    stats = read_stats(
        Fields({"read": "0001-01-01T00:00:00Z", "blkio_stats": {"io_service_bytes_recursive": None}}, "a sample")
    )
    assert (stats.read, stats.cpu, stats.memory, stats.memory_limit, stats.memory_fraction) == (
        None,
        None,
        0,
        None,
        None,
    )


def test_a_limit_beyond_all_machines_is_none() -> None:
    """A kernel has a number for no limit."""
    assert read_stats(sample(memory_stats={"usage": 1, "limit": 2**63 - 4096})).memory_limit is None


def test_samples_come_one_a_second() -> None:
    """A stream of samples goes on until it is closed, which leaves no connection behind."""
    bench, container = bench_with_container("sleep", "1000")
    samples = bench.result(bench.client.containers.watch_stats(container))
    found = [bench.result(samples.__anext__())]
    waiting = bench.begin(samples.__anext__())
    assert not waiting.called
    bench.pass_time(1)
    found.append(bench.result(waiting))
    assert [one.cpu for one in found] == [0.25, 0.25]
    samples.close()
    bench.turn()
    assert bench.client.connection.transports == 0  # type: ignore[attr-defined]  # that of HTTP
