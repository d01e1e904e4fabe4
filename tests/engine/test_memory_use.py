"""What a program keeps in memory while it moves more than that, through real engines."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from twisted.internet.task import deferLater

from oci_twisted.engine import EngineClient
from oci_twisted.testing.engine.contract import IMAGE
from oci_twisted.testing.engine.examples import Made, busybox_archive
from oci_twisted.testing.engine.execs import Recorder
from oci_twisted.testing.waiting import waits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.clients

MOST_GROWTH = 32 << 20
MUCH = 256 << 20
SLEEP = ("/bin/sleep", "1000")


def resident() -> int:
    """Answer how much memory this process takes, in bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest_twisted.async_yield_fixture(params=["docker", "podman"])  # type: ignore[untyped-decorator]
async def client(request: pytest.FixtureRequest) -> AsyncIterator[EngineClient]:
    """Lend a client of each real engine."""
    from twisted.internet import reactor  # noqa: PLC0415 - pytest-twisted installs it

    address = request.getfixturevalue(f"{request.param}_address")
    client = await EngineClient.connect(address, reactor=reactor, driver=request.param)
    yield client
    await client.close()


@pytest_twisted.async_yield_fixture  # type: ignore[untyped-decorator]
async def made(client: EngineClient) -> AsyncIterator[Made]:
    """Lend an image, and remove what is made of it."""
    if not await client.images.exists(IMAGE):
        await client.images.import_archive(busybox_archive(), IMAGE)
    made = Made(client, IMAGE)
    yield made
    await made.remove()


async def pass_time(seconds: float) -> None:
    """Let real processes do something."""
    from twisted.internet import reactor  # noqa: PLC0415

    await deferLater(reactor, seconds)


class Counter(Recorder):
    """Counts what it does not keep."""

    size = 0

    def childDataReceived(self, childFD: int, data: bytes) -> None:  # noqa: N803 - Twisted's name
        """Count it, and pause if asked to."""
        del childFD
        self.size += len(data)
        if self._pauses:
            assert self.transport is not None
            self.transport.pauseProducing()  # type: ignore[attr-defined]  # the interface does not say so


@waits
async def test_a_reader_that_stops_stops_the_process(client: EngineClient, made: Made) -> None:
    """While a protocol is paused, a process that writes for ever takes neither memory nor, soon, processor time."""
    container = await made.container(*SLEEP)
    counter = Counter(pauses=True)
    process = await client.containers.exec(container, ("/bin/yes",), counter)
    before = resident()
    while not counter.size:
        await pass_time(0.05)
    size = counter.size
    await pass_time(2)
    assert counter.size == size
    assert resident() - before < MOST_GROWTH
    process.close()


@waits
async def test_much_output_takes_little_memory(client: EngineClient, made: Made) -> None:
    """Output of any length passes through."""
    container = await made.container(*SLEEP)
    counter = Counter()
    process = await client.containers.exec(container, ("/bin/yes",), counter)
    before = resident()
    while counter.size < MUCH:
        await pass_time(0.05)
        assert resident() - before < MOST_GROWTH
    process.close()


@waits
async def test_much_input_takes_little_memory(client: EngineClient, made: Made) -> None:
    """Input of any length is read as fast as the process takes it."""
    container = await made.container(*SLEEP)
    most = before = resident()

    async def zeros() -> AsyncIterator[bytes]:
        nonlocal most
        for _ in range(MUCH >> 20):
            yield b"\0" * (1 << 20)
            most = max(most, resident())

    output = await client.containers.run_inside(container, ("/bin/cat",), input=zeros(), limit=10)
    assert output.exit_code == 0
    assert output.truncated
    assert most - before < MOST_GROWTH


def head(name: str, size: int) -> bytes:
    """Answer the head of a file in an archive."""
    member = tarfile.TarInfo(name)
    member.size = size
    return member.tobuf()


@waits
async def test_copying_takes_little_memory(client: EngineClient, made: Made) -> None:
    """A file of any size goes in, and out again as an archive of its own and in one of everything."""
    container = await made.container(*SLEEP, start=False)
    most = before = resident()

    def watch() -> None:
        nonlocal most
        most = max(most, resident())

    async def archive() -> AsyncIterator[bytes]:
        yield head("large", MUCH)
        for _ in range(MUCH >> 20):
            yield b"\0" * (1 << 20)
            watch()
        yield bytes(1024)

    await client.containers.put_archive(container, "/", archive())
    assert (await client.containers.stat(container, "/large")).size == MUCH
    for whole in (False, True):
        if whole:
            stream = await client.containers.export(container)
        else:
            stream = (await client.containers.get_archive(container, "/large")).stream
        size = 0
        async for piece in stream:
            size += len(piece)
            watch()
        assert size > MUCH
    assert most - before < MOST_GROWTH
