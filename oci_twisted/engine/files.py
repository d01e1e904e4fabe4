"""
Files and folders as bodies of requests, and streams as files: read and written in a thread, a piece at a time.
"""

from __future__ import annotations

import functools
import os
import tarfile
from typing import TYPE_CHECKING, Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.threadpool import ThreadPool

from oci_twisted.engine.dockerignore import DockerIgnore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from twisted.python.failure import Failure

    from oci_twisted.engine.interfaces import IByteStream

PIECE = 256 << 10

T = TypeVar("T")


class _Thread:
    """One thread, for blocking work of one owner, who ends it."""

    def __init__(self, reactor: Any) -> None:  # noqa: ANN401 - one with threads
        self._reactor = reactor
        self._working = 0
        self._is_over = False
        self._pool = ThreadPool(minthreads=0, maxthreads=1, name="oci-engine-files")
        self._pool.start()

    async def call(self, work: Callable[[], T]) -> T:
        """Do some work there.  Cancelling the wait leaves it to itself."""
        waiting: Deferred[T] = Deferred()
        self._working += 1
        self._pool.callInThreadWithCallback(functools.partial(self._has_worked, waiting), work)
        return await waiting

    def end(self) -> None:
        """End it, as soon as what it does is done, which nobody waits for: a pipe may have nothing for ever."""
        self._is_over = True
        if not self._working:
            self._pool.stop()

    def _has_worked(self, waiting: Deferred[T], good: bool, result: T | Failure) -> None:  # noqa: FBT001 - a callback
        del good
        self._reactor.callFromThread(self._hand_on, waiting, result)

    def _hand_on(self, waiting: Deferred[T], result: T | Failure) -> None:
        self._working -= 1
        if not waiting.called:
            waiting.callback(result)
        if self._is_over and not self._working:
            self._pool.stop()


async def pieces_of_file(reactor: Any, path: Path) -> AsyncIterator[bytes]:  # noqa: ANN401 - one with threads
    """
    Give the content of a file, as the body of a request.

    :raise OSError: when it cannot be read.
    """
    async for piece in _in_thread(reactor, lambda: _read_file(path)):
        yield piece


async def pieces_of_folder(
    reactor: Any,  # noqa: ANN401 - one with threads
    folder: Path,
    *,
    includes: Callable[[str], bool] = lambda _: True,
) -> AsyncIterator[bytes]:
    """
    Give a folder as a tar archive.

    Files, folders and symbolic links are in it with their modes and times, and belong to root; sockets and the like are
    left out.  A file that is changed meanwhile has the size with which it began.

    :param includes: called, in a thread, with each path below the folder, such as ``src/main.py``; what it refuses is
        left out, and a folder with all that is below it.
    :raise OSError: when something cannot be read.
    """
    async for piece in _in_thread(reactor, lambda: _archive(_walk(folder, "", includes))):
        yield piece


async def pieces_of_context(
    reactor: Any,  # noqa: ANN401 - one with threads
    folder: Path,
    *,
    dockerfile: str = "Dockerfile",
) -> AsyncIterator[bytes]:
    """
    Give a folder as a tar archive for `Images.build`, without what its ``.dockerignore`` names.

    A file such as ``Dockerfile.dockerignore``, beside the Dockerfile, comes before it.  The Dockerfile and the file of
    patterns itself are always in the archive.  Otherwise as `pieces_of_folder`.

    :param dockerfile: its path in the folder, as in `Images.build`.
    :raise InvalidPattern: when a pattern cannot be read.
    """
    async for piece in _in_thread(reactor, lambda: _context(folder, dockerfile)):
        yield piece


async def write_file(reactor: Any, stream: IByteStream, path: Path) -> int:  # noqa: ANN401 - one with threads
    """
    Write a stream to a file, which is made or replaced, and answer how many bytes that were.

    The stream is closed when writing fails or is cancelled; the file has what came until then.

    :raise OSError: when it cannot be written.
    :raise StreamCorrupt: when the stream breaks off.
    """
    thread, size = _Thread(reactor), 0
    try:
        file = await thread.call(lambda: path.open("wb"))
        try:
            async for piece in stream:
                await thread.call(lambda piece=piece: file.write(piece))  # type: ignore[misc]
                size += len(piece)
        finally:
            await thread.call(file.close)
    finally:
        stream.close()
        thread.end()
    return size


async def _in_thread(reactor: Any, make: Callable[[], Iterator[bytes]]) -> AsyncIterator[bytes]:  # noqa: ANN401
    """Iterate in a thread, a piece when one is asked for."""
    thread, pieces = _Thread(reactor), make()
    try:
        while piece := await thread.call(lambda: next(pieces, b"")):
            yield piece
    finally:
        # Nothing here may wait, for whoever reads may be gone.  What is open is closed with the iterator.
        thread.end()


def _read_file(path: Path) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as file:
        while piece := file.read(PIECE):
            yield piece


def _context(folder: Path, dockerfile: str) -> Iterator[bytes]:
    ignore = DockerIgnore()
    for name in (f"{dockerfile}.dockerignore", ".dockerignore"):
        if (folder / name).is_file():
            # As the names of files are read, so that they are the same.
            text = os.fsdecode((folder / name).read_bytes())
            ignore = DockerIgnore.parse(text, keep=(dockerfile, name))
            break
    yield from _archive(_walk(folder, "", ignore.includes, ignore.may_include_below))


def _archive(found: Iterator[tuple[Path, str]]) -> Iterator[bytes]:
    small = bytearray()
    for path, name in found:
        member = _member(path, name)
        if member is None:
            continue
        # Many small files share a piece.
        small += member.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
        if member.isreg():
            for content in _exactly(path, member.size):
                small += content
                if len(small) >= PIECE:
                    yield bytes(small)
                    small.clear()
            small += bytes(-member.size % tarfile.BLOCKSIZE)
        if len(small) >= PIECE:
            yield bytes(small)
            small.clear()
    yield bytes(small) + bytes(2 * tarfile.BLOCKSIZE)


def _walk(
    folder: Path,
    prefix: str,
    includes: Callable[[str], bool],
    enters: Callable[[str], bool] = lambda _: False,
) -> Iterator[tuple[Path, str]]:
    """
    Give what is in a folder, each folder before what is in it.

    :param enters: whether something in a folder that is not included may be; then the folder is, too, if something is.
    """
    for path in sorted(folder.iterdir()):
        name = f"{prefix}{path.name}"
        is_folder = path.is_dir() and not path.is_symlink()
        below = _walk(path, f"{name}/", includes, enters) if is_folder else iter(())
        if includes(name):
            yield path, name
            yield from below
        elif is_folder and enters(name):
            for number, found in enumerate(below):
                if number == 0:
                    yield path, name
                yield found


def _member(path: Path, name: str) -> tarfile.TarInfo | None:
    state = path.lstat()
    member = tarfile.TarInfo(name)
    member.mode, member.mtime = state.st_mode & 0o7777, int(state.st_mtime)
    if path.is_symlink():
        member.type, member.linkname = tarfile.SYMTYPE, str(path.readlink())
    elif path.is_dir():
        member.type = tarfile.DIRTYPE
    elif path.is_file():
        member.size = state.st_size
    else:
        return None
    return member


def _exactly(path: Path, size: int) -> Iterator[bytes]:
    """Give so many bytes of a file, zeros behind its end if it has become shorter."""
    with path.open("rb", buffering=0) as file:
        while size > 0:
            piece = file.read(min(PIECE, size)) or bytes(min(PIECE, size))
            yield piece
            size -= len(piece)
