"""
The operations on containers.
"""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any

from attrs import define, field
from twisted.internet.defer import Deferred

from oci_twisted.testing.engine.memory.filters import has_labels
from oci_twisted.testing.engine.memory.images import add_image, change, find_image, name_image
from oci_twisted.testing.engine.memory.processes import Process, signal_number
from oci_twisted.testing.engine.memory.refusals import Refused
from oci_twisted.testing.engine.memory.server import NOTHING, Reply, as_json, as_messages
from oci_twisted.testing.engine.memory.volumes import make_volumes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

    from oci_twisted.testing.engine.memory.archives import Files
    from oci_twisted.testing.engine.memory.attachments import Attachment
    from oci_twisted.testing.engine.memory.engine import MemoryEngine
    from oci_twisted.testing.engine.memory.execs import MemoryExec
    from oci_twisted.testing.engine.memory.processes import Program
    from oci_twisted.testing.engine.memory.routes import Asked

_UNCHANGED = Reply(304)
_GRACE = "10"
_FILTERS = ("id", "label", "name", "status")


@define(eq=False)
class MemoryContainer:
    """
    A container.

    :ivar config: what it was created with, as Docker has it.
    :ivar networks: the names of those that it is in.
    :ivar processes: its own, one after the other: the last runs, or ran last.
    """

    id: str
    name: str
    image_id: str
    config: dict[str, Any]
    created: datetime
    command: tuple[str, ...]
    environment: dict[str, str]
    networks: list[str] = field(factory=list)
    processes: list[Process] = field(factory=list)
    started: datetime | None = None
    finished: datetime | None = None
    paused: bool = False
    execs: dict[str, MemoryExec] = field(factory=dict)
    files: Files | None = field(default=None, repr=False)
    attached: list[Attachment] = field(factory=list, repr=False)
    _exits: list[Deferred[int]] = field(factory=list, repr=False)
    _removals: list[Deferred[int]] = field(factory=list, repr=False)

    @property
    def process(self) -> Process | None:
        """What runs, or ran last."""
        return self.processes[-1] if self.processes else None

    @property
    def is_running(self) -> bool:
        """Whether there is a process."""
        return self.process is not None and self.process.exit_code is None

    @property
    def exit_code(self) -> int:
        """Of the last process, or 0."""
        return 0 if self.process is None else self.process.exit_code or 0

    @property
    def status(self) -> str:
        """In the engine's words."""
        if self.process is None:
            return "created"
        if not self.is_running:
            return "exited"
        return "paused" if self.paused else "running"

    def start(self, engine: MemoryEngine) -> None:
        """Begin its process."""
        program = find_program(engine, self.command)
        process = Process(self.command, self.environment, engine.reactor, engine.new_pid())
        self.processes.append(process)
        self.started, self.finished = engine.now(), None
        if not self.config.get("OpenStdin"):
            process.end_input()
        for attachment in self.attached:
            attachment.connect(process)
        ended = Deferred.fromCoroutine(process.wait())
        ended.addCallback(self._has_ended, engine)
        self.tell(engine, "start")
        process.start(program)

    def tell(self, engine: MemoryEngine, action: str, **attributes: str) -> None:
        """Say that something has happened to it."""
        about = {"image": self.config["Image"], "name": self.name, **self.config.get("Labels", {}), **attributes}
        engine.events.emit("container", action, self.id, about)

    def kill(self) -> None:
        """End its processes, if it runs."""
        for one in self.execs.values():
            if one.process is not None:
                one.process.signal(signal.SIGKILL)
        if self.process is not None and self.is_running:
            self.process.signal(signal.SIGKILL)

    async def next_exit(self) -> int:
        """Answer the exit code when the process that runs, or runs next, has ended."""
        return await self._added(self._exits)

    async def removal(self) -> int:
        """Answer the last exit code when the container is removed."""
        return await self._added(self._removals)

    def removed(self) -> None:
        """Tell those who wait for it."""
        removals, self._removals = self._removals, []
        for waiting in removals:
            waiting.callback(self.exit_code)

    def document(self, engine: MemoryEngine) -> dict[str, Any]:
        """What inspecting it answers."""
        process = self.process
        image = engine.images.get(self.image_id)
        inherited = {} if image is None else image.config
        given = {name: value for name, value in self.config.items() if name != "HostConfig"}
        return {
            "Id": self.id,
            "Name": f"/{self.name}",
            "Image": self.image_id,
            "Created": self.created.isoformat(),
            "RestartCount": 0,
            "Config": {
                **inherited,
                **given,
                "Env": [f"{name}={value}" for name, value in self.environment.items()],
                "Hostname": given.get("Hostname", self.id[:12]),
                "Labels": {**inherited.get("Labels", {}), **given.get("Labels", {})},
            },
            "HostConfig": self.config.get("HostConfig", {}),
            "NetworkSettings": {"Networks": {name: {"IPAddress": ""} for name in self.networks}},
            "Mounts": [],
            "State": {
                "Status": self.status,
                "ExitCode": self.exit_code,
                "Pid": process.pid if process is not None and self.is_running else 0,
                "Error": "",
                "OOMKilled": False,
                "StartedAt": self.started.isoformat() if self.started else "0001-01-01T00:00:00Z",
                "FinishedAt": self.finished.isoformat() if self.finished else "0001-01-01T00:00:00Z",
            },
        }

    async def _added(self, waiting: list[Deferred[int]]) -> int:
        exited: Deferred[int] = Deferred(waiting.remove)
        waiting.append(exited)
        return await exited

    def _has_ended(self, code: int, engine: MemoryEngine) -> None:
        self.finished, self.paused = engine.now(), False
        self.kill()
        self.tell(engine, "die", exitCode=str(code))
        exits, self._exits = self._exits, []
        for waiting in exits:
            waiting.callback(code)
        if self.config.get("HostConfig", {}).get("AutoRemove"):
            engine.containers.pop(self.id, None)
            self.tell(engine, "destroy")
            self.removed()


def find_program(engine: MemoryEngine, command: tuple[str, ...]) -> Program:
    """
    Answer what runs a command.

    :raise Refused: when nothing does.
    """
    what = command[0] if command else ""
    program = engine.programs.get(what.rpartition("/")[2])
    if program is None:
        raise Refused(400, f'failed to create shim: exec: "{what}": stat {what}: no such file or directory')
    return program


def find_container(engine: MemoryEngine, name: str) -> MemoryContainer:
    """
    Answer the container of a name, an id or the beginning of one.

    :raise Refused: when there is none.
    """
    for container in engine.containers.values():
        if name in {container.name, container.id}:
            return container
    found = [one for id_, one in engine.containers.items() if id_.startswith(name)]
    if len(found) != 1:
        raise Refused(404, f"No such container: {name}")
    return found[0]


async def create(engine: MemoryEngine, asked: Asked) -> Reply:
    """Make a container."""
    config = asked.document
    image = find_image(engine, config["Image"])
    id_ = engine.new_id()
    name = asked.text("name", f"box_{id_[:8]}")
    _check_name(engine, name)
    entrypoint = config.get("Entrypoint")
    if entrypoint is None:
        entrypoint = image.config.get("Entrypoint", [])
    words = [*(word for word in entrypoint if word), *(config.get("Cmd") or image.config.get("Cmd", []))]
    environment = dict(one.split("=", 1) for one in [*image.config.get("Env", []), *config.get("Env", [])])
    host = config.get("HostConfig", {})
    make_volumes(engine, host)
    networks = [host.get("NetworkMode") or "bridge"]
    container = MemoryContainer(id_, name, image.id, config, engine.now(), tuple(words), environment, networks)
    engine.containers[id_] = container
    container.tell(engine, "create")
    return as_json({"Id": id_, "Warnings": []}, 201)


async def inspect(engine: MemoryEngine, asked: Asked) -> Reply:
    """Answer what there is to know of a container."""
    return as_json(asked_for(engine, asked).document(engine))


async def list_containers(engine: MemoryEngine, asked: Asked) -> Reply:
    """List containers, the youngest first."""
    filters, limit = asked.filters(*_FILTERS), int(asked.text("limit", "0"))
    every = asked.truth("all") or limit or "status" in filters
    chosen = [
        one for one in reversed(engine.containers.values()) if (every or one.is_running) and _is_chosen(one, filters)
    ]
    return as_json([_summary(one) for one in chosen[: limit or None]])


async def start(engine: MemoryEngine, asked: Asked) -> Reply:
    """Start it."""
    container = asked_for(engine, asked)
    if container.is_running:
        return _UNCHANGED
    container.start(engine)
    return NOTHING


async def stop(engine: MemoryEngine, asked: Asked) -> Reply:
    """Ask it to end, and end it if it does not."""
    container = asked_for(engine, asked)
    if not container.is_running:
        return _UNCHANGED
    await _stop(engine, container, asked)
    container.tell(engine, "stop")
    return NOTHING


async def restart(engine: MemoryEngine, asked: Asked) -> Reply:
    """Stop and start it."""
    container = asked_for(engine, asked)
    if container.is_running:
        await _stop(engine, container, asked)
    container.start(engine)
    container.tell(engine, "restart")
    return NOTHING


async def kill(engine: MemoryEngine, asked: Asked) -> Reply:
    """Send it a signal."""
    container = asked_for(engine, asked)
    process = running(container)
    try:
        number = signal_number(asked.text("signal", "SIGKILL"))
    except ValueError as error:
        raise Refused(400, str(error)) from error
    container.tell(engine, "kill", signal=str(number))
    process.signal(number)
    return NOTHING


async def pause(engine: MemoryEngine, asked: Asked) -> Reply:
    """Let it stand still.  Its process does not know."""
    container = asked_for(engine, asked)
    running(container)
    if container.paused:
        raise Refused(409, f"Container {container.id} is already paused")
    container.paused = True
    container.tell(engine, "pause")
    return NOTHING


async def unpause(engine: MemoryEngine, asked: Asked) -> Reply:
    """Let it go on."""
    container = asked_for(engine, asked)
    if not container.paused:
        raise Refused(500, f"Container {container.id} is not paused")
    container.paused = False
    container.tell(engine, "unpause")
    return NOTHING


async def wait(engine: MemoryEngine, asked: Asked) -> Reply:
    """Wait until it has ended, and say at once that it is waited for."""
    return as_messages(_exit(asked_for(engine, asked), asked.text("condition", "not-running")))


async def _exit(container: MemoryContainer, condition: str) -> AsyncIterator[bytes]:
    if condition == "removed":
        code = await container.removal()
    elif condition == "next-exit" or container.is_running:
        code = await container.next_exit()
    else:
        code = container.exit_code
    yield json.dumps({"StatusCode": code, "Error": None}).encode() + b"\n"


async def rename(engine: MemoryEngine, asked: Asked) -> Reply:
    """Give it another name."""
    container = asked_for(engine, asked)
    _check_name(engine, asked.text("name"))
    before, container.name = container.name, asked.text("name")
    container.tell(engine, "rename", oldName=f"/{before}")
    return NOTHING


async def remove(engine: MemoryEngine, asked: Asked) -> Reply:
    """Remove it."""
    container = asked_for(engine, asked)
    if container.is_running and not asked.truth("force"):
        raise Refused(409, f"You cannot remove a running container {container.id}")
    container.kill()
    engine.containers.pop(container.id, None)
    container.tell(engine, "destroy")
    container.removed()
    return NOTHING


async def prune(engine: MemoryEngine, asked: Asked) -> Reply:
    """Remove those that do not run."""
    filters = asked.filters(*_FILTERS)
    pruned = [one for one in engine.containers.values() if not one.is_running and _is_chosen(one, filters)]
    for container in pruned:
        del engine.containers[container.id]
        container.tell(engine, "destroy")
        container.removed()
    return as_json({"ContainersDeleted": [one.id for one in pruned], "SpaceReclaimed": 0})


async def top(engine: MemoryEngine, asked: Asked) -> Reply:
    """List its processes: there is one."""
    process = running(asked_for(engine, asked))
    return as_json({"Titles": ["UID", "PID", "CMD"], "Processes": [["root", str(process.pid), " ".join(process.argv)]]})


async def commit(engine: MemoryEngine, asked: Asked) -> Reply:
    """Make an image of it."""
    container = find_container(engine, asked.text("container"))
    image = engine.images[container.image_id]
    described = container.document(engine)["Config"]
    config = {name: value for name, value in described.items() if name not in {"Image", "Hostname"}}
    change(config, asked.texts.get("changes", []))
    made = add_image(engine, config, image.layers, comment=asked.text("comment"), author=asked.text("author"))
    if asked.text("repo"):
        name_image(engine, made, f"{asked.text('repo')}:{asked.text('tag', 'latest')}")
    return as_json({"Id": made.id}, 201)


async def _stop(engine: MemoryEngine, container: MemoryContainer, asked: Asked) -> None:
    process = running(container)
    grace = float(asked.text("timeout", str(container.config.get("StopTimeout", _GRACE))))
    process.signal(signal_number(asked.text("signal", container.config.get("StopSignal", "SIGTERM"))))
    ended = Deferred.fromCoroutine(process.wait())
    timer = engine.reactor.callLater(grace, process.signal, signal.SIGKILL)
    try:
        await ended
    finally:
        if timer.active():
            timer.cancel()


def asked_for(engine: MemoryEngine, asked: Asked) -> MemoryContainer:
    """Answer the container that a request names."""
    return find_container(engine, asked.text("id"))


def running(container: MemoryContainer) -> Process:
    """
    Answer its process.

    :raise Refused: when it does not run.
    """
    if container.process is None or not container.is_running:
        raise Refused(409, f"Container {container.id} is not running")
    return container.process


def _check_name(engine: MemoryEngine, name: str) -> None:
    for other in engine.containers.values():
        if other.name == name:
            raise Refused(409, f'Conflict. The container name "/{name}" is already in use by container "{other.id}"')


def _is_chosen(container: MemoryContainer, filters: dict[str, list[str]]) -> bool:
    return (
        has_labels(container.config.get("Labels", {}), filters)
        and (not filters.get("status") or container.status in filters["status"])
        and (not filters.get("name") or any(name.strip("/^$") in container.name for name in filters["name"]))
        and (not filters.get("id") or any(container.id.startswith(one) for one in filters["id"]))
    )


def _summary(container: MemoryContainer) -> dict[str, Any]:
    return {
        "Id": container.id,
        "Names": [f"/{container.name}"],
        "Image": container.config["Image"],
        "ImageID": container.image_id,
        "Command": " ".join(container.command),
        "Created": int(container.created.timestamp()),
        "State": container.status,
        "Status": container.status.capitalize(),
        "Ports": [],
        "Labels": container.config.get("Labels", {}),
    }


OPERATIONS = {
    "container.create": create,
    "container.inspect": inspect,
    "container.list": list_containers,
    "container.start": start,
    "container.stop": stop,
    "container.restart": restart,
    "container.kill": kill,
    "container.pause": pause,
    "container.unpause": unpause,
    "container.wait": wait,
    "container.rename": rename,
    "container.remove": remove,
    "container.prune": prune,
    "container.top": top,
    "container.commit": commit,
}
