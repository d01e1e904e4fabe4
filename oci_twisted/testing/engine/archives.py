"""
Files into containers, and out of them.
"""

from __future__ import annotations

import io
import tarfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from oci_twisted.engine.errors import EngineError, NotFound
from oci_twisted.testing.consumers import CheckingConsumer
from oci_twisted.testing.engine.examples import fresh, in_pieces
from oci_twisted.testing.waiting import waits

if TYPE_CHECKING:
    from oci_twisted.engine import EngineClient
    from oci_twisted.engine.interfaces import IByteStream
    from oci_twisted.testing.engine.examples import Made

SLEEP = ("/bin/sleep", "1000")
MODIFIED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LARGE = bytes(range(256)) * 4096


def _archive(**contents: bytes) -> bytes:
    """Make an archive of a folder ``kept`` with files in it, and a link to each."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        folder = tarfile.TarInfo("kept")
        folder.type, folder.mode, folder.mtime = tarfile.DIRTYPE, 0o755, int(MODIFIED.timestamp())
        tar.addfile(folder)
        for name, content in contents.items():
            member = tarfile.TarInfo(f"kept/{name}")
            member.size, member.mode, member.mtime = len(content), 0o640, int(MODIFIED.timestamp())
            tar.addfile(member, io.BytesIO(content))
            link = tarfile.TarInfo(f"kept/{name}.link")
            link.type, link.linkname = tarfile.SYMTYPE, name
            tar.addfile(link)
    return buffer.getvalue()


async def _read(stream: IByteStream) -> bytes:
    return b"".join([piece async for piece in stream])


def _contents(archive: bytes) -> dict[str, bytes]:
    """Answer the files of an archive by their names."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        found = {member.name: tar.extractfile(member) for member in tar.getmembers() if member.isreg()}
        return {name: file.read() for name, file in found.items() if file is not None}


class ArchiveContract:
    """How files are copied."""

    @pytest.mark.parametrize("start", [False, True])
    @waits
    async def test_files_are_copied_in_and_out(self, client: EngineClient, made: Made, start: bool) -> None:  # noqa: FBT001 - a test's
        """What was unpacked in a container is had again, whether it runs or not."""
        container = await made.container(*SLEEP, start=start)
        await client.containers.put_archive(container, "/", _archive(greeting=b"hello"))
        copied = await client.containers.get_archive(container, "/kept/greeting")
        assert copied.stat.name == "greeting"
        assert copied.stat.size == 5
        assert _contents(await _read(copied.stream)) == {"greeting": b"hello"}

    @waits
    async def test_a_folder_is_copied_with_all_that_is_below_it(self, client: EngineClient, made: Made) -> None:
        """An archive that comes in pieces is unpacked, and one of the folder goes to a consumer."""
        container = await made.container(*SLEEP, start=False)
        archive = _archive(greeting=b"hello", large=LARGE)
        await client.containers.put_archive(container, "/", in_pieces(archive))
        copied = await client.containers.get_archive(container, "/kept")
        assert copied.stat.is_folder
        consumer = CheckingConsumer()
        size = await copied.stream.deliver(consumer)
        assert size == len(consumer.content)
        assert _contents(consumer.content) == {"kept/greeting": b"hello", "kept/large": LARGE}

    @waits
    async def test_what_is_at_a_path_is_told(self, client: EngineClient, made: Made) -> None:
        """Files, folders and links are told apart."""
        container = await made.container(*SLEEP, start=False)
        await client.containers.put_archive(container, "/", _archive(greeting=b"hello"))
        file = await client.containers.stat(container, "/kept/greeting")
        assert (file.name, file.size, file.permissions, file.modified) == ("greeting", 5, 0o640, MODIFIED)
        assert not file.is_folder
        assert not file.is_link
        assert not file.target
        folder = await client.containers.stat(container, "/kept")
        assert (folder.name, folder.permissions, folder.is_folder) == ("kept", 0o755, True)
        link = await client.containers.stat(container, "/kept/greeting.link")
        assert link.is_link
        assert link.target.endswith("greeting")

    @waits
    async def test_a_copy_can_be_given_up(self, client: EngineClient, made: Made) -> None:
        """Who closes an archive before its end goes on with other calls."""
        container = await made.container(*SLEEP, start=False)
        await client.containers.put_archive(container, "/", _archive(large=LARGE))
        copied = await client.containers.get_archive(container, "/kept/large")
        assert await copied.stream.__anext__()
        copied.stream.close()
        copied.stream.close()
        assert (await client.containers.stat(container, "/kept/large")).size == len(LARGE)

    @waits
    async def test_all_files_are_exported(self, client: EngineClient, made: Made) -> None:
        """Those of the image, and those that were copied in."""
        container = await made.container(*SLEEP, start=False)
        await client.containers.put_archive(container, "/", _archive(greeting=b"hello"))
        contents = _contents(await _read(await client.containers.export(container)))
        assert contents["kept/greeting"] == b"hello"
        assert contents["bin/busybox"]

    @waits
    async def test_what_is_not_there_is_not_copied(self, client: EngineClient, made: Made) -> None:
        """A path that is not there, and a container that is not, are not found."""
        container, nobody = await made.container(*SLEEP, start=False), fresh("nobody")
        containers = client.containers
        for call in (
            containers.stat(container, "/nowhere"),
            containers.get_archive(container, "/nowhere"),
            containers.stat(nobody, "/"),
            containers.get_archive(nobody, "/"),
            containers.put_archive(nobody, "/", _archive()),
            containers.export(nobody),
        ):
            with pytest.raises(NotFound):
                await call

    @waits
    async def test_what_is_no_archive_is_refused(self, client: EngineClient, made: Made) -> None:
        """The engine says that it cannot unpack it."""
        container = await made.container(*SLEEP, start=False)
        with pytest.raises(EngineError):
            await client.containers.put_archive(container, "/", b"nonsense" * 1000)
