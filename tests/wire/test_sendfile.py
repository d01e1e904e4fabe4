"""
Blobs on disk, over real sockets: ``sendfile``.
"""

from __future__ import annotations

import os
from email import message_from_bytes
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import pytest
from twisted.internet.defer import CancelledError, Deferred

from oci_twisted.http.limits import Limits
from oci_twisted.http.sending import SMALL
from oci_twisted.stream.zerocopy import WINDOW, send_file
from oci_twisted.testing.waiting import soon, waits
from tests.wire.disks import Disk, HeldPool, open_files
from tests.wire.logs import errors
from tests.wire.messages import get
from tests.wire.sockets import Client, Served, connections, eventually, listening, sent

if TYPE_CHECKING:
    from pathlib import Path

    from twisted.internet.interfaces import IPushProducer
    from twisted.python.failure import Failure

SOON = 2


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    """Make an empty registry."""
    return Disk(tmp_path / "root")


@waits
async def test_blobs_arrive_whole(disk: Disk) -> None:
    """A blob of any size is the same at the other end, and the connection goes on behind it."""
    sizes = [0, 1, SMALL - 1, SMALL, SMALL + 1, WINDOW, 5 * WINDOW + 3]
    blobs = [disk.add(size) for size in sizes]
    async with listening(disk.site) as served:
        client = await served.connect()
        client.transport.write(b"".join(get(target) for target, _ in blobs))
        answers = await soon(client.answers(len(blobs)))
    assert [answer.header("Content-Length") for answer in answers] == [str(size) for size in sizes]
    assert [answer.body == content for answer, (_, content) in zip(answers, blobs, strict=True)] == [True] * len(sizes)
    assert open_files(disk.root) == set()


@waits
async def test_ranges_arrive_whole(disk: Disk) -> None:
    """Some of a blob's bytes, a few or many, leave in the same way."""
    target, content = disk.add(3 * WINDOW)
    extents = [
        (0, 1),
        (5, WINDOW + 9),
        (WINDOW - 1, WINDOW + 1),
        (2 * WINDOW, 3 * WINDOW),
        (3 * WINDOW - 1, 3 * WINDOW),
    ]
    async with listening(disk.site) as served:
        client = await served.connect()
        for start, stop in extents:
            client.transport.write(get(target, f"Range: bytes={start}-{stop - 1}"))
        answers = await soon(client.answers(len(extents)))
    for answer, (start, stop) in zip(answers, extents, strict=True):
        assert answer.status == 206
        assert answer.header("Content-Range") == f"bytes {start}-{stop - 1}/{len(content)}"
        assert answer.body == content[start:stop]


@waits
async def test_several_ranges_arrive_together(disk: Disk) -> None:
    """Boundaries that are written and parts that are sent from the file keep their order."""
    target, content = disk.add(4 * WINDOW)
    extents = [(10, 20), (100, WINDOW + 100), (2 * WINDOW, 2 * WINDOW + 1), (2 * WINDOW + 5, 4 * WINDOW - 9)]
    wanted = ",".join(f"{start}-{stop - 1}" for start, stop in extents)
    async with listening(disk.site) as served:
        client = await served.connect()
        client.transport.write(get(target, f"Range: bytes={wanted}") + get())
        answer, after = await soon(client.answers(2))
    assert (answer.status, after.status) == (206, 200)
    parsed = message_from_bytes(f"Content-Type: {answer.header('Content-Type')}\r\n\r\n".encode() + answer.body)
    parts = [part.get_payload(decode=True) for part in parsed.get_payload()]  # type: ignore[union-attr]
    assert parts == [content[start:stop] for start, stop in extents]


@waits
async def test_several_clients_are_served_at_once(disk: Disk) -> None:
    """None of them waits for another, however slow that is."""
    target, content = disk.add(8 * WINDOW)
    async with listening(disk.site) as served:
        slow = await served.connect()
        slow.transport.pauseProducing()
        slow.transport.write(get(target))
        clients = [await served.connect() for _ in range(5)]
        for client in clients:
            client.transport.write(get(target))
        for client in clients:
            (answer,) = await soon(client.answers(1))
            assert answer.body == content
        slow.transport.resumeProducing()
        (answer,) = await soon(slow.answers(1))
        assert answer.body == content


@waits
async def test_a_cold_file_is_read_by_the_pool(disk: Disk) -> None:
    """What is not in the page cache is read on a thread, while the reactor goes on, and then sent."""
    target, content = disk.add(3 * WINDOW + 7)
    disk.pool.holding = True
    async with listening(disk.site) as served:
        client = await served.connect()
        with disk.file(target).open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        client.transport.write(get(target))
        await soon(eventually(lambda: disk.pool.held or len(client.received) > len(content)))
        if not disk.pool.held:
            pytest.skip("this file system keeps its files in memory")
        # Others are served meanwhile.
        other = await served.connect()
        other.transport.write(get())
        assert (await soon(other.answers(1)))[0].status == 200
        await soon(eventually(lambda: disk.pool.work() or len(client.received) > len(content)))
        (answer,) = await soon(client.answers(1))
    assert answer.body == content
    assert open_files(disk.root) == set()


def holds(client: Client, count: int) -> bool:
    """Answer whether a client has received so many bytes."""
    return len(client.received) >= count


async def stuck(disk: Disk, served: Served) -> tuple[Client, str, bytes]:
    """Connect a client that has asked for a large blob and does not read it."""
    target, content = disk.add(32 * WINDOW)
    client = await served.connect()
    client.transport.pauseProducing()
    client.transport.write(get(target))
    channel = await served.channel()
    await soon(eventually(lambda: 0 < sent(channel) < len(content)))
    return client, target, content


@waits
async def test_a_client_may_vanish(disk: Disk) -> None:
    """A client that leaves in the middle of a blob leaves no open file, and no error in the log."""
    with errors() as logged:
        async with listening(disk.site) as served:
            client, _target, _content = await stuck(disk, served)
            assert len(open_files(disk.root)) == 1
            client.transport.abortConnection()
            await soon(eventually(lambda: not connections(disk.site)))
    assert open_files(disk.root) == set()
    assert logged == []


@waits
async def test_a_file_that_is_cut_off_breaks_the_answer(disk: Disk) -> None:
    """A blob that becomes shorter on disk while it is sent ends its connection, and is never padded."""
    with errors() as logged:
        async with listening(disk.site) as served:
            client, target, content = await stuck(disk, served)
            channel = await served.channel()
            sound = sent(channel) + 1000
            os.truncate(disk.file(target), sound)
            disk.pool.holding = True
            client.transport.resumeProducing()
            # The last of it is no longer in the cache, so it is looked for on the disk first.
            await soon(eventually(lambda: disk.pool.work() or client.closed is not None))
    head, _, body = bytes(client.received).partition(b"\r\n\r\n")
    assert b"Content-Length: %d" % len(content) in head
    assert len(body) <= sound
    assert body == content[: len(body)]
    assert open_files(disk.root) == set()
    assert len(logged) == 1


class Socket:
    """As much of a transport as is needed where nothing is sent."""

    producerPaused = False  # noqa: N815 - Twisted's name

    def startWriting(self) -> None:
        """Ask for writability."""


class Consumer:
    """
    Keeps its producer.

    :ivar producer: while it is registered.
    """

    producer: IPushProducer | None = None

    def registerProducer(self, producer: IPushProducer, streaming: bool) -> None:  # noqa: FBT001 - Twisted's signature
        """Keep it."""
        assert streaming
        self.producer = producer

    def unregisterProducer(self) -> None:
        """Let it go."""
        self.producer = None


@pytest.mark.parametrize("fate", ["vanishes", "fails"])
def test_a_read_that_outlasts_its_client_touches_no_other_file(tmp_path: Path, fate: str) -> None:
    """A thread that has not begun to read when the client leaves may begin when the file is closed."""
    path = tmp_path / "data"
    # Shorter than it should be, so that its end is not in the cache.
    path.write_bytes(b"short")
    descriptor = os.open(path, os.O_RDONLY)
    pool, consumer = HeldPool(), Consumer()
    steps: list[int] = []
    pool.holding = True
    sending = Deferred.fromCoroutine(
        send_file(cast("Any", Socket()), cast("Any", consumer), pool, descriptor, 0, WINDOW, steps.append)
    )
    assert consumer.producer is not None
    producer = consumer.producer
    producer.pauseProducing()
    producer.resumeProducing()
    # The socket may become writable once more meanwhile.
    producer.resumeProducing()
    assert len(pool.held) == 1
    if fate == "vanishes":
        sending.cancel()
    else:
        producer.stopProducing()
    failures: list[Failure] = []
    sending.addErrback(failures.append)
    assert failures[0].check(CancelledError)
    assert consumer.producer is None
    os.close(descriptor)
    assert steps == []
    # A closed descriptor would raise, and one that is another file's by now would be worse.
    pool.work()
    producer.resumeProducing()
    assert open_files(tmp_path) == set()


@waits
async def test_a_slow_reader_is_timed_by_what_it_reads(disk: Disk) -> None:
    """The kernel's buffers hold megabytes; who takes some of them moves, and who takes nothing is cut off."""
    limits = Limits()
    async with listening(disk.site) as served:
        client, _target, _content = await stuck(disk, served)

        def a_minute_later() -> bool:
            disk.stack.clock.advance(limits.stall_time + SOON)
            return not connections(disk.site)

        for _ in range(3):
            wanted = len(client.received) + 4 * limits.stall_size
            client.transport.resumeProducing()
            await soon(eventually(partial(holds, client, wanted)))
            client.transport.pauseProducing()
            disk.stack.clock.advance(limits.stall_time + SOON)
            assert connections(disk.site)
        # Some of what was on its way is confirmed even now; but not for ever.
        await soon(eventually(a_minute_later))
    assert open_files(disk.root) == set()


@waits
async def test_draining_waits_for_a_file(disk: Disk) -> None:
    """A site that stops sends its last blobs to their end."""
    async with listening(disk.site) as served:
        client, _target, content = await stuck(disk, served)
        draining = Deferred.fromCoroutine(disk.site.drain())
        assert not draining.called
        client.transport.resumeProducing()
        (answer,) = await soon(client.answers(1))
        assert answer.body == content
        await draining
        await soon(eventually(lambda: client.closed is not None))
