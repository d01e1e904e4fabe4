"""The client in threads that are not the reactor's."""

from __future__ import annotations

import sys
import threading
import traceback
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.threads import deferToThread

from oci_twisted.engine.blocking import connect
from oci_twisted.engine.errors import NotFound, StreamCorrupt, TimedOut
from oci_twisted.testing.engine.examples import busybox_archive
from oci_twisted.testing.engine.memory import ADDRESS, MemoryEngine, silence
from oci_twisted.testing.waiting import turn, waits
from tests.clients.tools import fails, run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from oci_twisted.engine import EngineClient
    from oci_twisted.engine.images.values import ImageSummary
    from oci_twisted.engine.requests import Json

T = TypeVar("T")


@pytest_twisted.async_yield_fixture  # type: ignore[untyped-decorator]
async def engine() -> AsyncIterator[MemoryEngine]:
    """Make an engine."""
    from twisted.internet import reactor  # noqa: PLC0415 - pytest-twisted installs it

    engine = MemoryEngine(reactor)
    yield engine
    engine.close()


@pytest_twisted.async_yield_fixture  # type: ignore[untyped-decorator]
async def client(engine: MemoryEngine) -> AsyncIterator[EngineClient]:
    """Lend a client of it."""
    client = await engine.client()
    yield client
    await client.close()


async def in_thread(work: Callable[[], T]) -> T:
    """Do something in another thread."""
    return await deferToThread(work)


@waits
async def test_what_is_awaited_elsewhere_is_called(client: EngineClient) -> None:
    """Every group has its coroutines as methods, which answer the same values."""
    blocking = client.blocking

    def work() -> None:
        assert blocking.images.list() == ()
        id_ = blocking.images.import_archive(busybox_archive(), "oci.test/a:v1")
        assert blocking.images.inspect("oci.test/a:v1").id == id_
        assert [image.id for image in blocking.images.list()] == [id_]
        assert blocking.networks.inspect("none").driver == "null"
        assert blocking.system.ping().api_version == "1.41"

    await in_thread(work)


def test_nothing_is_missing(client: EngineClient) -> None:
    """Whatever the client and its groups have is there by the same name, with the same sentence on it."""
    blocking = client.blocking
    groups = [name for name in vars(client) if not name.startswith("_")]
    assert {"system", "images", "containers", "networks", "volumes", "pods", "manifests"} <= {*groups}
    for group in groups:
        for name in dir(getattr(client, group)):
            member = getattr(getattr(client, group), name)
            if not name.startswith("_") and callable(member):
                assert getattr(getattr(blocking, group), name).__doc__ == member.__doc__
                assert name in dir(getattr(blocking, group))


@waits
async def test_an_error_is_the_same_and_says_where_it_was_raised(client: EngineClient) -> None:
    """Its class, its status and the lines of the client that led to it are those of the coroutine."""

    def work() -> str:
        with pytest.raises(NotFound) as caught:
            client.blocking.images.inspect("nothing")
        assert caught.value.status == 404
        return "".join(traceback.format_exception(caught.value))

    shown = await in_thread(work)
    assert "in inspect" in shown
    assert "in perform" in shown


@waits
async def test_a_stream_is_an_iterator(client: EngineClient) -> None:
    """It ends as the stream does, and whoever closes it, even twice, closes the stream."""

    def work() -> list[dict[str, Json]]:
        with client.blocking.calls.messages("image.import", busybox_archive(), repo="oci.test/c") as stream:
            messages = list(stream)
            with pytest.raises(StopIteration):
                next(stream)
        stream.close()
        return messages

    assert (await in_thread(work))[-1]["status"]


@waits
async def test_a_stream_that_is_not_read_is_closed(engine: MemoryEngine, client: EngineClient) -> None:
    """Leaving the block closes the connection."""

    def work() -> int:
        with client.blocking.calls.messages("system.events"):
            return len(engine.server.servers)

    before = await in_thread(work)
    while len(engine.server.servers) >= before:
        await turn()


@waits
async def test_an_iterator_of_bytes_is_a_body(client: EngineClient) -> None:
    """Its pieces are taken in a thread that is neither the reactor's nor the caller's."""
    archive, takers = busybox_archive(), set()

    def pieces() -> Any:  # noqa: ANN401 - a generator
        for start in range(0, len(archive), 1 << 16):
            takers.add(threading.get_ident())
            yield archive[start : start + (1 << 16)]

    def work() -> str:
        imported: str = client.blocking.images.import_archive(pieces(), "oci.test/b:v1")
        assert threading.get_ident() not in takers
        return imported

    id_ = await in_thread(work)
    assert (await client.images.inspect("oci.test/b:v1")).id == id_
    assert threading.get_ident() not in takers


@waits
async def test_what_takes_too_long_is_cancelled(engine: MemoryEngine, client: EngineClient) -> None:
    """The error says how long was waited, and the engine sees that nobody waits any more."""
    await client.images.list()
    engine.fail_next("image.list", silence())

    def work() -> None:
        with pytest.raises(TimedOut, match=r"Images\.list took longer than 0\.05 s, and was cancelled"):
            client.blocking.within(0.05).images.list()

    await in_thread(work)
    while engine.server.servers:
        await turn()


@waits
async def test_an_error_of_time_is_not_taken_for_ours(client: EngineClient) -> None:
    """What a coroutine raises comes out, though it be a `TimeoutError`, or cancelled."""

    async def late(error: Exception) -> None:
        await turn()
        raise error

    def work() -> None:
        for error in (TimeoutError("mine"), CancelledError("mine")):
            with pytest.raises(type(error), match="mine"):
                client.blocking.within(30).wait(late(error))

    await in_thread(work)


@waits
async def test_typed_calls_wait_for_coroutines(client: EngineClient) -> None:
    """A coroutine that type checkers know is waited for, and an asynchronous iterator is one."""
    await client.images.import_archive(busybox_archive(), "oci.test/a:v1")

    async def numbers() -> AsyncIterator[int]:
        for number in range(3):
            await turn()
            yield number

    def work() -> tuple[ImageSummary, ...]:
        assert list(client.blocking.each(numbers())) == [0, 1, 2]
        return client.blocking.wait(client.images.list())

    (image,) = await in_thread(work)
    assert image.tags == ("oci.test/a:v1",)


def test_the_reactors_thread_does_not_wait_for_itself(client: EngineClient) -> None:
    """In the reactor's thread a call is an error at once, that says what to do instead."""
    with pytest.raises(RuntimeError, match=r"Images\.list.*await"):
        client.blocking.images.list()
    with pytest.raises(RuntimeError, match="await"):
        client.blocking.wait(client.images.list())


@waits
async def test_a_daemon_that_ends_is_said(engine: MemoryEngine, client: EngineClient) -> None:
    """A thread that waits for a stream gets the error that a coroutine would."""
    started: Deferred[None] = Deferred()
    from twisted.internet import reactor  # noqa: PLC0415 - pytest-twisted installs it

    def work() -> None:
        events = client.blocking.calls.messages("system.events")
        reactor.callFromThread(started.callback, None)  # type: ignore[attr-defined]  # of the real one
        with pytest.raises(StreamCorrupt, match="broke off"):
            next(events)

    working = in_thread(work)
    waiting = Deferred.fromCoroutine(working)
    await started
    engine.restart()
    await waiting


ALONE = """
import threading
from twisted.internet import reactor
from oci_twisted.engine import blocking
from oci_twisted.testing.engine.memory import ADDRESS, MemoryDriver, MemoryEngine

engine = MemoryEngine(reactor)
driver = MemoryDriver(engine.server)
with blocking.connect(ADDRESS, driver=driver, timeout=30) as client:
    print(client.system.version().version, len(client.images.list()))
    with blocking.connect(ADDRESS, driver=driver) as other:
        print(other.images.list())
    print([thread.name for thread in threading.enumerate()])
"""

INTERRUPTED = """
import _thread, threading
from twisted.internet import reactor
from oci_twisted.engine import blocking
from oci_twisted.testing.engine.memory import ADDRESS, MemoryDriver, MemoryEngine, silence

engine = MemoryEngine(reactor)
engine.fail_next("image.list", silence())
with blocking.connect(ADDRESS, driver=MemoryDriver(engine.server)) as client:
    client.system.ping()
    reactor.callFromThread(reactor.callLater, 0.2, _thread.interrupt_main)
    try:
        client.images.list()
    except KeyboardInterrupt:
        print("interrupted")
    print(client.images.list(), len(engine.server.servers))
"""

ALARMED = """
import signal, threading
from twisted.internet import reactor
from oci_twisted.engine import blocking
from oci_twisted.testing.engine.memory import ADDRESS, MemoryDriver, MemoryEngine, silence

class Enough(Exception): pass

def ring(number, frame):
    raise Enough

engine = MemoryEngine(reactor)
engine.fail_next("image.list", silence())
signal.signal(signal.SIGALRM, ring)
with blocking.connect(ADDRESS, driver=MemoryDriver(engine.server)) as client:
    client.system.ping()
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        client.images.list()
    except Enough:
        print("enough")
    print(client.images.list(), len(engine.server.servers))
"""

STOPPED = """
from twisted.internet import reactor
from oci_twisted.engine import blocking
from oci_twisted.testing.engine.memory import ADDRESS, MemoryDriver, MemoryEngine, silence

engine = MemoryEngine(reactor)
engine.fail_next("image.list", silence())
client = blocking.connect(ADDRESS, driver=MemoryDriver(engine.server))
reactor.callFromThread(reactor.callLater, 0.2, reactor.stop)
try:
    client.images.list()
except Exception as error:
    print(type(error).__name__)
client.images.list()
"""


@waits
async def test_what_cannot_begin_keeps_nobody_waiting(client: EngineClient) -> None:
    """A call that the reactor's thread cannot even begin is an error of its thread's, not a wait without an end."""

    def work() -> None:
        blocking = client.blocking.within(5)
        with pytest.raises(TypeError):
            blocking.wait(3)  # type: ignore[arg-type]  # which is the mistake
        with pytest.raises(TypeError, match="nonsense"):
            connect(ADDRESS, nonsense=1, timeout=5)

    await in_thread(work)


def test_a_program_without_a_reactor_has_one() -> None:
    """It runs in a thread of its own, once for all clients, and the process ends as usual."""
    printed = run(sys.executable, "-c", ALONE)
    assert printed == "memory 0\n()\n['MainThread', 'reactor']\n"


def test_a_wait_can_be_interrupted() -> None:
    """Ctrl-C cancels what is waited for, and the client goes on."""
    assert run(sys.executable, "-c", INTERRUPTED) == "interrupted\n() 1\n"


def test_a_wait_can_be_ended_by_any_signal() -> None:
    """Whatever a handler of a program's own raises, what was waited for is cancelled."""
    assert run(sys.executable, "-c", ALARMED) == "enough\n() 1\n"


def test_a_reactor_that_stops_keeps_nobody_waiting() -> None:
    """Whoever waits gets an error, and so does whoever comes later."""
    printed = fails(sys.executable, "-c", STOPPED)
    assert "ConnectionFailed" in printed
    assert "the reactor does not run" in printed
