"""
Networks: from their creation to their removal, and the containers in them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from oci_twisted.engine.errors import Conflict, EngineError, Invalid, NotFound
from oci_twisted.engine.networks import Subnet
from oci_twisted.testing.engine.examples import fresh
from oci_twisted.testing.waiting import waits

if TYPE_CHECKING:
    from oci_twisted.engine import EngineClient
    from oci_twisted.testing.engine.examples import Made

SLEEP = ("/bin/sleep", "1000")


async def networks_of(client: EngineClient, container: str) -> set[str]:
    """Answer the names of the networks that a container is in."""
    settings = (await client.containers.inspect(container)).document["NetworkSettings"]
    assert isinstance(settings, dict)
    return set(settings["Networks"])


class NetworkContract:
    """What an engine does with networks."""

    @waits
    async def test_a_network_is_what_it_was_created_as(self, client: EngineClient, made: Made) -> None:
        """It is found by its name and by its id, and has its labels."""
        name = await made.network(labels={"a": "b"})
        network = await client.networks.inspect(name)
        assert network.name == name
        assert network.driver == "bridge"
        assert network.internal
        assert network.labels["a"] == "b"
        assert network.members == {}
        assert await client.networks.inspect(network.id) == network

    @waits
    async def test_a_network_has_the_addresses_that_it_is_given(self, client: EngineClient, made: Made) -> None:
        """What is no range of addresses is refused."""
        # A range for documentation, which no machine of a test is in.
        name = await made.network(subnets=[Subnet("203.0.113.0/24", "203.0.113.9")])
        (subnet,) = (await client.networks.inspect(name)).subnets
        assert subnet.addresses == "203.0.113.0/24"
        with pytest.raises(Invalid):
            await client.networks.create(fresh("net"), subnets=[Subnet("10.1.2.3/99")])

    @waits
    async def test_a_network_has_its_name_alone(self, client: EngineClient, made: Made) -> None:
        """There are no two of one name."""
        name = await made.network()
        with pytest.raises(Conflict):
            await client.networks.create(name, internal=True)

    @waits
    async def test_networks_are_listed(self, client: EngineClient, made: Made) -> None:
        """All are listed, and filters choose."""
        label = fresh("label")
        first, second = await made.network(labels={"test": label}), await made.network()
        names = {one.name for one in await client.networks.list()}
        assert {first, second} < names
        (chosen,) = await client.networks.list(filters={"label": f"test={label}"})
        assert chosen.name == first

    @waits
    async def test_a_container_joins_and_leaves_networks(self, client: EngineClient, made: Made) -> None:
        """It is in that which it was created in, and in those that it was connected to."""
        first, second = await made.network(), await made.network()
        container = await made.container(*SLEEP, start=False, network=first)
        assert await networks_of(client, container) == {first}
        await client.networks.connect(second, container)
        assert await networks_of(client, container) == {first, second}
        await client.networks.disconnect(second, container)
        assert await networks_of(client, container) == {first}
        with pytest.raises(Conflict, match="not connected"):
            await client.networks.disconnect(second, container)

    @waits
    async def test_a_network_that_a_container_runs_in_is_kept(self, client: EngineClient, made: Made) -> None:
        """It names its members, and is not removed before they have left."""
        network = await made.network()
        container = await made.container(*SLEEP, network=network)
        members = (await client.networks.inspect(network)).members
        assert list(members) == [container]
        with pytest.raises(Conflict):
            await client.networks.remove(network)
        await client.containers.remove(container, force=True)
        await client.networks.remove(network)
        assert not await client.networks.exists(network)

    @waits
    async def test_the_engines_own_networks_stay(self, client: EngineClient) -> None:
        """What the engine has made itself is not removed."""
        own = [one for one in await client.networks.list() if one.name in {"none", "bridge"}]
        assert own
        for network in own:
            with pytest.raises(Conflict):
                await client.networks.remove(network.name)

    @waits
    async def test_networks_that_nothing_is_in_are_pruned(self, client: EngineClient, made: Made) -> None:
        """Those that filters choose and no container is in are removed, and named."""
        label = fresh("label")
        empty, taken = [await made.network(labels={"test": label}) for _ in range(2)]
        await made.container(*SLEEP, network=taken)
        assert await client.networks.prune(filters={"label": f"test={label}"}) == (empty,)
        assert not await client.networks.exists(empty)
        assert await client.networks.exists(taken)

    @waits
    async def test_a_network_that_is_not_there_is_not_found(self, client: EngineClient, made: Made) -> None:
        """Every operation on a network that is not there says so, and so do those on a container that is not."""
        name, network = fresh("nothing"), await made.network()
        for call in (
            client.networks.inspect(name),
            client.networks.remove(name),
            client.networks.connect(network, name),
            client.networks.disconnect(network, name),
        ):
            with pytest.raises(NotFound):
                await call

    @waits
    async def test_a_driver_that_is_not_there_makes_no_network(self, client: EngineClient) -> None:
        """The error names the driver."""
        with pytest.raises(EngineError, match="nonsense"):
            await client.networks.create(fresh("net"), driver="nonsense")
