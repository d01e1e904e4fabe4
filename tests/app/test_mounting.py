"""The registry under somebody else's site, when the reactor stops."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from twisted.web.resource import Resource
from twisted.web.server import Site

from oci_twisted.app import Registry
from oci_twisted.http.limits import Limits
from tests.app.reactors import Connection, GatedMetadata, NotedBlobs, StillReactor, begun

if TYPE_CHECKING:
    from twisted.internet.interfaces import IProtocolFactory
    from twisted.web.iweb import IRequest

CLOSED = ["closed blobs", "closed metadata"]


class Theirs(Resource):
    """The rest of the site."""

    def render_GET(self, _request: IRequest) -> bytes:
        """Answer something."""
        return b"theirs"


class Mounted:
    """A registry, mounted as a site's child ``v2``."""

    def __init__(self) -> None:
        self.reactor = StillReactor()
        self.events: list[str] = []
        self.metadata = GatedMetadata(self.events)
        self.registry = Registry(self.reactor, NotedBlobs(self.events), self.metadata, limits=Limits(drain_time=7))
        root = Resource()
        root.putChild(b"v2", self.registry.resource())
        root.putChild(b"else", Theirs())  # type: ignore[no-untyped-call]  # Twisted's
        self.site: IProtocolFactory = Site(root, reactor=self.reactor)

    def connect(self) -> Connection:
        """Connect to the site."""
        return Connection(self.site)


@pytest.fixture
def mounted() -> Mounted:
    """Mount a registry."""
    return Mounted()


def test_it_answers(mounted: Mounted) -> None:
    """The mounted registry answers under its path, with a request id, and the rest of the site is the site's."""
    answer = mounted.connect().ask("GET", "/v2/")
    assert answer.startswith("HTTP/1.1 200 ")
    assert "X-Request-Id: " in answer
    assert mounted.connect().ask("GET", "/else").endswith("theirs")


def test_the_stores_are_closed_when_the_reactor_stops(mounted: Mounted) -> None:
    """The reactor's shutdown closes the stores, in the phase in which it waits for them."""
    [waited] = mounted.reactor.shut_down()
    assert begun(waited) == [None]
    assert mounted.events == CLOSED


def test_requests_in_progress_are_waited_for(mounted: Mounted) -> None:
    """A request that is being answered when the reactor stops has its answer before the stores are closed."""
    first, second = mounted.connect(), mounted.connect()
    for connection in (first, second):
        connection.send("GET", "/v2/some/thing/tags/list")
    [waited] = mounted.reactor.shut_down()
    closed = begun(waited)
    assert mounted.events == []
    second.lose()
    assert mounted.events == []
    mounted.metadata.open_gate()
    assert "NAME_UNKNOWN" in first.received
    assert closed == [None]
    assert mounted.events == CLOSED
    assert [call.getTime() for call in mounted.reactor.getDelayedCalls() if call.getTime() == 7] == []


def test_they_are_not_waited_for_for_ever(mounted: Mounted) -> None:
    """What takes longer than the drain time does not keep the process."""
    slow = mounted.connect()
    slow.send("GET", "/v2/some/thing/tags/list")
    [waited] = mounted.reactor.shut_down()
    closed = begun(waited)
    mounted.reactor.advance(6.9)
    assert closed == []
    mounted.reactor.advance(0.2)
    assert closed == [None]
    assert mounted.events == CLOSED
    mounted.metadata.open_gate()
    assert slow.received.startswith("HTTP/1.1 404 ")


def test_it_is_not_ready_while_it_stops() -> None:
    """An orchestrator is told at once that the registry is stopping, also where it is only mounted."""
    whole = Mounted()
    site = Site(whole.registry.resource(), reactor=whole.reactor)
    assert Connection(site).ask("GET", "/health/ready").startswith("HTTP/1.1 200 ")
    Connection(site).send("GET", "/v2/some/thing/tags/list")
    whole.reactor.shut_down()
    assert Connection(site).ask("GET", "/health/ready").startswith("HTTP/1.1 503 ")


def test_what_comes_after_the_end_is_refused(mounted: Mounted) -> None:
    """A request that finds the stores closed is refused in the protocol's own form."""
    begun(mounted.registry.close())
    head, _, body = mounted.connect().ask("GET", "/v2/").partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 503 ")
    assert "Retry-After: 1" in head
    assert "X-Request-Id: " in head
    assert [error["code"] for error in json.loads(body)["errors"]] == ["UNAVAILABLE"]
    assert mounted.connect().ask("HEAD", "/v2/").endswith("\r\n\r\n")


def test_nothing_is_left_with_the_reactor(mounted: Mounted) -> None:
    """A registry that was closed by hand is not closed again by the reactor, which forgets it."""
    mounted.registry.resource()
    assert [phase for phase, _event, _call in mounted.reactor.shutdown_triggers] == ["after", "before"]
    begun(mounted.registry.close())
    assert mounted.reactor.shutdown_triggers == []
    assert mounted.events == CLOSED
