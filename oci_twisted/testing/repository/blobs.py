"""
Blobs, pushed and pulled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from oci_twisted.spec.digests import ALGORITHMS, SHA256, SHA512, digest_of, parse_digest
from oci_twisted.spec.errors import BlobUnknown, DigestInvalid, UploadUnknown
from oci_twisted.testing.repository.examples import ALPINE, pull_blob, push_blob
from oci_twisted.testing.waiting import waits

if TYPE_CHECKING:
    from oci_twisted.interfaces import IRegistry
    from oci_twisted.spec.digests import Digest

CONTENT = b"some bytes"
# Of an algorithm that nothing here can verify, so that nothing can have been pushed under it.
UNVERIFIABLE = parse_digest(f"blake3:{'0' * 64}")


class BlobContract:
    """What a repository does with blobs."""

    @waits
    async def test_a_blob_can_be_pulled_as_soon_as_it_is_committed(self, registry: IRegistry) -> None:
        """What was pushed in one piece has its size and its bytes; the push made the repository."""
        repository = registry.repository(ALPINE)
        digest = digest_of(CONTENT)
        session = await repository.begin_upload()
        assert await session.append(CONTENT) == len(CONTENT)
        assert await session.commit(digest) == len(CONTENT)
        session.close()
        assert await repository.stat_blob(digest) == len(CONTENT)
        assert await pull_blob(repository, digest) == CONTENT

    @pytest.mark.parametrize("size", [1, 3, 7, 100])
    @waits
    async def test_a_blob_comes_in_pieces(self, registry: IRegistry, size: int) -> None:
        """Any split of the bytes, pieces without any among them, gives the same blob."""
        repository = registry.repository(ALPINE)
        content = bytes(range(32))
        session = await repository.begin_upload()
        assert session.offset == 0
        for start in range(0, len(content), size):
            assert await session.append(b"") == start
            offset = await session.append(content[start : start + size])
            assert offset == session.offset == min(start + size, len(content))
        assert await session.commit(digest_of(content)) == len(content)
        session.close()
        assert await pull_blob(repository, digest_of(content)) == content

    @waits
    async def test_a_large_blob_comes_and_goes(self, registry: IRegistry) -> None:
        """A blob longer than any buffer arrives whole, at both ends."""
        repository = registry.repository(ALPINE)
        content = bytes(range(251)) * 9001
        digest = await push_blob(repository, content)
        assert await pull_blob(repository, digest) == content

    @pytest.mark.parametrize("begun", ALGORITHMS)
    @pytest.mark.parametrize("algorithm", ALGORITHMS)
    @waits
    async def test_both_algorithms_do(self, registry: IRegistry, begun: str, algorithm: str) -> None:
        """The digest is of either algorithm, whichever the session was begun for."""
        repository = registry.repository(ALPINE)
        digest = digest_of(CONTENT, algorithm)
        session = await repository.begin_upload(begun)
        await session.append(CONTENT)
        await session.commit(digest)
        session.close()
        assert await pull_blob(repository, digest) == CONTENT

    @waits
    async def test_a_digest_of_each_algorithm_is_a_blob_of_its_own(self, registry: IRegistry) -> None:
        """What was pushed under one digest is not there under the other, and goes without it."""
        repository = registry.repository(ALPINE)
        other = await push_blob(repository, CONTENT, SHA512)
        with pytest.raises(BlobUnknown):
            await repository.stat_blob(digest_of(CONTENT))
        digest = await push_blob(repository, CONTENT, SHA256)
        await repository.delete_blob(other)
        assert await pull_blob(repository, digest) == CONTENT

    @waits
    async def test_the_empty_blob_is_a_blob(self, registry: IRegistry) -> None:
        """A blob may have no bytes at all."""
        repository = registry.repository(ALPINE)
        session = await repository.begin_upload()
        assert await session.commit(digest_of(b"")) == 0
        session.close()
        assert await repository.stat_blob(digest_of(b"")) == 0
        assert await pull_blob(repository, digest_of(b"")) == b""

    @waits
    async def test_a_blob_can_be_pushed_again(self, registry: IRegistry) -> None:
        """To push what is there already is no error and changes nothing."""
        repository = registry.repository(ALPINE)
        digest = await push_blob(repository, CONTENT)
        assert await push_blob(repository, CONTENT) == digest
        assert await pull_blob(repository, digest) == CONTENT

    @pytest.mark.parametrize("algorithm", ALGORITHMS)
    @waits
    async def test_a_wrong_digest_keeps_nothing(self, registry: IRegistry, algorithm: str) -> None:
        """Bytes that are not what they were said to be are kept under neither digest, and the session has ended."""
        repository = registry.repository(ALPINE)
        expected = digest_of(b"other bytes", algorithm)
        session = await repository.begin_upload(algorithm)
        await session.append(CONTENT)
        with pytest.raises(DigestInvalid):
            await session.commit(expected)
        session.close()
        for digest in (expected, digest_of(CONTENT, algorithm)):
            with pytest.raises(BlobUnknown):
                await repository.stat_blob(digest)
        with pytest.raises(UploadUnknown):
            await repository.upload_offset(session.session_id)

    @pytest.mark.parametrize("digest", [digest_of(CONTENT), digest_of(CONTENT, SHA512), UNVERIFIABLE], ids=str)
    @waits
    async def test_an_unknown_blob_is_not_found(self, registry: IRegistry, digest: Digest) -> None:
        """A blob that nobody pushed cannot be looked at, opened or deleted, in a repository that exists or does not."""
        for held in (None, b"another blob"):
            repository = registry.repository(ALPINE)
            if held is not None:
                await push_blob(repository, held)
            with pytest.raises(BlobUnknown):
                await repository.stat_blob(digest)
            with pytest.raises(BlobUnknown):
                await repository.open_blob(digest)
            with pytest.raises(BlobUnknown):
                await repository.delete_blob(digest)

    @waits
    async def test_a_deleted_blob_is_gone(self, registry: IRegistry) -> None:
        """A blob that was deleted is not found, cannot be deleted again, and can be pushed again."""
        repository = registry.repository(ALPINE)
        digest = await push_blob(repository, CONTENT)
        await repository.delete_blob(digest)
        with pytest.raises(BlobUnknown):
            await repository.stat_blob(digest)
        with pytest.raises(BlobUnknown):
            await repository.open_blob(digest)
        with pytest.raises(BlobUnknown):
            await repository.delete_blob(digest)
        await push_blob(repository, CONTENT)
        assert await pull_blob(repository, digest) == CONTENT
