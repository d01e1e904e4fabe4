"""
Our client on our server, with no socket in between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from treq.client import HTTPClient
from twisted.internet.task import Clock
from twisted.web.client import HTTPConnectionPool
from twisted.web.server import Site

from oci_twisted.auth.open import AllPermitted, NobodyAsked
from oci_twisted.client import RemoteRegistry
from oci_twisted.http.access import AccessFormat, AccessLog
from oci_twisted.http.mounted import MountedAPI
from oci_twisted.http.routes import API
from oci_twisted.http.site import RegistrySite
from oci_twisted.registry.registry import StoredRegistry
from oci_twisted.storage.memory.blobs import MemoryBlobs
from oci_twisted.storage.memory.metadata import MemoryMetadata
from oci_twisted.stream.pools import InlinePool
from oci_twisted.testing.pipes import pipe_agent

if TYPE_CHECKING:
    from twisted.internet.interfaces import IProtocolFactory

    from oci_twisted.interfaces import IAuthorizer
    from oci_twisted.registry.policy import Policy

URL = "http://registry.example"


def memory_registry(policy: Policy | None = None) -> StoredRegistry:
    """Make a registry in memory."""
    return StoredRegistry(MemoryBlobs(), MemoryMetadata(), Clock(), policy)


def channel_front(registry: StoredRegistry, authorizer: IAuthorizer | None = None) -> IProtocolFactory:
    """Serve a registry with our own channel."""
    return RegistrySite(_api(registry, authorizer), _reactor(), InlinePool())


def mounted_front(registry: StoredRegistry, authorizer: IAuthorizer | None = None) -> IProtocolFactory:
    """Serve a registry as a resource under a site of Twisted's."""
    return cast("IProtocolFactory", Site(cast("Any", MountedAPI(_api(registry, authorizer)))))


def connect(front: IProtocolFactory, pool: HTTPConnectionPool | None = None) -> RemoteRegistry:
    """Make a client whose every request arrives at ``front``, on connections of ``pool``, or on one of its own."""
    return RemoteRegistry(http_client(front, pool), URL)


def http_client(front: IProtocolFactory, pool: HTTPConnectionPool | None = None) -> HTTPClient:
    """Make what sends a client's requests, whatever host they are for, to ``front``."""
    return HTTPClient(pipe_agent(_reactor(), front, pool))


def connection_pool() -> HTTPConnectionPool:
    """Make a pool that keeps connections."""
    return HTTPConnectionPool(_reactor())


def _api(registry: StoredRegistry, authorizer: IAuthorizer | None) -> API:
    return API(registry, NobodyAsked(), authorizer or AllPermitted(), AccessLog(_reactor(), AccessFormat.OFF))


def _reactor() -> Any:  # noqa: ANN401 - all the reactor's interfaces together have no type
    from twisted.internet import reactor  # noqa: PLC0415 - pytest-twisted installs it

    return reactor
