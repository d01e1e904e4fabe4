"""
Short answers, held for a turn of the reactor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from twisted.internet.protocol import Protocol
from twisted.internet.testing import MemoryReactorClock

from oci_twisted.stream.sockets import Outbox
from tests.wire.peers import WireTransport

if TYPE_CHECKING:
    from twisted.internet.tcp import Connection


class Sockets:
    """
    An outbox, and sockets that it can send to.

    :ivar clock: its next turn comes when a test advances it.
    """

    def __init__(self) -> None:
        self.clock = MemoryReactorClock()
        self.outbox = Outbox(self.clock)

    def open(self) -> WireTransport:
        """Make a socket."""
        return WireTransport(self.clock, Protocol())

    def send(self, socket: WireTransport, content: bytes) -> None:
        """Give the outbox something to send."""
        self.outbox.send(cast("Connection", socket), content)

    def turn(self) -> None:
        """End the reactor's turn."""
        self.clock.advance(0)


def test_what_one_turn_has_made_leaves_at_its_end() -> None:
    """Nothing leaves before, all leaves then, and in its order; the next turn is like the first."""
    sockets = Sockets()
    one, other = sockets.open(), sockets.open()
    for round_ in (b"1", b"2"):
        for socket, content in ((one, b"a"), (other, b"b"), (one, b"c")):
            sockets.send(socket, content + round_)
        assert len(sockets.clock.getDelayedCalls()) == 1
        sockets.turn()
    assert (bytes(one.delivered), bytes(other.delivered)) == (b"a1c1a2c2", b"b1b2")
    assert [one.writing, other.writing] == [False, False]
    assert sockets.clock.getDelayedCalls() == []


def test_a_crowd_does_not_wait_for_the_end() -> None:
    """A turn that makes many answers sends them a few at a time, so that none waits for long."""
    sockets = Sockets()
    socket = sockets.open()
    for _ in range(100):
        sockets.send(socket, b"x")
        assert len(sockets.clock.getDelayedCalls()) == 1
    assert 80 < len(socket.delivered) < 100
    sockets.turn()
    assert len(socket.delivered) == 100


def test_what_is_flushed_leaves_at_once_and_only_once() -> None:
    """Whoever writes to a transport itself can do so behind what is held."""
    sockets = Sockets()
    socket = sockets.open()
    sockets.send(socket, b"held ")
    sockets.outbox.flush()
    assert socket.delivered == b"held "
    sockets.send(socket, b"later")
    sockets.turn()
    assert socket.delivered == b"held later"


def test_what_the_socket_does_not_take_is_the_transports() -> None:
    """It leaves when the peer takes more, and in front of what follows."""
    sockets = Sockets()
    socket = sockets.open()
    socket.window = 2
    sockets.send(socket, b"abcd")
    sockets.send(socket, b"ef")
    sockets.turn()
    assert (bytes(socket.delivered), socket.writing) == (b"ab", True)
    socket.window = 10
    socket.doWrite()  # type: ignore[no-untyped-call]  # Twisted's
    assert socket.delivered == b"abcdef"


def test_nothing_is_sent_to_a_socket_that_is_gone() -> None:
    """The peer may go away while something is held for it, and others get theirs."""
    sockets = Sockets()
    gone, here = sockets.open(), sockets.open()
    sockets.send(gone, b"nobody")
    sockets.send(here, b"somebody")
    gone.connected = 0
    sockets.turn()
    assert (bytes(gone.delivered), gone.writing, bytes(here.delivered)) == (b"", False, b"somebody")
