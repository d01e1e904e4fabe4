"""
What an engine in memory has, and how it answers.
"""

from __future__ import annotations

import secrets
from collections import defaultdict, deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from oci_twisted.engine import EngineClient
from oci_twisted.engine.calls import Calls
from oci_twisted.testing.engine.memory import (
    archives,
    builds,
    containers,
    events,
    execs,
    image_archives,
    images,
    logs,
    networks,
    system,
    transfers,
    volumes,
)
from oci_twisted.testing.engine.memory.driver import ADDRESS, MemoryDriver
from oci_twisted.testing.engine.memory.events import EventLog
from oci_twisted.testing.engine.memory.programs import PROGRAMS
from oci_twisted.testing.engine.memory.refusals import Refused
from oci_twisted.testing.engine.memory.routes import read_call
from oci_twisted.testing.engine.memory.server import Call, Reply, ServerFactory, as_json

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from twisted.internet.interfaces import IReactorTime

    from oci_twisted.engine.interfaces import IKeychain
    from oci_twisted.engine.requests import Json
    from oci_twisted.engine.transport.limits import Timeouts
    from oci_twisted.testing.engine.memory.containers import MemoryContainer
    from oci_twisted.testing.engine.memory.faults import Fault
    from oci_twisted.testing.engine.memory.images import MemoryImage
    from oci_twisted.testing.engine.memory.networks import MemoryNetwork
    from oci_twisted.testing.engine.memory.processes import Program
    from oci_twisted.testing.engine.memory.routes import Asked
    from oci_twisted.testing.engine.memory.volumes import MemoryVolume

_OPERATIONS: Mapping[str, Callable[[MemoryEngine, Asked], Awaitable[Reply]]] = {
    **system.OPERATIONS,
    **images.OPERATIONS,
    **transfers.OPERATIONS,
    **image_archives.OPERATIONS,
    **builds.OPERATIONS,
    **containers.OPERATIONS,
    **archives.OPERATIONS,
    **events.OPERATIONS,
    **execs.OPERATIONS,
    **logs.OPERATIONS,
    **networks.OPERATIONS,
    **volumes.OPERATIONS,
}

_LACKING = {"message": "page not found"}


class MemoryEngine:
    """
    A container engine, new and empty.

    :ivar reactor: of all connections and processes: `twisted.internet.task.Clock` will do.
    :ivar api_version: that it says it speaks.
    :ivar programs: what can run in containers, by the last parts of their paths; add your own.
    :ivar images: by id.
    :ivar registries: what can be pulled from all registries in the world, and what was pushed to them, by whole names
        such as ``registry.test/team/tool:v1``.
    :ivar step_time: how long a quarter of a layer is on its way to or from a registry, in seconds.
    :ivar accounts: the passwords that a registry knows, by its host and the users' names; others know everybody.
    :ivar containers: by id, in the order in which they were made.
    :ivar events: what has happened; let more happen with ``events.emit``.
    :ivar networks: by id; an engine has three of its own.
    :ivar volumes: by name.
    :ivar asked: the names of all operations that were asked for, for tests to look at.
    """

    def __init__(self, reactor: IReactorTime, *, api_version: str = "1.41") -> None:
        self.reactor = reactor
        self.api_version = api_version
        self.programs: dict[str, Program] = dict(PROGRAMS)
        self.images: dict[str, MemoryImage] = {}
        self.registries: dict[str, MemoryImage] = {}
        self.step_time = 0.0
        self.accounts: dict[str, dict[str, str]] = {}
        self.containers: dict[str, MemoryContainer] = {}
        self.networks: dict[str, MemoryNetwork] = networks.own_networks(self)
        self.volumes: dict[str, MemoryVolume] = {}
        self.asked: list[str] = []
        self.events = EventLog(reactor)
        self.server = ServerFactory(self)
        self._faults: dict[str, deque[Fault]] = defaultdict(deque)
        self._next_pid = 1000

    async def client(self, timeouts: Timeouts | None = None, *, keychain: IKeychain | None = None) -> EngineClient:
        """
        Answer a client of this engine, which the caller closes.

        :param keychain: credentials for registries; there are none if ``None``, whoever has logged in where.
        """
        connection = await self.driver(timeouts).connect(self.reactor, ADDRESS)
        return EngineClient(Calls(connection, self.reactor), keychain)

    def driver(self, timeouts: Timeouts | None = None) -> MemoryDriver:
        """Answer a driver that reaches this engine, whatever the address, for programs that connect themselves."""
        return MemoryDriver(self.server) if timeouts is None else MemoryDriver(self.server, timeouts)

    def add_image(self, name: str, *, config: Mapping[str, Json] | None = None, layers: Iterable[bytes] = ()) -> str:
        """
        Have an image, and answer its id.

        :param name: with or without a tag.
        :param config: members of its configuration, as Docker has them: ``Cmd``, ``Env``, ``Labels`` and so on.
        :param layers: tar archives, the lowest first.
        """
        image = images.add_image(self, dict(config or {}), layers)
        images.name_image(self, image, name)
        return image.id

    def fail_next(self, method: str, fault: Fault) -> None:
        """Let something go wrong with the next operation of that name; with the one after it, if called twice."""
        self._faults[method].append(fault)

    def restart(self, *, api_version: str | None = None) -> None:
        """End like a daemon that is killed, and be there again at once: connections break, containers are stopped."""
        for container in list(self.containers.values()):
            container.kill()
        # What it remembers of events it keeps in memory.
        self.events.kept.clear()
        for server in list(self.server.servers):
            server.abort()
        self.api_version = api_version or self.api_version

    def close(self) -> None:
        """End every process, and break every connection."""
        self.restart()

    # The server calls:

    async def answer(self, call: Call) -> tuple[Reply, Fault | None]:
        """Answer a request, and say what goes wrong with that."""
        fault = None
        try:
            asked = read_call(call)
            self.asked.append(asked.method)
            faults = self._faults[asked.method]
            fault = faults.popleft() if faults else None
            if fault is not None and (fault.silent or fault.reply is not None):
                return Reply(), fault
            operation = _OPERATIONS.get(asked.method)
            reply = as_json(_LACKING, 404) if operation is None else await operation(self, asked)
        except Refused as refused:
            reply = as_json({"message": refused.message}, refused.status)
        return reply, fault

    # The operations call:

    def now(self) -> datetime:
        """Answer the time."""
        return datetime.fromtimestamp(self.reactor.seconds(), UTC)

    def new_pid(self) -> int:
        """Answer a number for a process."""
        self._next_pid += 1
        return self._next_pid

    def new_id(self) -> str:
        """Answer an id that nothing has."""
        return secrets.token_hex(32)
