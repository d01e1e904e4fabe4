"""A registry, put together."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Literal

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.internet.testing import EventLoggingObserver
from twisted.logger import globalLogPublisher
from zope.interface import implementer

from oci_twisted.app import Registry
from oci_twisted.http.access import AccessFormat
from oci_twisted.http.limits import Limits
from oci_twisted.interfaces import Decision, IAuthorizer
from oci_twisted.registry.policy import Policy
from oci_twisted.storage.memory.blobs import MemoryBlobs
from oci_twisted.testing.pipes import pipe_agent
from oci_twisted.testing.waiting import waits
from tests.app.reactors import Connection, FakeEndpoint, GatedMetadata, NotedBlobs, StillReactor, begun

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from oci_twisted.interfaces import Action, Principal
    from oci_twisted.spec.names import RepositoryName

DURABILITIES: tuple[Literal["full", "relaxed"], ...] = ("full", "relaxed")
UPLOADS = "/v2/hello/world/blobs/uploads/"


@pytest.fixture
def reactor() -> StillReactor:
    """Make a reactor that stands still."""
    return StillReactor()


@pytest.fixture
def logged() -> Iterator[EventLoggingObserver]:
    """Collect what is logged."""
    observer = EventLoggingObserver()
    globalLogPublisher.addObserver(observer)
    yield observer
    globalLogPublisher.removeObserver(observer)


def connect(registry: Registry) -> Connection:
    """Connect to a registry's own front."""
    return Connection(registry.site())


def begin_upload(connection: Connection) -> str:
    """Begin an upload, and answer where it goes on."""
    found = re.search(r"Location: (\S+)", connection.ask("POST", UPLOADS))
    assert found is not None
    return found[1]


def test_two_registries_share_nothing(reactor: StillReactor) -> None:
    """Of two registries in one process, one neither holds what was pushed to the other, nor ends with it."""
    first, second = Registry.in_memory(reactor), Registry.in_memory(reactor)
    location = begin_upload(connect(first))
    assert " 204 " in connect(first).ask("GET", location)
    assert " 404 " in connect(second).ask("GET", location)
    assert begun(first.close()) == [None]
    assert " 202 " in connect(second).ask("POST", UPLOADS)
    begun(second.close())


def test_two_registries_name_their_requests_apart(reactor: StillReactor) -> None:
    """No two requests of one process have the same id, whichever registries they came to."""
    registries = [Registry.in_memory(reactor) for _ in range(2)]
    answers = [connect(registry).ask("GET", "/v2/") for registry in registries for _ in range(2)]
    assert len({re.findall(r"X-Request-Id: (\S+)", answer)[0] for answer in answers}) == 4


def test_what_it_is_made_with_holds(reactor: StillReactor, logged: EventLoggingObserver) -> None:
    """A registry takes its policy, its authorizer, its limits and the form of its log from its maker."""

    @implementer(IAuthorizer)
    class NoCatalog:
        async def decide(self, principal: Principal, action: Action, name: RepositoryName | None) -> Decision:
            del principal, name
            return Decision(action.value != "catalog", by="a test")

    registry = Registry.in_memory(
        reactor,
        policy=Policy(read_only=True),
        authorizer=NoCatalog(),
        limits=Limits(head_size=1000),
        access=AccessFormat.OFF,
    )
    assert " 405 " in connect(registry).ask("POST", UPLOADS)
    assert " 401 " in connect(registry).ask("GET", "/v2/_catalog")
    assert " 431 " in connect(registry).ask("GET", f"/v2/?{'x' * 1000}")
    assert not [event for event in logged if event["log_namespace"] == "oci_twisted.access"]


def test_closing_publishes_what_was_logged(reactor: StillReactor, logged: EventLoggingObserver) -> None:
    """The lines of the last requests are not lost, though they wait to be published together."""
    registry = Registry.in_memory(reactor)
    for _ in range(3):
        connect(registry).ask("GET", "/v2/")
    begun(registry.close())
    access = [event["access"] for event in logged if event["log_namespace"] == "oci_twisted.access"]
    assert "\n".join(access).count("/v2/") == 3


def test_abandoned_uploads_are_removed(reactor: StillReactor) -> None:
    """An upload that rests for longer than the policy lets it is gone; a younger one is there."""
    registry = Registry.in_memory(reactor, policy=Policy(upload_lifetime=100))
    connection = connect(registry)
    old = begin_upload(connection)
    reactor.pump([10] * 5)
    young = begin_upload(connection)
    reactor.pump([10] * 6)
    assert " 404 " in connect(registry).ask("GET", old)
    assert " 204 " in connect(registry).ask("GET", young)
    begun(registry.close())


def test_many_abandoned_uploads_are_removed_at_once(reactor: StillReactor) -> None:
    """A crowd of abandoned uploads does not outlast one look, whatever the store gives out at a time."""
    registry = Registry.in_memory(reactor, policy=Policy(upload_lifetime=100))
    connection = connect(registry)
    uploads = [begin_upload(connection) for _ in range(250)]
    reactor.pump([101])
    reactor.pump([10])
    assert all(" 404 " in connection.ask("GET", upload) for upload in uploads)


def test_a_fault_does_not_end_the_looking(reactor: StillReactor, logged: EventLoggingObserver) -> None:
    """When abandoned uploads cannot be looked for, the next time they are looked for all the same."""

    class FailingOnce(GatedMetadata):
        looked = 0

        async def idle_uploads(self, before: float, limit: int) -> tuple[()]:
            del before, limit
            self.looked += 1
            if self.looked == 1:
                raise OSError("a bad day")
            return ()

    metadata = FailingOnce([])
    registry = Registry(reactor, MemoryBlobs(), metadata, policy=Policy(upload_lifetime=100))
    registry.site()
    reactor.pump([10, 10])
    assert metadata.looked == 2
    assert [event["log_format"] for event in logged if "log_failure" in event] == [
        "abandoned upload sessions could not be removed"
    ]


def test_closing_waits_for_the_looking(reactor: StillReactor) -> None:
    """The stores are not closed under a look for abandoned uploads, and nothing is looked for any more afterwards."""
    events: list[str] = []
    looking: Deferred[tuple[()]] = Deferred()

    class Slow(GatedMetadata):
        async def idle_uploads(self, before: float, limit: int) -> tuple[()]:
            del before, limit
            events.append("looked")
            return await looking

    registry = Registry(reactor, NotedBlobs(events), Slow(events))
    registry.site()
    reactor.pump([3600])
    closed = begun(registry.close())
    assert events == ["looked"]
    looking.callback(())
    assert closed == [None]
    assert events == ["looked", "closed blobs", "closed metadata"]
    assert reactor.getDelayedCalls() == []


def test_closing_ends_the_removing(reactor: StillReactor) -> None:
    """A look that has found uploads looks for no more of them once the registry is closing."""
    looking: Deferred[None] = Deferred()

    class Slow(GatedMetadata):
        async def end_upload(self, session_id: str) -> None:
            await looking
            await super().end_upload(session_id)

    events: list[str] = []
    registry = Registry(reactor, NotedBlobs(events), Slow(events), policy=Policy(upload_lifetime=100))
    begin_upload(connect(registry))
    reactor.pump([101])
    reactor.pump([10])
    closed = begun(registry.close())
    looking.callback(None)
    assert closed == [None]


def test_closing_twice_closes_once(reactor: StillReactor) -> None:
    """Whoever closes a registry that is closing waits for the same end; later it is there already."""
    events: list[str] = []
    blobs, gate = NotedBlobs(events), Deferred[None]()

    class Slow(GatedMetadata):
        async def close(self) -> None:
            await gate
            await super().close()

    registry = Registry(reactor, blobs, Slow(events))
    first, second = begun(registry.close()), begun(registry.close())
    assert (first, second) == ([], [])
    gate.callback(None)
    assert (first, second) == ([None], [None])
    assert begun(registry.close()) == [None]
    assert events == ["closed blobs", "closed metadata"]


def test_a_store_that_fails_to_close_is_heard_of(reactor: StillReactor) -> None:
    """What a store raises when it is closed reaches whoever closes the registry, and the other store is closed."""
    events: list[str] = []

    class Failing(NotedBlobs):
        async def close(self) -> None:
            raise OSError("the disk is gone")

    [failure] = begun(Registry(reactor, Failing(events), GatedMetadata(events)).close())
    assert failure.check(OSError)
    assert events == ["closed metadata"]


def test_what_was_closed_cannot_be_used(reactor: StillReactor) -> None:
    """A registry that was closed gives no site, no resource and no service that starts; the error says why."""
    registry = Registry.in_memory(reactor)
    begun(registry.close())
    service = registry.service(FakeEndpoint())
    for use in (registry.site, registry.resource, service.startService):
        with pytest.raises(RuntimeError, match="this registry was closed"):
            use()


def test_a_service_takes_a_description_or_an_endpoint(reactor: StillReactor) -> None:
    """Where to listen can be said in Twisted's words, or with an endpoint that is there already."""
    Registry.in_memory(reactor).service("tcp:5000:interface=127.0.0.1").startService()
    [(port, _, _, interface)] = reactor.tcpServers
    assert (port, interface) == (5000, "127.0.0.1")
    endpoint = FakeEndpoint(succeed(None))
    assert IStreamServerEndpoint.providedBy(endpoint)
    Registry.in_memory(reactor).service(endpoint).startService()
    assert endpoint.factory is not None


@waits
async def test_a_registry_on_disk_is_there_again(tmp_path: Path) -> None:
    """A folder that one registry has closed is opened by the next, and no thread is left behind."""
    from twisted.internet import reactor  # noqa: PLC0415 - pytest-twisted's

    for durability in DURABILITIES:
        registry = Registry.on_disk(reactor, tmp_path / "root", durability=durability)
        try:
            agent = pipe_agent(reactor, registry.site())
            response = await agent.request(b"POST", f"http://registry{UPLOADS}".encode())
            assert response.code == 202
        finally:
            await registry.close()
    assert (tmp_path / "root" / "registry.sqlite").exists()
    assert not [thread for thread in threading.enumerate() if "oci-" in thread.name]
