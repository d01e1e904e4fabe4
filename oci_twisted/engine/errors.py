"""
Everything that an engine, or the way to it, can refuse: one tree.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oci_twisted.engine.requests import Request


class EngineError(Exception):
    """
    An engine did not do what it was asked to.

    :ivar message: what is wrong, in the engine's words where there are any.
    :ivar status: of the engine's answer; ``None`` when there was none.
    :ivar request: what was asked for, where one request was.
    """

    advice = "Read the engine's log: it failed, or refuses such requests."

    def __init__(self, message: str, *, status: int | None = None, request: Request | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.request = request

    def __str__(self) -> str:
        asked = f"{self.request}: " if self.request is not None else ""
        status = f" (status {self.status})" if self.status is not None else ""
        # Twisted's sentences, and some of the engines', have an end already.
        return f"{asked}{self.message.rstrip('.')}{status}. {self.advice}"


class NotFound(EngineError):
    """There is no such image, container, network, volume, file ... ."""

    advice = "Look at what there is, or make it first."


class Conflict(EngineError):
    """The name is taken, or something is in use, or in a state in which this cannot be done."""

    advice = "Remove or stop what is in the way, or ask for it by force where the operation can."


class Unauthorized(EngineError):
    """The engine, or a registry behind it, wants to know who is asking, or does not let them."""

    advice = "Log in, or give credentials that may do this."


class NotModified(EngineError):
    """It was so already: a container that runs is started, one that has stopped is stopped."""

    advice = "Nothing is to be done."


class Invalid(EngineError):
    """The engine does not understand a parameter, or refuses its value."""

    advice = "Correct what the message names."


class PullCause(Enum):
    """Why an image could not be pulled."""

    AUTHENTICATION_REQUIRED = "authentication required"
    NOT_FOUND = "not found"
    RATE_LIMITED = "rate limited"
    DISK_FULL = "disk full"
    PLATFORM_MISMATCH = "platform mismatch"
    UNREACHABLE = "registry unreachable"
    OTHER = "other"


_PULL_ADVICE = {
    PullCause.AUTHENTICATION_REQUIRED: "Log in to the registry, or check the image's name: it may be private.",
    PullCause.NOT_FOUND: "Check the image's name and tag.",
    PullCause.RATE_LIMITED: "Wait, or log in to the registry for a higher limit.",
    PullCause.DISK_FULL: "Make room where the engine keeps its images, for instance by removing unused ones.",
    PullCause.PLATFORM_MISMATCH: "Ask for a platform that the image is there for.",
    PullCause.UNREACHABLE: "Check that the engine's machine reaches the registry, and trusts its certificate.",
    PullCause.OTHER: "Read the engine's log.",
}


class PullFailed(EngineError):
    """
    An image could not be pulled.

    :ivar cause: why, as far as the engine says.
    :ivar retry_after: seconds after which the registry may be asked again, where it said so.
    """

    def __init__(
        self,
        message: str,
        *,
        cause: PullCause = PullCause.OTHER,
        retry_after: float | None = None,
        status: int | None = None,
        request: Request | None = None,
    ) -> None:
        super().__init__(message, status=status, request=request)
        self.cause = cause
        self.retry_after = retry_after
        self.advice = _PULL_ADVICE[cause]


class PushFailed(PullFailed):
    """An image could not be pushed; the causes are the same."""


class CredentialsFailed(EngineError):
    """Credentials for a registry are kept somewhere, and cannot be had from there.  Nothing was sent."""

    advice = "Mend the configuration or the helper that it names, or give the credentials with the call."


class BuildFailed(EngineError):
    """
    An image could not be built.

    :ivar output: the end of what the build had printed before.
    """

    advice = "Correct the step that failed; the end of the build's output is in `output`."

    def __init__(
        self, message: str, *, output: str = "", status: int | None = None, request: Request | None = None
    ) -> None:
        super().__init__(message, status=status, request=request)
        self.output = output


class ContainerFailed(EngineError):
    """
    A container, or a process in it, ended with an error, or did not begin.

    :ivar exit_code: of its process; ``None`` when there was none.
    :ivar stderr: the end of what it wrote to its standard error, where that was read.
    """

    advice = "Look at what it wrote; the end of its standard error is in `stderr`."

    def __init__(
        self,
        message: str,
        *,
        exit_code: int | None = None,
        stderr: bytes = b"",
        status: int | None = None,
        request: Request | None = None,
    ) -> None:
        super().__init__(message, status=status, request=request)
        self.exit_code = exit_code
        self.stderr = stderr


class StreamCorrupt(EngineError):
    """What came from the engine broke off, or is not what it should be."""

    advice = "Ask again; if it repeats, something between here and the engine damages what passes."


class ConnectionFailed(EngineError):
    """
    The engine cannot be reached, or went away.

    :ivar reasons: what was tried, and how it ended.
    """

    advice = "Check that the engine runs there, and that you may use it."

    def __init__(
        self,
        message: str,
        *,
        reasons: Sequence[str] = (),
        status: int | None = None,
        request: Request | None = None,
    ) -> None:
        super().__init__(message, status=status, request=request)
        self.reasons = tuple(reasons)


class ClientClosed(ConnectionFailed):
    """The client was closed by whoever has it."""

    advice = "Make another client."


class TimedOut(ConnectionFailed):
    """The engine did not connect, begin to answer or go on in time."""

    advice = "Check that the engine is alive; give it more time if it is only slow."


class HostKeyRefused(ConnectionFailed):
    """
    The key of an SSH server is not known to be its own.  Nothing was sent to it.
    """

    advice = "Do not connect before you know why."

    def __init__(
        self, message: str, *, advice: str | None = None, status: int | None = None, request: Request | None = None
    ) -> None:
        super().__init__(message, status=status, request=request)
        if advice is not None:
            self.advice = advice


class Unsupported(EngineError):
    """The engine, or its version, cannot do it.  Nothing was done; where that is known beforehand, nothing was sent."""

    advice = "Use another engine, or a newer one, or do without."
