"""
Networks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from oci_twisted.engine.documents import NO_LABELS, Fields
from oci_twisted.engine.filters import Filters, encode_filters

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from oci_twisted.engine.calls import Calls
    from oci_twisted.engine.requests import Json

# What Go prints for an address that is none, and Podman hands on.
_NIL = "<nil>"


@frozen
class Subnet:
    """
    The addresses of a network.

    :ivar addresses: such as ``10.1.2.0/24``.
    :ivar gateway: the address of the engine's machine in it; empty if there is none.
    :ivar chosen_from: the part that containers get their addresses from; empty for all of it.
    """

    addresses: str
    gateway: str = ""
    chosen_from: str = ""

    def document(self) -> dict[str, Json]:
        """Answer it as Docker's Engine API has it."""
        document = {"Subnet": self.addresses, "Gateway": self.gateway, "IPRange": self.chosen_from}
        return {name: value for name, value in document.items() if value}


@frozen
class Member:
    """
    A container in a network.

    :ivar address: with the length of its prefix, such as ``10.1.2.3/24``; empty if it has none.
    """

    name: str
    address: str
    address6: str
    mac_address: str


@frozen
class Network:
    """
    A network.

    :ivar driver: such as ``bridge``, ``macvlan``, ``host`` or ``null``.
    :ivar scope: ``local``, or ``swarm``.
    :ivar internal: whether nothing outside can be reached from it.
    :ivar attachable: whether containers that belong to no service may join a network of a swarm.
    :ivar members: containers that run in it, by their ids; lists do not say which there are.
    """

    id: str
    name: str
    driver: str
    scope: str
    created: datetime | None
    internal: bool
    attachable: bool
    ipv6: bool
    subnets: tuple[Subnet, ...] = ()
    members: Mapping[str, Member] = field(factory=dict)
    options: Mapping[str, str] = NO_LABELS
    labels: Mapping[str, str] = NO_LABELS


@frozen
class NetworkCreated:
    """A network that was made."""

    id: str
    warning: str = ""


class Networks:
    """
    The operations on networks.

    A network is named by its id, an unambiguous beginning of it, or its name.  All raise `NotFound` when there is no
    such network.
    """

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def list(self, *, filters: Filters | None = None) -> tuple[Network, ...]:
        """
        List networks, those of the engine's own making as well.

        :param filters: such as ``{"label": "a=b", "driver": ["bridge"]}``.
        """
        return await self._calls.each("a network", _network, "network.list", filters=encode_filters(filters))

    async def create(
        self,
        name: str,
        *,
        driver: str = "bridge",
        internal: bool = False,
        attachable: bool = False,
        ipv6: bool = False,
        subnets: Sequence[Subnet] = (),
        options: Mapping[str, str] = NO_LABELS,
        labels: Mapping[str, str] = NO_LABELS,
    ) -> NetworkCreated:
        """
        Make a network.

        :param subnets: its addresses; the engine's choice if there are none.
        :param options: of the driver, such as ``com.docker.network.driver.mtu``.
        :raise Conflict: when the name, or one of the addresses, is taken.
        """
        config: dict[str, Any] = {
            "Name": name,
            "Driver": driver,
            "Internal": internal,
            "Attachable": attachable,
            "EnableIPv6": ipv6,
            # Docker before 25.0 would make two of one name.
            "CheckDuplicate": True,
            "Options": dict(options),
            "Labels": dict(labels),
        }
        if subnets:
            config["IPAM"] = {"Config": [subnet.document() for subnet in subnets]}
        fields = await self._calls.fields("a network", "network.create", config=config)
        return NetworkCreated(fields.text("Id"), fields.text("Warning", ""))

    async def inspect(self, network: str) -> Network:
        """Answer what there is to know of a network."""
        return _network(await self._calls.fields("a network", "network.inspect", id=network))

    async def exists(self, network: str) -> bool:
        """Answer whether there is such a network."""
        return await self._calls.finds("network.inspect", id=network)

    async def connect(self, network: str, container: str, *, aliases: Sequence[str] = (), address: str = "") -> None:
        """
        Let a container be in one more network; it need not run.

        :param aliases: names under which others in the network find it, where the engine resolves names.
        :param address: such as ``10.1.2.3``; the engine's choice if empty.
        :raise NotFound: when there is no such container.
        """
        settings: dict[str, Any] = {}
        if aliases:
            settings["Aliases"] = list(aliases)
        if address:
            settings["IPAMConfig"] = {"IPv6Address" if ":" in address else "IPv4Address": address}
        config = {"Container": container, "EndpointConfig": settings}
        await self._calls.ask("network.connect", id=network, config=config)

    async def disconnect(self, network: str, container: str, *, force: bool = False) -> None:
        """
        Take a container out of a network.

        :param force: although the engine has trouble with it.
        :raise Conflict: when it is not in it.
        :raise NotFound: when there is no such container.
        """
        await self._calls.ask("network.disconnect", id=network, config={"Container": container, "Force": force})

    async def remove(self, network: str) -> None:
        """
        Remove a network.

        :raise Conflict: when a running container is in it, or it is one of the engine's own.
        """
        await self._calls.ask("network.remove", id=network)

    async def prune(self, *, filters: Filters | None = None) -> tuple[str, ...]:
        """
        Remove the networks that nothing is in, and answer their names.

        :param filters: such as ``{"label": "a=b", "until": "24h"}``.
        """
        fields = await self._calls.fields("what was pruned", "network.prune", filters=encode_filters(filters))
        return fields.texts("NetworksDeleted")


def _network(fields: Fields) -> Network:
    members = {id_: _member(member) for id_, member in fields.named("Containers", "the container in a network").items()}
    return Network(
        id=fields.text("Id"),
        name=fields.text("Name"),
        driver=fields.text("Driver", ""),
        scope=fields.text("Scope", ""),
        created=fields.instant("Created"),
        internal=fields.truth("Internal", default=False),
        attachable=fields.truth("Attachable", default=False),
        ipv6=fields.truth("EnableIPv6", default=False),
        subnets=fields.inner("IPAM").several("Config", _subnet),
        members=members,
        options=fields.labels("Options"),
        labels=fields.labels("Labels"),
    )


def _subnet(fields: Fields) -> Subnet:
    gateway = fields.text("Gateway", "")
    return Subnet(fields.text("Subnet", ""), "" if gateway == _NIL else gateway, chosen_from=fields.text("IPRange", ""))


def _member(fields: Fields) -> Member:
    return Member(
        name=fields.text("Name", ""),
        address=fields.text("IPv4Address", ""),
        address6=fields.text("IPv6Address", ""),
        mac_address=fields.text("MacAddress", ""),
    )
