"""
The operations that look at what containers have written, and at what they take.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from oci_twisted.testing.engine.memory.attachments import frame
from oci_twisted.testing.engine.memory.containers import asked_for
from oci_twisted.testing.engine.memory.processes import STDERR, STDOUT
from oci_twisted.testing.engine.memory.server import Reply, as_messages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator

    from oci_twisted.testing.engine.memory.containers import MemoryContainer
    from oci_twisted.testing.engine.memory.engine import MemoryEngine
    from oci_twisted.testing.engine.memory.processes import Process
    from oci_twisted.testing.engine.memory.routes import Asked

_MEBIBYTE = 1 << 20


@frozen
class _Wanted:
    """What of a log is asked for."""

    streams: frozenset[int]
    since: float
    until: float
    timestamps: bool
    tty: bool

    def frames(self, output: Iterable[tuple[float, int, bytes]]) -> Iterator[bytes]:
        """Answer a frame a line."""
        for when, stream, content in output:
            if stream in self.streams and self.since <= when <= self.until:
                for line in content.splitlines(keepends=True):
                    yield self._frame(when, stream, line)

    def _frame(self, when: float, stream: int, line: bytes) -> bytes:
        if self.timestamps:
            time = datetime.fromtimestamp(when, UTC).isoformat(timespec="microseconds").removesuffix("+00:00")
            line = f"{time}000Z ".encode() + line
        return line.replace(b"\n", b"\r\n") if self.tty else frame(stream, line)


async def logs(engine: MemoryEngine, asked: Asked) -> Reply:
    """Answer what a container has written, and writes from now on."""
    container = asked_for(engine, asked)
    wanted = _Wanted(
        streams=frozenset(number for number, name in ((STDOUT, "stdout"), (STDERR, "stderr")) if asked.truth(name)),
        since=float(asked.text("since", "-inf")),
        until=float(asked.text("until", "inf")),
        timestamps=asked.truth("timestamps"),
        tty=bool(container.config.get("Tty")),
    )
    pieces = _pieces(container, wanted, asked.text("tail", "all"), follow=asked.truth("follow"))
    return Reply(200, {"Content-Type": "application/vnd.docker.raw-stream"}, pieces=pieces)


async def _pieces(container: MemoryContainer, wanted: _Wanted, tail: str, *, follow: bool) -> AsyncIterator[bytes]:
    written = [line for process in container.processes for line in wanted.frames(process.output)]
    process = container.process if follow and container.is_running else None
    known = 0 if process is None else len(process.output)
    if tail != "all":
        written = written[max(len(written) - int(tail), 0) :]
    for line in written:
        yield line
    while process is not None:
        for line in wanted.frames(process.output[known:]):
            yield line
        known = max(known, len(process.output))
        if process.exit_code is not None:
            break
        await _more(process)


async def _more(process: Process) -> None:
    """Wait until a process writes or ends."""
    happened: Deferred[None] = Deferred()

    def note(*output: object) -> None:
        del output
        if not happened.called:
            happened.callback(None)

    ended = Deferred.fromCoroutine(process.wait())
    ended.addCallbacks(note, lambda _: None)
    process.watchers.append(note)
    try:
        await happened
    finally:
        process.watchers.remove(note)
        ended.cancel()


async def stats(engine: MemoryEngine, asked: Asked) -> Reply:
    """Answer what a container takes: a quarter of a processor, and a mebibyte."""
    container = asked_for(engine, asked)

    async def samples() -> AsyncIterator[bytes]:
        second = 1
        while True:
            yield json.dumps(_sample(engine, container, second)).encode() + b"\n"
            if not asked.truth("stream", default=True):
                break
            await deferLater(engine.reactor, 1.0)
            second += 1

    return as_messages(samples())


def _sample(engine: MemoryEngine, container: MemoryContainer, second: int) -> dict[str, Any]:
    if not container.is_running:
        return {"read": "0001-01-01T00:00:00Z", "cpu_stats": {}, "precpu_stats": {}, "memory_stats": {}}
    return {
        "read": engine.now().isoformat(),
        "cpu_stats": _processor(second),
        "precpu_stats": _processor(second - 1),
        "memory_stats": {"usage": 2 * _MEBIBYTE, "limit": 1 << 30, "stats": {"inactive_file": _MEBIBYTE}},
        "networks": {"eth0": {"rx_bytes": 100 * second, "tx_bytes": 10 * second}},
        "blkio_stats": {"io_service_bytes_recursive": [{"op": "read", "value": 4096}, {"op": "write", "value": 512}]},
        "pids_stats": {"current": 1},
    }


def _processor(second: int) -> dict[str, Any]:
    nanoseconds = 10**9
    return {
        "cpu_usage": {"total_usage": second * nanoseconds // 4},
        "system_cpu_usage": (100 + second) * nanoseconds,
        "online_cpus": 1,
    }


OPERATIONS = {
    "container.logs": logs,
    "container.stats": stats,
}
