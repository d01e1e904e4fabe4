"""
What the tests of engines make their images and containers of.
"""

from __future__ import annotations

import io
import shutil
import tarfile
from typing import TYPE_CHECKING, Any
from unittest import SkipTest
from uuid import uuid4

from oci_twisted.engine.containers.config import ContainerConfig

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from oci_twisted.engine import EngineClient

PROGRAMS = ("cat", "echo", "false", "ls", "ps", "sh", "sleep", "stty", "true", "yes")
"""Those of Busybox that tests run; others need not be there."""

# Podman gives containers as many files and processes as it likes, which is more than root has in some machines.
_LIMITS = [{"Name": name, "Soft": 1024, "Hard": 1024} for name in ("nofile", "nproc")]


def busybox_archive() -> bytes:
    """
    Answer a tar archive of what a container needs: one static program under several names.

    :raise SkipTest: when this machine has no ``busybox``; pytest and unittest then skip the test.
    """
    program = shutil.which("busybox")
    if program is None:
        raise SkipTest("there is no busybox here; Debian has it as busybox-static")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        member = tarfile.TarInfo("bin/busybox")
        with open(program, "rb") as file:  # noqa: PTH123 - a path as a text
            content = file.read()
        member.size, member.mode = len(content), 0o755
        tar.addfile(member, io.BytesIO(content))
        for name in PROGRAMS:
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
    return buffer.getvalue()


def fresh(kind: str = "test") -> str:
    """Answer a name that nothing has, such as ``test-9d0ae65b7e``."""
    return f"{kind}-{uuid4().hex[:10]}"


async def in_pieces(content: bytes, size: int = 64 << 10) -> AsyncIterator[bytes]:
    """Give bytes in pieces, as the body of a request that is too large to hold."""
    for start in range(0, len(content), size):
        yield content[start : start + size]


def config(image: str, *command: str, network: str = "none", **more: Any) -> ContainerConfig:  # noqa: ANN401 - ContainerConfig's fields
    """Answer what a container of a test is: without a network if none is named, and within modest limits."""
    return ContainerConfig(image, command, network=network, extra_host={"Ulimits": _LIMITS}, **more)


class Made:
    """
    What a test has made, to be removed after it.

    :ivar image: the name of an image that can be run.
    """

    def __init__(self, client: EngineClient, image: str) -> None:
        self.client = client
        self.image = image
        self._containers: list[str] = []
        self._images: list[str] = []
        self._networks: list[str] = []
        self._volumes: list[str] = []

    def image_name(self) -> str:
        """Answer a name for an image to come."""
        name = f"oci.test/{fresh('image')}:v1"
        self._images.append(name)
        return name

    async def network(self, **more: Any) -> str:  # noqa: ANN401 - Networks.create's parameters
        """Make a network from which nothing can be reached, and answer its name."""
        name = fresh("net")
        self._networks.append(name)
        await self.client.networks.create(name, internal=True, **more)
        return name

    def volume_name(self) -> str:
        """Answer a name for a volume to come."""
        name = fresh("volume")
        self._volumes.append(name)
        return name

    async def container(self, *command: str, start: bool = True, **more: Any) -> str:  # noqa: ANN401 - config's
        """Make a container of the image, start it unless told otherwise, and answer its id."""
        created = await self.client.containers.create(config(self.image, *command, **more), name=fresh("box"))
        self._containers.append(created.id)
        if start:
            await self.client.containers.start(created.id)
        return created.id

    def keep_in_mind(self, containers: Sequence[str] = (), images: Sequence[str] = ()) -> None:
        """Remove these as well."""
        self._containers.extend(containers)
        self._images.extend(images)

    async def remove(self) -> None:
        """Remove everything that is still there."""
        for container in self._containers:
            if await self.client.containers.exists(container):
                await self.client.containers.remove(container, force=True, volumes=True)
        for network in self._networks:
            if await self.client.networks.exists(network):
                await self.client.networks.remove(network)
        for volume in self._volumes:
            if await self.client.volumes.exists(volume):
                await self.client.volumes.remove(volume)
        for image in self._images:
            if await self.client.images.exists(image):
                await self.client.images.remove(image, force=True)
