"""
The engine itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import field, frozen

from oci_twisted.engine.documents import Fields
from oci_twisted.engine.requests import Request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oci_twisted.engine.calls import Calls
    from oci_twisted.engine.credentials.keychains import Credentials
    from oci_twisted.engine.requests import Json


@frozen
class Ping:
    """
    A sign of life.

    :ivar api_version: the newest version of the API that the engine speaks.
    """

    api_version: str
    operating_system: str
    experimental: bool


@frozen
class Version:
    """
    Which engine it is.

    :ivar components: versions by the names of the engine's parts.
    """

    version: str
    api_version: str
    min_api_version: str
    operating_system: str
    architecture: str
    kernel: str
    components: Mapping[str, str]

    @property
    def is_podman(self) -> bool:
        """Whether it is Podman, which speaks Docker's API as well."""
        return any(name.startswith("Podman") for name in self.components)


@frozen
class Info:
    """
    The engine's machine, and how many of what it has.

    :ivar memory: in bytes.
    :ivar document: everything that the engine says, as it says it.
    """

    id: str
    name: str
    containers: int
    running: int
    paused: int
    stopped: int
    images: int
    storage_driver: str
    operating_system: str
    architecture: str
    cpus: int
    memory: int
    document: Mapping[str, Json] = field(repr=False)


@frozen
class Usage:
    """
    What the engine keeps on its disk, in bytes.

    :ivar layers: all layers of all images, shared ones once.
    """

    layers: int
    images: int
    containers: int
    volumes: int


@frozen
class Login:
    """
    That a registry has accepted credentials.

    :ivar status: in the engine's words.
    :ivar identity_token: that the registry gave, to be used in the password's place; empty if it gave none.
    """

    status: str
    identity_token: str = field(default="", repr=False)


class System:
    """
    The operations on the engine itself.

    Nothing bounds how long the engine takes to measure its disk for `usage`: that is the caller's to do.
    """

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def ping(self) -> Ping:
        """Ask for a sign of life."""
        headers = await self._calls.fields("the ping's headers", "system.ping")
        return Ping(
            headers.text("api-version", ""),
            headers.text("ostype", "linux"),
            headers.text("docker-experimental", "false") == "true",
        )

    async def version(self) -> Version:
        """Answer which engine it is."""
        fields = await self._calls.fields("a version", "system.version")
        components = fields.several("Components", lambda part: (part.text("Name"), part.text("Version", "")))
        return Version(
            version=fields.text("Version"),
            api_version=fields.text("ApiVersion"),
            min_api_version=fields.text("MinAPIVersion", ""),
            operating_system=fields.text("Os", ""),
            architecture=fields.text("Arch", ""),
            kernel=fields.text("KernelVersion", ""),
            components=dict(components),
        )

    async def info(self) -> Info:
        """Answer what the engine says of itself."""
        fields = await self._calls.fields("the engine's information", "system.info")
        return Info(
            id=fields.text("ID", ""),
            name=fields.text("Name", ""),
            containers=fields.number("Containers"),
            running=fields.number("ContainersRunning", 0),
            paused=fields.number("ContainersPaused", 0),
            stopped=fields.number("ContainersStopped", 0),
            images=fields.number("Images"),
            storage_driver=fields.text("Driver", ""),
            operating_system=fields.text("OperatingSystem", ""),
            architecture=fields.text("Architecture", ""),
            cpus=fields.number("NCPU", 0),
            memory=fields.number("MemTotal", 0),
            document=fields.whole,
        )

    async def usage(self) -> Usage:
        """Answer how much room is taken.  The engine walks through all that it keeps, which takes its time."""
        fields = await self._calls.fields("the disk's usage", "system.usage")
        return Usage(
            layers=fields.number("LayersSize", 0),
            images=sum(fields.several("Images", lambda one: one.number("Size", 0))),
            containers=sum(fields.several("Containers", lambda one: one.number("SizeRw", 0))),
            volumes=sum(fields.several("Volumes", lambda one: max(one.inner("UsageData").number("Size", 0), 0))),
        )

    async def login(self, registry: str, credentials: Credentials) -> Login:
        """
        Let the engine try credentials at a registry.  Neither it nor the client remembers them.

        :param registry: a host, perhaps with a port.
        :raise Unauthorized: when the registry does not accept them.
        :raise EngineError: when it cannot be reached.
        """
        answer = await self._calls.ask("registry.login", config=credentials.document(registry))
        # An engine may have nothing to say.
        fields = Fields({} if answer is None else answer, "a login", Request("registry.login"))
        return Login(fields.text("Status", ""), fields.text("IdentityToken", ""))
