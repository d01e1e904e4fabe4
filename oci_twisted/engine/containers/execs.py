"""
Further processes in running containers, and the main ones.
"""

from __future__ import annotations

import functools
import secrets
from typing import TYPE_CHECKING

from twisted.internet.task import deferLater

from oci_twisted.engine.containers.exits import Ending
from oci_twisted.engine.containers.outputs import OUTPUT_LIMIT, Collector, Output, check_input, fed
from oci_twisted.engine.containers.processes import ContainerProcess
from oci_twisted.engine.errors import Unsupported

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from twisted.internet.interfaces import IProcessProtocol

    from oci_twisted.engine.calls import Calls
    from oci_twisted.engine.documents import Fields
    from oci_twisted.engine.interfaces import IDuplex
    from oci_twisted.engine.requests import Body

# How often an engine is asked whether a process has ended that has closed its output: soon, and less and less.
_FIRST_PAUSE = 0.01
_LONGEST_PAUSE = 1.0
# What a terminal makes a signal of.
_KEYS = {"INT": b"\x03", "QUIT": b"\x1c", "TSTP": b"\x1a"}


class ContainerExecs:
    """
    The operations that connect to processes in containers.

    A process lasts as long as it likes: nothing bounds `exec`, `attach` and `run_inside` but whoever has called them,
    by cancelling, ``Deferred.addTimeout`` or `ContainerProcess.close`.
    """

    _calls: Calls

    async def exec(
        self,
        container: str,
        command: Sequence[str],
        protocol: IProcessProtocol,
        *,
        stdin: bool = False,
        tty: bool = False,
        environment: Mapping[str, str] | None = None,
        user: str | None = None,
        working_directory: str | None = None,
        privileged: bool = False,
    ) -> ContainerProcess:
        """
        Start a process in a running container, and connect a protocol to it.

        A program that is not there is found out by the process's end, with 126 or 127, or by `EngineError`; engines
        differ in it.  To let go of the process does not end it.

        :param protocol: as for ``reactor.spawnProcess``.
        :param stdin: whether the process has a standard input, which you close.
        :param tty: whether it has a terminal: then all that it writes is its standard output.
        :param environment: beside the container's.
        :raise Conflict: when the container does not run.
        """
        if isinstance(command, str):
            raise TypeError(f"a command is a list of words, not {command!r}")
        config = {
            "Cmd": list(command),
            "AttachStdin": stdin,
            "AttachStdout": True,
            "AttachStderr": True,
            "Tty": tty,
            "Env": [f"{name}={value}" for name, value in (environment or {}).items()],
            "User": user or "",
            "WorkingDir": working_directory or "",
            "Privileged": privileged,
            "DetachKeys": _keys_that_nobody_presses(),
        }
        id_ = (await self._calls.fields("an exec", "exec.create", id=container, config=config)).text("Id")
        duplex = await self._calls.duplex("exec.start", id=id_, config={"Detach": False, "Tty": tty})

        async def resize(rows: int, columns: int) -> None:
            await self._calls.ask("exec.resize", id=id_, height=rows, width=columns)

        process = ContainerProcess(
            duplex,
            protocol,
            tty=tty,
            stdin=stdin,
            exit_code=functools.partial(_exec_exit, self._calls, id_),
            resize=resize,
            kill=functools.partial(_press, duplex if tty and stdin else None),
        )
        process.start()
        return process

    async def run_inside(
        self,
        container: str,
        command: Sequence[str],
        *,
        input: Body = None,  # noqa: A002 - subprocess's word
        environment: Mapping[str, str] | None = None,
        user: str | None = None,
        working_directory: str | None = None,
        limit: int = OUTPUT_LIMIT,
        check: bool = False,
    ) -> Output:
        """
        Run a process in a running container to its end, and answer what it wrote.

        When this is cancelled, the process is let go of; one that neither reads nor writes goes on.

        :param input: its standard input, which it does not have if ``None``.
        :param limit: so many bytes of each of its outputs are kept; the rest is thrown away.
        :param check: whether another exit code than 0 is an error.
        :raise ContainerFailed: if so.
        :raise Conflict: when the container does not run.
        """
        check_input(input)
        collector = Collector(limit)
        process = await self.exec(
            container,
            command,
            collector,
            stdin=input is not None,
            environment=environment,
            user=user,
            working_directory=working_directory,
        )
        return collector.output(await fed(process, input), what=command[0], check=check)

    async def attach(
        self, container: str, protocol: IProcessProtocol, *, stdin: bool = False, logs: bool = False
    ) -> ContainerProcess:
        """
        Connect a protocol to a container's own process, which need not run yet.

        Nothing is missed when that is started afterwards, for the first time or again.  Its exit code is known although
        the container removes itself, or is run again, at once.  To let go of the process does not end it.

        :param protocol: as for ``reactor.spawnProcess``.
        :param stdin: whether its standard input is connected, if it was created with one.
        :param logs: whether what it has written so far comes first.
        """
        fields = await self._calls.fields("a container", "container.inspect", id=container)
        tty = fields.inner("Config").truth("Tty", default=False)
        ending = await Ending.awaited(self._calls, container, "next-exit") if _is_fleeting(fields) else None
        try:
            duplex = await self._calls.duplex(
                "container.attach",
                id=container,
                stream=True,
                stdin=stdin,
                stdout=True,
                stderr=True,
                logs=logs,
                detach_keys=_keys_that_nobody_presses(),
            )
        except BaseException:
            if ending is not None:
                ending.close()
            raise

        async def exit_code() -> int:
            return await (ending or await Ending.awaited(self._calls, container)).code()

        async def resize(rows: int, columns: int) -> None:
            await self._calls.ask("container.resize", id=container, height=rows, width=columns)

        async def kill(name: str) -> None:
            await self._calls.ask("container.kill", id=container, signal=name)

        process = ContainerProcess(
            duplex,
            protocol,
            tty=tty,
            stdin=stdin,
            exit_code=exit_code,
            resize=resize,
            kill=kill,
            over=ending.close if ending is not None else None,
        )
        process.start()
        return process


def _keys_that_nobody_presses() -> str:
    """
    Answer keys at which an engine lets go of a process's input.

    Engines have such keys whatever they are told: Docker with a terminal and Podman always, so that of bytes that are
    written some would be lost.  They cannot be switched off: an empty word means the usual ones, ctrl-p and ctrl-q.
    A byte that is the first of them is held back until another one comes, so that it is one that means little.
    """
    return ",".join(["ctrl-^", *secrets.token_hex(8)])


def _is_fleeting(container: Fields) -> bool:
    """
    Answer whether a container that has ended is soon not one any more that can be asked how.

    One that is run again would be waited for until it ends again.  To begin to wait costs a connection for as long as
    the process lasts, so that others are asked afterwards.
    """
    host = container.inner("HostConfig")
    return host.truth("AutoRemove", default=False) or host.inner("RestartPolicy").text("Name", "") not in {"", "no"}


async def _exec_exit(calls: Calls, id_: str) -> int:
    pause = _FIRST_PAUSE
    while True:
        fields = await calls.fields("an exec", "exec.inspect", id=id_)
        # While it runs, Docker has null for its code, and Podman 0.
        if not fields.truth("Running", default=False) and fields.whole.get("ExitCode") is not None:
            return fields.number("ExitCode")
        await deferLater(calls.reactor, pause)
        pause = min(pause * 2, _LONGEST_PAUSE)


async def _press(duplex: IDuplex | None, name: str) -> None:
    key = _KEYS.get(name.removeprefix("SIG"))
    if duplex is None or key is None:
        raise Unsupported(f"no engine sends {name} to a process of an exec")
    duplex.transport.write(key)
