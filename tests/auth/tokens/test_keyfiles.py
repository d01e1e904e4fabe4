"""
Keys in files.
"""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path
from threading import Barrier, Thread

import pytest
from twisted.internet.task import Clock

from oci_twisted.auth.tokens.keyfiles import FileShelf, FolderShelf
from oci_twisted.auth.tokens.keyrings import KeyRing
from oci_twisted.auth.tokens.keys import EDDSA, ES256, KeyUnusable, make_key

NOW = 1_800_000_000.0


def mode_of(path: Path) -> int:
    """Answer who may do what with a file."""
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Name a folder that is not there yet."""
    return tmp_path / "root" / "keys"


def test_keys_are_for_their_owner_only(folder: Path) -> None:
    """The folder and every file in it are nobody else's, and a file's name says when it was made, and its id."""
    shelf = FolderShelf(folder)
    keys = [make_key(EDDSA, NOW), make_key(ES256, NOW + 60)]
    for key in keys:
        shelf.add(key)
    assert mode_of(folder) == 0o700
    files = sorted(folder.iterdir())
    assert [mode_of(path) for path in files] == [0o600, 0o600]
    assert [path.name for path in files] == [
        f"20270115T080000Z-{keys[0].kid}.pem",
        f"20270115T080100Z-{keys[1].kid}.pem",
    ]
    assert [(key.kid, key.created) for key in FolderShelf(folder).load()] == [(key.kid, key.created) for key in keys]


def test_a_key_that_others_can_read_is_refused(folder: Path, tmp_path: Path) -> None:
    """The sentence names the file and says what to do."""
    shelf = FolderShelf(folder)
    shelf.add(make_key(EDDSA, NOW))
    [path] = folder.iterdir()
    own = tmp_path / "own.pem"
    own.write_bytes(make_key(EDDSA, NOW).pem())
    for mode in (0o640, 0o604, 0o620, 0o644):
        for refusing, refused in ((shelf, path), (FileShelf(own), own)):
            refused.chmod(mode)
            with pytest.raises(KeyUnusable, match=rf"others can read .*{refused.name} \(mode {mode:04o}\).*chmod 600"):
                refusing.load()
    for mode in (0o600, 0o400):
        path.chmod(mode)
        assert len(shelf.load()) == 1


def test_a_folder_that_others_can_write_to_is_refused(folder: Path) -> None:
    """Whoever could lay a key there could sign tokens."""
    folder.mkdir(parents=True)
    folder.chmod(0o770)
    with pytest.raises(KeyUnusable, match=r"others can write to .*keys \(mode 0770\).*chmod 700"):
        FolderShelf(folder)


def test_what_is_not_a_key_of_ours_is_refused(folder: Path) -> None:
    """A PEM file that somebody has put there is not overlooked; other files are."""
    shelf = FolderShelf(folder)
    shelf.add(make_key(EDDSA, NOW))
    (folder / "README").write_text("hands off")
    assert len(shelf.load()) == 1
    (folder / "mine.pem").write_bytes(make_key(EDDSA, NOW).pem())
    with pytest.raises(KeyUnusable, match=r"mine\.pem was not made by oci-twisted"):
        shelf.load()


def test_a_key_is_removed(folder: Path) -> None:
    """It and no other; to remove it twice, as two processes may, is no error."""
    shelf = FolderShelf(folder)
    keys = [make_key(EDDSA, NOW), make_key(EDDSA, NOW)]
    for key in keys:
        shelf.add(key)
    shelf.remove(keys[0])
    shelf.remove(keys[0])
    assert [key.kid for key in shelf.load()] == [keys[1].kid]


def test_what_a_crash_left_is_cleared_away(folder: Path) -> None:
    """A file that was never finished is no key, and the next to change something removes it."""
    shelf = FolderShelf(folder)
    (folder / ".unfinished-0123").write_text("-----BEGIN")
    assert shelf.load() == []
    with shelf.alone():
        assert list(folder.iterdir()) == []


def test_a_key_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """Where there is no folder and none can be made, the sentence says so."""
    (tmp_path / "file").touch()
    with pytest.raises(KeyUnusable, match="cannot keep signing keys in"):
        FolderShelf(tmp_path / "file" / "keys")
    shelf = FolderShelf(tmp_path / "keys")
    (tmp_path / "keys").rmdir()
    with pytest.raises(KeyUnusable, match="cannot write a signing key"):
        shelf.add(make_key(EDDSA, NOW))
    with pytest.raises(KeyUnusable, match="cannot keep signing keys in"), shelf.alone():
        pass
    with pytest.raises(KeyUnusable, match="cannot read the signing keys"):
        shelf.load()


def test_a_key_of_the_operator_is_read(tmp_path: Path) -> None:
    """It may lie anywhere, and be of either kind."""
    path = tmp_path / "own.pem"
    with pytest.raises(KeyUnusable, match=r"there is no signing key at .*own\.pem"):
        FileShelf(path).load()
    for algorithm in (EDDSA, ES256):
        key = make_key(algorithm, NOW)
        path.write_bytes(key.pem())
        path.chmod(0o600)
        ring = KeyRing(FileShelf(path), Clock(), lifetime=330, rotation=None)
        assert (ring.signing().kid, ring.signing().algorithm) == (key.kid, algorithm)
    path.unlink()
    path.mkdir()
    with pytest.raises(KeyUnusable, match="cannot read the signing key"):
        FileShelf(path).load()


def test_workers_that_start_together_have_one_key(folder: Path) -> None:
    """Of threads and of processes that begin at the same moment over an empty folder, one makes the key."""
    workers = 8
    start = Barrier(workers)
    kids: list[str] = []

    def begin() -> None:
        start.wait()
        kids.append(KeyRing(FolderShelf(folder), Clock(), lifetime=330).signing().kid)

    threads = [Thread(target=begin) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    script = (
        "import sys, pathlib\n"
        "from twisted.internet.task import Clock\n"
        "from oci_twisted.auth.tokens.keyfiles import FolderShelf\n"
        "from oci_twisted.auth.tokens.keyrings import KeyRing\n"
        "print(KeyRing(FolderShelf(pathlib.Path(sys.argv[1])), Clock(), lifetime=330).signing().kid)\n"
    )
    command = [sys.executable, "-c", script, str(folder)]
    other = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3])  # noqa: S603
    assert len(kids) == workers
    assert {*kids, other.stdout.strip()} == {kids[0]}
