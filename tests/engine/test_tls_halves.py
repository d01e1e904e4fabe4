"""Halves of connections with TLS, in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet import ssl
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import Clock
from zope.interface import implementer

from oci_twisted.engine.address import TlsFiles
from oci_twisted.engine.errors import Unsupported
from oci_twisted.engine.transport.tls import client_options
from oci_twisted.engine.transport.tls_halves import TlsEndpoint, wrapped_of
from oci_twisted.testing.pipes import PipeEndpoint
from tests.engine.tls_server import HalvesFactory
from tests.wire.certificates import make_certificate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from twisted.python.failure import Failure

_ANSWER = b"answer" * 200_000
_TURNS = 500


@implementer(IHalfCloseableProtocol)
class _Server(Protocol):
    """Answers when it has read to the end."""

    transport: Any

    def __init__(self) -> None:
        self.events: list[str | bytes] = []

    @property
    def content(self) -> bytes:
        """What was read."""
        return b"".join(event for event in self.events if isinstance(event, bytes))

    def dataReceived(self, data: bytes) -> None:
        self.events.append(data)

    def readConnectionLost(self) -> None:
        self.events.append("end")
        self.transport.write(_ANSWER)
        self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        """Never."""


class _Client(Protocol):
    """
    Does something as soon as it is connected, which is before TLS is.

    :ivar end: why the connection was lost.
    """

    transport: Any

    def __init__(self, first: Callable[[Any], None]) -> None:
        self._first = first
        self.received = b""
        self.end: Failure | None = None

    def connectionMade(self) -> None:
        self._first(self.transport)

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.end = reason


class _Bench:
    """A client and a server in memory, with TLS between them."""

    def __init__(self, pem: Path, version: ssl.TLSVersion, first: Callable[[Any], None] = lambda _: None) -> None:
        make_certificate(pem)
        own: ssl.PrivateCertificate = ssl.PrivateCertificate.loadPEM(pem.read_bytes())
        options = ssl.CertificateOptions(
            privateKey=own.privateKey.original,
            certificate=own.original,
            insecurelyLowerMinimumTo=ssl.TLSVersion.TLSv1_2,
            lowerMaximumSecurityTo=version,
        )
        self._clock = Clock()
        self.server = _Server()
        self.client = _Client(first)
        serving = HalvesFactory(self._clock, options, Factory.forProtocol(lambda: self.server))
        pipe = PipeEndpoint(self._clock, serving)
        endpoint = TlsEndpoint(self._clock, client_options("127.0.0.1", TlsFiles(pem)), pipe)
        connected: list[object] = []
        endpoint.connect(Factory.forProtocol(lambda: self.client)).addBoth(connected.append)
        assert connected == [self.client]
        self.turn()

    def ask_to_negotiate(self) -> None:
        """Let the server ask for a new negotiation, which the client has just begun."""
        server: Any = self.server.transport
        connection = server.getHandle()
        assert connection.renegotiate()
        connection.do_handshake()
        self.client.transport.dataReceived(connection.bio_read(1 << 15))

    def turn(self) -> None:
        """Let everything happen that needs no time."""
        for _ in range(_TURNS):
            self._clock.advance(0)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("early", [False, True])
def test_a_half_is_closed_behind_what_was_written(tmp_path: Path, version: ssl.TLSVersion, *, early: bool) -> None:
    """The server reads all and then the end, and its answer still comes whole, also when TLS had yet to begin."""

    def write(transport: Any) -> None:  # noqa: ANN401 - that of TLS
        for _ in range(10):
            transport.write(b"small")
        transport.writeSequence([bytes(40_000), bytes(40_000)])
        transport.loseWriteConnection()
        transport.loseWriteConnection()
        transport.write(b"too late")

    bench = _Bench(tmp_path / "pem", version, *([write] if early else []))
    if not early:
        write(bench.client.transport)
        bench.turn()
    assert bench.server.content == b"small" * 10 + bytes(80_000)
    assert bench.server.events[-1] == "end"
    assert bench.server.events.count("end") == 1
    assert bench.client.received == _ANSWER
    assert bench.client.end is not None
    assert bench.client.end.check(type(connectionDone.value))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_half_is_closed_before_anything_is_written(tmp_path: Path, version: ssl.TLSVersion) -> None:
    """The end waits until TLS has begun, also when it is all that there is to say."""
    bench = _Bench(tmp_path / "pem", version, lambda transport: transport.loseWriteConnection())
    assert bench.server.events == ["end"]
    assert bench.client.received == _ANSWER


def test_a_half_is_closed_in_the_middle_of_a_negotiation(tmp_path: Path) -> None:
    """What TLS cannot encrypt yet is sent before the end, when the server has answered."""
    bench = _Bench(tmp_path / "pem", ssl.TLSVersion.TLSv1_2)
    bench.ask_to_negotiate()
    bench.client.transport.write(b"content")
    bench.client.transport.loseWriteConnection()
    bench.turn()
    assert bench.server.events == [b"content", "end"]
    assert bench.client.received == _ANSWER


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_connection_that_is_half_closed_is_aborted(tmp_path: Path, version: ssl.TLSVersion) -> None:
    """Whoever closes one half may still close all."""
    bench = _Bench(tmp_path / "pem", version)
    bench.client.transport.loseWriteConnection()
    bench.client.transport.abortConnection()
    bench.turn()
    assert bench.client.received == b""
    assert bench.client.end is not None


class _Other:
    """TLS as nobody knows it."""

    _handshakeDone = True  # noqa: N815 - Twisted's name
    is_aborted = False

    def abortConnection(self) -> None:
        self.is_aborted = True


def test_another_tls_is_refused() -> None:
    """Where one cannot see that all has been encrypted, nothing is sent."""
    other = _Other()
    with pytest.raises(Unsupported, match="_appSendBuffer"):
        wrapped_of(other)
    assert other.is_aborted
