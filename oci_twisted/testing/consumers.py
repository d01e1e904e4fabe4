"""
Consumers that collect what they are sent, each with a way of its own to slow the producer down.

All of them check that the producer keeps to the protocol, and raise `AssertionError` into its ``write`` if it does not.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer, IProducer, IPushProducer
from zope.interface import implementer
from zope.interface.verify import verifyObject

# What `IBlobReader.send` may hold.
MOST = 256 * 1024


@implementer(IConsumer)
class CheckingConsumer:
    """
    Takes all that comes and never pauses.

    :ivar pieces: what was written, in order.
    :ivar registrations: how often a producer was registered.
    """

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.registrations = 0
        self._producer: IPushProducer | None = None
        self._paused = False
        self._stopped = False

    @property
    def content(self) -> bytes:
        """All of what was written."""
        return b"".join(self.pieces)

    @property
    def registered(self) -> bool:
        """Whether there is a producer."""
        return self._producer is not None

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:  # noqa: FBT001 - Twisted's signature
        """Take a push producer."""
        assert streaming, "the producer waits to be asked for every piece"
        assert not self.registered, "there is a producer already"
        verifyObject(IPushProducer, producer)
        self._producer = IPushProducer(producer)
        self.registrations += 1

    def unregisterProducer(self) -> None:
        """Let the producer go."""
        assert self.registered or self._stopped, "there is no producer to unregister"
        self._producer = None

    def write(self, data: bytes) -> None:
        """Take a piece."""
        assert self.registered, "bytes without a producer"
        assert not self._paused, "bytes while the producer is paused"
        assert type(data) is bytes, f"bytes that are {type(data)}"
        assert 0 < len(data) <= MOST, f"a piece of {len(data)} bytes"
        self.pieces.append(data)
        self.written()

    def written(self) -> None:
        """Do something about the piece that was just written."""

    def pause(self) -> None:
        """Ask the producer to stop for a while."""
        assert self._producer is not None
        self._paused = True
        self._producer.pauseProducing()

    def resume(self) -> None:
        """Ask the producer to go on."""
        assert self._producer is not None
        self._paused = False
        self._producer.resumeProducing()

    def stop(self) -> None:
        """Let go of the producer for good, as a connection that is lost does."""
        producer, self._producer = self._producer, None
        assert producer is not None
        self._stopped = True
        producer.stopProducing()


class PausingConsumer(CheckingConsumer):
    """Pauses after every piece, until it is told to `resume`."""

    def __init__(self) -> None:
        super().__init__()
        self._waiter: Deferred[None] | None = None

    def written(self) -> None:
        """Pause."""
        self.pause()
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            waiter.callback(None)

    async def paused(self) -> None:
        """Wait for a piece after which it has paused."""
        if not self._paused:
            self._waiter = Deferred()
            await self._waiter


class FlutteringConsumer(CheckingConsumer):
    """Pauses and resumes within every ``write``."""

    def written(self) -> None:
        """Pause and resume."""
        self.pause()
        self.resume()


class StoppingConsumer(CheckingConsumer):
    """Stops the producer within a ``write``, as soon as it has a number of bytes."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self._after = after

    def written(self) -> None:
        """Stop, if it is time."""
        if len(self.content) >= self._after:
            self.stop()
