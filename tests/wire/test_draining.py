"""
The end of the process: what is in progress is finished, and nothing new begins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from twisted.internet.defer import Deferred

from oci_twisted.http.limits import Limits
from oci_twisted.http.replies import Reply
from tests.wire.messages import get, message
from tests.wire.peers import Wire

if TYPE_CHECKING:
    from oci_twisted.http.calls import Call
    from tests.wire.peers import Peer

LIMITS = Limits()
SOON = 2


class Drain:
    """A site that was told to stop, and whether it has."""

    def __init__(self, wire: Wire) -> None:
        self._ended: list[object] = []
        Deferred.fromCoroutine(wire.site.drain()).addBoth(self._ended.append)

    @property
    def done(self) -> bool:
        """Whether all connections are gone."""
        assert self._ended in ([], [None])
        return self._ended == [None]


class Slow:
    """An endpoint at ``/slow`` that waits to be let go."""

    def __init__(self, wire: Wire) -> None:
        self._gate: Deferred[None] = Deferred()
        wire.scripts[b"/slow"] = self._answer

    async def _answer(self, _call: Call) -> Reply:
        await self._gate
        return Reply(200, (), b"slow")

    def go(self, peer: Peer) -> None:
        """Let it go."""
        self._gate.callback(None)
        peer.settle()


def test_without_connections_there_is_nothing_to_drain(wire: Wire) -> None:
    """A site that nobody is connected to has stopped at once."""
    assert Drain(wire).done


@pytest.mark.parametrize("sent", [b"", get(), b"GET /v2/ HT"])
def test_idle_connections_are_closed_at_once(wire: Wire, sent: bytes) -> None:
    """Who has asked for nothing, or has been answered, or is in the middle of asking, is let go."""
    peers = [wire.send(sent) for _ in range(3)]
    drain = Drain(wire)
    for peer in peers:
        peer.settle()
        assert not peer.connected
        assert not peer.transport.aborted
    assert drain.done


def test_what_is_in_progress_is_finished(wire: Wire) -> None:
    """An endpoint that has begun is waited for, and its answer says that it is the last."""
    slow = Slow(wire)
    peer = wire.send(get("/slow"))
    drain = Drain(wire)
    peer.pass_time(LIMITS.drain_time - SOON)
    assert not drain.done
    slow.go(peer)
    answer = peer.answer()
    assert (answer.body, answer.closes, peer.connected) == (b"slow", True, False)
    assert drain.done
    assert not [call for call in wire.stack.clock.getDelayedCalls() if call.getTime() > wire.stack.clock.seconds() + 2]


def test_an_upload_is_finished(wire: Wire) -> None:
    """A body that is arriving may arrive to its end."""
    target = f"/v2/a/blobs/uploads/{wire.stack.begin_upload('a')}"
    peer = wire.send(message("PATCH", target, "Content-Length: 6") + b"abc")
    drain = Drain(wire)
    peer.send(b"def")
    answer = peer.answer()
    assert (answer.status, answer.header("Range"), answer.closes) == (202, "0-5", True)
    assert drain.done


def test_a_download_is_finished(wire: Wire) -> None:
    """A blob that is on its way arrives whole; its head was out, so the end comes without a word."""
    content = bytes(range(256)) * 4096
    digest = wire.stack.add_blob("a", content)
    peer = wire.connect()
    peer.transport.window = 0
    peer.send(get(f"/v2/a/blobs/{digest}"))
    drain = Drain(wire)
    peer.take(500_000)
    assert not drain.done
    peer.take(1_000_000)
    answer = peer.answer()
    assert (answer.body == content, answer.closes, peer.connected) == (True, False, False)
    assert drain.done


def test_the_rest_of_a_body_is_passed_over(wire: Wire) -> None:
    """A connection whose answer is out, and whose body is not all here, ends behind the body."""
    peer = wire.send(message("PUT", "/nowhere", "Content-Length: 6") + b"abc")
    drain = Drain(wire)
    assert peer.open
    peer.send(b"def")
    assert not peer.connected
    assert not peer.transport.aborted
    assert drain.done


def test_a_queued_request_is_answered_as_the_last(wire: Wire) -> None:
    """What was asked for before is answered, up to the first answer that can say that it is the last."""
    slow = Slow(wire)
    peer = wire.send(get("/slow"), get("/health/live"), get())
    drain = Drain(wire)
    slow.go(peer)
    answer = peer.answer()
    assert (answer.body, answer.closes, peer.open) == (b"slow", True, False)
    peer.pass_time(LIMITS.discard_time + SOON)
    assert drain.done


def test_what_takes_too_long_is_broken_off(wire: Wire) -> None:
    """Behind the drain time nobody is waited for."""
    slow = Slow(wire)
    peer = wire.send(get("/slow"))
    drain = Drain(wire)
    peer.pass_time(LIMITS.drain_time - SOON)
    assert peer.connected
    peer.pass_time(2 * SOON)
    assert peer.transport.aborted
    assert not peer.connected
    assert drain.done
    del slow


def test_an_upload_that_is_broken_off_can_be_resumed(wire: Wire) -> None:
    """The session has what came, for the process that comes next."""
    target = f"/v2/a/blobs/uploads/{wire.stack.begin_upload('a')}"
    peer = wire.send(message("PATCH", target, "Content-Length: 6") + b"abc")
    drain = Drain(wire)
    for _ in range(int(LIMITS.drain_time) + SOON):
        peer.pass_time(1)
    assert drain.done
    status = Wire(stack=wire.stack).send(get(target)).answer()
    assert (status.status, status.header("Range")) == (204, "0-2")


def test_orchestrators_are_told(wire: Wire) -> None:
    """While it drains the process is alive and not ready."""
    slow = Slow(wire)
    busy = wire.send(get("/slow"))
    Drain(wire)
    ready = wire.send(get("/health/ready")).answer()
    assert (ready.status, ready.codes, ready.header("Retry-After"), ready.closes) == (503, ["UNAVAILABLE"], "1", True)
    live = wire.send(get("/health/live")).answer()
    assert (live.status, live.closes) == (200, True)
    slow.go(busy)
