"""
What the tests are about, and the few steps that they share.
"""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from twisted.internet.defer import CancelledError

from oci_twisted.spec.digests import SHA256, digest_of
from oci_twisted.spec.errors import UploadBusy, UploadUnknown
from oci_twisted.testing.consumers import CheckingConsumer
from oci_twisted.testing.waiting import turn

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

    from oci_twisted.interfaces import IBlobStore, IUploadSession
    from oci_twisted.spec.digests import Digest

# Some pieces, and a bit; no two pieces are alike.
LARGE = 1_000_001
PATTERN = (bytes(range(251)) * 4000)[:LARGE]

examples = settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=(
        # One store serves all examples: none of them relies on finding it empty.
        HealthCheck.function_scoped_fixture,
        # The suite is there to be run by several classes.
        HealthCheck.differing_executors,
    ),
)


def new_session_id() -> str:
    """Answer an id that no upload session has had."""
    return str(uuid.uuid4())


def some_bytes(size: int) -> bytes:
    """Answer bytes that are never the same."""
    return os.urandom(size)


async def push(store: IBlobStore, content: bytes, algorithm: str = SHA256) -> Digest:
    """Store a blob."""
    digest = digest_of(content, algorithm)
    session = await store.begin(new_session_id(), algorithm)
    await session.append(content)
    await session.commit(digest)
    return digest


async def pull(store: IBlobStore, digest: Digest) -> bytes:
    """Read a blob."""
    reader = await store.open(digest)
    try:
        consumer = CheckingConsumer()
        await reader.send(consumer, 0, reader.size)
        return consumer.content
    finally:
        reader.close()


async def resume_when_free(store: IBlobStore, session_id: str) -> IUploadSession:
    """Become the writer of a session as soon as its last writer's work has ended."""
    while True:
        try:
            return await store.resume(session_id)
        except UploadBusy:
            await turn()


async def walk(store: IBlobStore, limit: int) -> list[Digest]:
    """List a store, page by page."""
    found: list[Digest] = []
    more = True
    while more:
        page = await store.digests(found[-1] if found else None, limit)
        assert len(page.items) <= limit
        found += page.items
        more = page.more
    return found


async def cancelled(deferred: Deferred[Any]) -> Any:  # noqa: ANN401 - whatever it is
    """Cancel it; answer what it answers nevertheless."""
    deferred.cancel()
    try:
        return await deferred
    except CancelledError:
        return None


async def assert_ended(store: IBlobStore, session_id: str) -> None:
    """There is no such session any more."""
    with pytest.raises(UploadUnknown):
        await store.resume(session_id)
    with pytest.raises(UploadUnknown):
        await store.received(session_id)
