"""
Blobs on disk, when the process dies, the disk fails, or the power does.
"""

from __future__ import annotations

import errno
import itertools
import os
import shutil
import subprocess
import sys
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
from attrs import define, field

from oci_twisted.spec.digests import SHA256, SHA512, Digest, digest_of, parse_digest
from oci_twisted.spec.errors import BlobUnknown, DigestInvalid, RegistryError, UploadUnknown
from oci_twisted.storage.disk.durable import disk_of
from oci_twisted.storage.disk.layout import RootUnusable
from oci_twisted.testing.blobs import new_session_id, pull, push, walk
from oci_twisted.testing.waiting import waits
from tests.storage.disks import FailingDisk, LosingDisk, PowerFailure, WatchedDisk, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oci_twisted.interfaces import IBlobStore
    from oci_twisted.storage.disk.durable import Disk, Durability

# Far more calls than any of these tests makes.
_MANY = 1000
_ROUNDS = 8


@define
class Client:
    """
    Does a bit of everything, and remembers what it was promised.

    :ivar stored: blobs whose commit was acknowledged, and that nobody has deleted.
    :ivar deleted: those whose delete was acknowledged.
    """

    root: Path
    disk: Disk
    stored: dict[Digest, bytes] = field(factory=dict)
    deleted: set[Digest] = field(factory=set)

    async def run(self, attempts: int = 1) -> None:
        """Do it; what is refused is done again, at most ``attempts`` times in all."""
        store = self.open(attempts)
        second = b"second" * 1000
        for content, digest in (
            (b"first", digest_of(b"first")),
            (second, digest_of(second, SHA512)),
            (b"first", digest_of(b"first")),
            (b"third", digest_of(b"third")),
        ):
            await self.push(store, content, digest, attempts)
        for _ in range(2):
            await self.delete(store, digest_of(b"third"), attempts)
            await self.push(store, b"third", digest_of(b"third"), attempts)
        await self.delete(store, digest_of(b"first"), attempts)
        await self.push(store, b"wrong", digest_of(b"right"), attempts)

    def open(self, attempts: int) -> IBlobStore:
        """Open the store."""
        for _ in range(attempts - 1):
            with suppress(RootUnusable):
                return open_store(self.root, self.disk)
        return open_store(self.root, self.disk)

    async def push(self, store: IBlobStore, content: bytes, digest: Digest, attempts: int) -> None:
        """Push a blob in two chunks, and go on where the session is when something was refused."""
        session_id = new_session_id()
        for attempt in itertools.count(1):
            try:
                try:
                    session = await store.resume(session_id)
                except UploadUnknown:
                    session_id = new_session_id()
                    session = await store.begin(session_id, digest.algorithm)
                try:
                    while session.offset < len(content):
                        await session.append(content[session.offset :][: len(content) // 2 + 1])
                    # Until it is acknowledged again, a blob that is deleted may be there or not.
                    self.deleted.discard(digest)
                    await session.commit(digest)
                finally:
                    session.close()
            except DigestInvalid:
                self.deleted.add(digest)
                return
            except RegistryError:
                if attempt == attempts:
                    raise
            else:
                self.stored[digest] = content
                return

    async def delete(self, store: IBlobStore, digest: Digest, attempts: int) -> None:
        """Delete a blob."""
        # Until it is acknowledged, it may be there or not.
        self.stored.pop(digest, None)
        for attempt in itertools.count(1):
            try:
                await store.delete(digest)
            except RegistryError:
                if attempt == attempts:
                    raise
            else:
                self.deleted.add(digest)
                return


async def assert_promises_kept(root: Path, client: Client) -> None:
    """Open a folder that a client has used, and find all that was promised, and nothing torn."""
    assert_no_torn_blob(root)
    store = open_store(root, WatchedDisk())
    for digest, content in client.stored.items():
        assert await pull(store, digest) == content
    for digest in client.deleted - client.stored.keys():
        assert await store.stat(digest) is None
        with pytest.raises(BlobUnknown):
            await store.open(digest)
    for digest in await walk(store, 2):
        assert digest_of(await pull(store, digest), digest.algorithm) == digest
    for upload in (root / "uploads").iterdir():
        if not upload.name.startswith("."):
            await (await store.resume(upload.name)).cancel()
    # And life goes on.
    await Client(root, WatchedDisk()).run()


def assert_no_torn_blob(root: Path) -> None:
    """Every file that is where blobs are is the blob that its path says."""
    for path in (root / "blobs").rglob("data"):
        algorithm, encoded = path.parts[-4], path.parts[-2]
        assert digest_of(path.read_bytes(), algorithm) == parse_digest(f"{algorithm}:{encoded}")


def descriptors() -> int:
    """Answer how many files are open."""
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - counted, not used


@waits
async def test_process_dies_at_any_call(tmp_path: Path) -> None:
    """Wherever the process dies, blobs that were acknowledged are there, and none is torn."""
    for number in range(_MANY):
        root = tmp_path / str(number)
        client = Client(root, FailingDisk(number, error=PowerFailure()))
        try:
            await client.run()
        except PowerFailure:
            await assert_promises_kept(root, client)
        else:
            assert number > 50
            return
    pytest.fail("it never came to an end")


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
@pytest.mark.parametrize("partly", [False, True])
@waits
async def test_any_call_fails(tmp_path: Path, code: int, partly: bool) -> None:  # noqa: FBT001 - a parameter of a test
    """Whichever call fails, the client is refused, may go on, and is promised nothing that is not kept."""
    for number in range(_MANY):
        root = tmp_path / str(number)
        disk = FailingDisk(number, error=OSError(code, os.strerror(code)))
        disk.partly = partly
        client = Client(root, disk)
        before = descriptors()
        await client.run(attempts=3)
        assert descriptors() == before
        await assert_promises_kept(root, client)
        if not disk.failed:
            assert number > 50
            return
    pytest.fail("it never came to an end")


@pytest.mark.parametrize("names", ["synced names", "all names"])
@waits
async def test_power_fails_at_any_call(tmp_path: Path, names: Literal["synced names", "all names"]) -> None:
    """Wherever the power fails, blobs that were acknowledged are there, and none is torn."""
    root = tmp_path / "root"
    root.mkdir()
    disk = LosingDisk(root)
    client = Client(root, disk)
    left = tmp_path / "left"
    failures: list[str] = []

    def examine() -> None:
        disk.restore(left, names_are_kept=names == "all names")
        assert_no_torn_blob(left)
        for digest, content in client.stored.items():
            path = left / "blobs" / digest.algorithm / digest.encoded[:2] / digest.encoded / "data"
            assert path.read_bytes() == content, f"{digest} is lost at {disk.calls[-1]}"
        for digest in client.deleted - client.stored.keys():
            assert not (left / "blobs" / digest.algorithm / digest.encoded[:2] / digest.encoded / "data").exists()
        shutil.rmtree(left)
        failures.append(disk.calls[-1])

    disk.examine = examine
    await client.run()
    assert len(failures) > 50
    disk.restore(left, names_are_kept=names == "all names")
    await assert_promises_kept(left, client)


@waits
async def test_commit_is_durable_in_order(tmp_path: Path) -> None:
    """The bytes are synced before they get their name, and the folders after it, before commit returns."""
    disk = WatchedDisk()
    store = open_store(tmp_path, disk)
    digest = digest_of(b"content")
    session = await store.begin("session", SHA256)
    await session.append(b"content")
    disk.calls.clear()
    await session.commit(digest)
    assert disk.calls == [
        "sync session",
        # The folder above it is not there yet.
        f"make {digest.encoded}",
        f"make {digest.encoded[:2]}",
        f"make {digest.encoded}",
        "rename data",
        f"sync {digest.encoded}",
        f"sync {digest.encoded[:2]}",
        "sync sha256",
    ]


@waits
async def test_later_commits_sync_less(tmp_path: Path) -> None:
    """A folder that several blobs share, and whose name is durable, is not made so again."""
    disk = WatchedDisk()
    store = open_store(tmp_path, disk)
    digest = await push(store, b"content")
    disk.calls.clear()
    await push(store, b"content")
    assert disk.calls[3:] == [
        f"make {digest.encoded}",
        "rename data",
        f"sync {digest.encoded}",
        f"sync {digest.encoded[:2]}",
    ]


def test_relaxed_durability_does_not_sync() -> None:
    """Who has asked for relaxed durability waits for no disk."""
    durability: Durability
    for durability in ("full", "relaxed"):
        disk = disk_of(durability)
        with nullcontext() if durability == "relaxed" else pytest.raises(OSError, match="descriptor"):
            disk.sync(99_999)
        with nullcontext() if durability == "relaxed" else pytest.raises(FileNotFoundError):
            disk.sync_folder("/nowhere")


@pytest.fixture
def pusher(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Give a process that pushes until it is killed."""
    command = [sys.executable, str(Path(__file__).with_name("endless_pusher.py")), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own
        yield process
        process.kill()


@pytest.mark.parametrize("killing", range(_ROUNDS))
@waits
async def test_killed_process_keeps_its_word(pusher: subprocess.Popen[str], tmp_path: Path, killing: int) -> None:
    """What a process had acknowledged when it was killed is there, whole; its sessions go on at what they had."""
    assert pusher.stdout is not None
    lines = [pusher.stdout.readline() for _ in range(1 + 7 * killing)]
    pusher.kill()
    lines += pusher.stdout.readlines()
    store = open_store(tmp_path)
    assert_no_torn_blob(tmp_path)
    received: dict[str, int] = {}
    # The last line may have been cut off.
    for line in lines if lines[-1].endswith("\n") else lines[:-1]:
        what, subject, number = line.split()
        if what == "stored":
            digest = parse_digest(subject)
            assert digest_of(await pull(store, digest)) == digest
            assert await store.stat(digest) == int(number)
        else:
            received[subject] = int(number)
    # Only the last session may be unfinished.
    session_id, offset = list(received.items())[-1]
    try:
        session = await store.resume(session_id)
    except UploadUnknown:
        return
    assert session.offset >= offset
    await session.append(b"more")
    content = (tmp_path / "uploads" / session_id).read_bytes()
    await session.commit(digest_of(content))
    assert await pull(store, digest_of(content)) == content
