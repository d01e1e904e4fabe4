"""
Upload sessions whose connection, client or caller goes away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.protocol import Factory, Protocol

from oci_twisted.spec.digests import digest_of
from oci_twisted.spec.errors import Unavailable, UploadOutOfOrder
from oci_twisted.spec.names import parse_name
from oci_twisted.testing.repository.examples import pull_blob
from oci_twisted.testing.waiting import turn, waits
from tests.client.fronts import channel_front, connect, memory_registry

if TYPE_CHECKING:
    from twisted.internet.interfaces import IAddress, IProtocolFactory, ITransport

NAME = parse_name("a/b")


class Cutter(Factory):
    """
    Stands before a server, and breaks a connection off when it has brought a number of bytes.

    :ivar budget: how many bytes the next connection may bring; ``None`` for any number.
    """

    noisy = False

    def __init__(self, server: IProtocolFactory) -> None:
        self.server = server
        self.budget: int | None = None

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        """Make a connection's protocol."""
        assert addr is not None
        budget, self.budget = self.budget, None
        protocol = self.server.buildProtocol(addr)
        assert isinstance(protocol, Protocol)
        return protocol if budget is None else _Cut(protocol, budget)


class _Cut(Protocol):
    transport: ITransport

    def __init__(self, server: Protocol, budget: int) -> None:
        self._server = server
        self._budget = budget

    def connectionMade(self) -> None:
        self._server.makeConnection(self.transport)

    def dataReceived(self, data: bytes) -> None:
        self._server.dataReceived(data[: self._budget])
        self._budget -= len(data)
        if self._budget <= 0:
            self.transport.abortConnection()  # type: ignore[attr-defined]

    def connectionLost(self, reason: object = None) -> None:
        self._server.connectionLost(reason)  # type: ignore[arg-type]


CONTENT = bytes(range(256)) * 4096


@waits
async def test_a_session_outlives_its_connection() -> None:
    """When the connection breaks in the middle of a chunk, the session goes on with the byte that is missing."""
    cutter = Cutter(channel_front(memory_registry()))
    repository = connect(cutter).repository(NAME)
    session = await repository.begin_upload()
    await session.append(CONTENT[:1000])
    cutter.budget = 300_000
    with pytest.raises(Unavailable):
        await session.append(CONTENT[1000:])
    with pytest.raises(UploadOutOfOrder) as refused:
        await session.append(CONTENT[1000:])
    assert 1000 < refused.value.offset == session.offset < len(CONTENT)
    assert await session.append(CONTENT[session.offset :]) == len(CONTENT)
    await session.commit(digest_of(CONTENT))
    assert await pull_blob(repository, digest_of(CONTENT)) == CONTENT


@waits
async def test_a_session_outlives_its_client() -> None:
    """Another process goes on with a session by its id, with the byte that is missing."""
    cutter = Cutter(channel_front(memory_registry()))
    session = await connect(cutter).repository(NAME).begin_upload()
    cutter.budget = 300_000
    with pytest.raises(Unavailable):
        await session.append(CONTENT)
    repository = connect(cutter).repository(NAME)
    held = await repository.upload_offset(session.session_id)
    resumed = await repository.resume_upload(session.session_id)
    assert 0 < held == resumed.offset < len(CONTENT)
    await resumed.append(CONTENT[held:])
    await resumed.commit(digest_of(CONTENT))
    assert await pull_blob(repository, digest_of(CONTENT)) == CONTENT


@waits
async def test_a_chunk_can_be_cancelled() -> None:
    """A chunk that nobody waits for any more is broken off, and the session goes on with the byte that is missing."""
    repository = connect(channel_front(memory_registry())).repository(NAME)
    session = await repository.begin_upload()
    appending = Deferred.fromCoroutine(session.append(CONTENT))
    for _ in range(8):
        await turn()
    appending.cancel()
    with pytest.raises(CancelledError):
        await appending
    for _ in range(5):
        await turn()
    with pytest.raises(UploadOutOfOrder):
        await session.append(CONTENT)
    assert 0 < session.offset < len(CONTENT)
    await session.append(CONTENT[session.offset :])
    assert await session.commit(digest_of(CONTENT)) == len(CONTENT)
