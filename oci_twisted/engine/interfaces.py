"""
The seams of the engine client.

A driver knows how to reach one kind of engine.  Its connection answers *methods*, which are operations such as
``image.pull``: for each there is a handler, which goes from a `oci_twisted.engine.requests.Request` to a
`oci_twisted.engine.requests.Response`.  Everything above, `oci_twisted.engine.EngineClient` first of all, knows only
what is here, so that a program changes engine by changing one name.

The vocabulary is Docker's: methods and parameters are those of the table in `oci_twisted.engine.drivers.docker`, and
documents are those of the Engine API.  The driver of another engine translates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zope.interface import Attribute, Interface

if TYPE_CHECKING:
    from twisted.internet.interfaces import IConsumer, IProtocol, ITransport

    from oci_twisted.engine.address import Address
    from oci_twisted.engine.credentials.keychains import Credentials
    from oci_twisted.engine.images.references import ImageReference
    from oci_twisted.engine.requests import Json, Request, Response


class IDriver(Interface):
    """
    Reaches one kind of engine.

    Drivers are known by name: register one with `oci_twisted.engine.drivers.named.register`, or let your distribution
    declare an entry point of the group ``oci_twisted.drivers`` whose object is a driver or a callable that makes one.
    """

    name: str = Attribute("The name it is registered under, such as ``docker``.")

    async def connect(reactor: Any, address: Address) -> IConnection:
        """
        Make a connection to the engine at an address.

        May put off whatever takes time, or can fail, to the first request: that the engine is there is known when it
        has answered one.

        :param reactor: all timers and transports of the connection are its.
        :raise Unsupported: when the driver cannot reach such an address.
        """


class IConnection(Interface):
    """
    An engine within reach.

    It owns its transports.  Any number of requests may be in progress at once.  Capabilities that not every engine has
    are interfaces that the connection provides besides this one: `IPods`, `IManifests`.
    """

    def handler(method: str) -> IHandler:
        """
        Answer what does an operation.

        :raise Unsupported: when this engine does not have it.  Nothing has been sent.
        """

    async def close() -> None:
        """
        Close every transport, and break off every request and stream.

        Whoever waits for one of them gets `ConnectionFailed`, and whoever asks for something afterwards `ClientClosed`,
        which is one.  May be called again.
        """


class IHandler(Interface):
    """
    Does one operation of one engine.

    Whatever has this method is a handler, so that one can be put around another: to log, to count, to repeat.  See
    `oci_twisted.engine.EngineClient.wrapped`.
    """

    async def handle(request: Request) -> Response:
        """
        Do it.

        When it is cancelled, its transport is closed, by which the engine knows; work that it does not do for the sake
        of its answer, such as to stop a container, may go on there.

        :raise EngineError: for whatever is wrong; the kinds are in `oci_twisted.engine.errors`.
        :raise ValueError: when the parameters cannot be those of this operation.  Nothing has been sent.
        """


class IByteStream(Interface):
    """
    Bytes that come from an engine, as an asynchronous iterator of pieces that are never empty.

    Nothing more is read from the transport while about 256 KiB wait to be taken.  It has one reader, who takes a piece
    after the other.  It raises `StreamCorrupt` when it breaks off, and `TimedOut` when it is one that must not pause
    and does.  Cancelling a wait for the next piece closes the stream.
    """

    def __aiter__() -> IByteStream:
        """Answer itself."""

    async def __anext__() -> bytes:
        """
        Take the next piece.

        :raise StopAsyncIteration: at the end.
        """

    async def deliver(consumer: IConsumer) -> int:
        """
        Write all of it to a consumer, as fast as that takes it, and answer how many bytes that was.

        The consumer has a push producer meanwhile.  When it calls ``stopProducing``, the stream is closed and the
        coroutine raises `CancelledError`.
        """

    def close() -> None:
        """Break the stream off: the transport is closed unless all has arrived.  May be called again, and always."""


class IMessageStream(Interface):
    """
    JSON documents that come from an engine, as an asynchronous iterator.

    Otherwise as `IByteStream`.  It raises `StreamCorrupt` for what is no JSON and for a last message that is cut off.
    """

    def __aiter__() -> IMessageStream:
        """Answer itself."""

    async def __anext__() -> dict[str, Json]:
        """
        Take the next message.

        :raise StopAsyncIteration: at the end.
        """

    def close() -> None:
        """Break the stream off, as `IByteStream.close` does."""


class IDuplex(Interface):
    """
    A transport that belongs to a process in a container: what is written is its standard input.

    Not a byte has been delivered yet; nothing is read before `start`.
    """

    media_type: str = Attribute("What the engine calls the bytes that come, or empty.")
    transport: ITransport = Attribute("Takes bytes; can be paused, has producers registered, and is closed.")

    def start(protocol: IProtocol) -> None:
        """Connect a protocol to the transport: ``makeConnection``, then all bytes, then ``connectionLost``."""

    def end_input() -> None:
        """Say that nothing more is written, behind what has been; bytes go on to come."""

    def close() -> None:
        """Close the transport at once.  May be called again."""


class IKeychain(Interface):
    """Knows as whom to speak to registries."""

    async def find(reference: ImageReference) -> Credentials | None:
        """
        Answer the credentials for where an image is to be had; ``None`` to come as nobody.

        :raise CredentialsFailed: when there ought to be some, and they cannot be had.
        """


class IPlainRegistries(Interface):
    """A connection whose ``image.pull`` and ``image.push`` have ``verify_tls``: whether a registry needs TLS."""


class IPods(Interface):
    """A connection that has the methods ``pod.*``."""


class IManifests(Interface):
    """A connection that has the methods ``manifest.*``."""
