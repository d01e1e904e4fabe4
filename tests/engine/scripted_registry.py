"""A registry that does wrong, in a different way for each repository."""

from __future__ import annotations

import gzip
import json
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from oci_twisted.testing.engine.transfers import archive_of
from tests.clients.images import digest_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from twisted.web.server import Request

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"

_PIECE = 64 << 10
_TLS = b"\x16\x03"
_BEGINNING = 2 << 20


class ScriptedRegistry(Resource):
    """
    Has one image, under whatever name, in repositories of several kinds.

    - ``limited`` answers 429;
    - ``foreign`` has an index of another platform alone;
    - ``damaged`` has a layer with other bytes than its digest says;
    - ``torn`` breaks off in the middle of its layer;
    - ``empty`` lacks the layer;
    - ``closed`` refuses uploads;
    - ``slow`` sends the beginning of its layer, and then a little at a time, and notes when whoever reads it goes away.

    :ivar layers_asked: how often a layer has been asked for.
    :ivar begun: fires when the slow layer has been asked for.
    :ivar gone: fires when the connection that it was sent on is lost.
    """

    isLeaf = True  # noqa: N815 - Twisted's name

    def __init__(self, reactor: Any) -> None:  # noqa: ANN401 - every kind of reactor
        super().__init__()  # type: ignore[no-untyped-call]
        self._reactor = reactor
        self.layers_asked = 0
        self.begun: Deferred[None] = Deferred()
        self.gone: Deferred[None] = Deferred()
        # Another image for each registry, for engines fetch no layer twice.
        tar = archive_of(noise=os.urandom(4 << 20))
        self.layer = gzip.compress(tar, 1)
        self.config = json.dumps(
            {
                "architecture": "amd64",
                "os": "linux",
                "config": {},
                "rootfs": {"type": "layers", "diff_ids": [digest_of(tar)]},
            }
        ).encode()
        self.manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": {"mediaType": CONFIG, "digest": digest_of(self.config), "size": len(self.config)},
                "layers": [{"mediaType": LAYER, "digest": digest_of(self.layer), "size": len(self.layer)}],
            }
        ).encode()

    def render(self, request: Request) -> Any:  # noqa: ANN401 - bytes, or that there is more to come
        """Answer."""
        path = request.path.decode()
        if path == "/v2/":
            return b"{}"
        name = path.removeprefix("/v2/").partition("/")[0]
        if name == "limited":
            request.setHeader("Retry-After", "1")
            return _error(request, 429, "TOOMANYREQUESTS", "retry-after: 7s")
        if request.method in {b"POST", b"PUT", b"PATCH"}:
            return _error(request, 403, "DENIED", "requested access to the resource is denied")
        return self._send(request, name, path)

    def _send(self, request: Request, name: str, path: str) -> Any:  # noqa: ANN401 - as render
        if "/manifests/" in path:
            return self._send_manifest(request, name, path)
        if path.endswith(digest_of(self.config)):
            return self.config
        if path.endswith(digest_of(self.layer)) and name not in {"empty", "closed"}:
            return self._send_layer(request, name)
        return _error(request, 404, "BLOB_UNKNOWN", "blob unknown to registry")

    def _send_manifest(self, request: Request, name: str, path: str) -> bytes:
        content, media_type = self.manifest, MANIFEST
        if name == "foreign" and not path.endswith(digest_of(self.manifest)):
            platform = {"architecture": "s390x", "os": "linux"}
            one = {
                "mediaType": MANIFEST,
                "digest": digest_of(self.manifest),
                "size": len(self.manifest),
                "platform": platform,
            }
            content = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [one]}).encode()
            media_type = INDEX
        request.setHeader("Content-Type", media_type)
        request.setHeader("Docker-Content-Digest", digest_of(content))
        return content

    def _send_layer(self, request: Request, name: str) -> Any:  # noqa: ANN401 - as render
        self.layers_asked += 1
        if name == "damaged":
            return self.layer[:-8] + bytes(8)
        request.setHeader("Content-Length", str(len(self.layer)))
        if name == "torn":
            request.write(self.layer[:_PIECE])
            transport: Any = request.transport
            self._reactor.callLater(0.1, transport.abortConnection)
            return NOT_DONE_YET
        if name != "slow":
            return self.layer
        # Enough for engines to tell of it.
        request.write(self.layer[:_BEGINNING])
        rest = memoryview(self.layer)[_BEGINNING:]

        def send() -> None:
            nonlocal rest
            # It never comes to an end by itself.
            if len(rest) > _PIECE:
                request.write(bytes(rest[:1024]))
                rest = rest[1024:]

        sending = LoopingCall(send)
        sending.clock = self._reactor
        sending.start(0.05)

        def lost(_: object) -> None:
            sending.stop()
            if not self.gone.called:
                self.gone.callback(None)

        request.notifyFinish().addErrback(lost)
        if not self.begun.called:
            self.begun.callback(None)
        return NOT_DONE_YET


def _error(request: Request, status: int, code: str, message: str) -> bytes:
    request.setResponseCode(status)
    request.setHeader("Content-Type", "application/json")
    return json.dumps({"errors": [{"code": code, "message": message}]}).encode()


class _PlainOnly(ProtocolWrapper):
    """Hangs up on a greeting of TLS, which engines try first, and whose end `twisted.web` would wait for."""

    def dataReceived(self, data: bytes) -> None:
        """Take bytes."""
        transport: Any = self.transport
        if data.startswith(_TLS):
            transport.write(b"HTTP/1.0 400 Bad Request\r\n\r\n")
            transport.loseConnection()
        else:
            super().dataReceived(data)  # type: ignore[no-untyped-call]


@asynccontextmanager
async def scripted_registry(reactor: Any) -> AsyncIterator[tuple[str, ScriptedRegistry]]:  # noqa: ANN401
    """Run one, and lend its host and itself."""
    registry = ScriptedRegistry(reactor)
    site = WrappingFactory(Site(registry))
    site.protocol = _PlainOnly
    port = reactor.listenTCP(0, site, interface="127.0.0.1")
    try:
        yield f"127.0.0.1:{port.getHost().port}", registry
    finally:
        await port.stopListening()
