"""
The operations that connect to processes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define
from twisted.internet.defer import Deferred

from oci_twisted.testing.engine.memory.attachments import Attachment
from oci_twisted.testing.engine.memory.containers import asked_for, find_program, running
from oci_twisted.testing.engine.memory.processes import STDERR, Process
from oci_twisted.testing.engine.memory.refusals import Refused
from oci_twisted.testing.engine.memory.server import Reply, as_json

if TYPE_CHECKING:
    from oci_twisted.testing.engine.memory.containers import MemoryContainer
    from oci_twisted.testing.engine.memory.engine import MemoryEngine
    from oci_twisted.testing.engine.memory.processes import Program
    from oci_twisted.testing.engine.memory.routes import Asked

_NOT_FOUND = 127
_RAW = {"Content-Type": "application/vnd.docker.raw-stream"}


@define(eq=False)
class MemoryExec:
    """
    A further process of a container.

    :ivar config: as Docker has it.
    """

    id: str
    container: MemoryContainer
    config: dict[str, Any]
    process: Process | None = None

    def start(self, engine: MemoryEngine) -> Process:
        """Begin.  What is not there is said by the process itself, as Docker does."""
        command = tuple(self.config["Cmd"])
        given = dict(one.split("=", 1) for one in self.config.get("Env") or ())
        environment = {**self.container.environment, **given}
        process = Process(command, environment, engine.reactor, engine.new_pid(), keeps_output=False)
        self.process = process
        if not self.config.get("AttachStdin"):
            process.end_input()
        self.container.tell(engine, f"exec_start: {' '.join(command)}", execID=self.id)
        ended = Deferred.fromCoroutine(process.wait())
        ended.addCallback(lambda code: self.container.tell(engine, "exec_die", execID=self.id, exitCode=str(code)))
        return process

    def program(self, engine: MemoryEngine) -> Program:
        """Answer what it does."""
        try:
            return find_program(engine, tuple(self.config["Cmd"]))
        except Refused as refused:
            message = refused.message

        async def complain(process: Process) -> int:
            process.write(f"OCI runtime exec failed: {message}\r\n".encode(), STDERR)
            return _NOT_FOUND

        return complain


async def create(engine: MemoryEngine, asked: Asked) -> Reply:
    """Make one, which does not run yet."""
    container = asked_for(engine, asked)
    running(container)
    if container.paused:
        raise Refused(409, f"Container {container.id} is paused, unpause the container before exec")
    made = MemoryExec(engine.new_id(), container, asked.document)
    container.execs[made.id] = made
    container.tell(engine, f"exec_create: {' '.join(made.config['Cmd'])}", execID=made.id)
    return as_json({"Id": made.id}, 201)


async def start(engine: MemoryEngine, asked: Asked) -> Reply:
    """Start it, and give the connection to it."""
    one = _find(engine, asked)
    if one.process is not None:
        raise Refused(409, f"Error: Exec command {one.id} has already run")
    running(one.container)

    def begin(attachment: Attachment) -> None:
        process = one.start(engine)
        attachment.connect(process)
        process.start(one.program(engine))

    def takes_over() -> Attachment:
        config = one.config
        tty, stdin, keys = bool(config.get("Tty")), bool(config.get("AttachStdin")), config.get("DetachKeys", "")
        return Attachment(tty=tty, stdin=stdin, begin=begin, detach_keys=keys)

    return Reply(headers=_RAW, takes_over=takes_over)


async def detach(engine: MemoryEngine, asked: Asked) -> Reply:
    """Start it, and nothing more."""
    one = _find(engine, asked)
    running(one.container)
    one.start(engine).start(one.program(engine))
    return Reply(200)


async def inspect(engine: MemoryEngine, asked: Asked) -> Reply:
    """Answer how it is."""
    one = _find(engine, asked)
    code = None if one.process is None else one.process.exit_code
    return as_json(
        {
            "ID": one.id,
            "ContainerID": one.container.id,
            "Running": one.process is not None and code is None,
            "ExitCode": code,
            "Pid": 0 if one.process is None else one.process.pid,
        }
    )


async def resize(engine: MemoryEngine, asked: Asked) -> Reply:
    """Note how large its terminal is."""
    one = _find(engine, asked)
    if one.process is None or one.process.exit_code is not None:
        raise Refused(500, f"exec process {one.id} is not running")
    one.process.size = (int(asked.text("height")), int(asked.text("width")))
    return Reply(200)


async def attach(engine: MemoryEngine, asked: Asked) -> Reply:
    """Give the connection to a container's own process."""
    container = asked_for(engine, asked)
    wanted = frozenset(number for number, name in ((1, "stdout"), (2, "stderr")) if asked.truth(name))

    def begin(attachment: Attachment) -> None:
        process = container.process
        if process is not None and asked.truth("logs"):
            for when, stream, content in process.output:
                attachment.write(when, stream, content)
        # One that has ended may be started again.
        container.attached.append(attachment)
        if process is not None and process.exit_code is None:
            attachment.connect(process)

    def gone(attachment: Attachment) -> None:
        if attachment in container.attached:
            container.attached.remove(attachment)

    def takes_over() -> Attachment:
        stdin = asked.truth("stdin") and bool(container.config.get("OpenStdin"))
        tty = bool(container.config.get("Tty"))
        closes = bool(container.config.get("StdinOnce"))
        return Attachment(
            tty=tty,
            stdin=stdin,
            begin=begin,
            gone=gone,
            wanted=wanted,
            closes=closes,
            detach_keys=asked.text("detach_keys"),
        )

    return Reply(headers=_RAW, takes_over=takes_over)


async def resize_container(engine: MemoryEngine, asked: Asked) -> Reply:
    """Note how large its terminal is."""
    running(asked_for(engine, asked)).size = (int(asked.text("height")), int(asked.text("width")))
    return Reply(200)


def _find(engine: MemoryEngine, asked: Asked) -> MemoryExec:
    for container in engine.containers.values():
        if asked.text("id") in container.execs:
            return container.execs[asked.text("id")]
    raise Refused(404, f"No such exec instance: {asked.text('id')}")


OPERATIONS = {
    "exec.create": create,
    "exec.start": start,
    "exec.detach": detach,
    "exec.inspect": inspect,
    "exec.resize": resize,
    "container.attach": attach,
    "container.resize": resize_container,
}
