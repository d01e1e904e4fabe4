"""
Podman: Docker's table, which it answers as well, and its own API, libpod, for what Docker does not have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import field, frozen
from zope.interface import implementer

from oci_twisted.engine.drivers import docker
from oci_twisted.engine.drivers.connection import ApiRange
from oci_twisted.engine.drivers.operations import ApiVersion, Operation, Shape, table
from oci_twisted.engine.drivers.podman_differences import DIFFERENCES, TlsChoice
from oci_twisted.engine.interfaces import IDriver, IManifests, IPlainRegistries, IPods
from oci_twisted.engine.transport.endpoints import endpoint_for, host_header
from oci_twisted.engine.transport.limits import DEFAULT_LIMITS, DEFAULT_TIMEOUTS, Limits, Timeouts

if TYPE_CHECKING:
    from oci_twisted.engine.address import Address
    from oci_twisted.engine.interfaces import IConnection, IHandler

SOCKET = "/run/podman/podman.sock"

LIBPOD = ApiRange("libpod-api-version", ApiVersion((4, 0, 0)), ApiVersion((5, 6, 0)))

_Op = Operation
NOTHING, DOCUMENT, MESSAGES = Shape.NOTHING, Shape.DOCUMENT, Shape.MESSAGES

OPERATIONS = docker.OPERATIONS | table(
    # See `oci_twisted.engine.drivers.podman_differences`.
    _Op("system.events", "GET", "/events", MESSAGES, "since until filters stream", patient=True),
    _Op("image.push", "POST", "/images/{name}/push", MESSAGES, "tag tlsVerify=verify_tls", "X-Registry-Auth=auth",
        patient=True),
    _Op("image.prune", "POST", "/libpod/images/prune", DOCUMENT, "all filters", patient=True),
    # Pods.
    _Op("pod.list", "GET", "/libpod/pods/json", DOCUMENT, "filters"),
    _Op("pod.create", "POST", "/libpod/pods/create", body="config"),
    _Op("pod.add", "POST", "/libpod/containers/create", body="config"),
    _Op("pod.inspect", "GET", "/libpod/pods/{name}/json"),
    _Op("pod.exists", "GET", "/libpod/pods/{name}/exists", NOTHING),
    _Op("pod.start", "POST", "/libpod/pods/{name}/start", patient=True),
    _Op("pod.stop", "POST", "/libpod/pods/{name}/stop", DOCUMENT, "t=timeout", patient=True),
    _Op("pod.restart", "POST", "/libpod/pods/{name}/restart", patient=True),
    _Op("pod.kill", "POST", "/libpod/pods/{name}/kill", DOCUMENT, "signal"),
    _Op("pod.pause", "POST", "/libpod/pods/{name}/pause"),
    _Op("pod.unpause", "POST", "/libpod/pods/{name}/unpause"),
    _Op("pod.remove", "DELETE", "/libpod/pods/{name}", DOCUMENT, "force", patient=True),
    _Op("pod.prune", "POST", "/libpod/pods/prune", patient=True),
    _Op("pod.top", "GET", "/libpod/pods/{name}/top", DOCUMENT, "ps_args"),
    # Manifest lists.
    _Op("manifest.create", "POST", "/libpod/manifests/{name}", DOCUMENT, "images all", body="config"),
    _Op("manifest.inspect", "GET", "/libpod/manifests/{name}/json"),
    _Op("manifest.exists", "GET", "/libpod/manifests/{name}/exists", NOTHING),
    # Adds, removes or annotates, as its configuration says with ``operation``.
    _Op("manifest.modify", "PUT", "/libpod/manifests/{name}", body="config", patient=True),
    _Op("manifest.remove", "DELETE", "/libpod/manifests/{name}"),
    _Op("manifest.push", "POST", "/libpod/manifests/{name}/registry/{destination}", DOCUMENT,
        "all tlsVerify=verify_tls", "X-Registry-Auth=auth", patient=True),
)  # fmt: skip

_PULL = "image.pull_libpod"
# What is only there to do the operations of the table.
_OWN = table(
    _Op(_PULL, "POST", "/libpod/images/pull", MESSAGES,
        "reference tlsVerify=verify_tls OS=os Arch=architecture Variant=variant", "X-Registry-Auth=auth", patient=True),
)  # fmt: skip


@implementer(IPods, IManifests, IPlainRegistries)
class PodmanConnection(docker.DockerConnection):
    """Podman at the other end of HTTP: it has pods and manifests besides, and registries without TLS."""

    def handler(self, method: str) -> IHandler:
        """Answer what does an operation of the table, in Docker's words."""
        handler = super().handler(method)
        if method == "image.pull":
            return TlsChoice(handler, super().handler(_PULL))
        differs = DIFFERENCES.get(method)
        return handler if differs is None else differs(handler)


@implementer(IDriver)
@frozen
class PodmanDriver:
    """Reaches Podman, as ``podman system service`` serves it, over a UNIX socket, TCP or SSH."""

    timeouts: Timeouts = DEFAULT_TIMEOUTS
    limits: Limits = DEFAULT_LIMITS
    name: str = field(default="podman", init=False)

    async def connect(self, reactor: Any, address: Address) -> IConnection:  # noqa: ANN401 - every kind of reactor
        """Answer a connection; the engine is asked for nothing before the first request."""
        return PodmanConnection(
            OPERATIONS | _OWN,
            reactor,
            endpoint_for(reactor, address.with_socket(SOCKET)),
            host=host_header(address),
            engine=f"the engine at {address}",
            timeouts=self.timeouts,
            limits=self.limits,
            docker=docker.API,
            libpod=LIBPOD,
        )
