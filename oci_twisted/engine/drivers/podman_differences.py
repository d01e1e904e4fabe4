"""
Where Podman answers Docker's requests in another way than Docker: what is put around those handlers.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Self

from attrs import evolve, frozen
from zope.interface import implementer

from oci_twisted.engine.documents import Fields, each
from oci_twisted.engine.drivers.late_streams import LateStream
from oci_twisted.engine.errors import StreamCorrupt
from oci_twisted.engine.interfaces import IHandler, IMessageStream
from oci_twisted.engine.requests import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from oci_twisted.engine.interfaces import IByteStream
    from oci_twisted.engine.requests import Json, Request


_NANO = 1_000_000_000
_PODMANS_ACTIONS = {"die": "died"}
_COPYING = re.compile(r"Copying blob (?:sha256:)?([0-9a-f]{12})")


@implementer(IHandler)
@frozen
class _OneName:
    """Podman 4 looks at ``repo`` alone, which may have the tag in it."""

    handler: IHandler

    async def handle(self, request: Request) -> Response:
        parameters = dict(request.parameters)
        tag = parameters.pop("tag", None)
        if tag:
            parameters["repo"] = f"{parameters['repo']}:{tag}"
        return await self.handler.handle(evolve(request, parameters=parameters))


@implementer(IHandler)
@frozen
class _Pruned:
    """
    Podman's own way to prune images, behind Docker's.

    Its imitation of Docker's refuses the filter that says to remove images with names as well.
    """

    handler: IHandler

    async def handle(self, request: Request) -> Response:
        filters = dict(request.parameters.get("filters") or {})
        everything = filters.pop("dangling", ["true"]) in (["false"], ["0"])
        parameters = {"all": everything, "filters": filters or None}
        response = await self.handler.handle(evolve(request, parameters=parameters))
        removed = each(response.document, "a removed image", lambda one: (one.text("Id"), one.number("Size", 0)))
        return Response(
            {
                "ImagesDeleted": [{"Deleted": id_} for id_, _ in removed],
                "SpaceReclaimed": sum(size for _, size in removed),
            }
        )


@implementer(IHandler)
@frozen
class _Columns:
    """Podman hands on whole lines of the container's own ``ps``, where it has one."""

    handler: IHandler

    async def handle(self, request: Request) -> Response:
        response = await self.handler.handle(request)
        fields = Fields(response.document, "a list of processes")
        titles, rows = fields.texts("Titles"), fields.rows("Processes")
        if len(titles) != 1:
            return response
        names = titles[0].split()
        cells = ["".join(row).split(maxsplit=len(names) - 1) for row in rows]
        return Response({"Titles": names, "Processes": cells})


@implementer(IHandler)
@frozen
class _Silent:
    """Podman does not begin to answer before the container has written something."""

    handler: IHandler

    async def handle(self, request: Request) -> Response:
        if not request.parameters.get("follow"):
            return await self.handler.handle(request)
        return Response(stream=LateStream(self._stream(request)))

    async def _stream(self, request: Request) -> IByteStream:
        response = await self.handler.handle(request)
        if response.stream is None:
            raise StreamCorrupt("the driver answered a log with something else", request=request)
        return response.stream


@implementer(IHandler)
@frozen
class _Events:
    """
    Podman forgets all events when their last time has passed; it knows them when it is asked for none to come.

    It says that a container dies, but is to be asked for what died.

    :ivar now: answers the time, in seconds since 1970.
    """

    handler: IHandler
    now: Callable[[], float] = time.time

    async def handle(self, request: Request) -> Response:
        parameters = dict(request.parameters)
        filters = dict(parameters.get("filters") or {})
        if "event" in filters:
            filters["event"] = [_PODMANS_ACTIONS.get(action, action) for action in filters["event"]]
            parameters["filters"] = filters
        until = parameters.get("until")
        if until is None or float(until) > self.now():
            return await self.handler.handle(evolve(request, parameters=parameters))
        del parameters["until"]
        response = await self.handler.handle(evolve(request, parameters={**parameters, "stream": False}))
        if response.messages is None:
            return response
        return Response(messages=_Before(response.messages, float(until)))


@implementer(IMessageStream)
@frozen
class _Before:
    """Events up to a time."""

    messages: IMessageStream
    until: float

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> dict[str, Json]:
        while True:
            message = await self.messages.__anext__()
            if Fields(message, "an event").number("timeNano", 0) <= self.until * _NANO:
                return message

    def close(self) -> None:
        """Break off."""
        self.messages.close()


@implementer(IHandler)
@frozen
class TlsChoice:
    """
    Podman's own way to pull, where the caller says whether the registry has to prove who it is.

    Its imitation of Docker's cannot be told, and its own says little of progress.
    """

    handler: IHandler
    libpod: IHandler

    async def handle(self, request: Request) -> Response:
        """Pull in the one way or the other."""
        parameters = dict(request.parameters)
        if parameters.get("verify_tls") is None:
            return await self.handler.handle(request)
        image, tag = parameters.pop("image"), parameters.pop("tag", None) or "latest"
        parameters["reference"] = f"{image}@{tag}" if ":" in tag else f"{image}:{tag}"
        names = ("os", "architecture", "variant")
        parameters |= zip(names, (parameters.pop("platform", None) or "").split("/"), strict=False)
        response = await self.libpod.handle(evolve(request, method="image.pull_libpod", parameters=parameters))
        assert response.messages is not None  # noqa: S101 - it is the shape of that operation
        return Response(messages=_InDockersWords(response.messages))


@implementer(IMessageStream)
class _InDockersWords:
    """What libpod says of a pull, as Docker says it."""

    def __init__(self, messages: IMessageStream) -> None:
        self._messages = messages

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> dict[str, Json]:
        message = await self._messages.__anext__()
        said = message.get("stream")
        if not isinstance(said, str):
            return message
        found = _COPYING.match(said)
        if found is not None:
            return {"status": "Pulling fs layer", "progressDetail": {}, "id": found[1]}
        return {"status": said.strip()}

    def close(self) -> None:
        """Break off."""
        self._messages.close()


DIFFERENCES: Mapping[str, Callable[[IHandler], IHandler]] = {
    "image.import": _OneName,
    "image.prune": _Pruned,
    "container.top": _Columns,
    "container.logs": _Silent,
    "system.events": _Events,
}
