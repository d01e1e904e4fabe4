"""
What a container is made of, as it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from oci_twisted.engine.requests import Json

_T = TypeVar("_T")


def _words(value: Sequence[str] | str | None) -> tuple[str, ...] | None:
    # A text would be a sequence of its letters.
    if isinstance(value, str):
        raise TypeError(f"a command is a list of words, not {value!r}")
    return None if value is None else tuple(value)


def _texts(value: Mapping[str, str]) -> Mapping[str, str]:
    if not isinstance(value, Mapping):
        # Without what it is, which may have passwords in it.
        raise TypeError(f"a mapping of names to texts is asked for, not a {type(value).__name__}")
    return value


def _binds(values: Iterable[Bind]) -> tuple[Bind, ...]:
    return _all_of(Bind, values)


def _ports(values: Iterable[PublishedPort]) -> tuple[PublishedPort, ...]:
    return _all_of(PublishedPort, values)


def _all_of(kind: type[_T], values: Iterable[_T]) -> tuple[_T, ...]:
    # The mappings that other clients take can be iterated over, too, and would mean something else.
    if isinstance(values, kind):
        raise TypeError(f"a list of {kind.__name__} is asked for, not {values!r}")
    for value in (those := tuple(values)):
        if not isinstance(value, kind):
            raise TypeError(f"a {kind.__name__} is asked for, not {value!r}")
    return those


@frozen
class Bind:
    """
    A folder of the engine's machine, or a volume, in a container.

    :ivar source: an absolute path there, or the name of a volume.
    :ivar target: an absolute path in the container.
    """

    source: str
    target: str
    read_only: bool = False

    def __str__(self) -> str:
        return f"{self.source}:{self.target}{':ro' if self.read_only else ''}"


@frozen
class PublishedPort:
    """
    A port of a container that the engine's machine listens on.

    :ivar port: of the container.
    :ivar host_port: of the machine; ``None`` for one that is free.
    """

    port: int
    protocol: str = "tcp"
    host_port: int | None = None
    host_address: str = ""

    @property
    def key(self) -> str:
        """Such as ``80/tcp``."""
        return f"{self.port}/{self.protocol}"


@frozen
class ContainerConfig:
    """
    What a container is to be.

    :ivar image: its name or id.
    :ivar command: words; the image's if ``None``.
    :ivar entrypoint: words before the command; the image's if ``None``, none at all if empty.
    :ivar environment: beside the image's.
    :ivar tty: whether its process has a terminal, which makes one of its standard output and error.
    :ivar stdin: whether it has a standard input that can be attached to.
    :ivar stdin_once: whether that is closed when the first who was attached to it goes.
    :ivar network: such as ``none``, ``host``, ``bridge`` or the name of a network; the engine's default if ``None``.
    :ivar binds: folders and volumes, as a list of `Bind`.
    :ivar ports: as a list of `PublishedPort`.
    :ivar auto_remove: whether it is removed when it has stopped.
    :ivar memory: the most it may take, in bytes.
    :ivar restart: when the engine starts it again: ``no``, ``always``, ``unless-stopped``, ``on-failure``.
    :ivar stop_signal: what asks it to stop, such as ``SIGTERM``.
    :ivar extra: members of the configuration that have no name here, as Docker's Engine API has them.
    :ivar extra_host: members of its ``HostConfig``.
    """

    image: str
    command: tuple[str, ...] | None = field(default=None, converter=_words)
    entrypoint: tuple[str, ...] | None = field(default=None, converter=_words)
    # May hold passwords.
    environment: Mapping[str, str] = field(factory=dict, converter=_texts, repr=False)
    labels: Mapping[str, str] = field(factory=dict, converter=_texts)
    working_directory: str | None = None
    user: str | None = None
    hostname: str | None = None
    tty: bool = False
    stdin: bool = False
    stdin_once: bool = False
    network: str | None = None
    binds: tuple[Bind, ...] = field(default=(), converter=_binds)
    ports: tuple[PublishedPort, ...] = field(default=(), converter=_ports)
    auto_remove: bool = False
    read_only: bool = False
    privileged: bool = False
    init: bool | None = None
    memory: int | None = None
    restart: str | None = None
    stop_signal: str | None = None
    stop_timeout: int | None = None
    extra: Mapping[str, Json] = field(factory=dict)
    extra_host: Mapping[str, Json] = field(factory=dict)

    def document(self) -> dict[str, Json]:
        """Answer it as Docker's Engine API has it."""
        host: dict[str, Any] = {
            "NetworkMode": self.network,
            "Binds": [str(bind) for bind in self.binds] or None,
            "PortBindings": self._bindings() or None,
            "AutoRemove": self.auto_remove or None,
            "ReadonlyRootfs": self.read_only or None,
            "Privileged": self.privileged or None,
            "Init": self.init,
            "Memory": self.memory,
            "RestartPolicy": None if self.restart is None else {"Name": self.restart},
        }
        document: dict[str, Any] = {
            "Image": self.image,
            "Cmd": None if self.command is None else list(self.command),
            # What is not there is the image's, and so is what is empty; one empty word is none.
            "Entrypoint": None if self.entrypoint is None else list(self.entrypoint) or [""],
            "Env": [f"{name}={value}" for name, value in self.environment.items()] or None,
            "Labels": dict(self.labels) or None,
            "WorkingDir": self.working_directory,
            "User": self.user,
            "Hostname": self.hostname,
            "Tty": self.tty or None,
            "OpenStdin": self.stdin or None,
            "StdinOnce": self.stdin_once or None,
            "ExposedPorts": {port.key: {} for port in self.ports} or None,
            "StopSignal": self.stop_signal,
            "StopTimeout": self.stop_timeout,
        }
        host_given: Any = self.extra.get("HostConfig") or {}
        return {
            **_given(document),
            **self.extra,
            "HostConfig": {**_given(host), **host_given, **self.extra_host},
        }

    def _bindings(self) -> dict[str, list[dict[str, str]]]:
        bindings: dict[str, list[dict[str, str]]] = {}
        for port in self.ports:
            host_port = "" if port.host_port is None else str(port.host_port)
            bindings.setdefault(port.key, []).append({"HostIp": port.host_address, "HostPort": host_port})
        return bindings


def _given(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if value is not None}


def check_config(config: ContainerConfig) -> None:
    """
    Know that it is one.

    :raise TypeError: when it is not, but the name of an image for instance.
    """
    if not isinstance(config, ContainerConfig):
        raise TypeError(f"a container is made of a ContainerConfig, such as ContainerConfig('alpine'), not {config!r}")
