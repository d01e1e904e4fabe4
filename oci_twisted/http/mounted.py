"""
The other front: the same API under somebody else's ``twisted.web`` site.

Their server has read, and spooled, the whole body before we are called.
"""

from __future__ import annotations

import time
from typing import IO, TYPE_CHECKING, Any, cast

from klein.resource import KleinResource
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IConsumer
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from oci_twisted.http.access import CLIENT_GONE
from oci_twisted.http.body import HIGH_WATER
from oci_twisted.http.calls import Call
from oci_twisted.http.errors import render
from oci_twisted.http.replies import BlobBody
from oci_twisted.http.targets import parse_path, split_target
from oci_twisted.spec.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from twisted.web.iweb import IRequest
    from twisted.web.server import Request

    from oci_twisted.http.replies import Reply
    from oci_twisted.http.routes import API


class SpooledBody:
    """
    A body that has arrived already.

    :param content: a file that stands at the beginning of the body.
    """

    def __init__(self, content: IO[bytes]) -> None:
        self._content = content
        self.length = content.seek(0, 2)
        content.seek(0)

    async def read(self) -> bytes:
        """Answer the next bytes; ``b""`` behind the last."""
        return self._content.read(HIGH_WATER)


class MountedAPI(Resource):
    """
    The API as a resource.

    It reads the whole path of the request, so that it can be a site's root as well as its child ``v2``.
    """

    isLeaf = True  # noqa: N815 - Twisted's name

    def __init__(self, api: API) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Twisted's
        self._api = api
        self._klein = KleinResource(api.app)

    def render(self, request: IRequest) -> int:
        """Let Klein find the route, unless the path is one that its own answers would be about."""
        mounted = cast("Any", request)
        try:
            parse_path(split_target(mounted.uri)[0])
        except RegistryError:
            Deferred.fromCoroutine(serve(self._api, mounted)).addCallback(lambda _: mounted.finish())
        else:
            mounted.postpath = [*mounted.prepath, *mounted.postpath]
            mounted.prepath = []
            self._klein.render(request)
        return NOT_DONE_YET


async def serve(api: API, request: Request) -> None:
    """
    Answer a request, all but its end.

    :raise CancelledError: when the client is gone, or must be told of a blob's breaking off.
    """
    started = time.monotonic()
    request_id = api.next_request_id()
    refusal = None
    try:
        path, query = split_target(request.uri)
    except RegistryError as error:
        # As on our own front: a target that cannot be read may have a password or a query in it, and is not shown.
        path, query, refusal = b"-", b"", render(error)
    call = Call(
        request.method.decode("latin-1"),
        path,
        query,
        _headers(request),
        SpooledBody(cast("IO[bytes]", request.content)),
        request_id=request_id,
        peer=getattr(request.getClientAddress(), "host", "unix"),
        secure=request.isSecure(),
    )
    if api.proxies is not None:
        api.proxies.attribute(call)
    status = CLIENT_GONE
    try:
        reply = refusal or await api.answer(call)
        await _write(request, reply, request_id)
        status = reply.status
    finally:
        api.access.write(call, status, request.sentLength, time.monotonic() - started)


def _headers(request: Request) -> Mapping[bytes, bytes]:
    return {name.lower(): b", ".join(values) for name, values in request.requestHeaders.getAllRawHeaders()}


async def _write(request: Request, reply: Reply, request_id: str) -> None:
    request.setResponseCode(reply.status)
    headers = request.responseHeaders
    # Twisted's own guess at a type is HTML, and clients store what they are told.
    request.defaultContentType = None
    headers.setRawHeaders("Docker-Distribution-API-Version", ["registry/2.0"])
    headers.setRawHeaders("X-Request-Id", [request_id])
    for name, value in reply.headers:
        headers.addRawHeader(name, value)
    if reply.length is not None:
        headers.setRawHeaders("Content-Length", [str(reply.length)])
    if isinstance(reply.body, BlobBody):
        await _write_blob(request, reply.body)
    else:
        # The head goes out here also where there is no body: Klein ends the request, and adds nothing.
        request.write(reply.body)


async def _write_blob(request: Request, body: BlobBody) -> None:
    try:
        for part in body.parts:
            if isinstance(part, bytes):
                request.write(part)
            else:
                await body.reader.send(IConsumer(request), part.start, part.stop)
    except CancelledError:
        raise
    except Exception as error:
        # Some of the blob is out, so that nothing polite can be said any more.
        if request.channel is not None:
            request.channel.forceAbortClient()
        raise CancelledError from error
    finally:
        body.reader.close()
