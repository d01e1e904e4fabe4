"""
A small file that is read again when it changes.
"""

from __future__ import annotations

import os
import stat
from hashlib import blake2b
from typing import TYPE_CHECKING, Generic, TypeVar

from twisted.logger import Logger

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TypeAlias

    from twisted.internet.interfaces import IReactorTime

    # What shows that a file was changed or replaced, by any means; ``None`` when it cannot be seen.
    Signature: TypeAlias = "tuple[int, int, int, int] | None"

T = TypeVar("T")

_INTERVAL = 1.0
# It is read where it is asked for, so it must not take long.
_MOST_BYTES = 1 << 20


class FileUnusable(Exception):
    """A file that cannot be read or makes no sense; the message is a sentence for the operator."""


class WatchedFile(Generic[T]):
    """
    What a file says.

    It is looked at when it is asked for, once a second at most; so a change holds within a second.  When it is missing
    or makes no sense any more, what it said before holds on, and the log says why, once for each change.

    :param parse: makes sense of the bytes.  It raises `ValueError` with a sentence for the operator, which must not
        repeat anything of the file that is secret.
    :raise FileUnusable: when there is nothing yet that could hold on.
    """

    _log = Logger()

    def __init__(self, path: Path, parse: Callable[[bytes], T], clock: IReactorTime) -> None:
        self._path = path
        self._parse = parse
        self._clock = clock
        self._generation = 0
        self._looked = clock.seconds()
        self._signature = self._sign()
        self._settled = False
        self._complaint: str | None = None
        content = self._read()
        self._current = self._make_sense(content)
        self._digest = _digest(content)

    @property
    def current(self) -> T:
        """What holds now."""
        self._look()
        return self._current

    @property
    def generation(self) -> int:
        """Another number as soon as something else holds."""
        self._look()
        return self._generation

    def _look(self) -> None:
        now = self._clock.seconds()
        if 0 <= now - self._looked < _INTERVAL:
            return
        self._looked = now
        signature = self._sign()
        if signature == self._signature:
            if self._settled:
                return
            # It may have been read while it was being written, and times of files are not fine enough to show that.
            self._settled = True
        else:
            self._signature = signature
            self._settled = False
            self._complaint = None
        try:
            self._take(self._read())
        except FileUnusable as unusable:
            self._complain(str(unusable))

    def _take(self, content: bytes) -> None:
        digest = _digest(content)
        if digest != self._digest:
            self._current = self._make_sense(content)
            self._digest = digest
            self._generation += 1
            self._log.info("{path} was read again", path=str(self._path))
        self._complaint = None

    def _complain(self, sentence: str) -> None:
        if sentence != self._complaint:
            self._complaint = sentence
            self._log.error("{sentence}; what it said before holds on", sentence=sentence)

    def _sign(self) -> Signature:
        try:
            seen = self._path.stat()
        except OSError:
            return None
        return seen.st_mtime_ns, seen.st_ctime_ns, seen.st_size, seen.st_ino

    def _read(self) -> bytes:
        try:
            # Not to wait for whoever would write into a pipe.
            descriptor = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            with open(descriptor, "rb") as file:  # noqa: PTH123 - there is no path to it any more
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise FileUnusable(f"{self._path} is no file")
                content = file.read(_MOST_BYTES + 1)
        except OSError as error:
            raise FileUnusable(f"{self._path} cannot be read: {os.strerror(error.errno or 0)}") from error
        if len(content) > _MOST_BYTES:
            raise FileUnusable(f"{self._path} is larger than {_MOST_BYTES} bytes")
        return content

    def _make_sense(self, content: bytes) -> T:
        try:
            return self._parse(content)
        except ValueError as error:
            # Without the cause, whose frames hold what was read.
            raise FileUnusable(f"{self._path}, {error}") from None


def _digest(content: bytes) -> bytes:
    return blake2b(content, digest_size=32).digest()
