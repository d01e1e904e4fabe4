"""
A connection to an engine that speaks HTTP: the table of a driver, over a pool.
"""

from __future__ import annotations

import base64
import copy
from typing import TYPE_CHECKING, Any

from attrs import frozen
from twisted.internet.defer import Deferred
from zope.interface import implementer

from oci_twisted.engine.drivers.answers import document_of, refusal
from oci_twisted.engine.drivers.messages import MessageStream
from oci_twisted.engine.drivers.operations import ApiVersion, Operation, Shape
from oci_twisted.engine.errors import ConnectionFailed, EngineError, StreamCorrupt, Unsupported
from oci_twisted.engine.interfaces import IConnection, IHandler
from oci_twisted.engine.requests import Request, Response
from oci_twisted.engine.transport.limits import DEFAULT_LIMITS, DEFAULT_TIMEOUTS, Limits, Timeouts, Turns
from oci_twisted.engine.transport.pool import Pool
from oci_twisted.engine.transport.wire import Exchange

if TYPE_CHECKING:
    from collections.abc import Mapping

    from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint

    from oci_twisted.engine.interfaces import IByteStream
    from oci_twisted.engine.requests import Json
    from oci_twisted.engine.transport.wire import Answer

_ERRORS = 300
_ERROR_LIMIT = 64 << 10
# The longest document that is read: a list of some ten thousand containers.
_DOCUMENT_LIMIT = 64 << 20
_LIBPOD = "/libpod/"


@frozen
class ApiRange:
    """
    The versions of an API that a driver knows, and the header in which an engine says which it has.

    The newest that both know is spoken.
    """

    header: str
    oldest: ApiVersion
    newest: ApiVersion

    def agree(self, headers: Mapping[str, str]) -> ApiVersion | None:
        """
        Answer the version to speak; ``None`` when the engine does not have this API.

        :raise Unsupported: when the engine is too old.
        """
        text = headers.get(self.header)
        if text is None:
            return None
        try:
            theirs = ApiVersion.parse(text)
        except ValueError as error:
            raise StreamCorrupt(f"{text!r} is no version of an engine's API") from error
        if theirs < self.oldest:
            raise Unsupported(f"the engine's API is of version {theirs}, and {self.oldest} is needed at least")
        return min(theirs, self.newest)


@frozen
class Versions:
    """What was agreed upon: the version of Docker's API, and that of Podman's own."""

    docker: ApiVersion
    libpod: ApiVersion | None


@implementer(IConnection)
class HttpConnection:
    """
    An engine at the other end of HTTP.

    The version of its API is asked for before the first request, and again when the engine has closed a connection, or
    there was none by which it could have been seen that the engine ended: it may have been replaced by another.

    :param operations: all that the engine can do.
    :param endpoint: connects to it.
    :param host: for the header of that name.
    :param engine: what it is called in messages.
    """

    def __init__(
        self,
        operations: Mapping[str, Operation],
        clock: IReactorTime,
        endpoint: IStreamClientEndpoint,
        *,
        host: str,
        engine: str = "the engine",
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
        limits: Limits = DEFAULT_LIMITS,
        docker: ApiRange,
        libpod: ApiRange | None = None,
    ) -> None:
        self._operations = operations
        self._pool = Pool(
            clock, endpoint, host=host, lost=self._forget, engine=engine, timeouts=timeouts, limits=limits
        )
        self._timeouts = timeouts
        self._docker = docker
        self._libpod = libpod
        self._versions: Versions | None = None
        self._asking: list[Deferred[None]] | None = None

    def handler(self, method: str) -> IHandler:
        """Answer what does an operation of the table."""
        operation = self._operations.get(method)
        if operation is None:
            raise Unsupported(f"this engine has no {method}")
        return _HttpHandler(self, operation)

    async def close(self) -> None:
        """Close every connection, streams and all."""
        await self._pool.close()

    @property
    def transports(self) -> int:
        """How many connections are open."""
        return self._pool.connections

    async def versions(self) -> Versions:
        """
        Answer what is spoken; ask the engine if need be, once for all who ask meanwhile.

        :raise Unsupported: when the engine is too old.
        """
        while self._versions is None:
            if self._asking is None:
                return await self._negotiate()
            turn: Deferred[None] = Deferred()
            self._asking.append(turn)
            await turn
        return self._versions

    async def _negotiate(self) -> Versions:
        # Those who ask meanwhile try themselves when this fails, for why it did may concern only whoever asked first;
        # but where there is no engine to be reached, they have waited for that as well.
        waiting: list[Deferred[None]] = []
        self._asking = waiting
        try:
            answer = await self._pool.send(self._exchange("GET", "/_ping"), Turns.CALLS)
            body = await read(answer.stream, _ERROR_LIMIT)
            if answer.status >= _ERRORS:
                raise refusal(answer.status, body)
            docker = self._docker.agree(answer.headers)
            if docker is None:
                raise Unsupported("what answers here does not say which version of Docker's API it has")
            libpod = self._libpod.agree(answer.headers) if self._libpod is not None else None
            versions = self._versions = Versions(docker, libpod)
        except ConnectionFailed as error:
            self._asking = None
            for turn in waiting:
                if not turn.called:
                    # Errors say what was asked for: to each its own.
                    turn.errback(copy.copy(error))
            raise
        finally:
            self._asking = None
            for turn in waiting:
                if not turn.called:
                    turn.callback(None)
        return versions

    def _forget(self) -> None:
        self._versions = None

    def _exchange(self, verb: str, target: str, **more: Any) -> Exchange:  # noqa: ANN401 - Exchange's fields
        waits = {"first_byte": self._timeouts.first_byte, "idle": self._timeouts.idle}
        return Exchange(verb, target, **{**waits, **more})

    async def perform(self, operation: Operation, request: Request) -> Answer:
        """Send a request, and answer the head of its success."""
        target_version: ApiVersion | None = None
        if operation.versioned:
            versions = await self.versions()
            is_libpod = operation.path.startswith(_LIBPOD)
            target_version = versions.libpod if is_libpod else versions.docker
            if target_version is None:
                raise Unsupported("this engine does not have Podman's own API", request=request)
        encoded = operation.encode(request, target_version)
        prefix = "" if target_version is None else f"/v{target_version}"
        more: dict[str, Any] = {"first_byte": None, "idle": None} if operation.patient else {}
        exchange = self._exchange(
            encoded.verb,
            prefix + encoded.target,
            headers=encoded.headers,
            body=encoded.body,
            takes_over=operation.shape is Shape.DUPLEX,
            **more,
        )
        answer = await self._pool.send(exchange, operation.turns)
        if answer.status >= _ERRORS and answer.stream is not None:
            raise refusal(answer.status, await read(answer.stream, _ERROR_LIMIT, whole=False), request)
        return answer


@implementer(IHandler)
@frozen
class _HttpHandler:
    connection: HttpConnection
    operation: Operation

    async def handle(self, request: Request) -> Response:
        try:
            answer = await self.connection.perform(self.operation, request)
            try:
                return await self._response(answer, request)
            except BaseException:
                # Nobody else would read it, and it would keep its turn.
                if answer.stream is not None:
                    answer.stream.close()
                raise
        except EngineError as error:
            if error.request is None:
                error.request = request
            raise

    async def _response(self, answer: Answer, request: Request) -> Response:
        shape, about = self.operation.shape, None
        if self.operation.about is not None:
            about = _decoded(answer.headers.get(self.operation.about.lower()), request)
        if answer.duplex is not None:
            return Response(duplex=answer.duplex)
        stream = answer.stream
        if stream is None or shape is Shape.DUPLEX:
            raise StreamCorrupt("the engine answered, but did not give its connection away", request=request)
        stream.request = request
        if shape is Shape.BYTES:
            return Response(about, stream=stream)
        if shape is Shape.MESSAGES:
            return Response(messages=MessageStream(stream, request))
        body = await read(stream, _DOCUMENT_LIMIT)
        if shape is Shape.HEADERS:
            return Response(dict(answer.headers))
        return Response(document_of(body, request) if shape is Shape.DOCUMENT else about)


def _decoded(text: str | None, request: Request) -> Json:
    if text is None:
        return None
    try:
        return document_of(base64.b64decode(text), request)
    except ValueError as error:
        raise StreamCorrupt(f"a header is not base64: {error}", request=request) from error


async def read(stream: IByteStream | None, limit: int, *, whole: bool = True) -> bytes:
    """
    Answer a body.

    :param whole: whether one that is longer than ``limit``, or breaks off, is an error; its beginning is good enough
        otherwise.
    """
    pieces, size = [], 0
    if stream is None:
        return b""
    try:
        async for piece in stream:
            pieces.append(piece)
            size += len(piece)
            if size > limit:
                stream.close()
                break
    except StreamCorrupt:
        if whole:
            raise
    if whole and size > limit:
        raise StreamCorrupt(f"the engine's answer has more than {limit} bytes")
    return b"".join(pieces)[:limit]
