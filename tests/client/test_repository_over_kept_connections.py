"""
The client on the registry's own front, on connections that serve one request behind another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from twisted.internet.protocol import Factory

from oci_twisted.spec.digests import digest_of
from oci_twisted.spec.errors import BlobUnknown, ManifestUnknown
from oci_twisted.testing.consumers import CheckingConsumer
from oci_twisted.testing.repository import RepositoryContract
from oci_twisted.testing.repository.examples import ALL, ALPINE, LATEST, pull_blob, push_blob
from oci_twisted.testing.waiting import waits
from tests.client.fronts import channel_front, connect, connection_pool, memory_registry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from twisted.internet.interfaces import IAddress, IProtocol, IProtocolFactory
    from twisted.web.client import HTTPConnectionPool

    from oci_twisted.interfaces import IRegistry


@pytest.fixture
def pool() -> Iterator[HTTPConnectionPool]:
    """Give a pool that keeps connections until the test is over."""
    made = connection_pool()
    yield made
    made.closeCachedConnections()


class TestRepositoryOverKeptConnections(RepositoryContract):
    """
    `RemoteRegistry` keeps the promises of `IRegistry` where connections are kept.

    So every answer ends where the next one begins, whatever became of the request.
    """

    @pytest.fixture
    def registry(self, pool: HTTPConnectionPool) -> IRegistry:
        """Give an empty registry."""
        return connect(channel_front(memory_registry()), pool)


class Counter(Factory):
    """
    Counts connections to a server.

    :ivar connections: how many were made.
    """

    noisy = False

    def __init__(self, server: IProtocolFactory) -> None:
        self._server = server
        self.connections = 0

    def buildProtocol(self, addr: IAddress | None) -> IProtocol | None:  # type: ignore[override]  # as IProtocolFactory
        """Make a connection's protocol."""
        assert addr is not None
        self.connections += 1
        return self._server.buildProtocol(addr)


@waits
async def test_one_connection_is_enough(pool: HTTPConnectionPool) -> None:
    """Whatever is pushed, pulled in part, or refused, nothing is left on the connection that the next one would see."""
    counter = Counter(channel_front(memory_registry()))
    repository = connect(counter, pool).repository(ALPINE)
    content = bytes(range(256)) * 1000
    digest = await push_blob(repository, content)
    assert await pull_blob(repository, digest) == content
    reader = await repository.open_blob(digest)
    consumer = CheckingConsumer()
    await reader.send(consumer, 100, 200_000)
    assert consumer.content == content[100:200_000]
    with pytest.raises(BlobUnknown):
        await repository.open_blob(digest_of(b"unknown"))
    with pytest.raises(ManifestUnknown):
        await repository.get_manifest(LATEST)
    assert (await repository.tags(ALL)).items == ()
    assert counter.connections == 1
