"""A driver for an engine that nobody thought of, and handlers around handlers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from zope.interface import implementer
from zope.interface.verify import verifyObject

from oci_twisted.engine import EngineClient
from oci_twisted.engine.containers.config import ContainerConfig
from oci_twisted.engine.containers.values import Status
from oci_twisted.engine.drivers.named import register
from oci_twisted.engine.errors import ConnectionFailed, NotFound, Unsupported
from oci_twisted.engine.interfaces import IConnection, IDriver, IHandler, IPods
from oci_twisted.engine.requests import Request, Response
from oci_twisted.testing.engine.memory import silence
from tests.engine.memory import Bench

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from oci_twisted.engine.address import Address


@implementer(IHandler)
@frozen
class Jail:
    """One method of an engine whose containers are entries in a dictionary."""

    do: Callable[[Request], Awaitable[Response]]

    async def handle(self, request: Request) -> Response:
        """Do it."""
        return await self.do(request)


@implementer(IConnection)
@define
class Jails:
    """An engine that can create and inspect, and nothing else."""

    jails: dict[str, dict[str, Any]] = field(factory=dict)

    def handler(self, method: str) -> IHandler:
        """Answer what does a method."""
        methods = {"container.create": self.create, "container.inspect": self.inspect}
        if method not in methods:
            raise Unsupported(f"jails have no {method}")
        return Jail(methods[method])

    async def create(self, request: Request) -> Response:
        """Make a jail."""
        name = request.parameters["name"]
        self.jails[name] = dict(request.parameters["config"])
        return Response({"Id": name})

    async def inspect(self, request: Request) -> Response:
        """Answer in Docker's words."""
        name = request.parameters["id"]
        if name not in self.jails:
            raise NotFound(f"there is no jail {name}", request=request)
        config = self.jails[name]
        return Response({"Id": name, "Name": name, "Image": "", "Config": config, "State": {"Status": "created"}})

    async def close(self) -> None:
        """Do nothing."""


@implementer(IDriver)
@frozen
class JailDriver:
    """Knows every address of the scheme ``jail``."""

    name: str = "jail"

    async def connect(self, reactor: Any, address: Address) -> IConnection:  # noqa: ANN401 - as IDriver's
        """Make a connection."""
        del reactor
        if address.scheme != "jail":
            raise Unsupported(f"{address} is not a jail's")
        return Jails()


def result(work: Any) -> Any:  # noqa: ANN401 - whatever it answers
    """Answer what needs no time."""
    results: list[Any] = []
    Deferred.fromCoroutine(work).addCallbacks(results.append, lambda failure: results.append(failure.value))
    if isinstance(results[0], BaseException):
        raise results[0]
    return results[0]


def test_a_driver_of_a_page_is_enough() -> None:
    """Typed operations work on what a foreign driver answers, and those that it lacks are refused."""
    register("jail", JailDriver)
    client = result(EngineClient.connect("jail://here", reactor=Clock(), driver="jail"))
    assert verifyObject(IDriver, JailDriver())
    assert verifyObject(IConnection, client.connection)
    created = result(client.containers.create(ContainerConfig("", ["/bin/true"]), name="cell"))
    container = result(client.containers.inspect(created.id))
    assert container.command == ("/bin/true",)
    assert container.state.status is Status.CREATED
    with pytest.raises(NotFound, match="no jail other"):
        result(client.containers.inspect("other"))
    with pytest.raises(Unsupported, match=r"no image\.list"):
        result(client.images.list())
    with pytest.raises(Unsupported, match="not a jail's"):
        result(EngineClient.connect("unix:///a", reactor=Clock(), driver="jail"))


def test_what_an_engine_lacks_is_known_beforehand() -> None:
    """A capability is asked for before there is any request, and refused in a sentence."""
    calls = result(EngineClient.connect("jail://here", reactor=Clock(), driver=JailDriver())).calls
    with pytest.raises(Unsupported, match="no pods"):
        calls.require(IPods)
    podman = result(EngineClient.connect("unix:///nowhere", reactor=Clock(), driver="podman")).calls
    assert podman.require(IPods) is podman


@implementer(IHandler)
@frozen
class Again:
    """Does once more what failed for want of a connection."""

    handler: IHandler

    async def handle(self, request: Request) -> Response:
        """Do it, at most twice."""
        try:
            return await self.handler.handle(request)
        except ConnectionFailed:
            return await self.handler.handle(request)


def test_a_wrapper_does_it_again() -> None:
    """A call that is broken off by a restart is repeated by its wrapper; by nobody else, for it may have been done."""
    bench = Bench()
    bench.engine.fail_next("image.prune", silence())
    call = bench.begin(bench.client.wrapped(Again).images.prune())
    bench.engine.restart()
    bench.turn()
    assert bench.result(call).reclaimed == 0
    assert bench.engine.asked.count("image.prune") == 2
    bench.engine.fail_next("image.prune", silence())
    call = bench.begin(bench.client.images.prune())
    bench.engine.restart()
    bench.turn()
    with pytest.raises(ConnectionFailed):
        bench.result(call)
