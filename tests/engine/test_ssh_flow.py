"""Bytes through SSH: a real server, and sockets behind it that read and write as they please."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import UNIXServerEndpoint, connectProtocol
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Factory, Protocol
from zope.interface import implementer

from oci_twisted.engine.transport.endpoints import endpoint_for
from oci_twisted.engine.transport.uploads import Upload
from oci_twisted.testing.waiting import until, waits
from tests.engine.sshd import SshServer, ssh_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from oci_twisted.engine.transport.ssh_channels import SocketChannel

pytestmark = pytest.mark.clients


@implementer(IHalfCloseableProtocol)
class _EchoAtEnd(Protocol):
    """Writes what it has read when it has read all."""

    transport: Any

    def __init__(self) -> None:
        self._received: list[bytes] = []

    @classmethod
    def factory(cls) -> Factory:
        """Answer what makes them."""
        return Factory.forProtocol(cls)  # type: ignore[arg-type]  # its own factory is no part of it

    def dataReceived(self, data: bytes) -> None:
        self._received.append(data)

    def readConnectionLost(self) -> None:
        self.transport.write(b"".join(self._received))
        self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        pass


class _Both(Protocol):
    """Reads to the end."""

    transport: Any

    def __init__(self) -> None:
        self.received = b""
        self.ended: Deferred[bytes] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def connectionLost(self, reason: object = None) -> None:
        del reason
        self.ended.callback(self.received)


@waits
async def test_a_half_is_closed(sshd: SshServer, tmp_path: Path) -> None:
    """The other end reads the end of what is written, and its answer still comes, larger than any window."""
    from twisted.internet import reactor  # noqa: PLC0415 - pytest-twisted installs it

    listening = await UNIXServerEndpoint(reactor, str(tmp_path / "echo")).listen(_EchoAtEnd.factory())
    endpoint = endpoint_for(reactor, sshd.address(str(tmp_path / "echo")))
    content = bytes(range(256)) * 16384
    protocol = await connectProtocol(endpoint, _Both())
    protocol.transport.write(content)
    protocol.transport.loseWriteConnection()
    assert await protocol.ended == content
    await listening.stopListening()


class _Endless(Protocol):
    """Writes for ever."""

    transport: Any

    def connectionMade(self) -> None:
        self.transport.registerProducer(self, False)

    def resumeProducing(self) -> None:
        self.transport.write(bytes(64 << 10))

    def stopProducing(self) -> None:
        pass


@waits
async def test_one_who_does_not_read_is_no_trouble_for_others(sshd: SshServer, tmp_path: Path) -> None:
    """A channel that is paused takes no more than its window, while the others of its connection go on."""
    from twisted.internet import reactor  # noqa: PLC0415 - pytest-twisted installs it

    endless = Factory.forProtocol(_Endless)
    listening = await UNIXServerEndpoint(reactor, str(tmp_path / "endless")).listen(endless)
    endpoint = endpoint_for(reactor, sshd.address(str(tmp_path / "endless")))
    reader = await connectProtocol(endpoint, _Both())
    channel: SocketChannel = reader.transport
    channel.pauseProducing()
    await until(lambda: channel.localWindowLeft == 0)
    received = len(reader.received)
    other = await connectProtocol(endpoint, _Both())
    await until(lambda: len(other.received) > 4 << 20)
    assert len(reader.received) == received
    channel.resumeProducing()
    await until(lambda: len(reader.received) > 4 << 20)
    for transport in (channel, other.transport):
        transport.abortConnection()
    await reader.ended
    await other.ended
    await listening.stopListening()


class _Lagging(Protocol):
    """
    Reads when it is told to.

    :ivar received: how many bytes that were.
    """

    transport: Any
    received = 0

    def connectionMade(self) -> None:
        self.transport.pauseProducing()

    def dataReceived(self, data: bytes) -> None:
        self.received += len(data)


@waits
async def test_who_writes_waits_for_who_reads(sshd: SshServer, tmp_path: Path) -> None:
    """Of 64 MiB, no more is taken from its source than fits between the two, however often the reader pauses."""
    from twisted.internet import reactor  # noqa: PLC0415 - pytest-twisted installs it

    reader = _Lagging()
    factory: Factory = Factory.forProtocol(lambda: reader)
    listening = await UNIXServerEndpoint(reactor, str(tmp_path / "lagging")).listen(factory)
    endpoint = endpoint_for(reactor, sshd.address(str(tmp_path / "lagging")))
    writer = await connectProtocol(endpoint, _Both())
    channel: SocketChannel = writer.transport
    size, taken = 64 << 20, 0

    async def source() -> AsyncIterator[bytes]:
        nonlocal taken
        while taken < size:
            taken += 64 << 10
            yield bytes(64 << 10)

    sending = Deferred.fromCoroutine(Upload(channel, lambda: None, chunked=False).send(source()))
    for _ in range(5):
        await until(lambda: channel.remoteWindowLeft == 0)
        # The window of OpenSSH is 2 MiB; beyond it, a socket and its reader have a little.
        assert taken - reader.received < 4 << 20
        enough = reader.received + (6 << 20)
        reader.transport.resumeProducing()
        await until(lambda enough=enough: reader.received >= enough)  # type: ignore[misc]  # bound in the loop
        reader.transport.pauseProducing()
    reader.transport.resumeProducing()
    assert await sending
    channel.loseConnection()
    await until(lambda: reader.received == size)
    await writer.ended
    await listening.stopListening()


@waits
async def test_keys_are_exchanged_again(tmp_path: Path) -> None:
    """A server that wants other keys for each megabyte gets all bytes, and their end, in their order."""
    from twisted.internet import reactor  # noqa: PLC0415 - pytest-twisted installs it

    listening = await UNIXServerEndpoint(reactor, str(tmp_path / "echo")).listen(_EchoAtEnd.factory())
    content = bytes(range(256)) * 32768
    with ssh_server(tmp_path, "RekeyLimit 1M\n") as impatient:
        endpoint = endpoint_for(reactor, impatient.address(str(tmp_path / "echo")))
        protocol = await connectProtocol(endpoint, _Both())
        protocol.transport.write(content)
        protocol.transport.loseWriteConnection()
        assert await protocol.ended == content
    await listening.stopListening()
