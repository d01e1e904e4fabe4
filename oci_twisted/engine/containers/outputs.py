"""
Processes whose output is collected, for those who only want to know what came out.
"""

from __future__ import annotations

from collections.abc import AsyncIterable
from typing import TYPE_CHECKING, Any

from attrs import field, frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.protocol import ProcessProtocol

from oci_twisted.engine.errors import ContainerFailed
from oci_twisted.engine.transport.uploads import Upload

if TYPE_CHECKING:
    from twisted.python.failure import Failure

    from oci_twisted.engine.containers.processes import ContainerProcess
    from oci_twisted.engine.requests import Body

# Of standard output and of standard error each.
OUTPUT_LIMIT = 1 << 20
_END = 4096


@frozen
class Output:
    """
    How a process ended, and what it wrote.

    :ivar stdout: the beginning of its standard output, all of it unless ``truncated``; with a terminal both are here.
    :ivar stderr: of its standard error.
    :ivar truncated: whether one of them was longer than what is kept.
    """

    exit_code: int
    stdout: bytes = field(repr=False)
    stderr: bytes = field(repr=False)
    truncated: bool = False


class _Kept:
    """The beginning of some output, and its end."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._end = b""
        self.beginning = bytearray()
        self.truncated = False

    def write(self, content: bytes) -> None:
        """Take some more."""
        room = self._limit - len(self.beginning)
        self.beginning += content[:room]
        self.truncated = self.truncated or len(content) > room
        self._end = (self._end + content)[-_END:]

    @property
    def end(self) -> bytes:
        """The last of it."""
        return self._end


class Collector(ProcessProtocol):
    """
    Keeps what a process writes.

    :param limit: so many bytes of each stream; the rest is read and thrown away.
    """

    def __init__(self, limit: int = OUTPUT_LIMIT) -> None:
        self._stdout = _Kept(limit)
        self._stderr = _Kept(limit)

    def outReceived(self, data: bytes) -> None:
        """Keep it."""
        self._stdout.write(data)

    def errReceived(self, data: bytes) -> None:
        """Keep it."""
        self._stderr.write(data)

    def output(self, exit_code: int, *, what: str, check: bool) -> Output:
        """
        Answer all that is known.

        :param what: ended, for the error's sentence.
        :raise ContainerFailed: for another exit code than 0, if ``check``.
        """
        if check and exit_code:
            end = self._stderr.end or self._stdout.end
            said = end.decode("utf-8", "replace").strip().rpartition("\n")[2]
            sentence = f"{what} ended with {exit_code}" + (f": {said}" if said else "")
            raise ContainerFailed(sentence, exit_code=exit_code, stderr=self._stderr.end)
        truncated = self._stdout.truncated or self._stderr.truncated
        return Output(exit_code, bytes(self._stdout.beginning), bytes(self._stderr.beginning), truncated)


def check_input(content: Body) -> None:
    """
    Know before anything is started whether it can be a standard input.

    :raise TypeError: when it cannot.
    """
    if content is not None and not isinstance(content, bytes | AsyncIterable):
        raise TypeError(f"a standard input is bytes, or an asynchronous iterable of them, not {type(content).__name__}")


async def fed(process: ContainerProcess, content: Body) -> int:
    """
    Give a process its standard input, and answer its exit code.

    :param content: ``None`` where it has no standard input.
    :raise Exception: whatever the content's source raises; the process is let go of then, and when we are cancelled.
    """
    broken: list[Failure] = []

    def give_up(failure: Failure) -> None:
        if not failure.check(CancelledError):
            broken.append(failure)
            process.close()

    feeding: Deferred[Any] = Deferred.fromCoroutine(_feed(process, content))
    feeding.addErrback(give_up)
    try:
        return await process.wait()
    except CancelledError:
        if broken:
            broken[0].raiseException()
        raise
    finally:
        process.close()
        feeding.cancel()


async def _feed(process: ContainerProcess, content: Body) -> None:
    if content is None:
        return
    if isinstance(content, bytes):
        process.write(content)
    else:
        await Upload(process, lambda: None, chunked=False).send(content)
    process.closeStdin()
