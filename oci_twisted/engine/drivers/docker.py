"""
Docker: its Engine API as a table, a line an operation.

The names of the left column, and those of the parameters, are the vocabulary of all drivers.  ``a=b`` says that Docker
calls ``a`` what we call ``b``; ``a>=1.41`` that it is there since that version of the API.  Parameters ``config``,
``auth`` and ``filters`` are documents of Docker's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen
from zope.interface import implementer

from oci_twisted.engine.drivers.connection import ApiRange, HttpConnection
from oci_twisted.engine.drivers.operations import ApiVersion, Operation, Shape, table
from oci_twisted.engine.errors import Unsupported
from oci_twisted.engine.interfaces import IDriver, IHandler
from oci_twisted.engine.transport.endpoints import endpoint_for, host_header
from oci_twisted.engine.transport.limits import DEFAULT_LIMITS, DEFAULT_TIMEOUTS, Limits, Timeouts

if TYPE_CHECKING:
    from oci_twisted.engine.address import Address
    from oci_twisted.engine.interfaces import IConnection
    from oci_twisted.engine.requests import Request, Response

SOCKET = "/var/run/docker.sock"

# Below is what the table needs at the least: Docker 18.09.  Above, answers may have changed in ways we do not know.
API = ApiRange("api-version", ApiVersion((1, 39)), ApiVersion((1, 51)))

_Op = Operation
NOTHING, HEADERS, MESSAGES, BYTES, DUPLEX = Shape.NOTHING, Shape.HEADERS, Shape.MESSAGES, Shape.BYTES, Shape.DUPLEX
DOCUMENT = Shape.DOCUMENT
_LOG = "follow stdout stderr since until timestamps tail"
_ATTACH = "detachKeys=detach_keys logs stream stdin stdout stderr"
_STAT = "X-Docker-Container-Path-Stat"
_AUTH = "X-Registry-Auth=auth"

OPERATIONS = table(
    # The engine itself.
    _Op("system.ping", "GET", "/_ping", HEADERS, versioned=False),
    _Op("system.version", "GET", "/version"),
    _Op("system.info", "GET", "/info"),
    _Op("system.usage", "GET", "/system/df", DOCUMENT, "type=types>=1.42", patient=True),
    _Op("system.events", "GET", "/events", MESSAGES, "since until filters", patient=True),
    _Op("registry.login", "POST", "/auth", body="config"),
    # Images.
    _Op("image.list", "GET", "/images/json", DOCUMENT, "all filters digests"),
    _Op("image.inspect", "GET", "/images/{name}/json", DOCUMENT, "platform>=1.49"),
    _Op("image.history", "GET", "/images/{name}/history"),
    _Op("image.tag", "POST", "/images/{name}/tag", NOTHING, "repo tag"),
    _Op("image.remove", "DELETE", "/images/{name}", DOCUMENT, "force noprune", patient=True),
    _Op("image.prune", "POST", "/images/prune", DOCUMENT, "filters", patient=True),
    _Op("image.pull", "POST", "/images/create", MESSAGES, "fromImage=image tag platform", _AUTH, patient=True),
    _Op("image.push", "POST", "/images/{name}/push", MESSAGES, "tag", _AUTH, patient=True),
    _Op("image.import", "POST", "/images/create?fromSrc=-", MESSAGES, "repo tag message changes platform",
        takes_bytes=True, patient=True),
    _Op("image.save", "GET", "/images/get", BYTES, "names", patient=True),
    _Op("image.load", "POST", "/images/load", MESSAGES, "quiet", takes_bytes=True, patient=True),
    _Op("image.build", "POST", "/build", MESSAGES, "dockerfile t=tags buildargs labels target platform nocache pull rm",
        "X-Registry-Config=registries", takes_bytes=True, patient=True),
    # Containers.
    _Op("container.list", "GET", "/containers/json", DOCUMENT, "all limit size filters"),
    _Op("container.create", "POST", "/containers/create", DOCUMENT, "name platform>=1.41", body="config"),
    _Op("container.inspect", "GET", "/containers/{id}/json", DOCUMENT, "size"),
    _Op("container.start", "POST", "/containers/{id}/start", NOTHING, "detachKeys=detach_keys", patient=True),
    _Op("container.stop", "POST", "/containers/{id}/stop", NOTHING, "t=timeout signal>=1.42", patient=True),
    _Op("container.restart", "POST", "/containers/{id}/restart", NOTHING, "t=timeout signal>=1.42", patient=True),
    _Op("container.kill", "POST", "/containers/{id}/kill", NOTHING, "signal"),
    _Op("container.pause", "POST", "/containers/{id}/pause", NOTHING),
    _Op("container.unpause", "POST", "/containers/{id}/unpause", NOTHING),
    # The answer begins when the engine has begun to wait; its one message comes when that is over.
    _Op("container.wait", "POST", "/containers/{id}/wait", MESSAGES, "condition", patient=True, waits=True),
    _Op("container.rename", "POST", "/containers/{id}/rename", NOTHING, "name"),
    _Op("container.remove", "DELETE", "/containers/{id}", NOTHING, "v=volumes force", patient=True),
    _Op("container.prune", "POST", "/containers/prune", DOCUMENT, "filters", patient=True),
    _Op("container.top", "GET", "/containers/{id}/top", DOCUMENT, "ps_args"),
    _Op("container.stats", "GET", "/containers/{id}/stats", MESSAGES, "stream one-shot=one_shot>=1.41", patient=True),
    _Op("container.logs", "GET", "/containers/{id}/logs", BYTES, _LOG, patient=True),
    _Op("container.attach", "POST", "/containers/{id}/attach", DUPLEX, _ATTACH, patient=True),
    _Op("container.resize", "POST", "/containers/{id}/resize", NOTHING, "h=height w=width"),
    _Op("container.commit", "POST", "/commit", DOCUMENT, "container repo tag comment author pause changes",
        body="config", patient=True),
    _Op("container.stat", "HEAD", "/containers/{id}/archive", NOTHING, "path", about=_STAT),
    _Op("container.copy_out", "GET", "/containers/{id}/archive", BYTES, "path", about=_STAT, patient=True),
    _Op("container.copy_in", "PUT", "/containers/{id}/archive", NOTHING,
        "path noOverwriteDirNonDir=keep_kind copyUIDGID=keep_owner", takes_bytes=True, patient=True),
    _Op("container.export", "GET", "/containers/{id}/export", BYTES, patient=True),
    # Processes in containers.
    _Op("exec.create", "POST", "/containers/{id}/exec", body="config"),
    _Op("exec.start", "POST", "/exec/{id}/start", DUPLEX, body="config", patient=True),
    # The same with ``Detach`` in its configuration: nothing comes back from the process.
    _Op("exec.detach", "POST", "/exec/{id}/start", NOTHING, body="config", patient=True),
    _Op("exec.resize", "POST", "/exec/{id}/resize", NOTHING, "h=height w=width"),
    _Op("exec.inspect", "GET", "/exec/{id}/json"),
    # Networks and volumes.
    _Op("network.list", "GET", "/networks", DOCUMENT, "filters"),
    _Op("network.create", "POST", "/networks/create", body="config"),
    _Op("network.inspect", "GET", "/networks/{id}", DOCUMENT, "verbose scope"),
    _Op("network.remove", "DELETE", "/networks/{id}", NOTHING),
    _Op("network.prune", "POST", "/networks/prune", DOCUMENT, "filters"),
    _Op("network.connect", "POST", "/networks/{id}/connect", NOTHING, body="config"),
    _Op("network.disconnect", "POST", "/networks/{id}/disconnect", NOTHING, body="config"),
    _Op("volume.list", "GET", "/volumes", DOCUMENT, "filters"),
    _Op("volume.create", "POST", "/volumes/create", body="config"),
    _Op("volume.inspect", "GET", "/volumes/{name}"),
    _Op("volume.remove", "DELETE", "/volumes/{name}", NOTHING, "force"),
    _Op("volume.prune", "POST", "/volumes/prune", DOCUMENT, "filters", patient=True),
)  # fmt: skip

# Since then what prunes volumes leaves those that have names.
_NAMES_MATTER = ApiVersion((1, 42))


class DockerConnection(HttpConnection):
    """Docker at the other end of HTTP."""

    def handler(self, method: str) -> IHandler:
        """Answer what does an operation of the table."""
        handler = super().handler(method)
        return _VolumePruning(handler, self) if method == "volume.prune" else handler


@implementer(IHandler)
@frozen
class _VolumePruning:
    """
    The parameter ``all``, by which every version of the API does the same.

    Earlier ones cannot spare volumes that have names, and later ones have a filter not to.
    """

    handler: IHandler
    connection: HttpConnection

    async def handle(self, request: Request) -> Response:
        parameters = dict(request.parameters)
        all_ = parameters.pop("all", None)
        if (await self.connection.versions()).docker >= _NAMES_MATTER:
            if all_:
                parameters["filters"] = {**(parameters.get("filters") or {}), "all": ["true"]}
        elif not all_:
            raise Unsupported(
                "this engine would prune volumes that were given a name as well; say all=True if you mean that",
                request=request,
            )
        return await self.handler.handle(evolve(request, parameters=parameters))


@implementer(IDriver)
@frozen
class DockerDriver:
    """Reaches Docker, and what speaks its API, over a UNIX socket, TCP, TLS or SSH."""

    timeouts: Timeouts = DEFAULT_TIMEOUTS
    limits: Limits = DEFAULT_LIMITS
    name: str = field(default="docker", init=False)

    async def connect(self, reactor: Any, address: Address) -> IConnection:  # noqa: ANN401 - every kind of reactor
        """Answer a connection; the engine is asked for nothing before the first request."""
        return DockerConnection(
            OPERATIONS,
            reactor,
            endpoint_for(reactor, address.with_socket(SOCKET)),
            host=host_header(address),
            engine=f"the engine at {address}",
            timeouts=self.timeouts,
            limits=self.limits,
            docker=API,
        )
