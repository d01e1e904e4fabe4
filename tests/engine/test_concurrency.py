"""Many calls at once, from many threads: nothing of them is left behind."""

from __future__ import annotations

import functools
import gc
import os
import threading
from typing import TYPE_CHECKING, Any

import pytest
from attrs import astuple, frozen
from pytest_twisted import ensureDeferred  # type: ignore[import-untyped]
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.endpoints import UNIXServerEndpoint
from twisted.internet.threads import deferToThread

from oci_twisted.engine import EngineClient
from oci_twisted.engine.containers.config import Bind
from oci_twisted.engine.errors import NotFound, TimedOut
from oci_twisted.testing.engine.examples import busybox_archive, config, fresh
from oci_twisted.testing.engine.memory import MemoryEngine
from oci_twisted.testing.waiting import soon, turn
from tests.engine.sshd import ssh_server

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from oci_twisted.testing.engine import Connect

THREADS, AT_ONCE = 20, 10
# Podman makes 40 containers in a test, on a machine that may have more to do.
BOUND = 300
IMAGE = "oci.test/concurrency:v1"
_LOOKS, _TURNS = 10, 1000


@frozen
class Left:
    """
    What could be left behind.

    :ivar deferreds: those that nobody has fired.
    """

    threads: int
    files: int
    deferreds: int
    timers: int

    @classmethod
    def now(cls) -> Left:
        """Look at this process."""
        from twisted.internet import reactor  # noqa: PLC0415 - pytest-twisted installs it

        gc.collect()
        waiting = sum(isinstance(one, Deferred) and not one.called for one in gc.get_objects())
        timers = reactor.getDelayedCalls()
        return cls(threading.active_count(), len(os.listdir("/proc/self/fd")), waiting, len(timers))  # noqa: PTH208 - one more is open while it looks

    def exceeds(self, other: Left) -> bool:
        """Answer whether there is more of anything than in another."""
        return any(mine > theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True))


def mixed(client: EngineClient) -> list[Coroutine[Deferred[Any], Any, Any]]:
    """Answer calls of many kinds."""

    async def refused() -> None:
        with pytest.raises(NotFound):
            await client.images.inspect(f"oci.test/{fresh()}:v1")

    async def volume() -> None:
        made = await client.volumes.create()
        assert (await client.volumes.inspect(made.name)).name == made.name
        await client.volumes.remove(made.name)

    async def container() -> None:
        made = await client.containers.create(config(IMAGE, "/bin/true", binds=[Bind("/", "/mnt")]))
        assert (await client.containers.inspect(made.id)).image == IMAGE
        await client.containers.remove(made.id)

    async def events() -> None:
        (await client.calls.messages("system.events")).close()

    calls = [
        client.system.ping(),
        client.system.version(),
        client.images.list(),
        client.images.inspect(IMAGE),
        client.containers.list(all=True),
        client.networks.list(),
        refused(),
        volume(),
        container(),
        events(),
    ]
    assert len(calls) == AT_ONCE
    return calls


async def all_of(client: EngineClient) -> None:
    """Make such calls at once, and raise the first of their errors when all are done."""
    done: Any = DeferredList([Deferred.fromCoroutine(call) for call in mixed(client)], consumeErrors=True)
    for succeeded, result in await done:
        if not succeeded:
            result.raiseException()


def in_a_thread(client: EngineClient, errors: list[BaseException]) -> None:
    """Make calls: one after the other, ten at once, and one that is given up."""
    try:
        blocking = client.blocking.within(BOUND)
        assert blocking.images.inspect(IMAGE).tags
        blocking.wait(all_of(client))
        # Nothing happens that has this label.
        events = blocking.wait(client.calls.messages("system.events", filters={"label": [fresh()]}))
        with pytest.raises(TimedOut):
            next(blocking.within(0.05).each(events))
    except BaseException as error:  # noqa: BLE001 - the test raises it
        errors.append(error)


async def from_threads(client: EngineClient) -> None:
    """Let threads make calls, all at once."""
    errors: list[BaseException] = []
    threads = [threading.Thread(target=in_a_thread, args=(client, errors)) for _ in range(THREADS)]

    def work() -> None:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    await deferToThread(work)
    if errors:
        raise errors[0]


async def leave_nothing(connect: Connect, is_quiet: Callable[[], bool] = lambda: True) -> None:
    """Make the calls twice: what the first time leaves is there for good, what the second leaves is a defect."""
    left = []
    for _ in range(2):
        client = await connect()
        if not await client.images.exists(IMAGE):
            await client.images.import_archive(busybox_archive(), IMAGE)
        await from_threads(client)
        await client.close()
        assert client.connection.transports == 0  # type: ignore[attr-defined]  # that of HTTP
        del client
        for _ in range(10):
            await turn()
        while not is_quiet():
            await turn()
        left.append(Left.now())
    for _ in range(_LOOKS):
        if not left[1].exceeds(left[0]):
            break
        # A server closes what was connected to it, and a thread ends, a little later.
        for _ in range(_TURNS):
            await turn()
        left[1] = Left.now()
    assert not left[1].exceeds(left[0]), left


def test_what_is_left_is_seen() -> None:
    """A thread, a file, a timer and a Deferred that are left are counted."""
    from twisted.internet import reactor  # noqa: PLC0415 - pytest-twisted installs it

    before, end = Left.now(), threading.Event()
    waiting: Deferred[None] = Deferred()
    timer = reactor.callLater(100, waiting.callback, None)
    thread = threading.Thread(target=end.wait)
    thread.start()
    file = os.dup(0)
    assert Left.now() == Left(before.threads + 1, before.files + 1, before.deferreds + 1, before.timers + 1)
    os.close(file)
    end.set()
    thread.join()
    timer.cancel()
    del timer, waiting
    assert Left.now() == before


@ensureDeferred  # type: ignore[untyped-decorator]
async def test_an_engine_in_memory() -> None:
    """After 200 calls of 20 threads there are as many threads, files, timers and Deferreds as before."""
    from twisted.internet import reactor  # noqa: PLC0415 - pytest-twisted installs it

    engine = MemoryEngine(reactor)
    await soon(leave_nothing(engine.client), BOUND)
    engine.close()


@pytest.mark.clients
@pytest.mark.parametrize("driver", ["docker", "podman"])
@ensureDeferred  # type: ignore[untyped-decorator]
async def test_a_real_engine(request: pytest.FixtureRequest, driver: str) -> None:
    """The same of a real engine."""
    from twisted.internet import reactor  # noqa: PLC0415 - pytest-twisted installs it

    address = request.getfixturevalue(f"{driver}_address")
    await soon(leave_nothing(functools.partial(EngineClient.connect, address, reactor=reactor, driver=driver)), BOUND)


@pytest.mark.clients
@ensureDeferred  # type: ignore[untyped-decorator]
async def test_an_engine_behind_ssh(tmp_path: Path) -> None:
    """The same of channels of one SSH connection."""
    from twisted.internet import reactor  # noqa: PLC0415 - pytest-twisted installs it

    engine = MemoryEngine(reactor)
    listening = await UNIXServerEndpoint(reactor, str(tmp_path / "engine")).listen(engine.server)
    with ssh_server(tmp_path) as server:
        address = server.address(str(tmp_path / "engine"))
        connect = functools.partial(EngineClient.connect, address, reactor=reactor, driver="docker")
        # The server of SSH closes its connections to the engine, which is in this process, a little later.
        await soon(leave_nothing(connect, lambda: not engine.server.servers), BOUND)
    engine.close()
    await listening.stopListening()
