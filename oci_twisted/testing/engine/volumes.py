"""
Volumes: from their creation to their removal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from oci_twisted.engine.containers.config import Bind
from oci_twisted.engine.errors import Conflict, Invalid, NotFound, Unsupported
from oci_twisted.testing.engine.examples import fresh
from oci_twisted.testing.waiting import waits

if TYPE_CHECKING:
    from oci_twisted.engine import EngineClient
    from oci_twisted.testing.engine.examples import Made


class VolumeContract:
    """What an engine does with volumes."""

    @waits
    async def test_a_volume_is_what_it_was_created_as(self, client: EngineClient, made: Made) -> None:
        """To create it again changes nothing."""
        name = made.volume_name()
        volume = await client.volumes.create(name, labels={"a": "b"})
        assert volume.name == name
        assert volume.driver == "local"
        assert volume.labels == {"a": "b"}
        assert name in volume.mountpoint
        assert await client.volumes.create(name, labels={"c": "d"}) == volume
        assert await client.volumes.inspect(name) == volume

    @waits
    async def test_the_engine_finds_a_name(self, client: EngineClient) -> None:
        """A volume without a name has one that no other has."""
        first, second = await client.volumes.create(), await client.volumes.create()
        assert first.name != second.name
        for volume in (first, second):
            await client.volumes.remove(volume.name)

    @waits
    async def test_volumes_are_listed(self, client: EngineClient, made: Made) -> None:
        """All are listed, and filters choose."""
        label, first, second = fresh("label"), made.volume_name(), made.volume_name()
        await client.volumes.create(first, labels={"test": label})
        await client.volumes.create(second)
        assert {first, second} <= {one.name for one in await client.volumes.list()}
        (chosen,) = await client.volumes.list(filters={"label": f"test={label}"})
        assert chosen.name == first

    @waits
    async def test_a_volume_that_a_container_has_is_kept(self, client: EngineClient, made: Made) -> None:
        """Whether the container runs or not, its volume is removed only behind it, by force neither."""
        name = made.volume_name()
        container = await made.container("/bin/true", start=False, binds=[Bind(name, "/data")])
        for force in (False, True):
            with pytest.raises(Conflict):
                await client.volumes.remove(name, force=force)
        await client.containers.remove(container)
        await client.volumes.remove(name)
        assert not await client.volumes.exists(name)

    @waits
    async def test_volumes_that_no_container_has_are_pruned(self, client: EngineClient, made: Made) -> None:
        """Those that filters choose and no container has are removed, and named."""
        label, free, taken = fresh("label"), made.volume_name(), made.volume_name()
        for name in (free, taken):
            await client.volumes.create(name, labels={"test": label})
        await made.container("/bin/true", start=False, binds=[Bind(taken, "/data")])
        pruned = await client.volumes.prune(all=True, filters={"label": f"test={label}"})
        assert pruned.names == (free,)
        assert pruned.reclaimed >= 0
        assert await client.volumes.exists(taken)

    @waits
    async def test_volumes_with_names_are_not_pruned_unasked(self, client: EngineClient, made: Made) -> None:
        """An engine that cannot but remove them is not asked to."""
        label, name = fresh("label"), made.volume_name()
        await client.volumes.create(name, labels={"test": label})
        nameless = await client.volumes.create(labels={"test": label})
        try:
            pruned = await client.volumes.prune(filters={"label": f"test={label}"})
        except Unsupported:
            await client.volumes.remove(nameless.name)
        else:
            assert pruned.names == (nameless.name,)
        assert await client.volumes.exists(name)

    @waits
    async def test_a_volume_that_is_not_there_is_not_found(self, client: EngineClient) -> None:
        """It can be neither inspected nor removed."""
        name = fresh("nothing")
        for call in (client.volumes.inspect(name), client.volumes.remove(name)):
            with pytest.raises(NotFound, match=name):
                await call

    @waits
    async def test_not_every_name_is_one(self, client: EngineClient) -> None:
        """A path is no name, and a driver has to be there."""
        with pytest.raises(Invalid):
            await client.volumes.create("a/b")
        with pytest.raises(NotFound, match="nonsense"):
            await client.volumes.create(fresh("volume"), driver="nonsense")
