"""
Building images, with the builder that is part of the engine.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from attrs import frozen

from oci_twisted.engine.errors import BuildFailed, ConnectionFailed, EngineError, StreamCorrupt, Unsupported
from oci_twisted.engine.images.causes import complaint_of
from oci_twisted.engine.images.progress import Progress, ProgressTracker
from oci_twisted.engine.images.values import Image, read_image
from oci_twisted.engine.requests import Request

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from oci_twisted.engine.calls import Calls
    from oci_twisted.engine.credentials.keychains import Credentials
    from oci_twisted.engine.requests import Body, Json

_METHOD = "image.build"
_BUILT = re.compile(r"^Successfully built (?P<id>[0-9a-f]{12,64})$", re.MULTILINE)
_WHOLE_ID = re.compile(r"(?:sha256:)?[0-9a-f]{64}")
# What is kept of a build's output for the error.
_OUTPUT_KEPT = 4096


@frozen
class BuildMessage:
    """
    What a build says while it lasts: one of the two.

    :ivar output: a piece of what it prints, with its line's end.
    :ivar progress: of the image that it pulls to begin with.
    """

    output: str = ""
    progress: Progress | None = None


OnBuildMessage: TypeAlias = Callable[[BuildMessage], object]
"""Called with each message.  What it raises ends the build, and comes out of the call."""


async def build(
    calls: Calls,
    context: Body,
    *,
    tags: Sequence[str],
    dockerfile: str,
    arguments: Mapping[str, str],
    labels: Mapping[str, str],
    target: str | None,
    platform: str | None,
    cache: bool,
    pull: bool,
    auth: Mapping[str, Credentials],
    on_message: OnBuildMessage | None,
) -> Image:
    """
    Build an image; see `oci_twisted.engine.images.images.Images.build`.

    :raise BuildFailed: when it cannot be built.
    """
    request, output = Request(_METHOD, {"name": ", ".join(tags)}), ""
    id_: str | None = None
    last_said: str | None = None
    tracker = ProgressTracker(calls.reactor)
    try:
        messages = await calls.messages(
            _METHOD,
            context,
            dockerfile=dockerfile,
            tags=list(tags),
            buildargs=arguments or None,
            labels=labels or None,
            target=target,
            platform=platform,
            nocache=not cache,
            pull=pull or None,
            rm=True,
            registries={registry: one.document(registry) for registry, one in auth.items()} or None,
        )
    except (ConnectionFailed, StreamCorrupt, Unsupported):
        raise
    except EngineError as error:
        raise BuildFailed(error.message, status=error.status, request=request) from error
    try:
        async for message in messages:
            complaint = complaint_of(message)
            if complaint is not None:
                raise BuildFailed(complaint, output=output, request=request)
            id_ = _id_in(message) or id_
            said = message.get("stream")
            if isinstance(said, str):
                last_said = _id_said(said) or last_said
                output = (output + said)[-_OUTPUT_KEPT:]
                told = BuildMessage(said)
            else:
                told = BuildMessage(progress=tracker.follow(message))
            if on_message is not None and told != BuildMessage():
                on_message(told)
    finally:
        messages.close()
    id_ = id_ or last_said
    if id_ is None:
        raise StreamCorrupt("the engine did not say what it built", request=request)
    return read_image(await calls.fields("an image", "image.inspect", name=id_))


def _id_in(message: dict[str, Json]) -> str | None:
    aux = message.get("aux")
    id_ = aux.get("ID") if isinstance(aux, dict) else None
    return id_ if isinstance(id_, str) else None


def _id_said(output: str) -> str | None:
    """Answer an id from a build's last words, for engines that have no other way to say it."""
    found = _BUILT.search(output)
    if found is not None:
        return found["id"]
    return output.strip() if _WHOLE_ID.fullmatch(output.strip()) else None
