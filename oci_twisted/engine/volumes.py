"""
Volumes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from oci_twisted.engine.documents import NO_LABELS, Fields
from oci_twisted.engine.filters import Filters, encode_filters

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from oci_twisted.engine.calls import Calls


@frozen
class Volume:
    """
    A volume.

    :ivar mountpoint: where it is on the engine's machine.
    :ivar options: of its driver.
    """

    name: str
    driver: str
    mountpoint: str
    created: datetime | None
    scope: str
    options: Mapping[str, str] = NO_LABELS
    labels: Mapping[str, str] = NO_LABELS


@frozen
class VolumesPruned:
    """
    Volumes that were removed.

    :ivar reclaimed: in bytes.
    """

    names: tuple[str, ...]
    reclaimed: int


class Volumes:
    """
    The operations on volumes, which are named by their names.

    Nothing bounds how long an engine takes to `prune` them: that is the caller's to do.
    """

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def list(self, *, filters: Filters | None = None) -> tuple[Volume, ...]:
        """
        List volumes.

        :param filters: such as ``{"label": "a=b", "dangling": True}``.
        """
        fields = await self._calls.fields("a list of volumes", "volume.list", filters=encode_filters(filters))
        return fields.several("Volumes", _volume)

    async def create(
        self,
        name: str | None = None,
        *,
        driver: str = "local",
        options: Mapping[str, str] = NO_LABELS,
        labels: Mapping[str, str] = NO_LABELS,
    ) -> Volume:
        """
        Make a volume; where there is one of that name, it is answered as it is.

        :param name: the engine's choice if ``None``.
        :param options: of the driver, such as ``{"type": "tmpfs", "device": "tmpfs"}``.
        :raise Invalid: when it cannot have that name.
        :raise NotFound: when there is no such driver.
        """
        config = {"Driver": driver, "DriverOpts": dict(options), "Labels": dict(labels)}
        if name is not None:
            config["Name"] = name
        return _volume(await self._calls.fields("a volume", "volume.create", config=config))

    async def inspect(self, name: str) -> Volume:
        """
        Answer what there is to know of a volume.

        :raise NotFound: when there is no such volume.
        """
        return _volume(await self._calls.fields("a volume", "volume.inspect", name=name))

    async def exists(self, name: str) -> bool:
        """Answer whether there is such a volume."""
        return await self._calls.finds("volume.inspect", name=name)

    async def remove(self, name: str, *, force: bool = False) -> None:
        """
        Remove a volume, and what is in it.

        :param force: although its driver has lost it, and although it is not there; never although a container has it.
        :raise NotFound: when there is no such volume.
        :raise Conflict: when a container has it, whether that runs or not.
        """
        await self._calls.ask("volume.remove", name=name, force=force or None)

    async def prune(self, *, all: bool = False, filters: Filters | None = None) -> VolumesPruned:  # noqa: A002 - Docker's word
        """
        Remove the volumes that no container has.

        :param all: also those that somebody has given a name.
        :param filters: such as ``{"label": "a=b"}``.
        :raise Unsupported: without ``all``, where an engine would remove those as well, as Docker before 23.0 and
            Podman would.  Nothing was removed.
        """
        fields = await self._calls.fields(
            "what was pruned", "volume.prune", all=all or None, filters=encode_filters(filters)
        )
        return VolumesPruned(fields.texts("VolumesDeleted"), fields.number("SpaceReclaimed", 0))


def _volume(fields: Fields) -> Volume:
    return Volume(
        name=fields.text("Name"),
        driver=fields.text("Driver", ""),
        mountpoint=fields.text("Mountpoint", ""),
        created=fields.instant("CreatedAt"),
        scope=fields.text("Scope", ""),
        options=fields.labels("Options"),
        labels=fields.labels("Labels"),
    )
