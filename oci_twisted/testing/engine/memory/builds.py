"""
Building images: as much of a Dockerfile as needs no process.
"""

from __future__ import annotations

import io
import json
import tarfile
from typing import TYPE_CHECKING, Any

from oci_twisted.testing.engine.memory.images import add_image, change, find_image, name_image
from oci_twisted.testing.engine.memory.refusals import Refused
from oci_twisted.testing.engine.memory.server import Reply, as_messages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from oci_twisted.testing.engine.memory.engine import MemoryEngine
    from oci_twisted.testing.engine.memory.routes import Asked

_SHORT_ID = 12


async def build(engine: MemoryEngine, asked: Asked) -> Reply:
    """Do ``FROM``, ``ARG``, ``COPY`` of files and what changes the configuration; a step that fails ends the stream."""
    try:
        context = _files(asked.archive)
    except tarfile.TarError as error:
        raise Refused(500, f"Error processing tar file: {error}") from error
    path = asked.text("dockerfile", "Dockerfile")
    if path not in context:
        raise Refused(500, f"Cannot locate specified Dockerfile: {path}")
    lines = [line.strip() for line in context[path].decode().splitlines()]
    steps = [line for line in lines if line and not line.startswith("#")]
    given: dict[str, str] = json.loads(asked.text("buildargs", "{}"))

    async def messages() -> AsyncIterator[bytes]:
        config: dict[str, Any] = {}
        layers: list[bytes] = []
        for number, step in enumerate(steps, 1):
            yield _said(f"Step {number}/{len(steps)} : {step}\n")
            try:
                config, layers = _do(engine, step, config, layers, context=context, given=given)
            except Refused as refused:
                yield _line(errorDetail={"message": refused.message}, error=refused.message)
                return
        labels: dict[str, str] = json.loads(asked.text("labels", "{}"))
        if labels:
            config["Labels"] = {**config.get("Labels", {}), **labels}
        image = add_image(engine, config, layers)
        yield _line(aux={"ID": image.id})
        yield _said(f"Successfully built {image.id.removeprefix('sha256:')[:_SHORT_ID]}\n")
        for name in asked.texts.get("tags", []):
            name_image(engine, image, name)
            yield _said(f"Successfully tagged {name}\n")

    return as_messages(messages())


def _do(
    engine: MemoryEngine,
    step: str,
    config: dict[str, Any],
    layers: list[bytes],
    *,
    context: dict[str, bytes],
    given: dict[str, str],
) -> tuple[dict[str, Any], list[bytes]]:
    word, _, rest = step.partition(" ")
    for name, value in given.items():
        rest = rest.replace(f"${{{name}}}", value).replace(f"${name}", value)
    if word.upper() == "FROM":
        if rest == "scratch":
            return {}, []
        base = find_image(engine, rest.split()[0])
        return dict(base.config), list(base.layers)
    if word.upper() == "ARG":
        return config, layers
    if word.upper() == "COPY":
        *sources, target = rest.split()
        return config, [*layers, _layer(sources, target, context)]
    if word.upper() == "RUN":
        raise Refused(500, f"The command '{rest}' cannot be run: there are no processes while this engine builds")
    change(config, [f"{word} {rest}"])
    return config, layers


def _layer(sources: list[str], target: str, context: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for source in sources:
            if source not in context:
                raise Refused(500, f"COPY failed: file not found in build context: stat {source}: file does not exist")
            into = f"{target}{source.rpartition('/')[2]}" if target.endswith("/") else target
            member = tarfile.TarInfo(into.lstrip("/"))
            member.size = len(context[source])
            tar.addfile(member, io.BytesIO(context[source]))
    return buffer.getvalue()


def _files(archive: bytes) -> dict[str, bytes]:
    files = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            file = tar.extractfile(member) if member.isreg() else None
            if file is not None:
                files[member.name.removeprefix("./")] = file.read()
    return files


def _said(text: str) -> bytes:
    return _line(stream=text)


def _line(**members: object) -> bytes:
    return json.dumps(members).encode() + b"\r\n"


OPERATIONS = {
    "image.build": build,
}
