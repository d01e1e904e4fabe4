"""
What the groups of operations have in common: requests out, documents and streams in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import evolve, field, frozen

from oci_twisted.engine.documents import Fields, each
from oci_twisted.engine.errors import NotFound, NotModified, StreamCorrupt, Unsupported
from oci_twisted.engine.requests import Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from zope.interface.interface import InterfaceClass

    from oci_twisted.engine.interfaces import IByteStream, IConnection, IDuplex, IHandler, IMessageStream
    from oci_twisted.engine.requests import Body, Json, Parameter


T = TypeVar("T")


@frozen
class Calls:
    """
    Requests over one connection.

    :ivar reactor: for whatever a group has to time, or to do in a thread.
    :ivar wrappers: put around every handler, the last one outermost.
    """

    connection: IConnection
    reactor: Any = field(repr=False)
    wrappers: tuple[Callable[[IHandler], IHandler], ...] = ()

    def wrapped(self, wrap: Callable[[IHandler], IHandler]) -> Calls:
        """Answer the same with one more wrapper."""
        return evolve(self, wrappers=(*self.wrappers, wrap))

    def require(self, capability: InterfaceClass) -> Self:
        """
        Answer the same, where the connection has what not every engine has.

        :param capability: such as `oci_twisted.engine.interfaces.IPods`.
        :raise Unsupported: where it does not.  Nothing has been sent.
        """
        if not capability.providedBy(self.connection):
            raise Unsupported(f"this engine has no {capability.__name__.removeprefix('I').lower()}")
        return self

    async def send(self, method: str, body: Body = None, /, **parameters: Parameter) -> Response:
        """
        Do an operation, and answer whatever it answers.

        :raise EngineError: of whatever kind.
        """
        return await self._answer(Request(method, parameters, body))

    async def ask(self, method: str, body: Body = None, /, **parameters: Parameter) -> Json:
        """Do an operation that answers a document, or nothing."""
        response = await self.send(method, body, **parameters)
        return response.document

    async def fields(self, what: str, method: str, body: Body = None, /, **parameters: Parameter) -> Fields:
        """
        Do an operation that answers an object, and answer its fields, whose errors know the request.

        :param what: it is, such as ``an image``.
        """
        request = Request(method, parameters, body)
        response = await self._answer(request)
        return Fields(response.document, what, request)

    async def each(
        self, what: str, build: Callable[[Fields], T], method: str, /, **parameters: Parameter
    ) -> tuple[T, ...]:
        """
        Do an operation that answers a list of objects, and answer what is built of them.

        :param what: each of them is.
        """
        request = Request(method, parameters)
        response = await self._answer(request)
        return each(response.document, what, build, request)

    async def finds(self, method: str, /, **parameters: Parameter) -> bool:
        """Do an operation on one thing, and answer whether that is there."""
        try:
            await self.ask(method, **parameters)
        except NotFound:
            return False
        return True

    async def changes(self, method: str, /, **parameters: Parameter) -> bool:
        """Do an operation that changes something, and answer whether it was not so already."""
        try:
            await self.ask(method, **parameters)
        except NotModified:
            return False
        return True

    async def messages(self, method: str, body: Body = None, /, **parameters: Parameter) -> IMessageStream:
        """Do an operation that answers messages, which are the caller's to read or close."""
        request = Request(method, parameters, body)
        response = await self._answer(request)
        return _there(response.messages, request)

    async def stream(self, method: str, body: Body = None, /, **parameters: Parameter) -> IByteStream:
        """Do an operation that answers bytes, which are the caller's to read or close."""
        request = Request(method, parameters, body)
        response = await self._answer(request)
        return _there(response.stream, request)

    async def duplex(self, method: str, body: Body = None, /, **parameters: Parameter) -> IDuplex:
        """Do an operation that answers a connection, which is the caller's to start or close."""
        request = Request(method, parameters, body)
        response = await self._answer(request)
        return _there(response.duplex, request)

    async def _answer(self, request: Request) -> Response:
        handler = self.connection.handler(request.method)
        for wrap in self.wrappers:
            handler = wrap(handler)
        return await handler.handle(request)


def _there(answered: T | None, request: Request) -> T:
    if answered is None:
        raise StreamCorrupt(f"the driver answered {request.method} with something else", request=request)
    return answered
