"""The registry as a service: how it listens, and in which order it stops."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from twisted.application.service import Application, IServiceCollection, MultiService
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import CannotListenError
from twisted.internet.testing import EventLoggingObserver
from twisted.logger import globalLogPublisher
from twisted.python.failure import Failure

from oci_twisted.app import Registry
from tests.app.reactors import Connection, FakeEndpoint, FakePort, GatedMetadata, NotedBlobs, StillReactor, begun

if TYPE_CHECKING:
    from oci_twisted.app.service import RegistryService

CLOSED = ["closed blobs", "closed metadata"]


class Served:
    """A registry whose endpoint a test decides on."""

    def __init__(self, *, at_once: bool = True) -> None:
        self.reactor = StillReactor()
        self.events: list[str] = []
        self.port = FakePort(self.events)
        self.endpoint = FakeEndpoint(succeed(self.port) if at_once else Deferred())
        self.metadata = GatedMetadata(self.events)
        self.registry = Registry(self.reactor, NotedBlobs(self.events), self.metadata)
        self.service: RegistryService = self.registry.service(self.endpoint)

    def connect(self) -> Connection:
        """Connect to the service."""
        return Connection(self.endpoint.factory)


@pytest.fixture
def served() -> Served:
    """Make a service whose endpoint listens at once."""
    return Served()


def taken() -> CannotListenError:
    """Make the error of a port that another process has."""
    return CannotListenError("127.0.0.1", 5000, OSError(98, "Address already in use"))


def test_nothing_happens_before_it_is_started(served: Served) -> None:
    """A service that is only made listens nowhere, and sets no timers."""
    assert served.endpoint.factory is None
    assert served.reactor.getDelayedCalls() == []


def test_it_listens_once(served: Served) -> None:
    """It listens while the process is privileged, or else when it is started, and not twice."""
    served.service.privilegedStartService()
    site = served.endpoint.factory
    assert served.service.port is served.port
    served.service.startService()
    assert served.endpoint.factory is site
    assert served.service.running
    assert " 200 " in served.connect().ask("GET", "/v2/")


def test_whoever_embeds_it_learns_that_it_cannot_listen() -> None:
    """A port that is taken is an error of `startService`, which can be tried again when the port is free."""
    served = Served()
    served.endpoint.listening = fail(taken())
    with pytest.raises(CannotListenError):
        served.service.startService()
    assert not served.service.running
    served.endpoint.listening = succeed(served.port)
    served.service.startService()
    assert served.service.port is served.port


def test_an_endpoint_may_take_its_time() -> None:
    """An endpoint that listens later than it is asked to is waited for."""
    served = Served(at_once=False)
    served.service.startService()
    assert served.service.port is None
    served.endpoint.listening.callback(served.port)
    assert served.service.port is served.port


def test_an_endpoint_may_fail_late() -> None:
    """When nobody can be told any more that an endpoint has failed, the log is."""
    served, logged = Served(at_once=False), EventLoggingObserver()
    served.service.startService()
    globalLogPublisher.addObserver(logged)
    served.endpoint.listening.errback(Failure(taken()))
    globalLogPublisher.removeObserver(logged)
    [event] = logged
    assert event["log_format"] == "the registry cannot listen"
    assert event["log_failure"].check(CannotListenError)


def test_it_may_be_stopped_before_it_listens() -> None:
    """An endpoint that is still at it is told to leave off, and nobody is told that it failed."""
    served, logged = Served(at_once=False), EventLoggingObserver()
    served.service.startService()
    globalLogPublisher.addObserver(logged)
    stopped = begun(served.service.stopService())
    globalLogPublisher.removeObserver(logged)
    assert stopped == [None]
    assert list(logged) == []
    assert served.events == CLOSED


def test_it_stops_in_order(served: Served) -> None:
    """First nothing new is accepted, then what is in progress is answered, and only then the stores are closed."""
    served.service.startService()
    connection = served.connect()
    connection.send("GET", "/v2/some/thing/tags/list")
    stopped = begun(served.service.stopService())
    assert served.events == ["stopped listening"]
    assert stopped == []
    served.metadata.open_gate()
    assert "NAME_UNKNOWN" in connection.received
    assert "Connection: close" in connection.received
    connection.lose()
    assert stopped == [None]
    assert served.events == ["stopped listening", *CLOSED]
    assert served.service.port is None


def test_what_is_in_progress_has_its_time(served: Served) -> None:
    """What takes longer than the drain time is broken off, and the stores are closed."""
    served.service.startService()
    connection = served.connect()
    connection.send("GET", "/v2/some/thing/tags/list")
    stopped = begun(served.service.stopService())
    served.reactor.advance(30)
    assert connection.transport.disconnecting or connection.transport.disconnected
    connection.lose()
    assert stopped == [None]
    assert served.events == ["stopped listening", *CLOSED]


def test_the_stores_are_closed_whatever_the_port_does(served: Served) -> None:
    """A port that fails to stop is heard of, and the stores are closed all the same."""

    class Stubborn(FakePort):
        def stopListening(self) -> None:
            raise OSError("no such port")

    served.endpoint.listening = succeed(Stubborn(served.events))
    served.service.startService()
    [failure] = begun(served.service.stopService())
    assert failure.check(OSError)
    assert served.events == CLOSED


def test_it_may_be_stopped_without_having_been_started(served: Served) -> None:
    """The stores are closed also of a service that never ran."""
    assert begun(served.service.stopService()) == [None]
    assert served.events == CLOSED


def test_stopping_twice_stops_once(served: Served) -> None:
    """A second stop has nothing to do."""
    served.service.startService()
    for _ in range(2):
        assert begun(served.service.stopService()) == [None]
    assert served.events == ["stopped listening", *CLOSED]


def test_it_cannot_be_started_again(served: Served) -> None:
    """A service whose stores are closed does not start, and the error says what to do."""
    served.service.startService()
    begun(served.service.stopService())
    with pytest.raises(RuntimeError, match="make a new one"):
        served.service.startService()


@pytest.mark.parametrize("parent", [MultiService(), Application("a program")], ids=["MultiService", "Application"])
def test_it_is_part_of_a_program(parent: MultiService, served: Served) -> None:
    """The service starts and stops with an application, or with the services beside it."""
    served.service.setServiceParent(parent)  # type: ignore[no-untyped-call]  # Twisted's
    services = IServiceCollection(parent)
    services.privilegedStartService()  # type: ignore[attr-defined]  # a service as well
    services.startService()  # type: ignore[attr-defined]
    assert served.service.port is served.port
    stopped = begun(services.stopService())  # type: ignore[attr-defined]
    assert len(stopped) == 1
    assert served.events == ["stopped listening", *CLOSED]
