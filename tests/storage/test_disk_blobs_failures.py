"""
Upload sessions on a disk that fails, or that somebody meddles with.
"""

from __future__ import annotations

import errno
import os
from functools import partial
from typing import TYPE_CHECKING

import pytest

from oci_twisted.spec.digests import SHA256, SHA512, digest_of
from oci_twisted.spec.errors import DigestInvalid, StorageFull, Unavailable, UploadUnknown
from oci_twisted.testing.blobs import pull, push
from oci_twisted.testing.waiting import waits
from tests.storage.disks import FailingDisk, MeddlingDisk, open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path
    from typing import Any

FULL = OSError(errno.ENOSPC, "No space left on device")
BROKEN = OSError(errno.EIO, "Input/output error")


@pytest.mark.parametrize(
    ("error", "refusal"),
    [
        (FULL, StorageFull),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), StorageFull),
        (BROKEN, Unavailable),
    ],
)
@waits
async def test_failed_append(tmp_path: Path, error: OSError, refusal: type[Exception]) -> None:
    """When a chunk cannot be written, none of it is there, and the session goes on."""
    disk = FailingDisk(error=error)
    store = open_store(tmp_path, disk)
    session = await store.begin("session", SHA256)
    await session.append(b"some")
    disk.fails, disk.partly = {"write session"}, True
    with pytest.raises(refusal):
        await session.append(b"thing")
    assert session.offset == await store.received("session") == 4
    disk.fails.clear()
    assert await session.append(b"thing") == 9
    await session.commit(digest_of(b"something"))
    assert await pull(store, digest_of(b"something")) == b"something"


@waits
async def test_failed_append_that_cannot_be_taken_back(tmp_path: Path) -> None:
    """Half a chunk that stays in the file, because the disk fails altogether, is not committed."""
    disk = FailingDisk(error=BROKEN)
    store = open_store(tmp_path, disk)
    session = await store.begin("session", SHA256)
    await session.append(b"some")
    disk.fails, disk.partly = {"write session", "truncate session"}, True
    with pytest.raises(Unavailable):
        await session.append(b"thing")
    assert await store.received("session") == 8
    assert session.offset == 4
    disk.fails.clear()
    await session.commit(digest_of(b"some"))
    assert await pull(store, digest_of(b"some")) == b"some"


@pytest.mark.parametrize("fails", ["rename data", f"make {digest_of(b'something').encoded}"])
@pytest.mark.parametrize(("error", "refusal"), [(FULL, StorageFull), (BROKEN, Unavailable)])
@waits
async def test_failed_commit(tmp_path: Path, fails: str, error: OSError, refusal: type[Exception]) -> None:
    """When the blob cannot be given its place, the session goes on with all its bytes."""
    disk = FailingDisk(fails, error=error)
    store = open_store(tmp_path, disk)
    session = await store.begin("session", SHA256)
    await session.append(b"something")
    digest = digest_of(b"something")
    with pytest.raises(refusal):
        await session.commit(digest)
    assert await store.stat(digest) is None
    assert session.offset == await store.received("session") == 9
    disk.fails.clear()
    await session.commit(digest)
    assert await pull(store, digest) == b"something"


@pytest.mark.parametrize(("error", "refusal"), [(FULL, StorageFull), (BROKEN, Unavailable)])
@waits
async def test_failed_sync(tmp_path: Path, error: OSError, refusal: type[Exception]) -> None:
    """When the bytes could not be made durable, the session goes on without them."""
    disk = FailingDisk("sync session", error=error)
    store = open_store(tmp_path, disk)
    session = await store.begin("session", SHA512)
    await session.append(b"something")
    digest = digest_of(b"something")
    with pytest.raises(refusal):
        await session.commit(digest)
    assert await store.stat(digest) is None
    assert session.offset == await store.received("session") == 0
    disk.fails.clear()
    await session.append(b"something")
    await session.commit(digest)
    assert await pull(store, digest) == b"something"


@pytest.mark.parametrize("error", [FULL, BROKEN])
@waits
async def test_failed_sync_of_a_folder(tmp_path: Path, error: OSError) -> None:
    """When the blob's name could not be made durable, the client is not told that it was, and pushes again."""
    digest = digest_of(b"something")
    disk = FailingDisk(f"sync {digest.encoded[:2]}", error=error)
    store = open_store(tmp_path, disk)
    session = await store.begin("session", SHA256)
    await session.append(b"something")
    with pytest.raises(Unavailable):
        await session.commit(digest)
    with pytest.raises(UploadUnknown):
        await session.commit(digest)
    disk.fails.clear()
    disk.calls.clear()
    await push(store, b"something")
    assert f"sync {digest.encoded[:2]}" in disk.calls
    assert "sync sha256" in disk.calls


@waits
async def test_file_that_was_taken_away(tmp_path: Path) -> None:
    """A session whose file somebody removes from the disk is not committed, and takes no thread for ever."""
    store = open_store(tmp_path)
    session = await store.begin("session", SHA256)
    await session.append(b"something")
    (tmp_path / "uploads" / "session").unlink()
    with pytest.raises(Unavailable):
        await session.commit(digest_of(b"something"))
    session.close()
    with pytest.raises(UploadUnknown):
        await store.resume("session")


@waits
async def test_file_that_becomes_shorter_while_it_is_read(tmp_path: Path) -> None:
    """A file that somebody cuts off is not committed."""
    disk = MeddlingDisk()
    store = open_store(tmp_path, disk)
    session = await store.begin("session", SHA256)
    await session.append(b"something")
    # The commit makes the file as long as the session is; then it is cut off.
    path = tmp_path / "uploads" / "session"
    path.write_bytes(b"something longer")
    disk.meddle_after["truncate session"] = partial(os.truncate, path, 4)
    with pytest.raises(Unavailable):
        await session.commit(digest_of(b"something", SHA512))


@waits
async def test_refusal_names_both_digests(tmp_path: Path) -> None:
    """Who pushed other bytes than announced is told both digests."""
    session = await open_store(tmp_path).begin("session", SHA256)
    await session.append(b"wrong")
    with pytest.raises(DigestInvalid) as refusal:
        await session.commit(digest_of(b"right"))
    assert str(digest_of(b"right")) in refusal.value.message
    assert str(digest_of(b"wrong")) in refusal.value.message
    assert list((tmp_path / "uploads").iterdir()) == []


@pytest.mark.parametrize("operation", ["begin", "resume", "received", "stat", "open", "digests", "delete"])
@waits
async def test_folder_that_is_no_folder(tmp_path: Path, operation: str) -> None:
    """Where the disk answers with an error, so does the store, and says that it is the disk's."""
    store = open_store(tmp_path)
    digest = digest_of(b"content")
    for folder in ("uploads", "blobs/sha256", "blobs/sha512"):
        (tmp_path / folder).rmdir()
        (tmp_path / folder).touch()
    if operation == "digests":
        # To list a file as if it were a folder finds nothing; but a folder may be unreadable in other ways.
        (tmp_path / "blobs/sha256").unlink()
        (tmp_path / "blobs/sha256").symlink_to("sha256")
    calls: dict[str, Callable[[], Coroutine[Any, Any, object]]] = {
        "begin": lambda: store.begin("session", SHA256),
        "resume": lambda: store.resume("session"),
        "received": lambda: store.received("session"),
        "stat": lambda: store.stat(digest),
        "open": lambda: store.open(digest),
        "digests": lambda: store.digests(None, 10),
        "delete": lambda: store.delete(digest),
    }
    with pytest.raises(Unavailable):
        await calls[operation]()
