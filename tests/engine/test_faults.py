"""What goes wrong between a client and its engine, and what the client says then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from twisted.internet.defer import CancelledError, Deferred

from oci_twisted.engine.containers.config import ContainerConfig
from oci_twisted.engine.containers.outputs import Collector
from oci_twisted.engine.errors import ConnectionFailed, EngineError, NotFound, StreamCorrupt, TimedOut
from oci_twisted.engine.transport.limits import DEFAULT_LIMITS, Timeouts
from oci_twisted.testing.engine.examples import busybox_archive
from oci_twisted.testing.engine.memory import break_after, garbage, html, refuse, silence
from tests.engine.memory import Bench

if TYPE_CHECKING:
    from oci_twisted.engine.containers.processes import ContainerProcess

TIMEOUTS = Timeouts(connect=5, first_byte=10, idle=20, kept=30)


def transports(bench: Bench) -> int:
    """Answer how many connections the client has."""
    open_: int = bench.client.connection.transports  # type: ignore[attr-defined]  # that of HTTP
    return open_


def test_a_page_of_html_is_read() -> None:
    """An error that a proxy made is an `EngineError` with its status, and the page's words without its marks."""
    bench = Bench()
    bench.engine.fail_next("image.list", html(500))
    with pytest.raises(EngineError, match="Oops Something went wrong") as caught:
        bench.result(bench.client.images.list())
    assert caught.value.status == 500
    assert "<" not in caught.value.message


def test_an_error_says_what_was_asked_for_and_what_to_do() -> None:
    """The sentence has the request, the engine's words, the status and an advice, once each."""
    bench = Bench()
    bench.engine.fail_next("image.inspect", refuse(404, "No such image: a"))
    with pytest.raises(NotFound) as caught:
        bench.result(bench.client.images.inspect("a"))
    assert (
        str(caught.value) == "image.inspect a: No such image: a (status 404). Look at what there is, or make it first."
    )


def test_what_is_not_http_is_said() -> None:
    """Bytes of another protocol are `StreamCorrupt`, and the connection is not used again."""
    bench = Bench()
    bench.result(bench.client.images.list())
    bench.engine.fail_next("image.list", garbage())
    with pytest.raises(StreamCorrupt, match="is not HTTP"):
        bench.result(bench.client.images.list())
    assert transports(bench) == 0


@pytest.mark.parametrize("size", [0, 1])
def test_a_document_that_breaks_off_is_said(size: int) -> None:
    """An answer that is shorter than it says is `StreamCorrupt`."""
    bench = Bench()
    bench.engine.fail_next("image.list", break_after(size))
    with pytest.raises(StreamCorrupt, match="broke off"):
        bench.result(bench.client.images.list())


def test_an_engine_that_does_not_answer_is_given_up() -> None:
    """After the time for the first byte, the call fails, and the connection is closed."""
    bench = Bench(TIMEOUTS)
    bench.result(bench.client.images.list())
    bench.engine.fail_next("image.list", silence())
    asked = bench.begin(bench.client.images.list())
    bench.pass_time(9)
    assert not asked.called
    bench.pass_time(1)
    with pytest.raises(TimedOut, match="did not begin to answer for 10 s"):
        bench.result(asked)
    assert transports(bench) == 0


def test_an_engine_may_take_its_time_where_it_has_to() -> None:
    """Nothing bounds a wait for a container."""
    bench = Bench(TIMEOUTS)
    bench.result(bench.client.images.list())
    bench.engine.fail_next("container.wait", silence())
    asked = bench.begin(bench.client.containers.wait("a"))
    bench.pass_time(100_000)
    assert not asked.called
    asked.addErrback(lambda failure: failure.trap(CancelledError))
    asked.cancel()
    bench.turn()
    assert transports(bench) <= 1


def test_a_connection_is_kept_for_a_while() -> None:
    """Calls one after the other share a connection, which is closed when nobody has needed it for so long."""
    bench = Bench(TIMEOUTS)
    for _ in range(3):
        bench.result(bench.client.images.list())
        assert transports(bench) == 1
    bench.pass_time(30)
    assert transports(bench) == 0
    assert bench.result(bench.client.images.list()) == ()


def test_a_cancelled_call_closes_its_connection() -> None:
    """The engine sees that nobody waits any more."""
    bench = Bench(TIMEOUTS)
    bench.result(bench.client.images.list())
    bench.engine.fail_next("image.list", silence())
    asked = bench.begin(bench.client.images.list())
    asked.cancel()
    bench.turn()
    with pytest.raises(CancelledError):
        bench.result(asked)
    assert transports(bench) == 0
    assert not bench.engine.server.servers


def test_an_error_does_not_cost_the_connection() -> None:
    """An engine that refuses has answered: the connection goes on."""
    bench = Bench()
    bench.result(bench.client.images.list())
    with pytest.raises(NotFound):
        bench.result(bench.client.images.inspect("nothing"))
    assert transports(bench) == 1


def test_a_daemon_that_ends_in_the_middle_is_said() -> None:
    """Whoever waits when the engine ends gets an error that says so; the next call finds the new one."""
    bench = Bench()
    bench.result(bench.client.images.list())
    events = bench.result(bench.client.calls.messages("system.events"))
    waiting = Deferred.fromCoroutine(events.__anext__())
    bench.engine.restart()
    bench.turn()
    with pytest.raises(StreamCorrupt, match="broke off"):
        bench.result(waiting)
    assert bench.result(bench.client.images.list()) == ()


def test_calls_above_the_limit_wait_for_their_turn() -> None:
    """No more calls are in progress than the limit says, and a stream does not take the place of one."""
    bench = Bench()
    bench.result(bench.client.images.list())
    events = [bench.result(bench.client.calls.messages("system.events")) for _ in range(20)]
    for _ in range(16):
        bench.engine.fail_next("image.list", silence())
    silent = [bench.begin(bench.client.images.list()) for _ in range(16)]
    waiting = bench.begin(bench.client.images.list())
    assert not waiting.called
    assert transports(bench) == 36
    silent[0].addErrback(lambda failure: failure.trap(CancelledError))
    silent[0].cancel()
    bench.turn()
    assert bench.result(waiting) == ()
    for stream in events:
        stream.close()
    closed = bench.begin(bench.client.close())
    bench.turn()
    bench.result(closed)
    for call in silent[1:]:
        with pytest.raises(ConnectionFailed):
            bench.result(call)
    assert transports(bench) == 0
    assert [timer for timer in bench.clock.getDelayedCalls() if timer.active()] == []


def test_a_stream_that_breaks_off_says_what_it_was() -> None:
    """The error has the request that the stream answers, although that has long been answered, and one full stop."""
    bench = Bench()
    events = bench.result(bench.client.calls.messages("system.events"))
    waiting = bench.begin(events.__anext__())
    bench.engine.restart()
    bench.turn()
    with pytest.raises(StreamCorrupt) as caught:
        bench.result(waiting)
    assert caught.value.request is not None
    assert str(caught.value).startswith("system.events: the engine's answer broke off: ")
    assert ".." not in str(caught.value)


@pytest.mark.parametrize("auto_remove", [False, True])
def test_whoever_is_attached_can_start(auto_remove: bool) -> None:  # noqa: FBT001 - pytest's
    """As many processes as can be attached to at once can be started then, and their ends be known."""
    bench = Bench()
    bench.result(bench.client.images.import_archive(busybox_archive(), "box"))
    config = ContainerConfig("box", ["echo", "hello"], auto_remove=auto_remove)
    boxes = [bench.result(bench.client.containers.create(config)) for _ in range(DEFAULT_LIMITS.streams)]

    async def attached(box: str) -> tuple[Collector, ContainerProcess]:
        collector = Collector(100)
        return collector, await bench.client.containers.attach(box, collector)

    async def run(box: str, collector: Collector, process: ContainerProcess) -> bytes:
        await bench.client.containers.start(box)
        return collector.output(await process.wait(), what="echo", check=True).stdout

    attaching = [Deferred.fromCoroutine(attached(box.id)) for box in boxes]
    bench.turn()
    processes = [bench.result(one) for one in attaching]
    running = [Deferred.fromCoroutine(run(box.id, *one)) for box, one in zip(boxes, processes, strict=True)]
    bench.turn()
    assert [bench.result(output) for output in running] == [b"hello\n"] * len(boxes)
