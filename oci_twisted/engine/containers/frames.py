"""
Standard output and error in one stream, as Docker's API has them.

Each frame has a head of eight bytes: which stream it belongs to, three zeros, and the length of what follows.
Processes with a terminal have one stream and no frames.
"""

from __future__ import annotations

from enum import IntEnum
from struct import Struct

from oci_twisted.engine.errors import EngineError, StreamCorrupt

_HEAD = Struct(">BxxxI")
_SIZE = _HEAD.size
_LINE_END = ord("\n")
# Where an engine says, in the middle of a stream, that it cannot go on.
_SYSTEM = 3
# No line of a log is longer in a frame; Docker cuts them at 16 KiB.
_WHOLE_LIMIT = 4 << 20


class Stream(IntEnum):
    """What a process writes to, by its file descriptor."""

    STDOUT = 1
    STDERR = 2


# Docker has zero for what it echoes of the input, which is output to whoever reads.
_STREAMS = {0: Stream.STDOUT, 1: Stream.STDOUT, 2: Stream.STDERR}


class Frames:
    """
    Takes frames apart, however the bytes come.

    :param whole: whether a frame is kept until all of it is there.  Otherwise what is there of it is given at once, and
        nothing but a head is ever kept.
    """

    def __init__(self, *, whole: bool = False) -> None:
        self._whole = whole
        self._rest = bytearray()
        self._needed = 0
        self._stream = Stream.STDOUT
        self._left = 0
        self._error: EngineError | None = None

    def feed(self, content: bytes) -> list[tuple[Stream, bytes]]:
        """
        Answer what is in some more bytes, in order; no part is empty.

        What is wrong behind some output is raised by whatever is called next: `check`, for instance.

        :raise StreamCorrupt: when it is no frames.
        :raise EngineError: when the engine says in one that something is wrong.
        """
        self.check()
        content = self._with_rest(content)
        parts: list[tuple[Stream, bytes]] = []
        position, end, left, stream, whole = 0, len(content), self._left, self._stream, self._whole
        while position < end:
            if not left:
                if content[position] == _LINE_END and not whole:
                    # Podman 4 counts a line of the log without its end, which it sends behind the frame.
                    parts.append((stream, b"\n"))
                    position += 1
                    continue
                if end - position < _SIZE:
                    self._keep(content[position:], _SIZE)
                    break
                number, left = _HEAD.unpack_from(content, position)
                if number not in _STREAMS or (whole and left > _WHOLE_LIMIT):
                    self._error = self._strange(number, content[position : position + _SIZE + left])
                    if not parts:
                        raise self._error
                    return parts
                if whole and end - position - _SIZE < left:
                    self._keep(content[position:], _SIZE + left)
                    left = 0
                    break
                stream = _STREAMS[number]
                position += _SIZE
                if not left or position == end:
                    continue
            part = content[position : position + left]
            parts.append((stream, part))
            position += len(part)
            left -= len(part)
        self._left, self._stream = left, stream
        return parts

    def check(self) -> None:
        """
        Raise what is wrong behind the output that was answered last.

        :raise EngineError: if something is.
        """
        if self._error is not None:
            raise self._error

    def end(self) -> None:
        """
        Know that no more bytes come.

        :raise StreamCorrupt: when they ended within a frame.
        :raise EngineError: as `check` does.
        """
        self.check()
        if self._left or self._rest:
            raise StreamCorrupt("a process's output broke off in the middle of a frame")

    def _with_rest(self, content: bytes) -> bytes:
        """Answer some more bytes behind what is kept; nothing, if they are still too few."""
        if not self._rest:
            return content
        self._rest += content
        if len(self._rest) < self._needed:
            return b""
        whole = bytes(self._rest)
        self._rest.clear()
        return whole

    def _keep(self, content: bytes, needed: int) -> None:
        """Keep what is of no use before there is more."""
        self._rest += content
        self._needed = needed

    @staticmethod
    def _strange(number: int, content: bytes) -> EngineError:
        if number == _SYSTEM:
            return EngineError(content[_SIZE:].decode("utf-8", "replace").strip() or "the engine could not go on")
        return StreamCorrupt(f"a process's output is not in frames: {content[:_SIZE]!r}")


def joined(parts: list[tuple[Stream, bytes]]) -> list[tuple[Stream, bytes]]:
    """Answer the same with neighbours of one stream made one: an engine sends a frame a line."""
    runs: list[tuple[Stream, bytes]] = []
    run: list[bytes] = []
    previous: Stream | None = None
    for stream, content in parts:
        if stream is not previous:
            if previous is not None:
                runs.append((previous, b"".join(run)))
            previous, run = stream, []
        run.append(content)
    if previous is not None:
        runs.append((previous, b"".join(run)))
    return runs
