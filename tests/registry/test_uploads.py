"""
Upload sessions are resumed, finished or cancelled, but never half.
"""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, Deferred

from oci_twisted.registry.policy import Policy
from oci_twisted.registry.uploads import TOUCH_SECONDS
from oci_twisted.spec.digests import digest_of
from oci_twisted.spec.errors import DigestInvalid, Unavailable, UploadBusy, UploadUnknown
from oci_twisted.testing.repository.examples import ALPINE, pull_blob
from oci_twisted.testing.waiting import waits
from tests.registry.doubles import SlowBlobs, WatchedMetadata, begin
from tests.registry.stores import Stores

CONTENT = b"some bytes"
DIGEST = digest_of(CONTENT)
LIFETIME = 3600.0
POLICY = Policy(upload_lifetime=LIFETIME)


@waits
async def test_a_busy_session_is_noted_now_and_then() -> None:
    """That a session is in use is written down once in a while, not for every chunk."""
    metadata = WatchedMetadata()
    stores = Stores(metadata=metadata)
    repository = stores.registry().repository(ALPINE)
    session = await repository.begin_upload()
    for _ in range(60):
        await session.append(b"x")
        stores.clock.advance(TOUCH_SECONDS / 20)
    session.close()
    assert metadata.touches == 2
    for _ in range(60):
        (await repository.resume_upload(session.session_id)).close()
        stores.clock.advance(TOUCH_SECONDS / 20)
    assert metadata.touches == 5


@waits
async def test_a_session_that_cannot_be_resumed_has_no_writer() -> None:
    """When a resumed session cannot be noted as in use, it is let go of again."""
    metadata = WatchedMetadata()
    stores = Stores(metadata=metadata)
    repository = stores.registry().repository(ALPINE)
    session_id = await begin(repository, CONTENT)
    stores.clock.advance(TOUCH_SECONDS + 1)
    metadata.failing = True
    for _ in range(2):
        with pytest.raises(Unavailable):
            await repository.resume_upload(session_id)
    metadata.failing = False
    (await repository.resume_upload(session_id)).close()


@waits
async def test_a_session_has_one_writer() -> None:
    """Who has a session keeps it until they let go of it."""
    repository = Stores().registry().repository(ALPINE)
    session = await repository.begin_upload()
    with pytest.raises(UploadBusy):
        await repository.resume_upload(session.session_id)
    session.close()
    (await repository.resume_upload(session.session_id)).close()


@waits
async def test_an_ended_session_leaves_no_record() -> None:
    """Nothing is remembered of a session that was committed, was refused its digest, or was cancelled."""
    stores = Stores()
    repository = stores.registry().repository(ALPINE)
    session = await repository.resume_upload(await begin(repository, CONTENT))
    await session.commit(DIGEST)
    ended = [session.session_id]
    session = await repository.resume_upload(await begin(repository, CONTENT))
    with pytest.raises(DigestInvalid):
        await session.commit(digest_of(b"other"))
    ended.append(session.session_id)
    session = await repository.resume_upload(await begin(repository, CONTENT))
    await session.cancel()
    for session_id in (*ended, session.session_id):
        assert await stores.metadata.upload(session_id) is None


@waits
async def test_a_commit_runs_to_its_end() -> None:
    """A client that goes away while its blob is committed leaves a whole blob behind, not half of one."""
    blobs = SlowBlobs()
    repository = Stores(blobs).registry().repository(ALPINE)
    session = await repository.begin_upload()
    await session.append(CONTENT)
    committing = Deferred.fromCoroutine(session.commit(DIGEST))
    committing.cancel()
    with pytest.raises(CancelledError):
        await committing
    blobs.ending.callback(None)
    assert await pull_blob(repository, DIGEST) == CONTENT


@waits
async def test_a_cancellation_runs_to_its_end() -> None:
    """A client that goes away while its session is cancelled leaves nothing behind."""
    blobs = SlowBlobs()
    stores = Stores(blobs)
    repository = stores.registry().repository(ALPINE)
    session = await repository.begin_upload()
    cancelling = Deferred.fromCoroutine(session.cancel())
    cancelling.cancel()
    with pytest.raises(CancelledError):
        await cancelling
    blobs.ending.callback(None)
    assert await stores.metadata.upload(session.session_id) is None
    with pytest.raises(UploadUnknown):
        await stores.blobs.received(session.session_id)


@waits
async def test_a_blob_that_nobody_holds_is_not_there() -> None:
    """When the bytes are kept and the repository cannot be told, the push has failed, and can be repeated."""
    metadata = WatchedMetadata()
    stores = Stores(metadata=metadata)
    registry = stores.registry(POLICY)
    repository = registry.repository(ALPINE)
    session = await repository.begin_upload()
    await session.append(CONTENT)
    metadata.failing = True
    with pytest.raises(Unavailable):
        await session.commit(DIGEST)
    metadata.failing = False
    with pytest.raises(UploadUnknown):
        await repository.resume_upload(session.session_id)
    session = await repository.resume_upload(await begin(repository, CONTENT))
    await session.commit(DIGEST)
    assert await pull_blob(repository, DIGEST) == CONTENT
    stores.clock.advance(LIFETIME + 1)
    assert await registry.expire_uploads() == 1
