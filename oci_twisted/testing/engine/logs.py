"""
Logs, and what containers take.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from twisted.internet.defer import CancelledError, Deferred

from oci_twisted.engine.containers.frames import Stream
from oci_twisted.engine.errors import NotFound
from oci_twisted.testing.consumers import CheckingConsumer
from oci_twisted.testing.engine.examples import fresh
from oci_twisted.testing.waiting import turn, waits

if TYPE_CHECKING:
    from oci_twisted.engine import EngineClient
    from oci_twisted.engine.containers.logs import Log, LogLine
    from oci_twisted.testing.engine.examples import Made

SLEEP = ("/bin/sleep", "1000")
TALK = ("/bin/sh", "-c", "echo one ; sleep 0.3 ; echo two >&2 ; sleep 0.3 ; echo three")


async def _lines(log: Log) -> list[LogLine]:
    return [line async for line in log.lines()]


async def _texts(log: Log) -> list[str]:
    return [line.content.decode() for line in await _lines(log)]


async def _talked(client: EngineClient, made: Made) -> str:
    """Make a container that has said three lines."""
    container = await made.container(*TALK)
    await client.containers.wait(container)
    return container


class LogContract:
    """What an engine remembers of what a container wrote, and measures of what it takes."""

    @waits
    async def test_a_log_has_both_outputs(self, client: EngineClient, made: Made) -> None:
        """What was written comes in order, and with where it was written to."""
        container = await _talked(client, made)
        chunks = [chunk async for chunk in await client.containers.logs(container)]
        assert [(chunk.stream, chunk.content) for chunk in chunks] == [
            (Stream.STDOUT, b"one\n"),
            (Stream.STDERR, b"two\n"),
            (Stream.STDOUT, b"three\n"),
        ]

    @waits
    async def test_a_log_is_read_by_lines(self, client: EngineClient, made: Made) -> None:
        """Lines come without their ends; one of the outputs may be left out."""
        container = await _talked(client, made)
        assert await _texts(await client.containers.logs(container)) == ["one", "two", "three"]
        assert await _texts(await client.containers.logs(container, stderr=False)) == ["one", "three"]
        assert await _texts(await client.containers.logs(container, stdout=False)) == ["two"]

    @waits
    async def test_a_log_has_times(self, client: EngineClient, made: Made) -> None:
        """Each line has its time if asked for, by which a log can be cut."""
        container = await made.container("/bin/sh", "-c", "echo one ; sleep 2 ; echo two")
        await client.containers.wait(container)
        lines = await _lines(await client.containers.logs(container, timestamps=True))
        assert [line.content for line in lines] == [b"one", b"two"]
        first, second = (line.instant for line in lines)
        assert first is not None
        assert second is not None
        # Podman says seconds only.
        assert second - first >= timedelta(seconds=1)
        assert abs(datetime.now(UTC) - second) < timedelta(minutes=10)
        between = first + (second - first) / 2
        assert await _texts(await client.containers.logs(container, since=between)) == ["two"]
        assert await _texts(await client.containers.logs(container, until=between.timestamp())) == ["one"]

    @waits
    async def test_a_log_has_an_end(self, client: EngineClient, made: Made) -> None:
        """Only the last lines are answered if asked for."""
        container = await _talked(client, made)
        assert await _texts(await client.containers.logs(container, tail=2)) == ["two", "three"]
        assert await _texts(await client.containers.logs(container, tail=0)) == []

    @waits
    async def test_a_log_is_followed(self, client: EngineClient, made: Made) -> None:
        """What a container writes comes as it is written, and the log ends with the container."""
        container = await made.container(*TALK)
        log = await client.containers.logs(container, follow=True)
        lines = log.lines()
        assert (await lines.__anext__()).content == b"one"
        assert (await client.containers.inspect(container)).state.is_running
        assert [line.content async for line in lines] == [b"two", b"three"]

    @waits
    async def test_following_can_be_given_up(self, client: EngineClient, made: Made) -> None:
        """Who cancels a wait for a line closes the log, and the container goes on."""
        container = await made.container(*SLEEP)
        log = await client.containers.logs(container, follow=True)
        waiting = Deferred.fromCoroutine(log.lines().__anext__())
        await turn()
        waiting.cancel()
        with pytest.raises(CancelledError):
            await waiting
        log.close()
        assert (await client.containers.inspect(container)).state.is_running

    @waits
    async def test_a_terminals_log_has_one_output(self, client: EngineClient, made: Made) -> None:
        """Lines of a terminal end as others do."""
        container = await made.container(*TALK, tty=True)
        await client.containers.wait(container)
        lines = await _lines(await client.containers.logs(container))
        assert {line.stream for line in lines} == {Stream.STDOUT}
        assert [line.content for line in lines] == [b"one", b"two", b"three"]
        lines = await _lines(await client.containers.logs(container, timestamps=True))
        assert [line.content for line in lines] == [b"one", b"two", b"three"]
        assert all(line.instant for line in lines)

    @pytest.mark.parametrize("timestamps", [False, True])
    @waits
    async def test_a_long_line_is_one(self, client: EngineClient, made: Made, timestamps: bool) -> None:  # noqa: FBT001 - a test's
        """A line that the engine keeps in several parts comes in one."""
        long = "long" * 15_000
        container = await made.container("/bin/sh", "-c", "echo $LONG ; echo short", environment={"LONG": long})
        await client.containers.wait(container)
        assert await _texts(await client.containers.logs(container, timestamps=timestamps)) == [long, "short"]

    @waits
    async def test_a_log_is_delivered(self, client: EngineClient, made: Made) -> None:
        """Both outputs go to one consumer, or each to its own."""
        container = await _talked(client, made)
        both, stdout, stderr = CheckingConsumer(), CheckingConsumer(), CheckingConsumer()
        assert await (await client.containers.logs(container)).deliver(both) == 14
        assert both.content == b"one\ntwo\nthree\n"
        assert await (await client.containers.logs(container)).deliver(stdout, stderr) == 14
        assert (stdout.content, stderr.content) == (b"one\nthree\n", b"two\n")
        assert not stdout.registered
        assert not stderr.registered

    @waits
    async def test_who_is_not_there_has_no_log(self, client: EngineClient) -> None:
        """Neither is there anything to measure."""
        name = fresh("nobody")
        with pytest.raises(NotFound, match=name):
            await client.containers.logs(name)
        with pytest.raises(NotFound, match=name):
            await client.containers.stats(name)

    @waits
    async def test_a_container_is_measured(self, client: EngineClient, made: Made) -> None:
        """What it takes is known at once, and again and again."""
        container = await made.container(*SLEEP)
        sample = await client.containers.stats(container)
        assert sample.read is not None
        assert sample.processes >= 1
        assert sample.memory > 0
        assert sample.cpu_seconds >= 0
        assert sample.cpu is None or sample.cpu >= 0
        samples = await client.containers.watch_stats(container)
        first, second = await samples.__anext__(), await samples.__anext__()
        samples.close()
        assert first.read is not None
        assert second.read is not None
        assert second.read > first.read
        assert second.cpu is not None
        assert 0 <= second.cpu < 1
