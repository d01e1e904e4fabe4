"""
The operations on networks.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from attrs import define, field

from oci_twisted.testing.engine.memory.containers import find_container
from oci_twisted.testing.engine.memory.filters import has_labels
from oci_twisted.testing.engine.memory.refusals import Refused
from oci_twisted.testing.engine.memory.server import NOTHING, Reply, as_json

if TYPE_CHECKING:
    from datetime import datetime

    from oci_twisted.testing.engine.memory.engine import MemoryEngine
    from oci_twisted.testing.engine.memory.routes import Asked

OWN = {"bridge": "bridge", "host": "host", "none": "null"}
"""The networks that an engine makes itself, and their drivers."""

_DRIVERS = frozenset({"bridge", "macvlan", "ipvlan"})
_FILTERS = ("driver", "label", "name")


@define(eq=False)
class MemoryNetwork:
    """
    A network.  Nothing can be reached through it.

    :ivar config: what it was created with, as Docker has it.
    """

    id: str
    name: str
    driver: str
    created: datetime
    config: dict[str, Any] = field(factory=dict)

    def document(self, engine: MemoryEngine) -> dict[str, Any]:
        """What inspecting it answers."""
        return {
            "Id": self.id,
            "Name": self.name,
            "Driver": self.driver,
            "Created": self.created.isoformat(),
            "Scope": "local",
            "Internal": self.config.get("Internal", False),
            "Attachable": self.config.get("Attachable", False),
            "EnableIPv6": self.config.get("EnableIPv6", False),
            "IPAM": {"Driver": "default", "Options": None, "Config": self.config.get("IPAM", {}).get("Config", [])},
            "Containers": {
                one.id: {"Name": one.name, "MacAddress": "", "IPv4Address": "", "IPv6Address": ""}
                for one in engine.containers.values()
                if one.is_running and self.name in one.networks
            },
            "Options": self.config.get("Options", {}),
            "Labels": self.config.get("Labels", {}),
        }


def own_networks(engine: MemoryEngine) -> dict[str, MemoryNetwork]:
    """Make those that an engine has from its beginning."""
    made = [MemoryNetwork(engine.new_id(), name, driver, engine.now()) for name, driver in OWN.items()]
    return {network.id: network for network in made}


def find_network(engine: MemoryEngine, name: str) -> MemoryNetwork:
    """
    Answer the network of a name, an id or the beginning of one.

    :raise Refused: when there is none.
    """
    for network in engine.networks.values():
        if name in {network.name, network.id}:
            return network
    found = [one for id_, one in engine.networks.items() if id_.startswith(name)]
    if len(found) != 1:
        raise Refused(404, f"network {name} not found")
    return found[0]


async def list_networks(engine: MemoryEngine, asked: Asked) -> Reply:
    """List networks."""
    filters = asked.filters(*_FILTERS)
    return as_json([{**one.document(engine), "Containers": {}} for one in _chosen(engine, filters)])


async def create(engine: MemoryEngine, asked: Asked) -> Reply:
    """Make a network."""
    config = asked.document
    name, driver = config["Name"], config.get("Driver") or "bridge"
    if any(one.name == name for one in engine.networks.values()):
        raise Refused(409, f"network with name {name} already exists")
    for subnet in config.get("IPAM", {}).get("Config", []):
        try:
            ipaddress.ip_network(subnet["Subnet"], strict=False)
        except ValueError as error:
            raise Refused(500, f"Invalid subnet : invalid CIDR address: {subnet['Subnet']}") from error
    if driver not in _DRIVERS:
        raise Refused(404, f'plugin "{driver}" not found')
    network = MemoryNetwork(engine.new_id(), name, driver, engine.now(), config)
    engine.networks[network.id] = network
    return as_json({"Id": network.id, "Warning": ""}, 201)


async def inspect(engine: MemoryEngine, asked: Asked) -> Reply:
    """Answer what there is to know of a network."""
    return as_json(find_network(engine, asked.text("id")).document(engine))


async def remove(engine: MemoryEngine, asked: Asked) -> Reply:
    """Remove it."""
    network = find_network(engine, asked.text("id"))
    if network.name in OWN:
        raise Refused(403, f"{network.name} is a pre-defined network and cannot be removed")
    if network.document(engine)["Containers"]:
        raise Refused(403, f"error while removing network: network {network.name} id {network.id} has active endpoints")
    del engine.networks[network.id]
    return NOTHING


async def prune(engine: MemoryEngine, asked: Asked) -> Reply:
    """Remove those that nothing is in."""
    pruned = [
        one
        for one in _chosen(engine, asked.filters(*_FILTERS))
        if one.name not in OWN and not any(one.name in container.networks for container in engine.containers.values())
    ]
    for network in pruned:
        del engine.networks[network.id]
    return as_json({"NetworksDeleted": [one.name for one in pruned]})


async def connect(engine: MemoryEngine, asked: Asked) -> Reply:
    """Let a container be in it."""
    network, container = find_network(engine, asked.text("id")), _named(engine, asked)
    if network.name not in container.networks:
        container.networks.append(network.name)
    return Reply(200)


async def disconnect(engine: MemoryEngine, asked: Asked) -> Reply:
    """Take a container out of it."""
    network, container = find_network(engine, asked.text("id")), _named(engine, asked)
    if network.name not in container.networks:
        raise Refused(500, f"container {container.id} is not connected to the network {network.name}")
    container.networks.remove(network.name)
    return Reply(200)


def _named(engine: MemoryEngine, asked: Asked) -> Any:  # noqa: ANN401 - a container
    return find_container(engine, asked.document["Container"])


def _chosen(engine: MemoryEngine, filters: dict[str, list[str]]) -> list[MemoryNetwork]:
    return [
        one
        for one in engine.networks.values()
        if has_labels(one.config.get("Labels", {}), filters)
        and (not filters.get("name") or any(name.strip("/^$") in one.name for name in filters["name"]))
        and (not filters.get("driver") or one.driver in filters["driver"])
    ]


OPERATIONS = {
    "network.list": list_networks,
    "network.create": create,
    "network.inspect": inspect,
    "network.remove": remove,
    "network.prune": prune,
    "network.connect": connect,
    "network.disconnect": disconnect,
}
