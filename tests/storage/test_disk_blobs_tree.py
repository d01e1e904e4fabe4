"""
The tree of blobs: listed, changed by two at once, damaged and mended.
"""

from __future__ import annotations

import errno
import os
from functools import partial
from typing import TYPE_CHECKING

import pytest

from oci_twisted.spec.digests import SHA256, SHA512, digest_of
from oci_twisted.spec.errors import Unavailable
from oci_twisted.testing.blobs import pull, push, walk
from oci_twisted.testing.waiting import waits
from tests.storage.disks import FailingDisk, MeddlingDisk, WatchedDisk, content_file, open_store

if TYPE_CHECKING:
    from pathlib import Path


@waits
async def test_list_passes_over_strangers(tmp_path: Path) -> None:
    """What is in the tree and is no blob, such as what a crash has left, is not listed."""
    store = open_store(tmp_path)
    pushed = {await push(store, os.urandom(10), algorithm) for algorithm in (SHA256, SHA512) for _ in range(5)}
    tree = tmp_path / "blobs" / "sha256"
    (tree / ("ab" * 32)).touch()
    (tree / "notes").mkdir()
    (tree / "notes" / "data").touch()
    (tree / "00" / ("0" * 64)).mkdir(parents=True)
    (tmp_path / "blobs" / "md5").mkdir()
    found = await walk(store, 3)
    assert set(found) == pushed
    assert found == sorted(found)


@waits
async def test_list_without_a_folder(tmp_path: Path) -> None:
    """Where somebody has removed a folder there is nothing."""
    store = open_store(tmp_path)
    (tmp_path / "blobs" / "sha256").rmdir()
    assert await walk(store, 3) == []


@waits
async def test_page_reads_what_it_touches(tmp_path: Path) -> None:
    """A page does not look into the folders before it, nor into those behind it."""
    store = open_store(tmp_path)
    digests = sorted({await push(store, os.urandom(10)) for _ in range(30)})
    tree = tmp_path / "blobs" / "sha256"
    needed = {digest.encoded[:2] for digest in digests[10:16]}
    for folder in tree.iterdir():
        if folder.name not in needed:
            # A folder that cannot be read would be noticed.
            folder.rename(tmp_path / folder.name)
            folder.symlink_to(folder.name)
    page = await store.digests(digests[10], 4)
    assert page.items == tuple(digests[11:15])
    assert page.more


# Two at once


@waits
async def test_delete_comes_between(tmp_path: Path) -> None:
    """A delete that removes the folder before a commit of the same blob has put it there does not lose it."""
    disk = MeddlingDisk()
    store = open_store(tmp_path, disk)
    path = content_file(tmp_path, b"content")
    disk.meddle_before["rename data"] = path.parent.rmdir
    await push(store, b"content")
    assert path.read_bytes() == b"content"


@waits
async def test_delete_comes_right_after(tmp_path: Path) -> None:
    """A commit of a blob that is deleted before its folder is synced has happened, and so has the delete."""
    disk = MeddlingDisk()
    store = open_store(tmp_path, disk)
    path = content_file(tmp_path, b"content")

    def delete() -> None:
        path.unlink()
        path.parent.rmdir()

    disk.meddle_after["rename data"] = delete
    await push(store, b"content")
    assert await store.stat(digest_of(b"content")) is None


@waits
async def test_commit_comes_between(tmp_path: Path) -> None:
    """A commit that comes while the same blob is deleted survives the delete."""
    disk = MeddlingDisk()
    store = open_store(tmp_path, disk)
    digest = await push(store, b"content")
    path = content_file(tmp_path, b"content")
    disk.meddle_after["unlink data"] = lambda: path.write_bytes(b"content")
    assert await store.delete(digest)
    assert await pull(store, digest) == b"content"


@waits
async def test_two_deletes(tmp_path: Path) -> None:
    """Two who delete one blob at the same time do not get into each other's way."""
    disk = MeddlingDisk()
    store = open_store(tmp_path, disk)
    digest = await push(store, b"content")
    disk.meddle_after["unlink data"] = content_file(tmp_path, b"content").parent.rmdir
    assert await store.delete(digest)
    assert not await store.delete(digest)


@waits
async def test_delete_fails(tmp_path: Path) -> None:
    """A delete that the disk refuses is an error."""
    digest = digest_of(b"content")
    disk = FailingDisk(f"remove {digest.encoded}", error=OSError(errno.EIO, "Input/output error"))
    store = open_store(tmp_path, disk)
    await push(store, b"content")
    with pytest.raises(Unavailable):
        await store.delete(digest)


@waits
async def test_folder_is_gone_after_delete(tmp_path: Path) -> None:
    """A blob that was deleted leaves no folder of its own, and is durably gone."""
    disk = WatchedDisk()
    store = open_store(tmp_path, disk)
    digest = await push(store, b"content")
    disk.calls.clear()
    await store.delete(digest)
    assert not content_file(tmp_path, b"content").parent.exists()
    assert disk.calls == ["unlink data", f"remove {digest.encoded}", f"sync {digest.encoded[:2]}"]


@waits
async def test_folder_that_somebody_removed(tmp_path: Path) -> None:
    """A two-digit folder that was removed is made again, durably."""
    disk = WatchedDisk()
    store = open_store(tmp_path, disk)
    digest = await push(store, b"content")
    await store.delete(digest)
    (tmp_path / "blobs" / "sha256" / digest.encoded[:2]).rmdir()
    disk.calls.clear()
    await push(store, b"content")
    assert disk.calls[-1] == "sync sha256"


@waits
async def test_two_make_a_folder(tmp_path: Path) -> None:
    """Commits of two processes that make the same folders at the same time both succeed."""
    disk = MeddlingDisk()
    store = open_store(tmp_path, disk)
    path = content_file(tmp_path, b"content")
    # The first attempt finds no folder above.
    disk.meddle_before[f"make {path.parent.parent.name}"] = partial(path.parent.mkdir, parents=True)
    await push(store, b"content")
    assert path.read_bytes() == b"content"


# Damage


@waits
async def test_push_heals(tmp_path: Path) -> None:
    """A blob whose bytes the disk has lost is whole again when it is pushed again; who reads it reads on."""
    store = open_store(tmp_path)
    digest = await push(store, b"content")
    path = content_file(tmp_path, b"content")
    path.write_bytes(b"c0ntent")
    reader = await store.open(digest)
    await push(store, b"content")
    assert path.read_bytes() == b"content"
    assert await pull(store, digest) == b"content"
    reader.close()
