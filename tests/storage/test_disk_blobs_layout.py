"""
The folder that blobs are stored in: how it is made, refused, walked and shared.
"""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from oci_twisted.spec.digests import digest_of
from oci_twisted.storage.disk.layout import RootTooNew, RootUnusable
from oci_twisted.testing.blobs import pull, push
from oci_twisted.testing.waiting import waits
from tests.storage.disks import FailingDisk, LosingDisk, MeddlingDisk, WatchedDisk, content_file, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator


@waits
async def test_new_root(tmp_path: Path) -> None:
    """A folder is made with all that leads to it, for nobody else to read."""
    root = tmp_path / "some" / "where"
    await push(open_store(root), b"content")
    assert (root / "layout").read_text() == "1\n"
    assert content_file(root, b"content").read_bytes() == b"content"
    for path in (root.parent, root, *root.rglob("*")):
        assert path.stat().st_mode & 0o7777 == (0o700 if path.is_dir() else 0o600)


def test_relative_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that is named from where the program stands stays the same when the program goes elsewhere."""
    monkeypatch.chdir(tmp_path)
    store = open_store(Path("here"))
    monkeypatch.chdir("/")
    assert (tmp_path / "here" / "blobs").is_dir()
    push(store, b"content").close()


def test_new_root_is_durable(tmp_path: Path) -> None:
    """What is made on the way is durable before the first blob comes."""
    disk = WatchedDisk()
    open_store(tmp_path / "root", disk)
    assert disk.calls[:2] == ["make root", f"sync {tmp_path.name}"]
    marked = disk.calls.index("rename layout")
    assert disk.calls[marked - 1].startswith("sync layout.")
    made = [f"make {folder}" for folder in ("uploads", "blobs", "sha256", "sha512")]
    assert disk.calls[marked + 1 : -4] == [*made, "sync root", "sync blobs"]


@waits
async def test_root_that_another_process_has_made(tmp_path: Path) -> None:
    """What was made by a process that died before it was durable is durable before the first blob is."""
    open_store(tmp_path / "root", WatchedDisk())
    disk = LosingDisk(tmp_path / "root")
    digest = await push(open_store(tmp_path / "root", disk), b"content")
    disk.restore(tmp_path / "left", names_are_kept=False)
    assert content_file(tmp_path / "left", b"content").read_bytes() == b"content"
    assert digest == digest_of(b"content")


def test_root_in_use(tmp_path: Path) -> None:
    """To open a folder that was in use takes as long whatever is in it, and changes nothing."""
    open_store(tmp_path)
    content_file(tmp_path, b"content").parent.mkdir(parents=True)
    content_file(tmp_path, b"content").touch()
    before = sorted(tmp_path.rglob("*"))
    disk = WatchedDisk()
    open_store(tmp_path, disk)
    steps = ["make", "make", "make", "make", "sync", "sync", "unlink", "create", "rename", "unlink"]
    assert [call.split()[0] for call in disk.calls] == steps
    assert sorted(tmp_path.rglob("*")) == before


def test_two_processes_make_one_root(tmp_path: Path) -> None:
    """Another process that makes the same folders at the same time is no obstacle."""
    root = tmp_path / "root"
    disk = MeddlingDisk()
    for folder in (root, root / "uploads", root / "blobs", root / "blobs" / "sha256"):
        disk.meddle_before[f"make {folder.name}"] = partial(folder.mkdir, parents=True)
    open_store(root, disk)
    assert not disk.meddle_before


def test_root_of_a_newer_version(tmp_path: Path) -> None:
    """A folder that a newer version has made is left alone, and whoever asks for it is told what to do."""
    open_store(tmp_path)
    (tmp_path / "layout").write_text("2\n")
    with pytest.raises(RootTooNew, match=r"layout 2, made by a newer version.*install the newer version"):
        open_store(tmp_path)


def test_root_with_an_odd_marker(tmp_path: Path) -> None:
    """A folder whose version cannot be read is left alone."""
    (tmp_path / "layout").write_bytes(b"\xff\xfe")
    with pytest.raises(RootUnusable, match="does not hold the version"):
        open_store(tmp_path)
    assert not (tmp_path / "blobs").exists()


def test_root_that_is_a_file(tmp_path: Path) -> None:
    """A file is no folder to store in."""
    (tmp_path / "file").touch()
    with pytest.raises(RootUnusable, match=f"cannot store in {tmp_path}/file: Not a directory"):
        open_store(tmp_path / "file")


@pytest.mark.parametrize("call", ["make root", "sync root"])
def test_root_on_a_broken_disk(tmp_path: Path, call: str) -> None:
    """Whatever else the disk says is repeated, with the folder's name."""
    with pytest.raises(RootUnusable, match=f"cannot store in {tmp_path}/root: Input/output error .*root"):
        open_store(tmp_path / "root", FailingDisk(call, error=OSError(errno.EIO, "Input/output error")))


def test_root_on_two_file_systems(tmp_path: Path) -> None:
    """Where a blob could not be renamed into its place, it is said at once, and nothing is left behind."""
    call = f"rename .probe.{os.getpid()}"
    with pytest.raises(RootUnusable, match="blobs and uploads are on two file systems"):
        open_store(tmp_path, FailingDisk(call, error=OSError(errno.EXDEV, "Invalid cross-device link")))
    assert list((tmp_path / "uploads").iterdir()) == []


@waits
async def test_full_root_is_opened(tmp_path: Path) -> None:
    """A registry starts although its disk is full, because it can be pulled from."""
    await push(open_store(tmp_path), b"content")
    call = f"create .probe.{os.getpid()}"
    store = open_store(tmp_path, FailingDisk(call, error=OSError(errno.ENOSPC, "No space left on device")))
    assert await pull(store, digest_of(b"content")) == b"content"


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """Give a folder that has been in use and cannot be written to any more."""
    root = tmp_path / "root"
    if os.geteuid() != 0:
        open_store(root)
        for folder in (root, root / "uploads", root / "blobs"):
            folder.chmod(0o500)
        yield root
        for folder in (root, root / "uploads", root / "blobs"):
            folder.chmod(0o700)
        return
    # No permission keeps root out.
    root.mkdir()
    run = partial(subprocess.run, check=True, capture_output=True)
    run(["mount", "-t", "tmpfs", "tmpfs", str(root)])
    try:
        open_store(root)
        run(["mount", "-o", "remount,ro", str(root)])
        yield root
    finally:
        run(["umount", "--lazy", str(root)])


def test_read_only_root(read_only: Path) -> None:
    """A folder that cannot be written to is refused at the start, not at the first push."""
    with pytest.raises(RootUnusable, match=f"cannot store in {read_only}: (Read-only file system|Permission denied)"):
        open_store(read_only)


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o277])
def test_umask(tmp_path: Path, umask: int) -> None:
    """The umask takes away from what the owner may do, and gives nobody else anything."""
    program = (
        "import os, sys; from oci_twisted.storage.disk.durable import Disk; os.umask(int(sys.argv[1])); "
        "os.close(Disk().create(sys.argv[2])); Disk().make_folder(sys.argv[3])"
    )
    arguments = [str(umask), str(tmp_path / "file"), str(tmp_path / "folder")]
    subprocess.run([sys.executable, "-c", program, *arguments], check=True)  # noqa: S603 - our own
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600 & ~umask
    assert (tmp_path / "folder").stat().st_mode & 0o777 == 0o700 & ~umask
