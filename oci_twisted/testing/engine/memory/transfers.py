"""
Pulling, pushing and logging in: registries are a part of an engine in memory.
"""

from __future__ import annotations

import base64
import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from attrs import evolve
from twisted.internet.task import deferLater

from oci_twisted.engine.images.references import ImageReference
from oci_twisted.testing.engine.memory.images import MemoryImage, familiar, find_image, name_image
from oci_twisted.testing.engine.memory.refusals import Refused
from oci_twisted.testing.engine.memory.server import Reply, as_json, as_messages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from oci_twisted.testing.engine.memory.engine import MemoryEngine
    from oci_twisted.testing.engine.memory.routes import Asked

# A layer goes over the network in so many steps, each of which can be seen.
_STEPS = 4
_SHORT_ID = 12


def digest_of(image: MemoryImage) -> str:
    """Answer the digest of its manifest, the same in all registries."""
    return f"sha256:{sha256(b'manifest of ' + image.id.encode()).hexdigest()}"


async def pull(engine: MemoryEngine, asked: Asked) -> Reply:
    """Take an image from a registry; it is there when the last message has been sent."""
    name, version = asked.text("image"), asked.text("tag", "latest")
    reference = _parse(f"{name}@{version}" if ":" in version else f"{name}:{version}")
    _check_account(engine, reference, asked.text("auth"))
    source = _find(engine, reference)
    if source is None:
        raise Refused(404, f"manifest for {reference} not found: manifest unknown: manifest unknown")
    _check_platform(source, asked.text("platform"))

    async def messages() -> AsyncIterator[bytes]:
        yield _line(status=f"Pulling from {reference.repository}", id=version)
        for layer in source.layers:
            for one in _moving(layer, "Downloading"):
                yield one
                await deferLater(engine.reactor, engine.step_time)
            yield _line(status="Download complete", id=_short(layer))
        for layer in source.layers:
            yield _line(status="Extracting", id=_short(layer), current=len(layer), total=len(layer))
            yield _line(status="Pull complete", id=_short(layer))
        image = engine.images.setdefault(source.id, evolve(source, tags=[], digests=[]))
        if reference.tag is not None and reference.digest is None:
            name_image(engine, image, reference.local)
        _note_digest(image, reference)
        yield _line(status=f"Digest: {digest_of(image)}")
        yield _line(status=f"Status: Downloaded newer image for {reference}")

    return as_messages(messages())


async def push(engine: MemoryEngine, asked: Asked) -> Reply:
    """Give an image to the registry that it is named for."""
    reference = _parse(f"{asked.text('name')}:{asked.text('tag', 'latest')}")

    async def messages() -> AsyncIterator[bytes]:
        yield _line(status=f"The push refers to repository [{reference.name}]")
        try:
            image = find_image(engine, reference.local)
            _check_account(engine, reference, asked.text("auth"))
        except Refused as refused:
            # Docker has begun with a success before it looks.
            what = refused.message
            if refused.status == 404:
                what = f"An image does not exist locally with the tag: {familiar(reference.name)}"
            yield _line(errorDetail={"message": what}, error=what)
            return
        for layer in image.layers:
            yield _line(status="Preparing", id=_short(layer))
        for layer in image.layers:
            for one in _moving(layer, "Pushing"):
                yield one
                await deferLater(engine.reactor, engine.step_time)
            yield _line(status="Pushed", id=_short(layer))
        engine.registries[str(reference)] = evolve(image, tags=[], digests=[])
        _note_digest(image, reference)
        digest = digest_of(image)
        yield _line(status=f"{reference.tag}: digest: {digest} size: 528")
        yield _line(aux={"Tag": reference.tag, "Digest": digest, "Size": 528})

    return as_messages(messages())


async def login(engine: MemoryEngine, asked: Asked) -> Reply:
    """Try credentials."""
    registry = str(asked.document.get("serveraddress"))
    if not _is_known(engine, registry, asked.document):
        raise Refused(401, f"Get https://{registry}/v2/: unauthorized: authentication required")
    return as_json({"IdentityToken": "", "Status": "Login Succeeded"})


def _parse(name: str) -> ImageReference:
    try:
        return ImageReference.parse(name)
    except ValueError as error:
        raise Refused(400, f"invalid reference format: {error}") from error


def _find(engine: MemoryEngine, reference: ImageReference) -> MemoryImage | None:
    if reference.digest is None:
        return engine.registries.get(str(reference))
    there = (image for name, image in engine.registries.items() if name.startswith(f"{reference.name}:"))
    return next((image for image in there if digest_of(image) == reference.digest), None)


def _note_digest(image: MemoryImage, reference: ImageReference) -> None:
    name = f"{familiar(reference.name)}@{digest_of(image)}"
    if name not in image.digests:
        image.digests.append(name)


def _check_platform(image: MemoryImage, platform: str) -> None:
    if platform and platform.split("/")[:2] != [image.document["Os"], image.document["Architecture"]]:
        raise Refused(404, f"no matching manifest for {platform} in the manifest list entries")


def _check_account(engine: MemoryEngine, reference: ImageReference, header: str) -> None:
    given = json.loads(base64.urlsafe_b64decode(header)) if header else {}
    if not _is_known(engine, reference.registry, given):
        raise Refused(500, "unauthorized: authentication required")


def _is_known(engine: MemoryEngine, registry: str, given: Mapping[str, Any]) -> bool:
    accounts = engine.accounts.get(registry)
    return accounts is None or accounts.get(given.get("username", "")) == given.get("password", "")


def _moving(layer: bytes, status: str) -> Iterator[bytes]:
    if status == "Downloading":
        yield _line(status="Pulling fs layer", id=_short(layer))
    for step in range(1, _STEPS + 1):
        yield _line(status=status, id=_short(layer), current=len(layer) * step // _STEPS, total=len(layer))


def _short(layer: bytes) -> str:
    return sha256(layer).hexdigest()[:_SHORT_ID]


def _line(*, current: int | None = None, total: int | None = None, **members: object) -> bytes:
    detail = {} if current is None else {"current": current, "total": total}
    return json.dumps({**members, "progressDetail": detail}).encode() + b"\r\n"


OPERATIONS = {
    "image.pull": pull,
    "image.push": push,
    "registry.login": login,
}
