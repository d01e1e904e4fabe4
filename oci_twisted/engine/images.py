"""
Images.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from oci_twisted.engine.documents import NO_LABELS, Fields, each
from oci_twisted.engine.errors import EngineError, NotFound, StreamCorrupt
from oci_twisted.engine.filters import Filters, encode_filters
from oci_twisted.engine.names import split_tag

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from oci_twisted.engine.calls import Calls
    from oci_twisted.engine.requests import Body, Json


@frozen
class ImageSummary:
    """
    An image in a list.

    :ivar id: the digest of its configuration, ``sha256:`` and 64 digits.
    :ivar tags: all of its names, such as ``alpine:latest``.
    :ivar digests: names with the digest of its manifest, such as ``alpine@sha256:...``.
    :ivar size: of all its layers, in bytes.
    """

    id: str
    tags: tuple[str, ...]
    digests: tuple[str, ...]
    created: datetime | None
    size: int
    labels: Mapping[str, str] = NO_LABELS


@frozen
class Image:
    """
    An image.

    :ivar layers: the digests of the uncompressed layers, the lowest first.
    :ivar environment: ``NAME=value`` each.
    """

    id: str
    tags: tuple[str, ...]
    digests: tuple[str, ...]
    created: datetime | None
    size: int
    architecture: str
    operating_system: str
    author: str
    comment: str
    layers: tuple[str, ...]
    command: tuple[str, ...]
    entrypoint: tuple[str, ...]
    environment: tuple[str, ...]
    working_directory: str
    user: str
    exposed_ports: tuple[str, ...]
    labels: Mapping[str, str] = NO_LABELS


@frozen
class HistoryEntry:
    """
    A step in the making of an image.

    :ivar id: of the image after it, where that is still known.
    :ivar size: of the layer that it made, in bytes.
    """

    id: str | None
    created: datetime | None
    created_by: str
    comment: str
    size: int
    tags: tuple[str, ...]


@frozen
class Removal:
    """
    What was removed.

    :ivar untagged: names.
    :ivar deleted: digests of images and layers.
    """

    untagged: tuple[str, ...]
    deleted: tuple[str, ...]
    reclaimed: int = 0


class Images:
    """
    The operations on images.

    An image is named by a name (``alpine``, ``alpine:latest``, ``registry.example:5000/a/b:t``), by a name and a
    digest, or by its id or an unambiguous beginning of it.
    """

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def list(self, *, all: bool = False, filters: Filters | None = None) -> tuple[ImageSummary, ...]:  # noqa: A002 - the engines' word
        """
        List images.

        :param all: those, too, that are only steps in the making of others.
        :param filters: such as ``{"reference": ["alpine:*"]}`` or ``{"dangling": True}``.
        """
        document = await self._calls.ask("image.list", all=all, filters=encode_filters(filters))
        return each(document, "an image", _summary)

    async def inspect(self, name: str) -> Image:
        """
        Answer what there is to know of an image.

        :raise NotFound: when there is no such image.
        """
        return _image(Fields(await self._calls.ask("image.inspect", name=name), "an image"))

    async def exists(self, name: str) -> bool:
        """Answer whether there is such an image."""
        try:
            await self._calls.ask("image.inspect", name=name)
        except NotFound:
            return False
        return True

    async def history(self, name: str) -> tuple[HistoryEntry, ...]:
        """
        Answer how an image was made, the last step first.

        :raise NotFound: when there is no such image.
        """
        return each(await self._calls.ask("image.history", name=name), "a step of an image", _entry)

    async def tag(self, name: str, new_name: str) -> None:
        """
        Give an image another name, taking it from the one that has it.

        :param new_name: with a tag; ``latest`` if it has none.
        :raise NotFound: when there is no such image.
        """
        repository, tag = split_tag(new_name)
        await self._calls.ask("image.tag", name=name, repo=repository, tag=tag or "latest")

    async def remove(self, name: str, *, force: bool = False, prune: bool = True) -> Removal:
        """
        Remove a name of an image, and with the last one the image.

        :param force: although a stopped container uses it, or, by its id, although it has several names.
        :param prune: together with the images that only it was made from.
        :raise NotFound: when there is no such image.
        :raise Conflict: when it is in use.
        """
        return _removal(await self._calls.ask("image.remove", name=name, force=force, noprune=not prune))

    async def prune(self, *, all: bool = False, filters: Filters | None = None) -> Removal:  # noqa: A002 - the engines' word
        """
        Remove the images without a name that nothing uses.

        :param all: and those with names.
        :param filters: such as ``{"until": "24h"}``.
        """
        chosen = {**(filters or {}), "dangling": not all}
        fields = Fields(await self._calls.ask("image.prune", filters=encode_filters(chosen)), "what was pruned")
        removal = _removal(fields.objects("ImagesDeleted"))
        return Removal(removal.untagged, removal.deleted, fields.number("SpaceReclaimed", 0))

    async def import_archive(
        self, archive: Body, name: str | None = None, *, changes: Sequence[str] = (), message: str | None = None
    ) -> str:
        """
        Make an image of one layer from an archive of its files, and answer its id.

        :param archive: a tar archive, perhaps compressed.
        :param name: of the image.
        :param changes: lines of a Dockerfile, such as ``ENTRYPOINT ["/bin/busybox"]``.
        :raise EngineError: when it is no archive.
        """
        repository, tag = split_tag(name) if name is not None else (None, None)
        imported = None
        messages = await self._calls.messages(
            "image.import", archive, repo=repository, tag=tag, changes=changes, message=message
        )
        async for one in messages:
            if "error" in one:
                raise EngineError(str(one["error"]))
            imported = one.get("status", imported)
        if not isinstance(imported, str):
            raise StreamCorrupt("the engine did not say what it imported")
        return imported if imported.startswith("sha256:") else f"sha256:{imported}"


def _summary(fields: Fields) -> ImageSummary:
    return ImageSummary(
        id=_id(fields),
        tags=_names(fields, "RepoTags"),
        digests=_names(fields, "RepoDigests"),
        created=fields.instant("Created"),
        size=fields.number("Size", 0),
        labels=fields.labels("Labels"),
    )


def _image(fields: Fields) -> Image:
    config = fields.inner("Config")
    return Image(
        id=_id(fields),
        tags=_names(fields, "RepoTags"),
        digests=_names(fields, "RepoDigests"),
        created=fields.instant("Created"),
        size=fields.number("Size", 0),
        architecture=fields.text("Architecture", ""),
        operating_system=fields.text("Os", ""),
        author=fields.text("Author", ""),
        comment=fields.text("Comment", ""),
        layers=fields.inner("RootFS").texts("Layers"),
        command=config.texts("Cmd"),
        entrypoint=config.texts("Entrypoint"),
        environment=config.texts("Env"),
        working_directory=config.text("WorkingDir", ""),
        user=config.text("User", ""),
        exposed_ports=tuple(config.document("ExposedPorts")),
        labels=config.labels("Labels"),
    )


def _entry(fields: Fields) -> HistoryEntry:
    id_ = fields.text("Id", "<missing>")
    return HistoryEntry(
        id=None if id_ == "<missing>" else id_,
        created=fields.instant("Created"),
        created_by=fields.text("CreatedBy", ""),
        comment=fields.text("Comment", ""),
        size=fields.number("Size", 0),
        tags=fields.texts("Tags"),
    )


def _removal(document: Json) -> Removal:
    untagged, deleted = [], []
    for one in each(document, "what was removed", lambda fields: fields):
        if name := one.text("Untagged", ""):
            untagged.append(name)
        if digest := one.text("Deleted", ""):
            deleted.append(digest if digest.startswith("sha256:") else f"sha256:{digest}")
    return Removal(tuple(untagged), tuple(deleted))


def _id(fields: Fields) -> str:
    # Podman does without the algorithm.
    id_ = fields.text("Id")
    return id_ if id_.startswith("sha256:") else f"sha256:{id_}"


def _names(fields: Fields, member: str) -> tuple[str, ...]:
    # Docker's way to say that there are none.
    return tuple(name for name in fields.texts(member) if not name.startswith("<none>"))
