"""
The operations that copy files.
"""

from __future__ import annotations

import base64
import io
import json
import tarfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from oci_twisted.testing.engine.memory.containers import asked_for
from oci_twisted.testing.engine.memory.refusals import Refused
from oci_twisted.testing.engine.memory.server import Reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from oci_twisted.testing.engine.memory.containers import MemoryContainer
    from oci_twisted.testing.engine.memory.engine import MemoryEngine
    from oci_twisted.testing.engine.memory.routes import Asked

Files: TypeAlias = dict[str, tuple[tarfile.TarInfo, bytes]]
"""Members of archives and their contents, by their paths below ``/``, which itself is the empty one."""

_PIECE = 64 << 10
_KINDS = {tarfile.DIRTYPE: 1 << 31, tarfile.SYMTYPE: 1 << 27}


def files_of(engine: MemoryEngine, container: MemoryContainer) -> Files:
    """Answer all files of a container: those of its image, and what was copied into it."""
    if container.files is None:
        root = tarfile.TarInfo("")
        root.type, root.mode = tarfile.DIRTYPE, 0o755
        container.files = {"": (root, b"")}
        for layer in engine.images[container.image_id].layers:
            unpack(container.files, "", layer)
    return container.files


def unpack(files: Files, folder: str, archive: bytes) -> None:
    """
    Put what is in an archive into a folder.

    :raise Refused: when it is none.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            for member in tar.getmembers():
                content = tar.extractfile(member) if member.isreg() else None
                path = _path(f"{folder}/{member.name}")
                for parent in _parents(path):
                    if parent not in files:
                        made = tarfile.TarInfo(parent)
                        made.type, made.mode = tarfile.DIRTYPE, 0o755
                        files[parent] = (made, b"")
                files[path] = (member, b"" if content is None else content.read())
    except tarfile.TarError as error:
        raise Refused(500, f"Error processing tar file: {error}") from error


async def copy_in(engine: MemoryEngine, asked: Asked) -> Reply:
    """Unpack an archive in a folder."""
    container = asked_for(engine, asked)
    files, path = files_of(engine, container), _path(asked.text("path"))
    if not _member(container, files, path).isdir():
        raise Refused(400, "extraction point is not a directory")
    unpack(files, path, asked.archive)
    return Reply(200)


async def stat(engine: MemoryEngine, asked: Asked) -> Reply:
    """Answer what there is at a path."""
    container = asked_for(engine, asked)
    return Reply(200, _about(_member(container, files_of(engine, container), _path(asked.text("path")))))


async def copy_out(engine: MemoryEngine, asked: Asked) -> Reply:
    """Answer an archive of what there is at a path."""
    container = asked_for(engine, asked)
    files, path = files_of(engine, container), _path(asked.text("path"))
    member = _member(container, files, path)
    name = path.rpartition("/")[2]
    chosen = {
        _path(f"{name}/{other.removeprefix(path)}"): files[other]
        for other in sorted(files)
        if other == path or not path or other.startswith(f"{path}/")
    }
    return Reply(200, {"Content-Type": "application/x-tar", **_about(member)}, pieces=_pieces(_pack(chosen)))


async def export(engine: MemoryEngine, asked: Asked) -> Reply:
    """Answer an archive of all files."""
    files = files_of(engine, asked_for(engine, asked))
    return Reply(200, {"Content-Type": "application/octet-stream"}, pieces=_pieces(_pack(files)))


def _pack(files: Files) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, (member, content) in files.items():
            if path:
                tar.addfile(member.replace(name=path), io.BytesIO(content))
    return buffer.getvalue()


async def _pieces(archive: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(archive), _PIECE):
        yield archive[start : start + _PIECE]


def _member(container: MemoryContainer, files: Files, path: str) -> tarfile.TarInfo:
    if path not in files:
        raise Refused(404, f"Could not find the file /{path} in container {container.id}")
    return files[path][0]


def _about(member: tarfile.TarInfo) -> dict[str, str]:
    document: dict[str, Any] = {
        "name": member.name.rpartition("/")[2] or "/",
        "size": member.size,
        "mode": member.mode | _KINDS.get(member.type, 0),
        "mtime": datetime.fromtimestamp(member.mtime, UTC).isoformat(),
        "linkTarget": member.linkname,
    }
    return {"X-Docker-Container-Path-Stat": base64.b64encode(json.dumps(document).encode()).decode("ascii")}


def _path(text: str) -> str:
    return "/".join(part for part in text.split("/") if part not in {"", "."})


def _parents(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[: count + 1]) for count in range(len(parts))]


OPERATIONS = {
    "container.copy_in": copy_in,
    "container.copy_out": copy_out,
    "container.stat": stat,
    "container.export": export,
}
