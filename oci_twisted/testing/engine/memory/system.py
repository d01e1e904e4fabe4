"""
The operations on the engine itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from oci_twisted.testing.engine.memory.server import Reply, as_json

if TYPE_CHECKING:
    from oci_twisted.testing.engine.memory.engine import MemoryEngine
    from oci_twisted.testing.engine.memory.routes import Asked


async def ping(engine: MemoryEngine, asked: Asked) -> Reply:
    """Answer with a sign of life."""
    del asked
    headers = {"Api-Version": engine.api_version, "Ostype": "linux", "Docker-Experimental": "false"}
    return Reply(200, headers, b"OK")


async def version(engine: MemoryEngine, asked: Asked) -> Reply:
    """Answer which engine it is."""
    del asked
    document = {
        "Version": "memory",
        "ApiVersion": engine.api_version,
        "MinAPIVersion": "1.24",
        "Os": "linux",
        "Arch": "amd64",
        "KernelVersion": "",
        "Components": [{"Name": "Engine", "Version": "memory"}],
    }
    return as_json(document)


async def info(engine: MemoryEngine, asked: Asked) -> Reply:
    """Answer what the engine says of itself."""
    del asked
    statuses = [container.status for container in engine.containers.values()]
    document = {
        "ID": "memory",
        "Name": "memory",
        "Containers": len(statuses),
        "ContainersRunning": statuses.count("running"),
        "ContainersPaused": statuses.count("paused"),
        "ContainersStopped": len(statuses) - statuses.count("running") - statuses.count("paused"),
        "Images": len(engine.images),
        "Driver": "memory",
        "OperatingSystem": "memory",
        "Architecture": "x86_64",
        "NCPU": 1,
        "MemTotal": 1 << 30,
    }
    return as_json(document)


async def usage(engine: MemoryEngine, asked: Asked) -> Reply:
    """Answer how much room is taken."""
    del asked
    sizes = [{"Size": image.size} for image in engine.images.values()]
    return as_json({"LayersSize": sum(one["Size"] for one in sizes), "Images": sizes, "Containers": [], "Volumes": []})


OPERATIONS = {
    "system.ping": ping,
    "system.version": version,
    "system.info": info,
    "system.usage": usage,
}
