"""
Files into containers, and out of them, as tar archives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from oci_twisted.engine.documents import Fields
from oci_twisted.engine.errors import StreamCorrupt
from oci_twisted.engine.requests import Request

if TYPE_CHECKING:
    from datetime import datetime

    from oci_twisted.engine.calls import Calls
    from oci_twisted.engine.interfaces import IByteStream
    from oci_twisted.engine.requests import Body

_STAT = "what there is at a path"
# How Go writes kinds of files, which are not those of the kernel.
_FOLDER, _LINK = 1 << 31, 1 << 27
_PERMISSIONS = 0o777


@frozen
class PathStat:
    """
    What there is at a path of a container.

    :ivar size: in bytes.
    :ivar permissions: such as ``0o644``.
    :ivar target: of a link, or empty.
    """

    name: str
    size: int
    permissions: int
    modified: datetime | None
    is_folder: bool
    is_link: bool
    target: str


@frozen
class PathArchive:
    """
    What there is at a path, and an archive of it, which is the caller's to read or close.

    :ivar stream: a tar archive whose first member is named as the last part of the path.
    """

    stat: PathStat
    stream: IByteStream


class ContainerFiles:
    """
    The operations that copy files.

    Containers need not run for them.  Nothing is held whole on the way.  Docker lets every other operation on a
    container's files wait while an archive of it is open: read it to its end, or close it, first.

    Nothing bounds `put_archive`, `get_archive` and `export`, nor the pauses in what they move: that is the caller's to
    do, by cancelling or ``Deferred.addTimeout``.
    """

    _calls: Calls

    async def stat(self, container: str, path: str) -> PathStat:
        """
        Answer what there is at a path.

        :raise NotFound: when there is nothing.
        """
        return _stat(await self._calls.fields(_STAT, "container.stat", id=container, path=path))

    async def put_archive(
        self, container: str, path: str, archive: Body, *, keep_kind: bool = False, keep_owner: bool = False
    ) -> None:
        """
        Unpack an archive in a folder.

        :param path: of the folder, which Podman makes if it is not there.
        :param archive: a tar archive, perhaps compressed: bytes, or pieces of them that are asked for as they leave.
        :param keep_kind: whether it is an error to replace a folder by a file, or the other way round.
        :param keep_owner: whether files belong to whom the archive says, in numbers.
        :raise NotFound: when there is no such folder.
        :raise EngineError: when it is no archive, or cannot be unpacked there.
        """
        await self._calls.ask(
            "container.copy_in", archive, id=container, path=path, keep_kind=keep_kind, keep_owner=keep_owner
        )

    async def get_archive(self, container: str, path: str) -> PathArchive:
        """
        Answer an archive of a file, or of a folder and all that is below it.

        :raise NotFound: when there is nothing.
        """
        request = Request("container.copy_out", {"id": container, "path": path})
        response = await self._calls.send(request.method, **request.parameters)
        stream = response.stream
        if stream is None:
            raise StreamCorrupt("the driver answered an archive with something else", request=request)
        try:
            return PathArchive(_stat(Fields(response.document, _STAT, request)), stream)
        except StreamCorrupt:
            stream.close()
            raise

    async def export(self, container: str) -> IByteStream:
        """Answer a tar archive of all of a container's files, which is the caller's to read or close."""
        return await self._calls.stream("container.export", id=container)


def _stat(fields: Fields) -> PathStat:
    mode = fields.number("mode", 0)
    is_link = bool(mode & _LINK)
    return PathStat(
        name=fields.text("name", ""),
        size=fields.number("size", 0),
        permissions=mode & _PERMISSIONS,
        modified=fields.instant("mtime"),
        is_folder=bool(mode & _FOLDER),
        is_link=is_link,
        # Podman has one for everything.
        target=fields.text("linkTarget", "") if is_link else "",
    )
