"""
The body of a request: bytes that are in memory already, sent as fast as the connection takes them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer

if TYPE_CHECKING:
    from twisted.internet.interfaces import IConsumer

# As much as a connection takes before it pauses.
_PIECE = 1 << 16


@implementer(IBodyProducer)
class Content:
    """
    The content of a request.

    It is done with its last piece.  Twisted's own producer of files is done a turn of the reactor later, and where the
    answer is quicker the connection is not kept.
    """

    def __init__(self, content: bytes) -> None:
        self.length = len(content)
        self._content = content
        self._offset = 0
        self._flowing = True
        self._consumer: IConsumer | None = None
        self._sent: Deferred[None] = Deferred(lambda _: self.stopProducing())

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """Write to ``consumer``; answer when all is written."""
        self._consumer = consumer
        self.resumeProducing()
        return self._sent

    def pauseProducing(self) -> None:
        """Wait."""
        self._flowing = False

    def resumeProducing(self) -> None:
        """Go on."""
        self._flowing = True
        while self._flowing and self._consumer is not None and self._offset < self.length:
            piece = self._content[self._offset : self._offset + _PIECE]
            self._offset += len(piece)
            # May pause, resume or stop us.
            self._consumer.write(piece)
        if self._consumer is not None and self._offset == self.length:
            self._consumer = None
            self._sent.callback(None)

    def stopProducing(self) -> None:
        """Nobody wants the rest, and nobody is told."""
        self._consumer = None
