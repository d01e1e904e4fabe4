"""
Upload sessions grow old, and are removed, but from nobody who uses them.
"""

from __future__ import annotations

import pytest

from oci_twisted.interfaces import UploadRecord
from oci_twisted.registry.policy import Policy
from oci_twisted.spec.digests import digest_of
from oci_twisted.spec.errors import Unavailable, UploadUnknown
from oci_twisted.testing.repository.examples import ALPINE, pull_blob
from oci_twisted.testing.waiting import waits
from tests.registry.doubles import SlowBlobs, WatchedMetadata, begin
from tests.registry.stores import Stores

CONTENT = b"some bytes"
DIGEST = digest_of(CONTENT)
LIFETIME = 3600.0
POLICY = Policy(upload_lifetime=LIFETIME)


@waits
async def test_an_idle_session_expires() -> None:
    """A session to which nobody has written for the lifetime is removed, with its bytes; one a moment younger stays."""
    stores = Stores()
    registry = stores.registry(POLICY)
    repository = registry.repository(ALPINE)
    old = await begin(repository, CONTENT)
    stores.clock.advance(1)
    young = await begin(repository, CONTENT)
    stores.clock.advance(LIFETIME - 1)
    assert await registry.expire_uploads() == 0
    stores.clock.advance(0.5)
    assert await registry.expire_uploads() == 1
    with pytest.raises(UploadUnknown):
        await repository.resume_upload(old)
    with pytest.raises(UploadUnknown):
        await stores.blobs.received(old)
    assert await repository.upload_offset(young) == len(CONTENT)
    assert await registry.expire_uploads() == 0


@waits
async def test_a_session_that_is_used_does_not_expire() -> None:
    """To resume a session, or to write to it, makes it young again."""
    stores = Stores()
    registry = stores.registry(POLICY)
    repository = registry.repository(ALPINE)
    resumed = await begin(repository, CONTENT)
    written = await begin(repository, CONTENT)
    session = await repository.resume_upload(written)
    stores.clock.advance(LIFETIME - 10)
    (await repository.resume_upload(resumed)).close()
    await session.append(CONTENT)
    session.close()
    stores.clock.advance(LIFETIME - 10)
    assert await registry.expire_uploads() == 0
    stores.clock.advance(11)
    assert await registry.expire_uploads() == 2


@waits
async def test_a_session_with_a_writer_does_not_expire() -> None:
    """However long a writer takes over its bytes, nobody takes the session from it; once it has left, it expires."""
    stores = Stores()
    registry = stores.registry(POLICY)
    repository = registry.repository(ALPINE)
    session = await repository.begin_upload()
    await session.append(CONTENT[:4])
    stores.clock.advance(10 * LIFETIME)
    assert await registry.expire_uploads() == 0
    await session.append(CONTENT[4:])
    session.close()
    stores.clock.advance(10 * LIFETIME)
    assert await registry.expire_uploads() == 1
    with pytest.raises(UploadUnknown):
        await repository.upload_offset(session.session_id)


@waits
async def test_a_session_to_which_somebody_has_just_come_back_does_not_expire() -> None:
    """A session that was idle when it was listed, and is not when its turn comes, stays and can be written to."""
    metadata = WatchedMetadata()
    stores = Stores(metadata=metadata)
    registry = stores.registry(POLICY)
    repository = registry.repository(ALPINE)
    session_id = await begin(repository, CONTENT)
    stores.clock.advance(LIFETIME + 1)
    metadata.returning = UploadRecord(session_id, ALPINE, stores.clock.seconds())
    assert await registry.expire_uploads() == 0
    session = await repository.resume_upload(session_id)
    await session.commit(DIGEST)
    assert await pull_blob(repository, DIGEST) == CONTENT


@waits
async def test_a_session_that_cannot_be_removed_is_left_for_the_next_time() -> None:
    """When a session's bytes cannot be removed just now, it is kept neither from the others nor from its writers."""
    blobs = SlowBlobs()
    stores = Stores(blobs)
    registry = stores.registry(POLICY)
    session_id = await begin(registry.repository(ALPINE), CONTENT)
    stores.clock.advance(LIFETIME + 1)
    blobs.ending.errback(Unavailable("the disk is gone"))
    await stores.metadata.begin_upload(UploadRecord("lost", ALPINE, stores.clock.seconds() - LIFETIME - 1))
    assert await registry.expire_uploads() == 1
    assert await stores.metadata.upload("lost") is None
    (await registry.repository(ALPINE).resume_upload(session_id)).close()


@waits
async def test_a_record_without_bytes_is_removed() -> None:
    """What a crash has left of a session is forgotten like any other."""
    stores = Stores()
    registry = stores.registry(POLICY)
    await stores.metadata.begin_upload(UploadRecord("lost", ALPINE, stores.clock.seconds()))
    stores.clock.advance(LIFETIME + 1)
    assert await registry.expire_uploads() == 1
    assert await stores.metadata.upload("lost") is None


@waits
async def test_many_sessions_expire_a_few_at_a_time() -> None:
    """However many sessions were abandoned, they are removed in portions, the oldest first."""
    stores = Stores()
    registry = stores.registry(POLICY)
    sessions = []
    for _ in range(250):
        sessions.append(await begin(registry.repository(ALPINE), CONTENT))
        stores.clock.advance(0.001)
    stores.clock.advance(LIFETIME + 1)
    assert await registry.expire_uploads() == 100
    with pytest.raises(UploadUnknown):
        await registry.repository(ALPINE).upload_offset(sessions[99])
    assert await registry.repository(ALPINE).upload_offset(sessions[100]) == len(CONTENT)
    assert [await registry.expire_uploads() for _ in range(3)] == [100, 50, 0]
