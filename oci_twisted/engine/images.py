"""
Images.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from oci_twisted.engine.documents import Fields, each
from oci_twisted.engine.errors import EngineError, NotFound, StreamCorrupt
from oci_twisted.engine.filters import Filters, encode_filters
from oci_twisted.engine.image_values import (
    HistoryEntry,
    Image,
    ImageSummary,
    Removal,
    read_entry,
    read_image,
    read_removal,
    read_summary,
)
from oci_twisted.engine.names import split_tag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oci_twisted.engine.calls import Calls
    from oci_twisted.engine.requests import Body


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
        return each(document, "an image", read_summary)

    async def inspect(self, name: str) -> Image:
        """
        Answer what there is to know of an image.

        :raise NotFound: when there is no such image.
        """
        return read_image(Fields(await self._calls.ask("image.inspect", name=name), "an image"))

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
        return each(await self._calls.ask("image.history", name=name), "a step of an image", read_entry)

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
        return read_removal(await self._calls.ask("image.remove", name=name, force=force, noprune=not prune))

    async def prune(self, *, all: bool = False, filters: Filters | None = None) -> Removal:  # noqa: A002 - the engines' word
        """
        Remove the images without a name that nothing uses.

        :param all: and those with names.
        :param filters: such as ``{"until": "24h"}``.
        """
        chosen = {**(filters or {}), "dangling": not all}
        fields = Fields(await self._calls.ask("image.prune", filters=encode_filters(chosen)), "what was pruned")
        removal = read_removal(fields.objects("ImagesDeleted"))
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
