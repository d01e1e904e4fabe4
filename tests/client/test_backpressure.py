"""
Blobs come as fast as their consumer takes them, and no faster.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Factory, Protocol
from zope.interface import implementer

from oci_twisted.spec.digests import digest_of
from oci_twisted.spec.names import parse_name
from oci_twisted.testing.consumers import CheckingConsumer, PausingConsumer
from oci_twisted.testing.waiting import turn, waits
from tests.client.fronts import connect
from tests.client.scripts import Said, said_blob, scripted

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IAddress, IProducer, ITransport

    from oci_twisted.interfaces import IBlobReader

NAME = parse_name("a/b")
BLOB = b"some bytes"
DIGEST = digest_of(BLOB)


async def opened(*answers: Said) -> IBlobReader:
    """Open a blob that the registry is about to send."""
    registry, _ = scripted(said_blob(BLOB), *answers)
    return await registry.repository(NAME).open_blob(DIGEST)


class HastyConsumer(CheckingConsumer):
    """
    Does something with its producer as soon as that is registered.

    :param act: what.
    """

    def __init__(self, act: Callable[[CheckingConsumer, IPushProducer], None]) -> None:
        super().__init__()
        self._act = act

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:  # noqa: FBT001 - Twisted's signature
        """Take a producer, and act."""
        super().registerProducer(producer, streaming)
        self._act(self, IPushProducer(producer))


def pause(consumer: CheckingConsumer, _producer: IPushProducer) -> None:
    """Have the producer wait."""
    consumer.pause()


def flutter(consumer: CheckingConsumer, _producer: IPushProducer) -> None:
    """Have it wait, and go on."""
    consumer.pause()
    consumer.resume()


def stop(consumer: CheckingConsumer, producer: IPushProducer) -> None:
    """Have it end, and say so again."""
    consumer.stop()
    producer.stopProducing()


@waits
async def test_a_consumer_may_have_the_producer_wait_from_the_start() -> None:
    """Nothing is written before the consumer wants it, though some may have come already."""
    for said in (said_blob(BLOB), Said(200, (), BLOB, length=None)):
        reader = await opened(said)
        consumer = HastyConsumer(pause)
        sending = Deferred.fromCoroutine(reader.send(consumer, 0, 10))
        for _ in range(10):
            await turn()
        assert consumer.content == b""
        consumer.resume()
        await sending
        assert consumer.content == BLOB


@waits
async def test_a_consumer_may_hesitate() -> None:
    """A consumer that has the producer wait and go on before anything came gets all of it."""
    reader = await opened(said_blob(BLOB))
    consumer = HastyConsumer(flutter)
    await reader.send(consumer, 0, 10)
    assert consumer.content == BLOB


@waits
async def test_a_consumer_may_be_gone_from_the_start() -> None:
    """Nothing is written to a consumer that stops the producer at once, and the answer is broken off."""
    reader = await opened(Said(200, (), BLOB + b"x" * 200_000, length=1 << 40), said_blob(BLOB))
    consumer = HastyConsumer(stop)
    with pytest.raises(CancelledError):
        await reader.send(consumer, 2, 6)
    for _ in range(5):
        await turn()
    assert consumer.content == b""
    again = CheckingConsumer()
    await reader.send(again, 0, 10)
    assert again.content == BLOB


@waits
async def test_what_comes_at_once_need_not_be_taken_at_once() -> None:
    """Pieces of an answer that arrive together wait here for a consumer that takes them one by one."""
    chunked = b"".join(b"1\r\n%c\r\n" % octet for octet in BLOB) + b"0\r\n\r\n"
    reader = await opened(Said(200, (("Transfer-Encoding", "chunked"),), chunked, length=None))
    consumer = PausingConsumer()
    sending = Deferred.fromCoroutine(reader.send(consumer, 0, 10))
    await consumer.paused()
    assert consumer.content == BLOB[:1]
    for _ in range(5):
        await turn()
    assert consumer.content == BLOB[:1]
    consumer.resume()
    await sending
    assert consumer.content == BLOB


@implementer(IPushProducer)
class Fountain(Protocol):
    """
    Answers HEAD with a size, and GET with bytes for as long as the client takes them.

    :cvar SIZE: of the blob.
    """

    SIZE = 1 << 30
    PIECE = 1 << 14

    transport: ITransport

    def __init__(self, fountains: Fountains) -> None:
        self._fountains = fountains
        self._flowing = True

    def dataReceived(self, data: bytes) -> None:
        """Take a request, which comes in one piece."""
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % self.SIZE)
        if data.startswith(b"GET"):
            self.transport.registerProducer(self, True)  # type: ignore[attr-defined]
            self.resumeProducing()

    def pauseProducing(self) -> None:
        """The client has enough."""
        self._flowing = False

    def resumeProducing(self) -> None:
        """Flow."""
        self._flowing = True
        while self._flowing:
            self._fountains.sent += self.PIECE
            self.transport.write(b"x" * self.PIECE)

    def stopProducing(self) -> None:
        """The client is gone."""
        self._flowing = False
        self._fountains.stopped = True


class Fountains(Factory):
    """
    A server of one blob that is too large to be kept.

    :ivar sent: how many bytes were written.
    """

    noisy = False

    def __init__(self) -> None:
        self.sent = 0
        self.stopped = False

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        """Make a connection's protocol."""
        del addr
        return Fountain(self)


@waits
async def test_a_slow_consumer_slows_down_the_registry() -> None:
    """What the consumer does not take stays with the registry, whatever the size of the blob."""
    fountains = Fountains()
    reader = await connect(fountains).repository(NAME).open_blob(DIGEST)
    consumer = PausingConsumer()
    sending = Deferred.fromCoroutine(reader.send(consumer, 0, reader.size))
    for _ in range(20):
        await consumer.paused()
        for _ in range(5):
            await turn()
        assert fountains.sent - len(consumer.content) < 1 << 18
        consumer.resume()
    assert not fountains.stopped
    sending.cancel()
    with pytest.raises(CancelledError):
        await sending
    for _ in range(5):
        await turn()
    assert fountains.stopped
