"""
The operations on volumes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from attrs import define, field

from oci_twisted.engine.drivers.operations import ApiVersion
from oci_twisted.testing.engine.memory.filters import has_labels
from oci_twisted.testing.engine.memory.refusals import Refused
from oci_twisted.testing.engine.memory.server import NOTHING, Reply, as_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from oci_twisted.testing.engine.memory.engine import MemoryEngine
    from oci_twisted.testing.engine.memory.routes import Asked

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")
# As Docker labels those whose names it has chosen itself.
_FILTERS = ("label", "name")
_NAMELESS = "com.docker.volume.anonymous"
_NAMES_MATTER = ApiVersion((1, 42))


@define(eq=False)
class MemoryVolume:
    """A volume.  There is nothing in it."""

    name: str
    created: datetime
    options: dict[str, str] = field(factory=dict)
    labels: dict[str, str] = field(factory=dict)

    def document(self) -> dict[str, Any]:
        """What inspecting it answers."""
        return {
            "Name": self.name,
            "Driver": "local",
            "Mountpoint": f"/volumes/{self.name}/_data",
            "CreatedAt": self.created.isoformat(),
            "Scope": "local",
            "Options": self.options or None,
            "Labels": self.labels,
        }


def make_volumes(engine: MemoryEngine, host_config: dict[str, Any]) -> None:
    """Make the volumes that a container is to have, where they are not there."""
    for name in _volumes_of(host_config):
        engine.volumes.setdefault(name, MemoryVolume(name, engine.now()))


async def list_volumes(engine: MemoryEngine, asked: Asked) -> Reply:
    """List volumes."""
    return as_json({"Volumes": [one.document() for one in _chosen(engine, asked.filters(*_FILTERS))], "Warnings": None})


async def create(engine: MemoryEngine, asked: Asked) -> Reply:
    """Make a volume, unless it is there."""
    config = asked.document
    name, labels = config.get("Name"), config.get("Labels", {})
    if not name:
        name, labels = engine.new_id(), labels | ({_NAMELESS: ""} if _minds_names(engine) else {})
    if not _NAME.fullmatch(name):
        raise Refused(400, f'create {name}: "{name}" includes invalid characters for a local volume name')
    if config.get("Driver", "local") != "local":
        raise Refused(404, f'create {name}: plugin "{config["Driver"]}" not found')
    made = MemoryVolume(name, engine.now(), config.get("DriverOpts", {}), labels)
    return as_json(engine.volumes.setdefault(name, made).document(), 201)


async def inspect(engine: MemoryEngine, asked: Asked) -> Reply:
    """Answer what there is to know of a volume."""
    return as_json(_find(engine, asked).document())


async def remove(engine: MemoryEngine, asked: Asked) -> Reply:
    """Remove it."""
    if asked.truth("force") and asked.text("name") not in engine.volumes:
        return NOTHING
    volume = _find(engine, asked)
    users = list(_users(engine, volume.name))
    if users:
        raise Refused(409, f"remove {volume.name}: volume is in use - [{', '.join(users)}]")
    del engine.volumes[volume.name]
    return NOTHING


async def prune(engine: MemoryEngine, asked: Asked) -> Reply:
    """Remove those that no container has, and nobody has given a name where the API's version minds that."""
    filters = asked.filters(*_FILTERS, *(["all"] if _minds_names(engine) else []))
    everything = not _minds_names(engine) or filters.get("all") == ["true"]
    unused = [one for one in _chosen(engine, filters) if not list(_users(engine, one.name))]
    pruned = [one.name for one in unused if everything or _NAMELESS in one.labels]
    for name in pruned:
        del engine.volumes[name]
    return as_json({"VolumesDeleted": pruned, "SpaceReclaimed": 0})


def _minds_names(engine: MemoryEngine) -> bool:
    return ApiVersion.parse(engine.api_version) >= _NAMES_MATTER


def _find(engine: MemoryEngine, asked: Asked) -> MemoryVolume:
    name = asked.text("name")
    if name not in engine.volumes:
        raise Refused(404, f"get {name}: no such volume")
    return engine.volumes[name]


def _chosen(engine: MemoryEngine, filters: dict[str, list[str]]) -> list[MemoryVolume]:
    return [
        one
        for one in engine.volumes.values()
        if has_labels(one.labels, filters)
        and (not filters.get("name") or any(name in one.name for name in filters["name"]))
    ]


def _users(engine: MemoryEngine, name: str) -> Iterator[str]:
    for container in engine.containers.values():
        if name in _volumes_of(container.config.get("HostConfig", {})):
            yield container.id


def _volumes_of(host_config: dict[str, Any]) -> set[str]:
    sources = {bind.partition(":")[0] for bind in host_config.get("Binds") or ()}
    return {source for source in sources if not source.startswith("/")}


OPERATIONS = {
    "volume.list": list_volumes,
    "volume.create": create,
    "volume.inspect": inspect,
    "volume.remove": remove,
    "volume.prune": prune,
}
