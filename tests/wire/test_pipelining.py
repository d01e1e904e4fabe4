"""
Several requests on one connection, one behind the other or all at once.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from oci_twisted.http.replies import Reply
from tests.wire.messages import HOST, chunked, get, message
from tests.wire.peers import Peer, Wire

if TYPE_CHECKING:
    from oci_twisted.http.calls import Call

# A little of everything, with what should come of it.
MIXED = (
    (get(), 200),
    (message("HEAD", "/v2/"), 200),
    (message("POST", "/v2/a/blobs/uploads/", body=b""), 202),
    (message("POST", "/v2/a/blobs/uploads/?digest=sha256:" + "0" * 64, body=get()), 400),
    (chunked("PUT", "/v2/a/manifests/t", "Content-Type: text/plain", pieces=[b"ab", b"c"]), 201),
    (get("/v2/a/manifests/t"), 200),
    (message("DELETE", "/v2/a/manifests/u"), 404),
    (message("OPTIONS", "/v2/", "Connection: upgrade", "Upgrade: h2c", body=b"abc"), 405),
    (chunked("GET", "/", pieces=[b"abc"]), 200),
    (get("/health/live", "Connection: close"), 200),
)
STREAM = b"".join(request for request, _ in MIXED)
METHODS = [request.partition(b" ")[0].decode() for request, _ in MIXED]


def check_mixed(peer: Peer) -> None:
    """Check that everything was answered, and in order."""
    answers = peer.answers(*METHODS)
    assert [answer.status for answer in answers] == [status for _, status in MIXED]
    assert answers[5].body == b"abc"
    assert not peer.connected


@pytest.mark.parametrize("size", [1, 2, 3, 5, 11, 64, 100, 1000, len(STREAM)])
def test_packets_make_no_difference(wire: Wire, size: int) -> None:
    """Requests are answered in order, in whatever pieces they come."""
    check_mixed(wire.send(*[STREAM[start : start + size] for start in range(0, len(STREAM), size)]))


def test_a_split_at_every_byte_makes_no_difference() -> None:
    """There is no place at which a packet must not end."""
    for cut in range(1, len(STREAM)):
        check_mixed(Wire().send(STREAM[:cut], STREAM[cut:]))


@given(st.lists(st.integers(1, len(STREAM) - 1), max_size=20))
def test_any_split_makes_no_difference(cuts: list[int]) -> None:
    """Nor are there several."""
    edges = sorted({0, *cuts, len(STREAM)})
    check_mixed(Wire().send(*[STREAM[start:stop] for start, stop in itertools.pairwise(edges)]))


def test_many_requests_in_one_packet_are_answered(wire: Wire) -> None:
    """A thousand requests at once are a thousand answers, and need no deep stack."""
    peer = wire.send(get() * 1000)
    assert [answer.status for answer in peer.answers()] == [200] * 1000
    assert peer.open


def test_large_packets_of_requests_are_not_one_long_head(wire: Wire) -> None:
    """Packets that end within a head have as many bytes of other requests in them as there is room for."""
    request = get("/v2/", f"X: {'x' * 1000}")
    stream = request * 300
    size = wire.connect().transport.bufferSize
    assert all(stop % len(request) for stop in range(size, len(stream), size))
    peer = wire.send(stream)
    assert [answer.status for answer in peer.answers()] == [200] * 300


class Gates:
    """
    Endpoints that wait until they are let go.

    :ivar started: their paths, in the order in which they began.
    """

    def __init__(self, wire: Wire) -> None:
        self._gates: dict[bytes, Deferred[None]] = {}
        self.started: list[bytes] = []
        for path in (b"/1", b"/2", b"/3"):
            wire.scripts[path] = self._answer

    async def _answer(self, call: Call) -> Reply:
        self.started.append(call.raw_path)
        gate = self._gates[call.raw_path] = Deferred()
        await gate
        return Reply(200, (), call.raw_path)

    def open(self, path: bytes) -> None:
        """Let one go on."""
        self._gates[path].callback(None)


def test_one_request_is_answered_at_a_time(wire: Wire) -> None:
    """The second request begins when the first has been answered, and not before."""
    gates = Gates(wire)
    peer = wire.send(get("/1") + get("/2"), get("/3"))
    assert gates.started == [b"/1"]
    assert peer.received == b""
    gates.open(b"/1")
    peer.settle()
    assert gates.started == [b"/1", b"/2"]
    gates.open(b"/2")
    peer.settle()
    gates.open(b"/3")
    peer.settle()
    assert [answer.body for answer in peer.answers()] == [b"/1", b"/2", b"/3"]


def test_nothing_is_read_while_requests_wait(wire: Wire) -> None:
    """Whoever sends more while requests are queued has to keep it."""
    gates = Gates(wire)
    peer = wire.send(get("/1"))
    # A client that only waits is listened to, so that its going away is noticed.
    assert peer.transport.reading
    peer.send(get("/2"))
    assert not peer.transport.reading
    peer.send(get("/3"), b"x" * (1 << 20))
    assert peer.unread == len(get("/3")) + (1 << 20)
    gates.open(b"/1")
    peer.settle()
    assert gates.started == [b"/1", b"/2"]
    # With the queue empty one packet was read, which has filled it again.
    assert peer.unread == len(get("/3")) + (1 << 20) - peer.transport.bufferSize
    assert not peer.transport.reading


def test_a_request_is_refused_behind_the_answers_that_are_owed(wire: Wire) -> None:
    """What came before a broken request is answered, with the connection kept, and then the refusal."""
    gates = Gates(wire)
    peer = wire.send(get("/1") + get("/2") + b"nonsense\r\n\r\n" + get("/3"))
    for path in (b"/1", b"/2"):
        gates.open(path)
        peer.settle()
    first, second, refusal = peer.answers()
    assert (first.body, first.closes, second.body, second.closes) == (b"/1", False, b"/2", False)
    assert (refusal.status, refusal.closes) == (400, True)
    assert not peer.open
    assert gates.started == [b"/1", b"/2"]


def test_the_last_request_of_a_connection_is_the_last(wire: Wire) -> None:
    """What is queued behind an answer that closes is dropped."""
    gates = Gates(wire)
    peer = wire.send(get("/1"), get("/2", "Connection: close"))
    peer.send(get("/3"))
    gates.open(b"/1")
    peer.settle()
    gates.open(b"/2")
    peer.settle()
    assert [answer.closes for answer in peer.answers()] == [False, True]
    assert gates.started == [b"/1", b"/2"]
    assert not peer.open


@pytest.mark.parametrize(
    ("headers", "kept", "connection"),
    [((), False, "close"), (("Connection: keep-alive",), True, "keep-alive"), (("Connection: close",), False, "close")],
)
def test_http_1_0_closes_unless_asked(wire: Wire, headers: tuple[str, ...], *, kept: bool, connection: str) -> None:
    """HTTP/1.0 keeps a connection only where both sides say so."""
    peer = wire.send("\r\n".join(["GET /v2/ HTTP/1.0", *headers, "", ""]).encode())
    answer = peer.answer()
    assert (answer.status, answer.header("Connection"), peer.open) == (200, connection, kept)
    if kept:
        assert peer.send(get()).answers()[-1].header("Connection") is None


@pytest.mark.parametrize(
    ("headers", "kept"),
    [((), True), (("Connection: keep-alive",), True), (("Connection: close",), False), (("Connection: CLOSE",), False)],
)
def test_http_1_1_keeps_unless_asked(wire: Wire, headers: tuple[str, ...], kept: bool) -> None:  # noqa: FBT001 - as above
    """HTTP/1.1 closes a connection only where one side says so."""
    peer = wire.send(get("/v2/", *headers))
    answer = peer.answer()
    assert (answer.status, answer.closes, peer.open) == (200, not kept, kept)


def test_a_request_id_names_one_request(wire: Wire) -> None:
    """Every answer has an id, and none has another's, also across connections."""
    answers = [*wire.send(get() * 3, b"nonsense\r\n").answers(), *wire.send(get() * 3).answers()]
    ids = [answer.header("X-Request-Id") for answer in answers]
    assert None not in ids
    assert len(set(ids)) == 7


def test_the_date_goes_on(wire: Wire) -> None:
    """``Date`` is that of the answer, to the second, also when nothing has happened for long."""
    peer = wire.send(get())
    peer.pass_time(1)
    peer.send(get())
    peer.pass_time(100)
    peer.send(get())
    peer.hang_up()
    peer.pass_time(10_000)
    answers = [*peer.answers(), wire.send(get()).answer()]
    assert [answer.header("Date") for answer in answers] == [
        "Fri, 15 Jan 2027 08:00:00 GMT",
        "Fri, 15 Jan 2027 08:00:01 GMT",
        "Fri, 15 Jan 2027 08:01:41 GMT",
        "Fri, 15 Jan 2027 10:48:21 GMT",
    ]


def test_every_answer_says_what_this_is(wire: Wire) -> None:
    """Old clients look for the version of the API on every answer; nobody learns the version of the software."""
    for answer in wire.send(get(), get("/v2/nothing"), f"GET * HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()).answers():
        assert answer.header("Docker-Distribution-API-Version") == "registry/2.0"
        assert answer.header("Server") == "oci-twisted"
