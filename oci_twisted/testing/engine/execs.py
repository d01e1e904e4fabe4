"""
Processes in containers that somebody is connected to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ProcessTerminated
from twisted.internet.interfaces import IConsumer, IProcessTransport, IPushProducer
from twisted.internet.protocol import ProcessProtocol
from zope.interface.verify import verifyObject

from oci_twisted.engine.errors import Conflict, ContainerFailed, EngineError, NotFound, Unsupported
from oci_twisted.testing.engine.examples import config, fresh, in_pieces
from oci_twisted.testing.waiting import turn, waits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from twisted.python.failure import Failure

    from oci_twisted.engine import EngineClient
    from oci_twisted.testing.engine.examples import Made

SLEEP = ("/bin/sleep", "1000")
BOTH = ("/bin/sh", "-c", "echo out ; echo err >&2 ; exit 3")
_TURNS = 300


class Recorder(ProcessProtocol):
    """
    Notes what a process does.

    :ivar calls: the names of the protocol's methods that were called, but for those with bytes.
    :ivar outputs: what came from each descriptor.
    """

    def __init__(self, *, pauses: bool = False) -> None:
        self._pauses = pauses
        self._waiting: list[tuple[bytes, Deferred[None]]] = []
        self.calls: list[str] = []
        self.outputs = {1: b"", 2: b""}
        self.reason: Failure | None = None

    async def until(self, content: bytes) -> None:
        """Wait until standard output has some bytes in it."""
        if content not in self.outputs[1]:
            waiting: Deferred[None] = Deferred()
            self._waiting.append((content, waiting))
            await waiting

    def connectionMade(self) -> None:
        """Begin."""
        self.calls.append("made")

    def childDataReceived(self, childFD: int, data: bytes) -> None:  # noqa: N803 - Twisted's name
        """Note what came."""
        assert data
        self.outputs[childFD] += data
        if self._pauses:
            assert self.transport is not None
            self.transport.pauseProducing()  # type: ignore[attr-defined]  # the interface does not say so
        for content, waiting in self._waiting:
            if content in self.outputs[1] and not waiting.called:
                waiting.callback(None)

    def childConnectionLost(self, childFD: int) -> None:  # noqa: N803 - Twisted's name
        """Note it."""
        self.calls.append(f"lost {childFD}")

    def processExited(self, reason: Failure) -> None:
        """Note it."""
        self.calls.append("exited")
        self.reason = reason

    def processEnded(self, reason: Failure) -> None:
        """Note it."""
        assert reason is self.reason
        self.calls.append("ended")


async def _turns() -> None:
    for _ in range(_TURNS):
        await turn()


class ExecContract:
    """What an engine does with processes that somebody is connected to."""

    @waits
    async def test_what_a_process_writes_is_answered(self, client: EngineClient, made: Made) -> None:
        """Its outputs come apart, and its exit code whatever that is."""
        output = await client.containers.run_inside(await made.container(*SLEEP), BOTH)
        assert (output.exit_code, output.stdout, output.stderr) == (3, b"out\n", b"err\n")
        assert not output.truncated

    @waits
    async def test_a_process_that_fails_is_an_error_if_asked_for(self, client: EngineClient, made: Made) -> None:
        """The error has the exit code, and the end of what the process wrote to its standard error."""
        with pytest.raises(ContainerFailed, match="3: err") as caught:
            await client.containers.run_inside(await made.container(*SLEEP), BOTH, check=True)
        assert caught.value.exit_code == 3
        assert caught.value.stderr == b"err\n"

    @waits
    async def test_no_more_is_kept_than_asked_for(self, client: EngineClient, made: Made) -> None:
        """What is longer than the limit is cut off, and that is said."""
        output = await client.containers.run_inside(await made.container(*SLEEP), BOTH, limit=2)
        assert (output.stdout, output.stderr, output.truncated) == (b"ou", b"er", True)

    @pytest.mark.parametrize("size", [0, 1, 3 << 20])
    @waits
    async def test_a_process_reads_to_the_end(self, client: EngineClient, made: Made, size: int) -> None:
        """Its standard input arrives whole, and ends, while its output goes on."""
        content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
        container = await made.container(*SLEEP)
        output = await client.containers.run_inside(container, ("/bin/cat",), input=content, limit=4 << 20)
        assert (output.exit_code, output.stdout, output.stderr) == (0, content, b"")
        pieces = in_pieces(content)
        output = await client.containers.run_inside(container, ("/bin/cat",), input=pieces, limit=4 << 20)
        assert output.stdout == content

    @waits
    async def test_a_broken_source_of_input_is_said(self, client: EngineClient, made: Made) -> None:
        """What the source raises is what the call raises."""

        async def broken() -> AsyncIterator[bytes]:
            yield b"some"
            raise ZeroDivisionError

        container = await made.container(*SLEEP)
        with pytest.raises(ZeroDivisionError):
            await client.containers.run_inside(container, ("/bin/cat",), input=broken())

    @waits
    async def test_a_process_has_what_it_was_given(self, client: EngineClient, made: Made) -> None:
        """Its environment is its own beside the container's."""
        container = await made.container(*SLEEP, environment={"SIZE": "small"})
        output = await client.containers.run_inside(
            container, ("/bin/sh", "-c", "echo $SIZE $COLOUR"), environment={"COLOUR": "red"}
        )
        assert output.stdout == b"small red\n"

    @waits
    async def test_a_protocol_is_called_in_order(self, client: EngineClient, made: Made) -> None:
        """As Twisted calls that of a process of its own: made, bytes, each output lost, exited, ended."""
        recorder = Recorder()
        process = await client.containers.exec(await made.container(*SLEEP), BOTH, recorder)
        assert verifyObject(IProcessTransport, process)
        assert verifyObject(IConsumer, process)
        assert verifyObject(IPushProducer, process)
        assert await process.wait() == 3
        assert await process.wait() == 3
        assert recorder.calls == ["made", "lost 0", "lost 1", "lost 2", "exited", "ended"]
        assert recorder.outputs == {1: b"out\n", 2: b"err\n"}
        assert recorder.reason is not None
        assert recorder.reason.check(ProcessTerminated)
        assert getattr(recorder.reason.value, "exitCode", None) == 3

    @waits
    async def test_a_process_is_talked_to(self, client: EngineClient, made: Made) -> None:
        """What is written is read, and answered, while both go on."""
        recorder = Recorder()
        process = await client.containers.exec(await made.container(*SLEEP), ("/bin/cat",), recorder, stdin=True)
        for word in (b"one\n", b"two\n"):
            process.write(word)
            await recorder.until(word)
        process.closeStdin()
        process.closeStdin()
        assert await process.wait() == 0
        assert recorder.outputs == {1: b"one\ntwo\n", 2: b""}

    @waits
    async def test_what_is_written_last_is_read(self, client: EngineClient, made: Made) -> None:
        """A few bytes, and the end right behind them, arrive whenever they are written."""
        recorder = Recorder()
        process = await client.containers.exec(await made.container(*SLEEP), ("/bin/cat",), recorder, stdin=True)
        await turn()
        process.write(b"the")
        process.write(b" last")
        process.closeStdin()
        assert await process.wait() == 0
        assert recorder.outputs == {1: b"the last", 2: b""}

    @waits
    async def test_a_terminal_has_one_output(self, client: EngineClient, made: Made) -> None:
        """With a terminal, both outputs are one, and its lines end as a terminal's do."""
        recorder = Recorder()
        process = await client.containers.exec(await made.container(*SLEEP), BOTH, recorder, tty=True)
        assert await process.wait() == 3
        assert recorder.outputs == {1: b"out\r\nerr\r\n", 2: b""}
        assert "lost 2" not in recorder.calls

    @waits
    async def test_a_terminal_has_a_size(self, client: EngineClient, made: Made) -> None:
        """The process sees how large it is said to be."""
        recorder = Recorder()
        command = ("/bin/sh", "-c", "echo ready ; cat ; stty size")
        process = await client.containers.exec(await made.container(*SLEEP), command, recorder, tty=True, stdin=True)
        await recorder.until(b"ready")
        await process.resize(30, 100)
        # The end of a terminal's input is a key.
        process.write(b"\x04")
        assert await process.wait() == 0
        assert b"30 100\r\n" in recorder.outputs[1]
        with pytest.raises(EngineError):
            await process.resize(31, 100)

    @waits
    async def test_a_terminal_interrupts(self, client: EngineClient, made: Made) -> None:
        """The few signals that a terminal has keys for reach the process; others cannot be sent."""
        recorder = Recorder()
        command = ("/bin/sh", "-c", "echo ready ; cat")
        process = await client.containers.exec(await made.container(*SLEEP), command, recorder, tty=True, stdin=True)
        await recorder.until(b"ready")
        with pytest.raises(Unsupported):
            await process.signal("HUP")
        await process.signal("INT")
        assert await process.wait() == 130

    @pytest.mark.parametrize("tty", [True, False], ids=["terminal", "pipe"])
    @pytest.mark.parametrize("main", [True, False], ids=["attach", "exec"])
    @waits
    async def test_no_bytes_mean_to_let_go(
        self,
        client: EngineClient,
        made: Made,
        main: bool,  # noqa: FBT001 - a parameter of pytest's
        tty: bool,  # noqa: FBT001
    ) -> None:
        """The keys at which engines let go of a process unless they are told otherwise reach it one by one."""
        command = ("/bin/sh", "-c", "stty raw -echo ; echo ready ; cat" if tty else "echo ready ; cat")
        recorder = Recorder()
        if main:
            container = await made.container(*command, start=False, stdin=True, tty=tty)
            process = await client.containers.attach(container, recorder, stdin=True)
            await client.containers.start(container)
        else:
            container = await made.container(*SLEEP)
            process = await client.containers.exec(container, command, recorder, stdin=True, tty=tty)
        await recorder.until(b"ready")
        for key in (b"\x10", b"\x11", b"\x1e!", b"\x10\x11"):
            process.write(key)
            await recorder.until(key)
        process.close()

    @waits
    async def test_a_slow_reader_keeps_the_process_waiting(self, client: EngineClient, made: Made) -> None:
        """Nothing is delivered while it is paused, whatever the process writes, and all of it afterwards."""
        recorder = Recorder(pauses=True)
        process = await client.containers.exec(await made.container(*SLEEP), ("/bin/yes",), recorder)
        await recorder.until(b"y\n")
        size = len(recorder.outputs[1])
        await _turns()
        assert len(recorder.outputs[1]) == size
        while len(recorder.outputs[1]) < 1 << 20:
            process.resumeProducing()
            await turn()
        assert recorder.outputs[1].strip(b"y\n") == b""
        process.close()
        with pytest.raises(CancelledError):
            await process.wait()

    @waits
    async def test_letting_go_of_a_process(self, client: EngineClient, made: Made) -> None:
        """Who waits for it is cancelled, the protocol is told, the container goes on, and no connection is left."""
        container = await made.container(*SLEEP)
        recorder = Recorder()
        process = await client.containers.exec(container, ("/bin/cat",), recorder, stdin=True)
        waiting = Deferred.fromCoroutine(process.wait())
        process.close()
        process.close()
        with pytest.raises(CancelledError):
            await waiting
        assert recorder.calls[-2:] == ["exited", "ended"]
        assert recorder.reason is not None
        assert recorder.reason.check(CancelledError)
        assert (await client.containers.inspect(container)).state.is_running

    @waits
    async def test_a_process_needs_a_container_that_runs(self, client: EngineClient, made: Made) -> None:
        """In one that does not run nothing is started, nor in one that is not there."""
        container = await made.container(*SLEEP, start=False)
        with pytest.raises(Conflict):
            await client.containers.run_inside(container, ("/bin/true",))
        with pytest.raises(NotFound):
            await client.containers.run_inside(fresh("nobody"), ("/bin/true",))
        with pytest.raises(NotFound):
            await client.containers.attach(fresh("nobody"), Recorder())

    @waits
    async def test_a_program_that_is_not_there_cannot_be_run_inside(self, client: EngineClient, made: Made) -> None:
        """It is an error of the engine's, or ends with one of the shell's two codes for it."""
        container = await made.container(*SLEEP)
        with pytest.raises(EngineError, match="nonsense"):
            await client.containers.run_inside(container, ("/bin/nonsense",), check=True)

    @waits
    async def test_a_container_is_attached_to(self, client: EngineClient, made: Made) -> None:
        """Who is connected before it starts misses nothing; its input ends when that is closed."""
        container = await made.container("/bin/cat", start=False, stdin=True, stdin_once=True)
        recorder = Recorder()
        process = await client.containers.attach(container, recorder, stdin=True)
        await client.containers.start(container)
        process.write(b"hello\n")
        await recorder.until(b"hello\n")
        process.closeStdin()
        assert await process.wait() == 0
        assert recorder.outputs == {1: b"hello\n", 2: b""}

    @waits
    async def test_what_a_container_has_written_comes_first(self, client: EngineClient, made: Made) -> None:
        """If that is asked for, both of its outputs come from their beginnings, and then what is written next."""
        container = await made.container("/bin/sh", "-c", "echo err >&2 ; echo ; echo out ; cat", stdin=True)
        log = await client.containers.logs(container, follow=True, stderr=False)
        async for line in log.lines():
            if line.content == b"out":
                break
        log.close()
        recorder = Recorder()
        process = await client.containers.attach(container, recorder, stdin=True, logs=True)
        process.write(b"more\n")
        await recorder.until(b"more\n")
        assert recorder.outputs == {1: b"\nout\nmore\n", 2: b"err\n"}
        process.close()

    @waits
    async def test_an_attached_container_gets_signals(self, client: EngineClient, made: Made) -> None:
        """A container's own process can be sent any signal."""
        container = await made.container(*SLEEP)
        process = await client.containers.attach(container, Recorder())
        await process.signal("KILL")
        assert await process.wait() == 137

    @pytest.mark.parametrize("command", [BOTH, ("/bin/sh", "-c", "sleep 0.3 ; exit 3")], ids=["soon", "later"])
    @waits
    async def test_a_container_that_removes_itself_has_an_exit_code(
        self, client: EngineClient, made: Made, command: tuple[str, ...]
    ) -> None:
        """Although there is nobody any more who could be asked for it."""
        created = await client.containers.create(config(made.image, *command, auto_remove=True), name=fresh("box"))
        process = await client.containers.attach(created.id, Recorder())
        await client.containers.start(created.id)
        assert await process.wait() == 3

    @waits
    async def test_a_container_that_is_run_again_has_the_exit_code_of_its_first_run(
        self, client: EngineClient, made: Made
    ) -> None:
        """Whoever was attached to one run does not wait for the end of the next."""
        command = ("/bin/sh", "-c", "cat ; exit 3")
        container = await made.container(*command, start=False, stdin=True, stdin_once=True, restart="always")
        process = await client.containers.attach(container, Recorder(), stdin=True)
        await client.containers.start(container)
        process.closeStdin()
        assert await process.wait() == 3

    @waits
    async def test_one_who_attaches_to_a_container_that_has_ended_sees_its_next_run(
        self, client: EngineClient, made: Made
    ) -> None:
        """It is as with one that has not run yet: nothing of what it did before comes."""
        container = await made.container(*BOTH)
        await client.containers.wait(container)
        recorder = Recorder()
        process = await client.containers.attach(container, recorder)
        await _turns()
        assert recorder.calls == ["made"]
        await client.containers.start(container)
        assert await process.wait() == 3
        assert recorder.outputs == {1: b"out\n", 2: b"err\n"}

    @waits
    async def test_a_container_runs_to_its_end(self, client: EngineClient, made: Made) -> None:
        """Its outputs and its exit code are answered, and it is not there afterwards."""
        name = fresh("box")
        output = await client.containers.run(config(made.image, *BOTH), name=name)
        assert (output.exit_code, output.stdout, output.stderr) == (3, b"out\n", b"err\n")
        assert not await client.containers.exists(name)
        output = await client.containers.run(config(made.image, "/bin/cat"), name=name, input=b"hello")
        assert (output.exit_code, output.stdout) == (0, b"hello")
        with pytest.raises(ContainerFailed, match="err"):
            await client.containers.run(config(made.image, *BOTH), name=name, check=True)
        with pytest.raises(EngineError, match="nonsense"):
            await client.containers.run(config(made.image, "/bin/nonsense"), name=name)
        assert not await client.containers.exists(name)

    @pytest.mark.parametrize("turns", [0, 5, 300])
    @waits
    async def test_a_cancelled_run_leaves_no_container(self, client: EngineClient, made: Made, turns: int) -> None:
        """Whenever it is cancelled, the container is removed before the caller knows."""
        name = fresh("box")
        running = Deferred.fromCoroutine(client.containers.run(config(made.image, *SLEEP), name=name))
        for _ in range(turns):
            await turn()
        running.cancel()
        with pytest.raises(CancelledError):
            await running
        assert not await client.containers.exists(name)
