"""
Issuers that listen, on the loopback interface.
"""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from attrs import define, field
from twisted.internet.defer import maybeDeferred
from twisted.internet.protocol import Factory, Protocol
from twisted.protocols.basic import LineReceiver

from tests.wire.sockets import eventually, real_reactor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from twisted.internet.interfaces import IAddress, IListeningPort, IStreamServerEndpoint
    from twisted.internet.tcp import Connection


@define
class Answer:
    """
    What is answered to a GET.

    :ivar complete: whether the connection ends behind it.
    """

    content: bytes
    status: int = 200
    headers: Mapping[str, str] = field(factory=dict)
    complete: bool = True


# What is answered when nothing is: the connection stays open.
SILENCE = Answer(b"", 0, complete=False)


class _Connection(LineReceiver):
    factory: Listening
    transport: Connection

    def connectionMade(self) -> None:
        self.factory.open.add(self)
        self._target = ""

    def connectionLost(self, reason: object = None) -> None:
        del reason
        self.factory.open.discard(self)

    def lineReceived(self, line: bytes) -> None:
        if line.startswith(b"GET "):
            self._target = line.decode().split()[1]
            self.factory.asked.append(self._target)
        elif not line:
            self._answer(self.factory.answers.get(self._target) or Answer(b"", 404))

    def _answer(self, answer: Answer) -> None:
        if answer is SILENCE:
            return
        lines = [f"HTTP/1.1 {answer.status} X", *(f"{name}: {value}" for name, value in answer.headers.items())]
        self.transport.write("\r\n".join([*lines, "", ""]).encode() + answer.content)
        if answer.complete:
            self.transport.loseConnection()


class Listening(Factory):
    """
    A server that answers what a test says, by path.

    :ivar asked: the paths, in order.
    :ivar open: the connections.
    """

    protocol = _Connection  # type: ignore[assignment]

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []
        self.open: set[_Connection] = set()
        self.url = ""

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        """Take a connection."""
        del addr
        connection = _Connection()
        connection.factory = self
        return connection

    def publish(self, keys: bytes, **changed: object) -> None:
        """Be an issuer of OpenID Connect."""
        document = {"issuer": self.url, "jwks_uri": f"{self.url}/keys", **changed}
        self.answers["/.well-known/openid-configuration"] = Answer(json.dumps(document).encode())
        self.answers["/keys"] = Answer(keys)


@asynccontextmanager
async def serving(endpoint: IStreamServerEndpoint | None = None) -> AsyncIterator[Listening]:
    """Let a server listen, for plain connections by default."""
    server = Listening()
    reactor: Any = real_reactor()
    port: IListeningPort = (
        reactor.listenTCP(0, server, interface="127.0.0.1") if endpoint is None else await endpoint.listen(server)
    )
    number = port.getHost().port  # type: ignore[attr-defined]  # it listens on TCP
    server.url = f"{'http' if endpoint is None else 'https'}://127.0.0.1:{number}"
    try:
        yield server
    finally:
        await maybeDeferred(port.stopListening)
        for connection in list(server.open):
            connection.transport.abortConnection()
        await eventually(lambda: not server.open)
