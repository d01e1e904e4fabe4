"""
Containers as an engine describes them.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from attrs import field, frozen

from oci_twisted.engine.documents import NO_LABELS, Fields

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from oci_twisted.engine.requests import Json


class Status(Enum):
    """What a container is doing."""

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    RESTARTING = "restarting"
    REMOVING = "removing"
    EXITED = "exited"
    DEAD = "dead"
    UNKNOWN = "unknown"

    @classmethod
    def parse(cls, text: str) -> Status:
        """Read an engine's word; one that is not known is `UNKNOWN`."""
        return _STATUSES.get(text.lower(), cls.UNKNOWN)


_STATUSES = {status.value: status for status in Status} | {
    # Podman's own words for the same.
    "configured": Status.CREATED,
    "initialized": Status.CREATED,
    "stopped": Status.EXITED,
    "stopping": Status.RUNNING,
}


@frozen
class State:
    """
    What a container is doing, or how it ended.

    :ivar exit_code: of its process when it has ended, and 0 before.
    :ivar pid: of its process on the engine's machine, or 0.
    :ivar error: why it could not be started.
    """

    status: Status
    exit_code: int = 0
    pid: int = 0
    error: str = ""
    out_of_memory: bool = False
    started: datetime | None = None
    finished: datetime | None = None

    @property
    def is_running(self) -> bool:
        """Whether its process is there."""
        return self.status in {Status.RUNNING, Status.PAUSED}


@frozen
class Mount:
    """What a container sees of the outside at a path."""

    kind: str
    source: str
    target: str
    read_only: bool


@frozen
class Port:
    """A port of a container, and where the engine's machine listens for it, if it does."""

    port: int
    protocol: str
    host_port: int | None = None
    host_address: str = ""


@frozen
class ContainerSummary:
    """
    A container in a list.

    :ivar names: without the slash that Docker puts before them.
    :ivar image: as it was named when the container was created.
    :ivar summary: the engine's own words on its status, such as ``Up 2 minutes``.
    """

    id: str
    names: tuple[str, ...]
    image: str
    image_id: str
    command: str
    created: datetime | None
    status: Status
    summary: str
    ports: tuple[Port, ...] = ()
    labels: Mapping[str, str] = NO_LABELS


@frozen
class Container:
    """
    A container.

    :ivar image: as it was named when the container was created.
    :ivar command: of its process, after the entrypoint.
    :ivar environment: ``NAME=value`` each.
    :ivar addresses: IP addresses by the names of networks.
    :ivar document: everything that the engine says, as it says it.
    """

    id: str
    name: str
    image: str
    image_id: str
    created: datetime | None
    state: State
    command: tuple[str, ...]
    entrypoint: tuple[str, ...]
    # May hold passwords.
    environment: tuple[str, ...] = field(repr=False)
    working_directory: str
    user: str
    hostname: str
    tty: bool
    network_mode: str
    restart_count: int
    mounts: tuple[Mount, ...] = ()
    addresses: Mapping[str, str] = field(factory=dict)
    labels: Mapping[str, str] = NO_LABELS
    document: Mapping[str, Json] = field(factory=dict, repr=False)


@frozen
class Created:
    """A container that was made."""

    id: str
    warnings: tuple[str, ...] = ()


@frozen
class ContainersPruned:
    """
    Containers that did not run, and are gone.

    :ivar reclaimed: bytes.
    """

    ids: tuple[str, ...]
    reclaimed: int


@frozen
class Exit:
    """
    How a container ended.

    :ivar error: what the engine says of it, where it could not wait.
    """

    code: int
    error: str = ""


@frozen
class Processes:
    """What runs in a container: rows of texts, below titles."""

    titles: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def read_summary(fields: Fields) -> ContainerSummary:
    """Read a container of a list."""
    return ContainerSummary(
        id=fields.text("Id"),
        names=tuple(name.removeprefix("/") for name in fields.texts("Names")),
        image=fields.text("Image", ""),
        image_id=_image_id(fields.text("ImageID", "")),
        command=fields.text("Command", ""),
        created=fields.instant("Created"),
        status=Status.parse(fields.text("State", "")),
        summary=fields.text("Status", ""),
        ports=fields.several("Ports", _port),
        labels=fields.labels("Labels"),
    )


def read_container(fields: Fields) -> Container:
    """Read a container."""
    config, networks = fields.inner("Config"), fields.inner("NetworkSettings").named("Networks", "the network")
    addresses = {name: network.text("IPAddress", "") for name, network in networks.items()}
    return Container(
        id=fields.text("Id"),
        name=fields.text("Name").removeprefix("/"),
        image=config.text("Image", ""),
        image_id=_image_id(fields.text("Image")),
        created=fields.instant("Created"),
        state=_state(fields.inner("State")),
        command=config.texts("Cmd"),
        entrypoint=config.texts("Entrypoint"),
        environment=config.texts("Env"),
        working_directory=config.text("WorkingDir", ""),
        user=config.text("User", ""),
        hostname=config.text("Hostname", ""),
        tty=config.truth("Tty", default=False),
        network_mode=fields.inner("HostConfig").text("NetworkMode", ""),
        restart_count=fields.number("RestartCount", 0),
        mounts=fields.several("Mounts", _mount),
        addresses={name: address for name, address in addresses.items() if address},
        labels=config.labels("Labels"),
        document=fields.whole,
    )


def read_exit(fields: Fields) -> Exit:
    """Read how a container ended."""
    return Exit(fields.number("StatusCode"), fields.inner("Error").text("Message", ""))


def read_processes(fields: Fields) -> Processes:
    """Read what runs in a container."""
    return Processes(fields.texts("Titles"), fields.rows("Processes"))


def _state(fields: Fields) -> State:
    return State(
        status=Status.parse(fields.text("Status", "")),
        exit_code=fields.number("ExitCode", 0),
        pid=fields.number("Pid", 0),
        error=fields.text("Error", ""),
        out_of_memory=fields.truth("OOMKilled", default=False),
        started=fields.instant("StartedAt"),
        finished=fields.instant("FinishedAt"),
    )


def _mount(fields: Fields) -> Mount:
    return Mount(
        kind=fields.text("Type", ""),
        source=fields.text("Name", "") or fields.text("Source", ""),
        target=fields.text("Destination", ""),
        read_only=not fields.truth("RW", default=True),
    )


def _port(fields: Fields) -> Port:
    return Port(
        port=fields.number("PrivatePort"),
        protocol=fields.text("Type", "tcp"),
        host_port=fields.number("PublicPort", 0) or None,
        host_address=fields.text("IP", ""),
    )


def _image_id(text: str) -> str:
    # Podman does without the algorithm.
    return text if not text or ":" in text else f"sha256:{text}"
