"""
What containers have written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from attrs import frozen

from oci_twisted.engine.containers.deliveries import Split
from oci_twisted.engine.containers.frames import Frames, Stream, joined
from oci_twisted.engine.errors import StreamCorrupt
from oci_twisted.engine.instants import Instant, encode_instant, parse_instant

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from twisted.internet.interfaces import IConsumer

    from oci_twisted.engine.calls import Calls
    from oci_twisted.engine.interfaces import IByteStream

# A longer line is given in parts.
LINE_LIMIT = 1 << 20


@frozen
class LogChunk:
    """Some output: as many lines as had come, the last of which may be cut off anywhere."""

    stream: Stream
    content: bytes


@frozen
class LogLine:
    """
    A line of a log.

    :ivar content: without the line's end.
    :ivar time: when it was written, in RFC 3339 with nanoseconds; empty unless that was asked for.
    """

    stream: Stream
    content: bytes
    time: str = ""

    @property
    def instant(self) -> datetime | None:
        """
        When it was written, of which Python keeps microseconds; ``None`` where that was not asked for.

        :raise StreamCorrupt: when the engine has not written a time there.
        """
        try:
            return parse_instant(self.time) if self.time else None
        except ValueError as error:
            raise StreamCorrupt(f"a line of the log has no time, but {self.time[:60]!r}") from error


class Log:
    """
    A container's log, as an asynchronous iterator of chunks, or of `lines`, or delivered to consumers.

    Nothing more is read while about 256 KiB wait to be taken.  It has one reader, in one of these ways.  Cancelling a
    wait closes it.

    :param tty: whether the container has a terminal: then there is one stream.
    :param timestamps: whether each line begins with its time.
    """

    def __init__(self, stream: IByteStream, *, tty: bool, timestamps: bool) -> None:
        self._stream = stream
        self._tty = tty
        self._timestamps = timestamps
        # A long line comes in several frames, each with a time of its own.
        self._frames = None if tty else Frames(whole=timestamps)
        self._chunks: Iterator[tuple[Stream, bytes]] = iter(())

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> LogChunk:
        """
        Take the next chunk.

        :raise StopAsyncIteration: at the end.
        :raise StreamCorrupt: when it breaks off.
        """
        while True:
            for stream, content in self._chunks:
                return LogChunk(stream, content)
            self._chunks = iter(joined(await self.parts()))

    def lines(self, *, limit: int = LINE_LIMIT) -> LogLines:
        """
        Answer an asynchronous iterator of lines instead.

        :param limit: a line that is longer than about so many bytes is given in several.
        """
        return LogLines(self, tty=self._tty, timestamps=self._timestamps, limit=limit)

    async def deliver(self, stdout: IConsumer, stderr: IConsumer | None = None) -> int:
        """
        Write all of it to consumers, as fast as they take it, and answer how many bytes that was.

        The consumers have a push producer meanwhile.  When one calls ``stopProducing``, the log is closed and the
        coroutine raises `CancelledError`.

        :param stderr: takes standard error; ``stdout`` does if ``None``, in the order in which it was written.
        """
        consumer = Split(self._frames, stdout, stderr)
        await self._stream.deliver(consumer)
        if self._frames is not None:
            self._frames.end()
        return consumer.size

    def close(self) -> None:
        """Break off.  May be called again, and always."""
        self._chunks = iter(())
        self._stream.close()

    async def parts(self) -> list[tuple[Stream, bytes]]:
        """Answer what comes next, a frame each."""
        if self._frames is None:
            return [(Stream.STDOUT, await self._stream.__anext__())]
        try:
            self._frames.check()
            return self._frames.feed(await self._stream.__anext__())
        except StopAsyncIteration:
            self._frames.end()
            raise
        except BaseException:
            self.close()
            raise


class LogLines:
    """The lines of a log; see `Log.lines`."""

    def __init__(self, log: Log, *, tty: bool, timestamps: bool, limit: int) -> None:
        self._log = log
        self._tty = tty
        self._timestamps = timestamps
        self._limit = limit
        self._rests: dict[Stream, bytearray] = {}
        self._lines: Iterator[LogLine] = iter(())
        self._ended = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> LogLine:
        """
        Take the next line.

        :raise StopAsyncIteration: at the end.
        :raise StreamCorrupt: when it breaks off.
        """
        while True:
            for line in self._lines:
                return line
            if self._ended:
                raise StopAsyncIteration
            try:
                parts = await self._log.parts()
            except StopAsyncIteration:
                self._ended = True
                self._lines = self._last()
                continue
            # Without frames there is no telling where the engine has cut a line.
            in_frames = self._timestamps and not self._tty
            self._lines = self._timed(parts) if in_frames else self._split(joined(parts))

    def close(self) -> None:
        """Break off."""
        self._lines = iter(())
        self._log.close()

    def _split(self, runs: list[tuple[Stream, bytes]]) -> Iterator[LogLine]:
        for stream, content in runs:
            begun = self._rests.get(stream)
            if begun is not None:
                # What comes of a long line is not looked through again for each of its many pieces.
                begun += content
                if b"\n" not in content and len(begun) <= self._limit:
                    continue
                content = bytes(self._rests.pop(stream))  # noqa: PLW2901 - it begins earlier
            *lines, rest = content.split(b"\n")
            for line in lines:
                yield self._line(stream, line)
            if len(rest) > self._limit:
                yield self._line(stream, rest)
            elif rest:
                self._rests[stream] = bytearray(rest)

    def _timed(self, frames: list[tuple[Stream, bytes]]) -> Iterator[LogLine]:
        for stream, content in frames:
            if stream not in self._rests:
                yield from self._split([(stream, content)])
            else:
                # The rest of a long line, which was cut, and has a time of its own.
                yield from self._split([(stream, content.partition(b" ")[2])])

    def _last(self) -> Iterator[LogLine]:
        # A last line may do without its end.
        for stream, rest in self._rests.items():
            yield self._line(stream, bytes(rest))

    def _line(self, stream: Stream, line: bytes) -> LogLine:
        if self._tty:
            line = line.removesuffix(b"\r")
        if not self._timestamps:
            return LogLine(stream, line)
        time, _, content = line.partition(b" ")
        return LogLine(stream, content, time.decode("latin-1"))


class ContainerLogs:
    """
    The operation that reads logs.

    Nothing bounds `logs`, for a log that is followed pauses as long as the container does: that is the caller's to do,
    who has the log and closes it.
    """

    _calls: Calls

    async def logs(
        self,
        container: str,
        *,
        follow: bool = False,
        stdout: bool = True,
        stderr: bool = True,
        since: Instant | None = None,
        until: Instant | None = None,
        timestamps: bool = False,
        tail: int | None = None,
    ) -> Log:
        """
        Answer what a container has written, which is the caller's to read or close.

        :param follow: what it writes from now on as well, until it ends, however long that takes.
        :param timestamps: whether each line begins with its time, which `LogLine` has apart.
        :param tail: only so many lines, the last.
        """
        # Old engines do not say in the answer whether there are frames.
        fields = await self._calls.fields("a container", "container.inspect", id=container)
        tty = fields.inner("Config").truth("Tty", default=False)
        stream = await self._calls.stream(
            "container.logs",
            id=container,
            follow=follow,
            stdout=stdout,
            stderr=stderr,
            since=encode_instant(since),
            until=encode_instant(until),
            timestamps=timestamps,
            tail=tail,
        )
        return Log(stream, tty=tty, timestamps=timestamps)
