"""
The operations on images.
"""

from __future__ import annotations

import io
import json
import shlex
import tarfile
from fnmatch import fnmatchcase
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from attrs import define, field

from oci_twisted.engine.images.references import DEFAULT_REGISTRY
from oci_twisted.testing.engine.memory.filters import has_labels
from oci_twisted.testing.engine.memory.refusals import Refused
from oci_twisted.testing.engine.memory.server import Reply, as_json, as_messages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping
    from datetime import datetime

    from oci_twisted.testing.engine.memory.engine import MemoryEngine
    from oci_twisted.testing.engine.memory.routes import Asked

_SHORT_ID = 12
_YES = (["true"], ["1"])


@define(eq=False)
class MemoryImage:
    """
    An image.

    :ivar config: as Docker has it: ``Cmd``, ``Env`` and so on.
    :ivar layers: tar archives, the lowest first.
    :ivar digests: the names by which registries have it, with the digest of its manifest there.
    """

    id: str
    created: datetime
    config: dict[str, Any]
    layers: tuple[bytes, ...] = field(repr=False)
    comment: str = ""
    author: str = ""
    tags: list[str] = field(factory=list)
    digests: list[str] = field(factory=list)

    @property
    def size(self) -> int:
        """Of all its layers, in bytes."""
        return sum(len(layer) for layer in self.layers)

    @property
    def labels(self) -> Mapping[str, str]:
        """Of its configuration."""
        return self.config.get("Labels") or {}

    @property
    def document(self) -> dict[str, Any]:
        """What inspecting it answers."""
        return {
            "Id": self.id,
            "RepoTags": self.tags,
            "RepoDigests": self.digests,
            "Created": self.created.isoformat(),
            "Size": self.size,
            "Architecture": "amd64",
            "Os": "linux",
            "Author": self.author,
            "Comment": self.comment,
            "Config": self.config,
            "RootFS": {"Type": "layers", "Layers": [f"sha256:{sha256(layer).hexdigest()}" for layer in self.layers]},
        }


def find_image(engine: MemoryEngine, name: str) -> MemoryImage:
    """
    Answer the image of a name or an id.

    :raise Refused: when there is none.
    """
    full = with_tag(familiar(name))
    for image in engine.images.values():
        if full in image.tags or familiar(name) in image.digests or name == image.id or _is_beginning(name, image.id):
            return image
    raise Refused(404, f"No such image: {full}")


def add_image(
    engine: MemoryEngine, config: dict[str, Any], layers: Iterable[bytes], *, comment: str = "", author: str = ""
) -> MemoryImage:
    """Make an image without a name."""
    created = engine.now()
    layers = tuple(layers)
    what = json.dumps([config, created.isoformat(), comment, [sha256(layer).hexdigest() for layer in layers]])
    image = MemoryImage(f"sha256:{sha256(what.encode()).hexdigest()}", created, config, layers, comment, author)
    return engine.images.setdefault(image.id, image)


def name_image(engine: MemoryEngine, image: MemoryImage, name: str) -> None:
    """Give an image a name, taking it from the one that has it."""
    full = with_tag(familiar(name))
    for other in engine.images.values():
        if full in other.tags:
            other.tags.remove(full)
    image.tags.append(full)
    engine.events.emit("image", "tag", image.id, {"name": full})


def familiar(name: str) -> str:
    """Answer a name without what everybody leaves out of it."""
    return name.removeprefix(f"{DEFAULT_REGISTRY}/").removeprefix("library/")


def with_tag(name: str) -> str:
    """Answer a name with its tag, which is ``latest`` if it has none."""
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def change(config: dict[str, Any], lines: Iterable[str]) -> None:
    """Do what lines of a Dockerfile say."""
    for line in lines:
        word, _, rest = line.strip().partition(" ")
        key = {"CMD": "Cmd", "ENTRYPOINT": "Entrypoint"}.get(word.upper())
        if key is not None:
            config[key] = json.loads(rest) if rest.startswith("[") else ["/bin/sh", "-c", rest]
        elif word.upper() == "ENV":
            config["Env"] = [*config.get("Env", []), *shlex.split(rest)]
        elif word.upper() == "LABEL":
            config["Labels"] = {**config.get("Labels", {}), **dict(part.split("=", 1) for part in shlex.split(rest))}
        elif word.upper() in {"WORKDIR", "USER"}:
            config["WorkingDir" if word.upper() == "WORKDIR" else "User"] = rest
        else:
            raise Refused(400, f"{word} is not a valid change command")


async def list_images(engine: MemoryEngine, asked: Asked) -> Reply:
    """List images."""
    filters = asked.filters("dangling", "label", "reference")
    references, dangling = filters.get("reference"), filters.get("dangling")
    listed = []
    for image in engine.images.values():
        if not has_labels(image.labels, filters) or (dangling is not None and (dangling in _YES) == bool(image.tags)):
            continue
        tags = [tag for tag in image.tags if references is None or any(fnmatchcase(tag, one) for one in references)]
        if tags or references is None:
            listed.append(
                {
                    "Id": image.id,
                    "RepoTags": tags,
                    "RepoDigests": image.digests,
                    "Created": int(image.created.timestamp()),
                    "Size": image.size,
                    "Labels": image.config.get("Labels"),
                }
            )
    return as_json(listed)


async def inspect(engine: MemoryEngine, asked: Asked) -> Reply:
    """Answer what there is to know of an image."""
    return as_json(find_image(engine, asked.text("name")).document)


async def history(engine: MemoryEngine, asked: Asked) -> Reply:
    """Answer how an image was made: in one step a layer, of which the last is remembered."""
    image = find_image(engine, asked.text("name"))
    steps = [
        {"Id": "<missing>", "Created": int(image.created.timestamp()), "CreatedBy": "", "Size": len(layer)}
        for layer in (*reversed(image.layers),) or (b"",)
    ]
    steps[0] |= {"Id": image.id, "Tags": image.tags, "Comment": image.comment}
    return as_json(steps)


async def tag(engine: MemoryEngine, asked: Asked) -> Reply:
    """Give an image another name."""
    name_image(engine, find_image(engine, asked.text("name")), f"{asked.text('repo')}:{asked.text('tag', 'latest')}")
    return Reply(201)


async def remove(engine: MemoryEngine, asked: Asked) -> Reply:
    """Remove a name, and with the last one the image."""
    name = asked.text("name")
    image = find_image(engine, name)
    full = with_tag(familiar(name))
    by_name = full in image.tags
    users = [one.id[:_SHORT_ID] for one in engine.containers.values() if one.image_id == image.id]
    if users and (not by_name or image.tags == [full]):
        raise Refused(409, f"conflict: unable to remove {name}: container {users[0]} is using it")
    if not by_name and len(image.tags) > 1 and not asked.truth("force"):
        raise Refused(409, f"conflict: unable to delete {name}: it has several names")
    untagged = [full] if by_name else list(image.tags)
    image.tags = [one for one in image.tags if one not in untagged]
    for one in untagged:
        engine.events.emit("image", "untag", image.id, {"name": one})
    named = {one.rpartition(":")[0] for one in image.tags}
    image.digests = [one for one in image.digests if one.partition("@")[0] in named]
    removed = [{"Untagged": one} for one in untagged]
    if not image.tags:
        del engine.images[image.id]
        engine.events.emit("image", "delete", image.id, {"name": image.id})
        removed.append({"Deleted": image.id})
    return as_json(removed)


async def prune(engine: MemoryEngine, asked: Asked) -> Reply:
    """Remove the images that nothing uses: those without a name, or all."""
    used = {container.image_id for container in engine.containers.values()}
    filters = asked.filters("dangling", "label")
    everything = filters.get("dangling", ["true"]) not in _YES
    pruned = [
        one
        for one in engine.images.values()
        if one.id not in used and (everything or not one.tags) and has_labels(one.labels, filters)
    ]
    for image in pruned:
        del engine.images[image.id]
    removed = [
        *({"Untagged": name} for image in pruned for name in image.tags),
        *({"Deleted": one.id} for one in pruned),
    ]
    return as_json({"ImagesDeleted": removed, "SpaceReclaimed": sum(one.size for one in pruned)})


async def import_archive(engine: MemoryEngine, asked: Asked) -> Reply:
    """Make an image of an archive."""
    try:
        with tarfile.open(fileobj=io.BytesIO(asked.archive)) as tar:
            tar.getmembers()
    except tarfile.TarError as error:
        raise Refused(500, f"Error processing tar file: {error}") from error
    config: dict[str, Any] = {}
    change(config, asked.texts.get("changes", []))
    image = add_image(engine, config, [asked.archive], comment=asked.text("message", "Imported from -"))
    if asked.text("repo"):
        name_image(engine, image, f"{asked.text('repo')}:{asked.text('tag', 'latest')}")

    async def messages() -> AsyncIterator[bytes]:
        yield json.dumps({"status": image.id}).encode() + b"\r\n"

    return as_messages(messages())


def _is_beginning(name: str, id_: str) -> bool:
    digits = id_.removeprefix("sha256:")
    return len(name) >= _SHORT_ID and digits.startswith(name.removeprefix("sha256:"))


OPERATIONS = {
    "image.list": list_images,
    "image.inspect": inspect,
    "image.history": history,
    "image.tag": tag,
    "image.remove": remove,
    "image.prune": prune,
    "image.import": import_archive,
}
