"""
Upload sessions: interrupted, resumed, cancelled, and in nobody else's hands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from twisted.internet.defer import Deferred, gatherResults

from oci_twisted.spec.digests import digest_of
from oci_twisted.spec.errors import BlobUnknown, NameUnknown, RegistryError, UploadBusy, UploadOutOfOrder, UploadUnknown
from oci_twisted.spec.pages import Page
from oci_twisted.testing.repository.examples import ALL, ALPINE, BUSYBOX, pull_blob
from oci_twisted.testing.waiting import waits

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

    from oci_twisted.interfaces import IRegistry, IRepository, IUploadSession

CONTENT = bytes(range(256))


async def begin(repository: IRepository, content: bytes) -> str:
    """Begin a session with some bytes, let go of it, and answer its id."""
    session = await repository.begin_upload()
    await session.append(content)
    session.close()
    return session.session_id


async def check_unknown(repository: IRepository, session_id: str) -> None:
    """Check that a repository has no such session."""
    with pytest.raises(UploadUnknown):
        await repository.upload_offset(session_id)
    with pytest.raises(UploadUnknown):
        await repository.resume_upload(session_id)


async def both(first: Coroutine[Any, Any, object], second: Coroutine[Any, Any, object]) -> list[BaseException | None]:
    """Do two things at once, and answer how each of them failed."""
    failures: list[BaseException | None] = [None, None]

    async def attempt(position: int, work: Coroutine[Any, Any, object]) -> None:
        try:
            await work
        except RegistryError as error:
            failures[position] = error

    await gatherResults([Deferred.fromCoroutine(attempt(0, first)), Deferred.fromCoroutine(attempt(1, second))])
    return failures


class UploadContract:
    """What a repository does with upload sessions."""

    @pytest.mark.parametrize("held", [0, 1, 2, 255, 256])
    @waits
    async def test_a_session_is_resumed_where_it_was_left(self, registry: IRegistry, held: int) -> None:
        """A session that was let go of is resumed by its id, knows how much it holds, and becomes the whole blob."""
        repository = registry.repository(ALPINE)
        session_id = await begin(repository, CONTENT[:held])
        assert await repository.upload_offset(session_id) == held
        session = await repository.resume_upload(session_id)
        assert session.offset == held
        await session.append(CONTENT[held:])
        assert await session.commit(digest_of(CONTENT)) == len(CONTENT)
        session.close()
        assert await pull_blob(repository, digest_of(CONTENT)) == CONTENT

    @waits
    async def test_a_session_is_resumed_again_and_again(self, registry: IRegistry) -> None:
        """Every piece may be written by another writer; each finds the session under the id that it last had."""
        repository = registry.repository(ALPINE)
        session_id = await begin(repository, b"")
        for start in range(0, len(CONTENT), 100):
            session = await repository.resume_upload(session_id)
            assert session.offset == start
            await session.append(CONTENT[start : start + 100])
            session.close()
            session_id = session.session_id
        session = await repository.resume_upload(session_id)
        await session.commit(digest_of(CONTENT))
        session.close()
        assert await pull_blob(repository, digest_of(CONTENT)) == CONTENT

    @waits
    async def test_the_offset_can_be_asked_for_while_somebody_writes(self, registry: IRegistry) -> None:
        """Whether a session has a writer or not, it says how many bytes it holds."""
        repository = registry.repository(ALPINE)
        session = await repository.begin_upload()
        for start in range(0, 30, 10):
            assert await repository.upload_offset(session.session_id) == start
            await session.append(CONTENT[start : start + 10])
        session.close()
        assert await repository.upload_offset(session.session_id) == 30

    @waits
    async def test_an_unfinished_blob_is_not_there(self, registry: IRegistry) -> None:
        """Until it is committed, a blob cannot be found, and does not make its repository exist."""
        repository = registry.repository(ALPINE)
        await begin(repository, CONTENT)
        with pytest.raises(BlobUnknown):
            await repository.stat_blob(digest_of(CONTENT))
        with pytest.raises(NameUnknown):
            await repository.tags(ALL)
        assert await registry.repositories(ALL) == Page(())

    @waits
    async def test_a_cancelled_session_is_gone(self, registry: IRegistry) -> None:
        """A session that was cancelled is unknown and leaves nothing behind."""
        repository = registry.repository(ALPINE)
        session = await repository.begin_upload()
        await session.append(CONTENT)
        await session.cancel()
        session.close()
        await check_unknown(repository, session.session_id)
        with pytest.raises(BlobUnknown):
            await repository.stat_blob(digest_of(CONTENT))

    @waits
    async def test_a_resumed_session_can_be_cancelled(self, registry: IRegistry) -> None:
        """Whoever resumes a session may end it."""
        repository = registry.repository(ALPINE)
        session = await repository.resume_upload(await begin(repository, CONTENT))
        await session.cancel()
        session.close()
        await check_unknown(repository, session.session_id)

    @waits
    async def test_a_finished_session_is_gone(self, registry: IRegistry) -> None:
        """A session that became a blob is unknown."""
        repository = registry.repository(ALPINE)
        session = await repository.begin_upload()
        await session.append(CONTENT)
        await session.commit(digest_of(CONTENT))
        session.close()
        await check_unknown(repository, session.session_id)

    @pytest.mark.parametrize(
        "session_id",
        [
            "unknown",
            "",
            "../../etc/passwd",
            "//elsewhere.example/",
            "/v2/library/alpine/blobs/uploads/unknown",
            "00000000-0000-4000-8000-000000000000",
            "a b",
        ],
    )
    @waits
    async def test_a_session_that_never_began_is_unknown(self, registry: IRegistry, session_id: str) -> None:
        """What nobody began cannot be resumed, however its id is spelled."""
        await check_unknown(registry.repository(ALPINE), session_id)

    @waits
    async def test_a_session_belongs_to_its_repository(self, registry: IRegistry) -> None:
        """Another repository does not know the session, and asking there does not harm it."""
        session_id = await begin(registry.repository(ALPINE), CONTENT)
        await check_unknown(registry.repository(BUSYBOX), session_id)
        assert await registry.repository(ALPINE).upload_offset(session_id) == len(CONTENT)

    @waits
    async def test_closing_ends_nothing(self, registry: IRegistry) -> None:
        """A session may be closed twice, and after its end, to no effect."""
        repository = registry.repository(ALPINE)
        session = await repository.begin_upload()
        session.close()
        session.close()
        assert await repository.upload_offset(session.session_id) == 0
        session = await repository.resume_upload(session.session_id)
        await session.commit(digest_of(b""))
        session.close()
        session.close()
        assert await repository.stat_blob(digest_of(b"")) == 0

    @waits
    async def test_a_second_writer_is_refused(self, registry: IRegistry) -> None:
        """A second writer is refused, at once or with its first bytes; the first goes on as if nothing had been."""
        repository = registry.repository(ALPINE)
        first = await repository.begin_upload()
        await first.append(b"one ")
        with pytest.raises((UploadBusy, UploadOutOfOrder)):
            await self._write_second(repository, first)
        content = b"one two three"
        await first.append(content[first.offset :])
        await first.commit(digest_of(content))
        first.close()
        assert await pull_blob(repository, digest_of(content)) == content

    async def _write_second(self, repository: IRepository, first: IUploadSession) -> None:
        second = await repository.resume_upload(first.session_id)
        await first.append(b"two ")
        try:
            await second.append(b"2 ")
        finally:
            second.close()

    @waits
    async def test_of_two_writers_at_once_one_is_refused(self, registry: IRegistry) -> None:
        """Two that write to the same session at the same time do not mix their bytes."""
        repository = registry.repository(ALPINE)
        contents = [b"1" * 300_000, b"2" * 300_000]
        first = await repository.begin_upload()
        session_id = first.session_id

        async def write(content: bytes) -> None:
            session = second or await repository.resume_upload(session_id)
            await session.append(content)

        try:
            second = await repository.resume_upload(session_id)
        except UploadBusy:
            second = None
        failures = await both(first.append(contents[0]), write(contents[1]))
        assert failures.count(None) == 1
        assert all(failure is None or isinstance(failure, UploadBusy | UploadOutOfOrder) for failure in failures)
        for session in (first, second):
            if session is not None:
                session.close()
        winner = contents[failures.index(None)]
        session = await repository.resume_upload(session_id)
        await session.commit(digest_of(winner))
        session.close()
        assert await pull_blob(repository, digest_of(winner)) == winner

    @waits
    async def test_two_sessions_of_one_blob_do_not_meet(self, registry: IRegistry) -> None:
        """Two clients that push the same blob at the same time both succeed."""
        repository = registry.repository(ALPINE)

        async def push() -> None:
            session = await repository.begin_upload()
            await session.append(CONTENT[:100])
            await session.append(CONTENT[100:])
            await session.commit(digest_of(CONTENT))
            session.close()

        assert await both(push(), push()) == [None, None]
        assert await pull_blob(repository, digest_of(CONTENT)) == CONTENT
