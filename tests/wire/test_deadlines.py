"""
Nothing takes for ever: heads, rests, and bodies in both directions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from twisted.internet.defer import Deferred

from oci_twisted.http.limits import Limits
from oci_twisted.http.replies import Reply
from tests.wire.messages import chunked, get, message
from tests.wire.peers import Wire

if TYPE_CHECKING:
    from oci_twisted.http.calls import Call

LIMITS = Limits()
# A site looks once a second.
SOON = 2


def test_a_head_has_a_deadline(wire: Wire) -> None:
    """A head that comes a byte a second is cut off, in words, however long it could go on."""
    peer = wire.send(b"G")
    for byte in get("/v2/", f"X: {'x' * 1000}")[1:]:
        if peer.received:
            break
        peer.pass_time(1)
        peer.send(bytes([byte]))
    answer = peer.answer()
    assert (answer.status, answer.codes, answer.closes) == (408, ["UNSUPPORTED"], True)
    assert not peer.open
    assert wire.stack.clock.seconds() - wire.site.limits.head_time < 1_800_000_000 + SOON
    peer.pass_time(LIMITS.discard_time + SOON)
    assert not peer.connected


def test_a_head_that_is_slow_but_in_time_is_served(wire: Wire) -> None:
    """The deadline is on the head as a whole."""
    peer = wire.connect()
    head = get()
    for byte in head:
        peer.send(bytes([byte]))
        peer.pass_time((LIMITS.head_time - SOON) / len(head))
    assert peer.answer().status == 200


def test_the_deadline_of_the_next_head_begins_behind_the_answer(wire: Wire) -> None:
    """What came of it while the request before was answered has waited for us."""
    gate: Deferred[None] = Deferred()

    async def slow(_call: Call) -> Reply:
        await gate
        return Reply(200)

    wire.scripts[b"/slow"] = slow
    peer = wire.send(get("/slow"), b"GET /v2/")
    peer.pass_time(1000)
    gate.callback(None)
    peer.pass_time(LIMITS.head_time - SOON)
    peer.send(b" HTTP/1.1\r\nHost: a\r\n\r\n")
    assert [answer.status for answer in peer.answers()] == [200, 200]
    peer.send(b"GET /v2/")
    peer.pass_time(LIMITS.head_time + SOON)
    assert peer.answers()[-1].status == 408


@pytest.mark.parametrize("requests", [0, 1, 2])
def test_a_connection_may_rest_for_a_while(wire: Wire, requests: int) -> None:
    """Between requests, and before the first, it is kept for the idle time, and then closed without a word."""
    peer = wire.send(get() * requests)
    peer.pass_time(LIMITS.idle_time - SOON)
    assert peer.connected
    peer.send(get())
    peer.pass_time(LIMITS.idle_time - SOON)
    assert peer.connected
    peer.pass_time(2 * SOON)
    assert not peer.connected
    assert not peer.transport.aborted
    assert [answer.status for answer in peer.answers()] == [200] * (requests + 1)


def test_an_endpoint_may_take_its_time(wire: Wire) -> None:
    """Only clients are cut off: a slow disk is not the client's fault."""
    gate: Deferred[None] = Deferred()

    async def slow(call: Call) -> Reply:
        assert await call.body.read() == b"abc"
        await gate
        return Reply(200)

    wire.scripts[b"/slow"] = slow
    peer = wire.send(message("PUT", "/slow", body=b"abc"))
    peer.pass_time(10_000)
    assert peer.received == b""
    gate.callback(None)
    assert peer.answer().status == 200


def test_a_slow_body_is_taken_as_long_as_it_moves(wire: Wire) -> None:
    """The limit is on progress: an upload that takes a day is served, if it never rests."""
    session = wire.stack.begin_upload("a")
    location = f"/v2/a/blobs/uploads/{session}"
    piece = b"x" * (LIMITS.stall_size // 4)
    rounds = 100
    peer = wire.send(message("PATCH", location, f"Content-Length: {rounds * len(piece)}"))
    for _ in range(rounds):
        peer.pass_time(LIMITS.stall_time / 5)
        peer.send(piece)
    answer = peer.answer()
    assert (answer.status, answer.header("Range")) == (202, f"0-{rounds * len(piece) - 1}")


@pytest.mark.parametrize("trickle", [0, 1, 100])
def test_a_dead_body_is_given_up(wire: Wire, trickle: int) -> None:
    """A body that does not move, or as good as not, is answered 408, and its session can be gone on with."""
    session = wire.stack.begin_upload("a")
    location = f"/v2/a/blobs/uploads/{session}"
    peer = wire.send(message("PATCH", location, "Content-Length: 1000000") + b"abc")
    for _ in range(int(LIMITS.stall_time) + SOON):
        peer.send(b"x" * trickle)
        peer.pass_time(1)
    answer = peer.answer()
    assert (answer.status, answer.codes, answer.closes) == (408, ["UNSUPPORTED"], True)
    assert not peer.open
    status = wire.send(get(location)).answer()
    assert status.status == 204
    resumed = wire.send(message("PATCH", location, body=b"y")).answer()
    assert resumed.status == 202


def test_a_dead_chunked_body_is_given_up(wire: Wire) -> None:
    """Empty progress, such as endless chunks of nothing but extensions, is none."""
    session = wire.stack.begin_upload("a")
    peer = wire.send(chunked("PATCH", f"/v2/a/blobs/uploads/{session}", pieces=[b"abc"])[:-5])
    for _ in range(int(LIMITS.stall_time) + SOON):
        peer.send(b"1;e=%b\r\nx\r\n" % (b"e" * 1000))
        peer.pass_time(1)
    answer = peer.answer()
    assert (answer.status, answer.closes, peer.open) == (408, True, False)


def test_a_body_is_timed_only_while_it_is_waited_for(wire: Wire) -> None:
    """While an endpoint does something else, the client cannot send."""
    gates = [Deferred[None](), Deferred[None]()]

    async def slow(call: Call) -> Reply:
        for gate in gates:
            assert await call.body.read()
            await gate
        assert await call.body.read() == b""
        return Reply(200)

    wire.scripts[b"/slow"] = slow
    peer = wire.send(message("PUT", "/slow", "Content-Length: 6"))
    peer.pass_time(LIMITS.stall_time / 2)
    peer.send(b"abc")
    peer.pass_time(10 * LIMITS.stall_time)
    gates[0].callback(None)
    peer.pass_time(LIMITS.stall_time - SOON)
    assert peer.received == b""
    peer.send(b"def")
    peer.pass_time(10 * LIMITS.stall_time)
    gates[1].callback(None)
    assert peer.answer().status == 200


def test_limits_are_set_by_the_operator() -> None:
    """A site takes its limits as they are given."""
    wire = Wire(Limits(idle_time=3.0, head_time=5.0))
    resting = wire.connect()
    writing = wire.send(b"GET")
    resting.pass_time(4)
    assert (resting.connected, writing.received) == (False, b"")
    writing.pass_time(2)
    assert writing.answer().status == 408


def test_one_connection_does_not_stop_the_clock_for_others(wire: Wire) -> None:
    """Should looking after a connection fail, the others are looked after all the same, and the date goes on."""
    broken, other = wire.connect(), wire.connect()
    # What Twisted does when its state is not what it should be.
    broken.transport.loseConnection = _fail  # type: ignore[method-assign]
    for _ in range(int(LIMITS.idle_time) + SOON):
        try:
            other.pass_time(1)
        except ZeroDivisionError:
            continue
    assert not other.connected
    later = wire.send(get())
    later.pass_time(1)
    assert later.send(get()).answers()[1].header("Date") == "Fri, 15 Jan 2027 08:02:03 GMT"


def _fail() -> None:
    raise ZeroDivisionError
