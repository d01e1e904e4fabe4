"""Connections to processes, on a clock that the tests turn."""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectionDone, ProcessDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from oci_twisted.engine.containers.config import ContainerConfig
from oci_twisted.engine.containers.processes import ContainerProcess
from oci_twisted.engine.errors import Conflict, ConnectionFailed, EngineError, StreamCorrupt
from oci_twisted.engine.transport.duplex import Duplex
from oci_twisted.testing.engine.execs import Recorder
from oci_twisted.testing.engine.memory import Process, garbage, refuse, silence
from oci_twisted.testing.engine.memory.attachments import frame
from tests.engine.memory import Bench

IMAGE = "image"


class Line:
    """
    A process at the end of a connection of the test's own.

    :ivar fails: what the engine says instead of an exit code.
    """

    def __init__(self, *, pauses: bool = False, fails: EngineError | None = None, tty: bool = False) -> None:
        self.fails = fails
        self.transport = StringTransport()
        self.transport.abortConnection = self.lose  # type: ignore[method-assign]
        self.duplex = Duplex(self.transport, "", lambda: None)
        self.recorder = Recorder(pauses=pauses)
        self.process = ContainerProcess(
            self.duplex,
            self.recorder,
            tty=tty,
            stdin=True,
            exit_code=self.exit_code,
            resize=self.resize,
            kill=self.kill,
        )
        self.process.start()

    def lose(self) -> None:
        """End the connection."""
        self.duplex.lose(Failure(ConnectionDone()))

    async def exit_code(self) -> int:
        """Succeed, or fail."""
        if self.fails is not None:
            raise self.fails
        return 0

    async def resize(self, rows: int, columns: int) -> None:
        """Take any size."""

    async def kill(self, name: str) -> None:
        """Take any signal."""


def bench_with_container(*command: str, **more: object) -> tuple[Bench, str]:
    """Make an engine with one container that runs."""
    bench = Bench()
    bench.result(bench.client.images.import_archive(b"\0" * 1024, IMAGE))
    created = bench.result(bench.client.containers.create(ContainerConfig(IMAGE, command, **more)))  # type: ignore[arg-type]
    bench.result(bench.client.containers.start(created.id))
    return bench, created.id


def transports(bench: Bench) -> int:
    """Answer how many connections the client has."""
    open_: int = bench.client.connection.transports  # type: ignore[attr-defined]  # that of HTTP
    return open_


def test_a_pause_holds_within_a_piece() -> None:
    """Frames that came together with the one at which a protocol paused wait until it goes on."""
    line = Line(pauses=True)
    line.duplex.receive(frame(1, b"one") + frame(2, b"two") + frame(1, b"three"))
    assert line.recorder.outputs == {1: b"one", 2: b""}
    assert line.transport.producerState == "paused"
    line.process.resumeProducing()
    assert line.recorder.outputs == {1: b"one", 2: b"two"}
    line.process.resumeProducing()
    assert line.recorder.outputs == {1: b"onethree", 2: b"two"}


def test_the_end_waits_for_a_protocol_that_is_paused() -> None:
    """A protocol knows of the end only when it has taken all that came before."""
    line = Line(pauses=True)
    line.duplex.receive(frame(1, b"one") + frame(1, b"two"))
    line.lose()
    assert line.recorder.calls == ["made"]
    line.process.resumeProducing()
    assert line.recorder.calls == ["made"]
    line.process.resumeProducing()
    assert line.recorder.outputs[1] == b"onetwo"
    assert line.recorder.calls[-1] == "ended"
    assert line.recorder.reason is not None
    assert line.recorder.reason.check(ProcessDone)


@pytest.mark.parametrize("content", [frame(1, b"one")[:10], b"what is this?"])
def test_output_that_breaks_off_is_said(content: bytes) -> None:
    """Output that ends within a frame, or is in none, is an error for who waits and for the protocol."""
    line = Line()
    line.duplex.receive(content)
    line.lose()
    assert line.recorder.reason is not None
    assert line.recorder.reason.check(StreamCorrupt)
    with pytest.raises(StreamCorrupt):
        Bench().result(line.process.wait())


def test_an_engine_that_does_not_know_the_end_is_said() -> None:
    """When the exit code is not known, why is told to who waits and to the protocol."""
    line = Line(fails=ConnectionFailed("gone"))
    waiting = Bench().begin(line.process.wait())
    line.lose()
    assert line.recorder.calls[-2:] == ["exited", "ended"]
    with pytest.raises(ConnectionFailed, match="gone"):
        Bench().result(waiting)


def test_input_needs_a_process_that_reads() -> None:
    """Writing to a process without a standard input is a mistake that is said."""
    bench, container = bench_with_container("sleep", "100")
    process = bench.result(bench.client.containers.exec(container, ["cat"], Recorder()))
    with pytest.raises(RuntimeError, match="standard input"):
        process.write(b"hello")
    with pytest.raises(KeyError):
        process.writeToChild(3, b"hello")
    process.closeStdin()
    assert bench.result(process.wait()) == 0


def test_a_command_is_no_text() -> None:
    """A command is a list of words: a text would be a list of its letters."""
    bench, container = bench_with_container("sleep", "100")
    with pytest.raises(TypeError):
        bench.result(bench.client.containers.run_inside(container, "ls"))


def test_a_process_that_has_closed_its_output_is_waited_for() -> None:
    """The engine is asked again and again, less and less often, until the process has ended."""
    bench, container = bench_with_container("sleep", "100")

    async def closing(process: Process) -> int:
        await process.sleep(1)
        for server in list(bench.engine.server.servers):
            if getattr(server, "_taken", None) is not None:
                server.abort()
        await process.sleep(10)
        return 7

    bench.engine.programs["closing"] = closing
    running = bench.begin(bench.client.containers.run_inside(container, ["closing"]))
    for _ in range(9):
        bench.pass_time(1)
        assert not running.called
    bench.pass_time(2)
    assert bench.result(running).exit_code == 7
    assert bench.engine.asked.count("exec.inspect") < 25


def test_a_cancelled_wait_closes_its_connection() -> None:
    """Who gives up a process in a container leaves no connection and no timer behind."""
    bench, container = bench_with_container("sleep", "100")
    running = bench.begin(bench.client.containers.run_inside(container, ["cat"], input=b""))
    assert bench.result(running).exit_code == 0
    running = bench.begin(bench.client.containers.run_inside(container, ["sleep", "100"]))
    assert transports(bench) == 1
    running.cancel()
    bench.turn()
    with pytest.raises(CancelledError):
        bench.result(running)
    assert transports(bench) == 0
    bench.engine.close()
    assert [timer for timer in bench.clock.getDelayedCalls() if timer.active()] == []


def test_an_engine_that_restarts_is_said() -> None:
    """A process whose engine goes away ends with an error, not with an exit code."""
    bench, container = bench_with_container("sleep", "100")
    recorder = Recorder()
    process = bench.result(bench.client.containers.exec(container, ["cat"], recorder, stdin=True))
    bench.engine.fail_next("exec.inspect", refuse(404, "No such exec instance"))
    bench.engine.restart()
    bench.turn()
    with pytest.raises(EngineError, match="No such exec"):
        bench.result(process.wait())
    assert recorder.calls[-1] == "ended"


def test_a_client_that_is_closed_ends_its_processes() -> None:
    """Closing the client lets go of every process, and tells their protocols."""
    bench, container = bench_with_container("sleep", "100")
    recorder = Recorder()
    process = bench.result(bench.client.containers.exec(container, ["cat"], recorder, stdin=True))
    waiting = bench.begin(process.wait())
    bench.result(bench.client.close())
    with pytest.raises(ConnectionFailed, match="closed"):
        bench.result(waiting)
    assert recorder.calls[-1] == "ended"


def attached_to_fleeting() -> tuple[Bench, Recorder, ContainerProcess]:
    """Attach to a container that removes itself, and runs."""
    bench, container = bench_with_container("sleep", "100", auto_remove=True)
    recorder = Recorder()
    process = bench.result(bench.client.containers.attach(container, recorder))
    # What it is attached by, and what waits for its end.
    assert transports(bench) == 2
    return bench, recorder, process


def test_whoever_lets_go_of_a_container_waits_no_more() -> None:
    """The engine is not kept waiting for the end of a process that nobody is connected to."""
    bench, recorder, process = attached_to_fleeting()
    process.close()
    bench.turn()
    assert recorder.calls[-1] == "ended"
    assert transports(bench) == 0
    bench.engine.close()
    assert [timer for timer in bench.clock.getDelayedCalls() if timer.active()] == []


def test_the_connection_that_waited_serves_again() -> None:
    """When a container has ended, one connection is kept, and the client can be closed."""
    bench, recorder, process = attached_to_fleeting()
    bench.pass_time(100)
    assert recorder.calls[-1] == "ended"
    assert bench.result(process.wait()) == 0
    assert transports(bench) == 1
    assert bench.result(bench.client.close()) is None


def test_who_cannot_attach_does_not_wait() -> None:
    """An engine that refuses is not kept waiting for the container's end."""
    bench, container = bench_with_container("sleep", "100", auto_remove=True)
    bench.engine.fail_next("container.attach", refuse(409, "not now"))
    with pytest.raises(Conflict):
        bench.result(bench.client.containers.attach(container, Recorder()))
    assert transports(bench) == 0
    bench.engine.fail_next("container.attach", silence())
    attaching = bench.begin(bench.client.containers.attach(container, Recorder()))
    assert transports(bench) == 2
    attaching.cancel()
    bench.turn()
    with pytest.raises(CancelledError):
        bench.result(attaching)
    assert transports(bench) == 0


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b'{"StatusCode": 0, "Error": {"Message": "no such container"}}', "not known: no such container"),
        (b"{}", "an exit of the engine has no StatusCode"),
        (b"", "did not say how the container ended"),
    ],
)
def test_a_wait_that_failed_is_no_exit_code(answer: bytes, error: str) -> None:
    """Podman answers 0 for a container that it could not wait for, and says so beside it."""
    bench, container = bench_with_container("sleep", "1")
    process = bench.result(bench.client.containers.attach(container, Recorder()))
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(answer)}\r\n\r\n".encode()
    bench.engine.fail_next("container.wait", garbage(head + answer))
    bench.pass_time(1)
    with pytest.raises(EngineError, match=error):
        bench.result(process.wait())


def test_a_terminals_output_is_given_as_it_comes() -> None:
    """Nothing is looked for in the bytes of a terminal."""
    line = Line(tty=True)
    line.duplex.receive(b"\x01\0\0\0")
    assert line.recorder.outputs[1] == b"\x01\0\0\0"


def test_a_reader_that_pauses_at_once_is_heard() -> None:
    """A protocol that pauses while it is connected is given nothing before it goes on."""
    bench, container = bench_with_container("sleep", "100")

    class Late(Recorder):
        def connectionMade(self) -> None:
            assert self.transport is not None
            self.transport.pauseProducing()  # type: ignore[attr-defined]

    recorder = Late()
    process = bench.result(bench.client.containers.exec(container, ["echo", "hello"], recorder))
    assert recorder.outputs[1] == b""
    process.resumeProducing()
    bench.turn()
    assert recorder.outputs[1] == b"hello\n"
    assert bench.result(process.wait()) == 0
