"""
What containers take of their machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from attrs import frozen

from oci_twisted.engine.documents import Fields
from oci_twisted.engine.errors import StreamCorrupt
from oci_twisted.engine.requests import Request

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from oci_twisted.engine.calls import Calls
    from oci_twisted.engine.interfaces import IMessageStream

_NANO = 1_000_000_000
# More than any machine has is how a kernel writes that there is no limit.
_NO_LIMIT = 1 << 60


@frozen
class Traffic:
    """What has passed one interface of a network, in bytes."""

    received: int
    sent: int


@frozen
class Stats:
    """
    What a container takes, or has taken since it was started.

    :ivar read: when that was so; ``None`` for a container that does not run.
    :ivar cpu: how many processors it kept busy since the sample before: 0.5 is half of one, 2 is two; ``None`` where
        there is no sample before.
    :ivar cpu_seconds: of all processors together.
    :ivar memory: in bytes, without what the kernel could give away at once, as far as the engine says.
    :ivar memory_limit: ``None`` for none.
    :ivar networks: by the names of the container's interfaces.
    :ivar block_read: bytes that were read from disks.
    :ivar block_written: and written.
    :ivar processes: how many there are, threads included.
    """

    read: datetime | None
    cpu: float | None
    cpu_seconds: float
    memory: int
    memory_limit: int | None
    networks: Mapping[str, Traffic]
    block_read: int
    block_written: int
    processes: int

    @property
    def memory_fraction(self) -> float | None:
        """How much of its limit it takes, from 0 to 1; ``None`` where there is none."""
        return self.memory / self.memory_limit if self.memory_limit else None


class StatsStream:
    """
    Samples of one container, about one a second, as an asynchronous iterator.

    It ends with the container; cancelling a wait closes it.

    :ivar request: what it is the answer to.
    """

    def __init__(self, messages: IMessageStream, container: str) -> None:
        self._messages = messages
        self.request = Request("container.stats", {"id": container})

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Stats:
        """
        Take the next sample.

        :raise StopAsyncIteration: at the end.
        """
        return read_stats(Fields(await self._messages.__anext__(), "a sample", self.request))

    def close(self) -> None:
        """Break off.  May be called again, and always."""
        self._messages.close()


class ContainerStats:
    """
    The operations that measure containers.

    Nothing bounds `stats`, for which an engine takes two samples, and `watch_stats`, which has no end: that is the
    caller's to do.
    """

    _calls: Calls

    async def stats(self, container: str) -> Stats:
        """Answer what a container takes.  An engine measures for a second or two, to know how busy it is."""
        samples = StatsStream(await self._calls.messages("container.stats", id=container, stream=False), container)
        try:
            return await samples.__anext__()
        except StopAsyncIteration:
            raise StreamCorrupt("the engine measured nothing", request=samples.request) from None
        finally:
            samples.close()

    async def watch_stats(self, container: str) -> StatsStream:
        """Answer samples of what a container takes, which are the caller's to read or close."""
        return StatsStream(await self._calls.messages("container.stats", id=container, stream=True), container)


def read_stats(fields: Fields) -> Stats:
    """Read a sample."""
    memory = fields.inner("memory_stats")
    limit = memory.number("limit", 0)
    networks = {name: _traffic(network) for name, network in fields.named("networks", "the network").items()}
    operations = [
        (one.text("op", "").lower(), one.number("value", 0))
        for one in fields.inner("blkio_stats").several("io_service_bytes_recursive", lambda one: one)
    ]
    return Stats(
        read=fields.instant("read"),
        cpu=_cpu(fields.inner("cpu_stats"), fields.inner("precpu_stats")),
        cpu_seconds=_total(fields.inner("cpu_stats")) / _NANO,
        memory=max(memory.number("usage", 0) - _reclaimable(memory.inner("stats")), 0),
        memory_limit=limit if 0 < limit < _NO_LIMIT else None,
        networks=networks,
        block_read=sum(value for kind, value in operations if kind == "read"),
        block_written=sum(value for kind, value in operations if kind == "write"),
        processes=fields.inner("pids_stats").number("current", 0),
    )


def _cpu(now: Fields, before: Fields) -> float | None:
    # Both are sums over all processors, so that their quotient is a part of the whole machine.
    busy = _total(now) - _total(before)
    passed = now.number("system_cpu_usage", 0) - before.number("system_cpu_usage", 0)
    if before.number("system_cpu_usage", 0) == 0 or passed <= 0:
        return None
    processors = now.number("online_cpus", 0) or len(now.inner("cpu_usage").objects("percpu_usage")) or 1
    return max(busy, 0) / passed * processors


def _total(cpu: Fields) -> int:
    return cpu.inner("cpu_usage").number("total_usage", 0)


def _reclaimable(stats: Fields) -> int:
    # The first is in control groups of version 1, the second in those of version 2.
    return stats.number("total_inactive_file", 0) or stats.number("inactive_file", 0)


def _traffic(fields: Fields) -> Traffic:
    return Traffic(fields.number("rx_bytes", 0), fields.number("tx_bytes", 0))
