"""
The factory of our own front's connections: their clock, their log, and their end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocolNegotiationFactory
from twisted.internet.protocol import Factory
from zope.interface import implementer

from oci_twisted.http.access import CLIENT_GONE
from oci_twisted.http.channel import Channel
from oci_twisted.http.heads import common_headers
from oci_twisted.http.limits import Limits
from oci_twisted.stream.sockets import Outbox

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from twisted.internet.interfaces import IAddress, IDelayedCall, IReactorTime, ISSLTransport

    from oci_twisted.http.exchanges import Exchange
    from oci_twisted.http.routes import API
    from oci_twisted.interfaces import IBlockingPool

    Identify: TypeAlias = Callable[[ISSLTransport], str | None]

_TICK = 1.0


@implementer(IProtocolNegotiationFactory)
class RegistrySite(Factory):
    """
    Makes a `Channel` for every connection.

    One timer looks after all connections, once a second: to set a timer for each request would cost more than most
    requests.

    :param clock: tells the time and ticks.
    :param pool: for reads from a cold disk.
    :param identify: answers who a client is by the certificate that it has proved to own, or ``None``; is asked once
        for every connection, behind the handshake of TLS, and never when it is ``None`` itself.
    :ivar now: the time of the last tick; exact enough for every limit.
    :ivar outbox: takes the short answers of all connections.
    :ivar stopping: `drain` was called.
    """

    noisy = False

    def __init__(
        self,
        api: API,
        clock: IReactorTime,
        pool: IBlockingPool,
        limits: Limits | None = None,
        identify: Identify | None = None,
    ) -> None:
        self.api = api
        self.pool = pool
        self.limits = limits or Limits()
        self.identify = identify
        self.outbox = Outbox(clock)
        self._clock = clock
        self._channels: set[Channel] = set()
        self._ticking: IDelayedCall | None = None
        self._emptied: Deferred[None] | None = None
        self.seconds = clock.seconds
        self.stopping = False
        self._look_at_clock()

    def buildProtocol(self, addr: IAddress | None) -> Channel:
        """Make a connection's protocol."""
        del addr
        return Channel(self)

    def acceptableProtocols(self) -> list[bytes]:
        """Answer what may be negotiated over TLS: without this a client that offers anything is turned away."""
        return [b"http/1.1"]

    def opened(self, channel: Channel) -> None:
        """Look after a connection."""
        self._channels.add(channel)
        if self._ticking is None:
            self._look_at_clock()
            self._ticking = self._clock.callLater(_TICK, self._tick)

    def closed(self, channel: Channel) -> None:
        """Look after it no longer."""
        self._channels.discard(channel)
        if not self._channels and self._emptied is not None:
            emptied, self._emptied = self._emptied, None
            emptied.callback(None)

    def _look_at_clock(self) -> None:
        self.now = self._clock.seconds()
        self.common_headers = common_headers(self.now)

    def _tick(self) -> None:
        # First of all, so that no fault in looking after one connection ends the looking after the others.
        self._ticking = self._clock.callLater(_TICK, self._tick) if self._channels else None
        self._look_at_clock()
        for channel in list(self._channels):
            channel.tick(self.now)

    def log(self, exchange: Exchange, *, gone: bool) -> None:
        """Write the access line of a request that is over."""
        seconds = self._clock.seconds() - exchange.started
        status = CLIENT_GONE if gone else exchange.status
        self.api.access.write(exchange.call, status, exchange.sent, seconds)

    async def drain(self) -> None:
        """
        Finish what is in progress, then close every connection.

        Answers that take longer than `Limits.drain_time` are broken off.  Called once, when nothing listens any more.
        """
        self.stopping = self.api.stopping = True
        for channel in list(self._channels):
            channel.stop()
        if self._channels:
            self._emptied = emptied = Deferred[None]()
            too_long = self._clock.callLater(self.limits.drain_time, self._abort)
            await emptied
            if too_long.active():
                too_long.cancel()

    def _abort(self) -> None:
        for channel in list(self._channels):
            channel.abort()
