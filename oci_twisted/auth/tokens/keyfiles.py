"""
Keys in files, which nobody but their owner can read.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import stat
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from oci_twisted.auth.tokens.keys import KeyUnusable, parse_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from oci_twisted.auth.tokens.keys import SigningKey

_FILE_MODE = 0o600
_FOLDER_MODE = 0o700
_OTHERS = 0o077
_OTHERS_WRITE = 0o022
# A PEM of either kind has a quarter of a kilobyte.
_LONGEST = 1 << 16

_WRITTEN = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(r"([0-9]{8}T[0-9]{6}Z)-[A-Za-z0-9_-]{43}\.pem")
_UNFINISHED = ".unfinished-"


class FolderShelf:
    """
    A folder with a PEM file for each key, named for the time at which it was made, and for its id.

    :param folder: made if it is not there; several processes may share it.
    :raise KeyUnusable: when it cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            folder.mkdir(_FOLDER_MODE, parents=True, exist_ok=True)
            mode = folder.stat().st_mode
        except OSError as error:
            raise KeyUnusable(f"cannot keep signing keys in {folder}: {error.strerror}") from error
        if mode & _OTHERS_WRITE:
            raise KeyUnusable(
                f"others can write to {folder} (mode {stat.S_IMODE(mode):04o}), and so could make keys that this "
                f"registry trusts: chmod 700 {folder}"
            )

    def load(self) -> list[SigningKey]:
        """Answer all of them."""
        keys = []
        try:
            names = sorted(name for name in os.listdir(self._folder) if name.endswith(".pem"))  # noqa: PTH208 - names
        except OSError as error:
            raise KeyUnusable(f"cannot read the signing keys in {self._folder}: {error.strerror}") from error
        for name in names:
            match = _NAME.fullmatch(name)
            if match is None:
                raise KeyUnusable(f"{self._folder / name} was not made by oci-twisted; take it out of this folder")
            created = datetime.strptime(match.group(1), _WRITTEN).replace(tzinfo=UTC).timestamp()
            # Another process may have removed it since.
            with suppress(FileNotFoundError):
                keys.append(parse_key(_read(self._folder / name), created, str(self._folder / name)))
        return keys

    def add(self, key: SigningKey) -> None:
        """
        Lay down a new one, whole or not at all.

        :raise KeyUnusable: when it cannot be written.
        """
        created = datetime.fromtimestamp(key.created, UTC).strftime(_WRITTEN)
        unfinished = self._folder / f"{_UNFINISHED}{secrets.token_hex(8)}"
        try:
            _write(unfinished, key.pem())
            unfinished.rename(self._folder / f"{created}-{key.kid}.pem")
            _sync_folder(self._folder)
        except OSError as error:
            with suppress(OSError):
                unfinished.unlink()
            raise KeyUnusable(f"cannot write a signing key to {self._folder}: {error.strerror}") from error

    def remove(self, key: SigningKey) -> None:
        """Do away with one."""
        for path in self._folder.glob(f"*-{key.kid}.pem"):
            path.unlink(missing_ok=True)

    def alone(self) -> AbstractContextManager[None]:
        """Keep other processes from adding and removing."""
        return _locked(self._folder)


class FileShelf:
    """
    A key of the operator's own.

    :param path: of a PEM file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> list[SigningKey]:
        """Answer it."""
        try:
            return [parse_key(_read(self._path), 0.0, str(self._path))]
        except FileNotFoundError as error:
            raise KeyUnusable(f"there is no signing key at {self._path}") from error

    def add(self, key: SigningKey) -> None:
        """Nobody adds to it."""
        raise NotImplementedError

    def remove(self, key: SigningKey) -> None:
        """Nobody takes it away."""
        raise NotImplementedError

    def alone(self) -> AbstractContextManager[None]:
        """Nothing is changed."""
        return nullcontext()


def _read(path: Path) -> bytes:
    """
    Read a file that is nobody else's.

    :raise FileNotFoundError: when there is none.
    :raise KeyUnusable: when it cannot be read, or others can read it too.
    """
    try:
        with path.open("rb") as opened:
            # The file that is open, not whatever has its name by now.
            mode = os.fstat(opened.fileno()).st_mode
            content = opened.read(_LONGEST)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise KeyUnusable(f"cannot read the signing key {path}: {error.strerror}") from error
    if mode & _OTHERS:
        raise KeyUnusable(
            f"others can read the signing key {path} (mode {stat.S_IMODE(mode):04o}): whoever has, can sign tokens; "
            f"chmod 600 {path}, or better, make a new key"
        )
    return content


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _FILE_MODE)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(descriptor)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise KeyUnusable(f"cannot keep signing keys in {folder}: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        # What a process left that died on its way; nobody else is on theirs.
        for path in folder.glob(f"{_UNFINISHED}*"):
            path.unlink(missing_ok=True)
        yield
    finally:
        os.close(descriptor)
