"""Files and folders as bodies, and streams as files."""

from __future__ import annotations

import io
import os
import socket
import tarfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet.defer import CancelledError, Deferred

from oci_twisted.engine.dockerignore import InvalidPattern
from oci_twisted.engine.errors import StreamCorrupt
from oci_twisted.engine.files import PIECE, pieces_of_context, pieces_of_file, pieces_of_folder, write_file
from oci_twisted.engine.transport.streams import ByteStream
from oci_twisted.testing.waiting import turn, waits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


def _reactor() -> Any:  # noqa: ANN401 - every kind of reactor
    from twisted.internet import reactor  # noqa: PLC0415 - pytest-twisted installs it

    return reactor


def threads() -> int:
    """Count the threads of transfers that there are."""
    return sum("oci-engine-files" in thread.name for thread in threading.enumerate())


def open_files() -> set[Path]:
    """Answer what this process has open."""
    return {link.resolve() for link in Path("/proc/self/fd").iterdir()}


def make_socket(path: Path) -> None:
    """Make a socket, whose path has to be short."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(path))


async def whole(pieces: AsyncIterator[bytes]) -> bytes:
    """Read all of it, and see that no piece is empty or large."""
    read = [piece async for piece in pieces]
    assert all(0 < len(piece) <= 2 * PIECE for piece in read)
    assert threads() == 0
    return b"".join(read)


@pytest.mark.parametrize("size", [0, 1, PIECE, PIECE + 1, 3 * PIECE])
@waits
async def test_a_file_comes_in_pieces(tmp_path: Path, size: int) -> None:
    """The pieces are the file, whatever its size, and no thread is left."""
    content = os.urandom(size)
    path = tmp_path / "file"
    path.write_bytes(content)
    assert await whole(pieces_of_file(_reactor(), path)) == content


@waits
async def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    """The error is that of the file system, and no thread is left."""
    with pytest.raises(FileNotFoundError):
        await whole(pieces_of_file(_reactor(), tmp_path / "file"))
    assert threads() == 0


@waits
async def test_who_stops_reading_leaves_nothing(tmp_path: Path) -> None:
    """A reader that goes away in the middle leaves no thread and no open file."""
    path = tmp_path / "file"
    path.write_bytes(bytes(3 * PIECE))
    pieces = pieces_of_file(_reactor(), path)
    await pieces.__anext__()
    assert threads() == 1
    del pieces
    assert threads() == 0
    assert path not in open_files()


@waits
async def test_a_file_that_blocks_does_not_block_the_reactor(tmp_path: Path) -> None:
    """Who gives up a read that does not come to an end goes on at once; its thread ends when the read does."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    ended: list[bool] = []

    def end() -> None:
        os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK))
        ended.append(True)

    # For the thread, and for us if we have to wait for it.
    rescue = threading.Timer(10, end)
    rescue.start()
    reading = Deferred.fromCoroutine(whole(pieces_of_file(_reactor(), path)))
    while threads() == 0:
        await turn()
    reading.cancel()
    with pytest.raises(CancelledError):
        await reading
    assert not ended, "the reactor has waited for the thread"
    rescue.cancel()
    while threads():
        # It may not have begun to wait yet.
        end()
        await turn()


@waits
async def test_a_folder_is_an_archive(tmp_path: Path) -> None:
    """Files, folders and links are in it with modes and contents; what is none of these is left out."""
    folder = tmp_path / "context"
    (folder / "src" / "deep").mkdir(parents=True)
    (folder / "empty").mkdir()
    large = os.urandom(PIECE + 777)
    (folder / "src" / "deep" / "large").write_bytes(large)
    (folder / "Dockerfile").write_text("FROM scratch\n")
    (folder / "Dockerfile").chmod(0o640)
    (folder / ("n" * 200)).write_text("a long name")
    (folder / "zero").touch()
    (folder / "link").symlink_to("src/deep")
    make_socket(folder / "socket")
    archive = await whole(pieces_of_folder(_reactor(), folder))
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        members = {member.name: member for member in tar}
        assert set(members) == {
            "Dockerfile", "empty", "link", "n" * 200, "src", "src/deep", "src/deep/large", "zero"
        }  # fmt: skip
        file = tar.extractfile("src/deep/large")
        assert file is not None
        assert file.read() == large
    assert members["Dockerfile"].mode == 0o640
    assert members["link"].linkname == "src/deep"
    assert members["empty"].isdir()
    assert {(member.uid, member.gid) for member in members.values()} == {(0, 0)}


@waits
async def test_what_is_refused_is_left_out(tmp_path: Path) -> None:
    """A folder that is not included is not looked into."""
    for path in ("a/b/c", "d/e", "f"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    asked: list[str] = []

    def includes(path: str) -> bool:
        asked.append(path)
        return path not in {"a/b", "f"}

    archive = await whole(pieces_of_folder(_reactor(), tmp_path, includes=includes))
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        assert tar.getnames() == ["a", "d", "d/e"]
    assert asked == ["a", "a/b", "d", "d/e", "f"]


class Source:
    """A stream, and the connection that feeds it."""

    def __init__(self) -> None:
        self.abandoned = 0
        self.stream = ByteStream(lambda: None, lambda: None, self.abandon)

    def abandon(self) -> None:
        """Count that."""
        self.abandoned += 1


@waits
async def test_a_stream_is_written(tmp_path: Path) -> None:
    """The file has all of it, in place of what it had, and no thread is left."""
    source, path = Source(), tmp_path / "file"
    path.write_bytes(b"x" * 100)
    source.stream.receive(b"one ")
    writing = Deferred.fromCoroutine(write_file(_reactor(), source.stream, path))
    source.stream.receive(b"two")
    source.stream.end()
    assert await writing == 7
    assert path.read_bytes() == b"one two"
    assert threads() == 0


@waits
async def test_a_stream_that_cannot_be_written_is_closed(tmp_path: Path) -> None:
    """Where there is no place for the file, or the stream breaks off, or nobody waits, the stream ends."""
    source = Source()
    with pytest.raises(FileNotFoundError):
        await write_file(_reactor(), source.stream, tmp_path / "absent" / "file")
    assert source.abandoned == 1
    broken = Source()
    broken.stream.receive(b"one")
    broken.stream.end(StreamCorrupt("broken"))
    with pytest.raises(StreamCorrupt):
        await write_file(_reactor(), broken.stream, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"one"
    endless = Source()
    writing = Deferred.fromCoroutine(write_file(_reactor(), endless.stream, tmp_path / "file"))
    writing.cancel()
    with pytest.raises(CancelledError):
        await writing
    assert endless.abandoned == 1
    while threads():
        await turn()


async def names_in_context(folder: Path, dockerfile: str = "Dockerfile") -> list[str]:
    """Answer the names in the archive of a context."""
    archive = await whole(pieces_of_context(_reactor(), folder, dockerfile=dockerfile))
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return tar.getnames()


def make_context(folder: Path, *names: str, **ignores: str) -> None:
    """Make files, and those of patterns."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    for name, patterns in ignores.items():
        (folder / f"{name.replace('_', '/')}.dockerignore".lstrip("/")).write_text(patterns)


@waits
async def test_a_context_is_without_what_is_ignored(tmp_path: Path) -> None:
    """Folders that are ignored are in it for what is not; the Dockerfile and the patterns are always there."""
    make_context(tmp_path, "Dockerfile", ".git/config", "src/main.py", "src/old/main.py", "src/main.pyc", "docs/a")
    assert "docs/a" in await names_in_context(tmp_path)
    make_context(tmp_path, _="*\n!src/**\n**/*.pyc\n!**/config\n")
    expected = [
        ".dockerignore",
        ".git",
        ".git/config",
        "Dockerfile",
        "src",
        "src/main.py",
        "src/old",
        "src/old/main.py",
    ]
    assert await names_in_context(tmp_path) == expected


@waits
async def test_a_dockerfile_may_have_patterns_of_its_own(tmp_path: Path) -> None:
    """They come before those of the folder, and are in the archive."""
    make_context(tmp_path, "a", "b", "build/Dockerfile", _="a", build_Dockerfile="b\nbuild\n")
    names = await names_in_context(tmp_path, "build/Dockerfile")
    assert names == [".dockerignore", "a", "build", "build/Dockerfile", "build/Dockerfile.dockerignore"]
    assert "a" not in await names_in_context(tmp_path)


@waits
async def test_patterns_that_cannot_be_read_are_said(tmp_path: Path) -> None:
    """Nothing is packed then, and no thread is left."""
    make_context(tmp_path, "a", _="[")
    with pytest.raises(InvalidPattern):
        await names_in_context(tmp_path)
    assert threads() == 0
