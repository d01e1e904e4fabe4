"""
Saving and loading images.
"""

from __future__ import annotations

import io
import json
import tarfile
from datetime import datetime
from typing import TYPE_CHECKING

from oci_twisted.testing.engine.memory.images import MemoryImage, familiar, find_image, name_image, with_tag
from oci_twisted.testing.engine.memory.server import Reply, as_messages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from oci_twisted.testing.engine.memory.engine import MemoryEngine
    from oci_twisted.testing.engine.memory.routes import Asked

_INDEX = "manifest.json"


async def save(engine: MemoryEngine, asked: Asked) -> Reply:
    """Answer an archive of images, in the form of Docker's, which keeps what is known of each beside its layers."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        index = []
        for name in asked.texts["names"]:
            image = find_image(engine, name)
            layers = [f"{image.id.removeprefix('sha256:')}/{number}.tar" for number in range(len(image.layers))]
            for path, content in zip(layers, image.layers, strict=True):
                _add(tar, path, content)
            known = {
                "id": image.id,
                "created": image.created.isoformat(),
                "config": image.config,
                "comment": image.comment,
                "author": image.author,
            }
            config = f"{image.id.removeprefix('sha256:')}.json"
            _add(tar, config, json.dumps(known).encode())
            full = with_tag(familiar(name))
            index.append({"Config": config, "RepoTags": [full] if full in image.tags else [], "Layers": layers})
        _add(tar, _INDEX, json.dumps(index).encode())
    return Reply(200, {"Content-Type": "application/x-tar"}, buffer.getvalue())


async def load(engine: MemoryEngine, asked: Asked) -> Reply:
    """Load the images of an archive; what is wrong with it is said when the answer has begun."""

    async def messages() -> AsyncIterator[bytes]:
        try:
            said = _load(engine, asked.archive)
        except (tarfile.TarError, KeyError, ValueError) as error:
            what = f"Error processing tar file(exit status 1): {error}"
            yield json.dumps({"errorDetail": {"message": what}, "error": what}).encode() + b"\r\n"
            return
        for line in said:
            yield json.dumps({"stream": f"{line}\n"}).encode() + b"\r\n"

    return as_messages(messages())


def _load(engine: MemoryEngine, archive: bytes) -> list[str]:
    said = []
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for entry in json.loads(_read(tar, _INDEX)):
            known = json.loads(_read(tar, entry["Config"]))
            layers = tuple(_read(tar, path) for path in entry["Layers"])
            created = datetime.fromisoformat(known["created"])
            image = engine.images.setdefault(
                known["id"],
                MemoryImage(known["id"], created, known["config"], layers, known["comment"], known["author"]),
            )
            for name in entry["RepoTags"]:
                name_image(engine, image, name)
                said.append(f"Loaded image: {name}")
            if not entry["RepoTags"]:
                said.append(f"Loaded image ID: {image.id}")
    return said


def _add(tar: tarfile.TarFile, path: str, content: bytes) -> None:
    member = tarfile.TarInfo(path)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


def _read(tar: tarfile.TarFile, path: str) -> bytes:
    file = tar.extractfile(path)
    if file is None:
        raise KeyError(path)
    return file.read()


OPERATIONS = {
    "image.save": save,
    "image.load": load,
}
