"""
Where blocking work goes.
"""

from __future__ import annotations

import os
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import pytest
from twisted.internet.defer import CancelledError, Deferred
from zope.interface.verify import verifyObject

from oci_twisted.interfaces import IBlockingPool
from oci_twisted.stream.pools import InlinePool, ThreadedPool
from oci_twisted.testing.waiting import turn, waits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def threaded() -> Iterator[ThreadedPool]:
    """Give a pool of two threads."""
    from twisted.internet import reactor  # noqa: PLC0415 - pytest-twisted installs it

    pool = ThreadedPool(cast("Any", reactor), "test", 2)
    yield pool
    Deferred.fromCoroutine(pool.stop())


@pytest.fixture(params=["threaded", "inline"])
def pool(request: pytest.FixtureRequest) -> IBlockingPool:
    """Give a pool of each kind."""
    if request.param == "inline":
        return InlinePool()
    threads: IBlockingPool = request.getfixturevalue("threaded")
    return threads


@waits
async def test_interface(pool: IBlockingPool) -> None:
    """Every pool provides the interface."""
    verifyObject(IBlockingPool, pool)


@waits
async def test_work_is_done(pool: IBlockingPool) -> None:
    """What the work answers is answered, and what it raises is raised."""
    assert await pool.run(lambda: 6 * 7) == 42
    with pytest.raises(ZeroDivisionError):
        await pool.run(lambda: 1 // 0)


@waits
async def test_inline_pool_works_here() -> None:
    """A pool without threads does the work where it stands, and leaves nothing to wait for."""
    pool = InlinePool()
    assert await pool.run(threading.get_ident) == threading.get_ident()
    await pool.stop()


@waits
async def test_threaded_pool_works_elsewhere(threaded: ThreadedPool) -> None:
    """A pool of threads does the work on one that has the pool's name, and answers on the one that asked."""
    before = threading.get_ident()
    name = await threaded.run(lambda: threading.current_thread().name)
    assert "test" in name
    assert await threaded.run(threading.get_ident) != before
    assert threading.get_ident() == before


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a niceness for a thread")
@waits
async def test_nice_threads_stand_back() -> None:
    """The threads of a nice pool stand back behind the rest of the process; nothing else does."""
    from twisted.internet import reactor  # noqa: PLC0415 - pytest-twisted installs it

    here = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    pool = ThreadedPool(cast("Any", reactor), "nice", 1, niceness=3)
    there = await pool.run(lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
    await pool.stop()
    assert there == min(19, here + 3)
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == here


@waits
async def test_cancelled_work_still_runs(threaded: ThreadedPool) -> None:
    """Work whose caller has gone runs to its end."""
    go, done = threading.Event(), threading.Event()
    running = Deferred.fromCoroutine(threaded.run(_after(go, done.set)))
    running.cancel()
    with pytest.raises(CancelledError):
        await running
    go.set()

    while not done.is_set():
        await turn()


@waits
async def test_stop_waits_for_work() -> None:
    """A pool that stops has done what was begun, and has ended its threads."""
    from twisted.internet import reactor  # noqa: PLC0415 - pytest-twisted installs it

    pool = ThreadedPool(cast("Any", reactor), "stopped", 2)
    go = threading.Event()
    results: list[int] = []
    for number in range(5):
        Deferred.fromCoroutine(pool.run(_after(go, partial(results.append, number))))
    go.set()
    await pool.stop()
    assert sorted(results) == [0, 1, 2, 3, 4]
    assert not any("stopped" in thread.name for thread in threading.enumerate())


def _after(go: threading.Event, work: Callable[[], object]) -> Callable[[], object]:
    def run() -> object:
        assert go.wait(30)
        return work()

    return run
