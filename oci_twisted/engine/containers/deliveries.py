"""
One stream for two consumers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.interfaces import IConsumer, IPushProducer
from zope.interface import implementer

from oci_twisted.engine.containers.frames import Stream

if TYPE_CHECKING:
    from twisted.internet.interfaces import IProducer

    from oci_twisted.engine.containers.frames import Frames


@implementer(IConsumer)
class Split:
    """
    Takes what has two streams in it, and writes each to its consumer: once a piece, so that a pause is never too late.

    :param frames: take the streams apart; ``None`` where there is one.
    :param stderr: ``stdout`` again if ``None``.
    :ivar size: how many bytes were written.
    """

    def __init__(self, frames: Frames | None, stdout: IConsumer, stderr: IConsumer | None) -> None:
        self._frames = frames
        self._consumers = {Stream.STDOUT: stdout}
        if stderr is not None:
            self._consumers[Stream.STDERR] = stderr
        self._reins: list[_Rein] = []
        self._producer: IPushProducer | None = None
        self.size = 0

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:  # noqa: FBT001 - Twisted's signature
        """Give each consumer a rein of the producer."""
        self._producer = IPushProducer(producer)
        for consumer in self._consumers.values():
            rein = _Rein(self, consumer)
            try:
                consumer.registerProducer(rein, streaming)
            except BaseException:
                self.unregisterProducer()
                raise
            if self._producer is None:
                # It has let go of the producer at once, and the others shall not have it.
                return
            self._reins.append(rein)

    def unregisterProducer(self) -> None:
        """Let it go."""
        for rein in self._reins:
            rein.consumer.unregisterProducer()

    def pulled(self) -> None:
        """Let the producer run while all consumers let it."""
        if self._producer is None:
            return
        if any(rein.is_pulled for rein in self._reins):
            self._producer.pauseProducing()
        else:
            self._producer.resumeProducing()

    def dropped(self, dropped: _Rein) -> None:
        """Stop the producer, for one consumer has let go of it, and let the other consumer go."""
        for rein in self._reins:
            if rein is not dropped:
                rein.consumer.unregisterProducer()
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.stopProducing()

    def write(self, data: bytes) -> None:
        """Write to each consumer what is for it."""
        parts = [(Stream.STDOUT, data)] if self._frames is None else self._frames.feed(data)
        if len(self._consumers) == 1:
            contents = {Stream.STDOUT: b"".join(content for _, content in parts)}
        else:
            contents = {
                stream: b"".join(content for number, content in parts if number is stream) for stream in self._consumers
            }
        for stream, content in contents.items():
            if content:
                self.size += len(content)
                self._consumers[stream].write(content)
        if self._frames is not None:
            self._frames.check()


@implementer(IPushProducer)
class _Rein:
    """
    What one of several consumers holds.

    :ivar is_pulled: whether it wants the producer to wait.
    """

    def __init__(self, split: Split, consumer: IConsumer) -> None:
        self._split = split
        self.consumer = consumer
        self.is_pulled = False

    def pauseProducing(self) -> None:
        """Wait."""
        self.is_pulled = True
        self._split.pulled()

    def resumeProducing(self) -> None:
        """Go on, if the others let us."""
        self.is_pulled = False
        self._split.pulled()

    def stopProducing(self) -> None:
        """Nobody wants the rest."""
        self._split.dropped(self)
