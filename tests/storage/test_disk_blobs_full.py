"""
Blobs on a disk that is full.
"""

from __future__ import annotations

import os
import resource
import subprocess
from functools import partial
from typing import TYPE_CHECKING

import pytest

from oci_twisted.spec.digests import SHA256, digest_of
from oci_twisted.spec.errors import StorageFull
from oci_twisted.testing.blobs import pull, push
from oci_twisted.testing.waiting import waits
from tests.storage.disks import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MIB = 1 << 20


@pytest.fixture
def small_disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """Give a file system of 1 MiB, with room for as many files as the test asks for."""
    root = tmp_path / "small"
    root.mkdir()
    run = partial(subprocess.run, check=True, capture_output=True)
    options = f"size={MIB},nr_inodes={getattr(request, 'param', 1000)}"
    try:
        run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(root)])
    except (OSError, subprocess.CalledProcessError) as error:
        if os.environ.get("CI") == "true" and os.geteuid() == 0:
            raise
        pytest.skip(f"cannot mount a small file system: {error}")
    yield root
    # Also when a test has failed, and has left a file open.
    run(["umount", "--lazy", str(root)])


@waits
async def test_full_disk(small_disk: Path) -> None:
    """When the disk is full a push is refused, pulls go on, and so does the push when there is room again."""
    store = open_store(small_disk)
    other = os.urandom(MIB // 2)
    digest = await push(store, other)
    session = await store.begin("session", SHA256)
    first, second = os.urandom(MIB // 4), os.urandom(MIB // 2)
    await session.append(first)
    for _ in range(2):
        with pytest.raises(StorageFull):
            await session.append(second)
        assert session.offset == await store.received("session") == len(first)
    assert await pull(store, digest) == other
    # A process that starts now finds everything.
    restarted = open_store(small_disk)
    assert await pull(restarted, digest) == other
    assert await store.delete(digest)
    await session.append(second)
    content = first + second
    await session.commit(digest_of(content))
    assert await pull(store, digest_of(content)) == content


# Enough to open, to push a blob and to begin a session.
@pytest.mark.parametrize("small_disk", [12], indirect=True)
@waits
async def test_disk_without_room_for_files(small_disk: Path) -> None:
    """When there is no room for a folder, a commit is refused, and succeeds when there is room again."""
    store = open_store(small_disk)
    digest = await push(store, b"other")
    session = await store.begin("session", SHA256)
    await session.append(b"something")
    fillers = fill(small_disk)
    with pytest.raises(StorageFull):
        await session.commit(digest_of(b"something"))
    with pytest.raises(StorageFull):
        await store.begin("another", SHA256)
    assert await store.received("session") == session.offset == len(b"something")
    # A process that starts now serves what is there.
    restarted = open_store(small_disk)
    assert await pull(restarted, digest) == b"other"
    for path in fillers:
        path.unlink()
    await store.delete(digest)
    await session.commit(digest_of(b"something"))
    assert await pull(store, digest_of(b"something")) == b"something"


def fill(folder: Path) -> list[Path]:
    """Make files until there is no room for another one."""
    made: list[Path] = []
    while True:
        path = folder / f"filler-{len(made)}"
        try:
            path.touch()
        except OSError:
            return made
        made.append(path)


@pytest.fixture
def small_files() -> Iterator[None]:
    """Let no file of this process become larger than 1 MiB."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (MIB, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("small_files")
@waits
async def test_limit_of_a_file(tmp_path: Path) -> None:
    """A blob that is larger than a file may be is refused at the chunk that is too much, which is not kept."""
    store = open_store(tmp_path)
    session = await store.begin("session", SHA256)
    content = os.urandom(MIB - 10)
    await session.append(content)
    with pytest.raises(StorageFull):
        await session.append(bytes(100))
    assert session.offset == await store.received("session") == len(content)
    await session.append(bytes(10))
    content += bytes(10)
    await session.commit(digest_of(content))
    assert await pull(store, digest_of(content)) == content
