"""
What pulls and pushes have in common: a stream of progress that ends in a value, or in why there is none.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Generic, Self, TypeVar

from oci_twisted.engine.errors import PullFailed, Unsupported
from oci_twisted.engine.images.causes import complaint_of, failure
from oci_twisted.engine.images.progress import ProgressTracker
from oci_twisted.engine.interfaces import IPlainRegistries

if TYPE_CHECKING:
    from types import TracebackType

    from oci_twisted.engine.calls import Calls
    from oci_twisted.engine.images.progress import OnProgress, Progress
    from oci_twisted.engine.interfaces import IMessageStream
    from oci_twisted.engine.requests import Json, Request

T = TypeVar("T")


class Transfer(ABC, Generic[T]):
    """
    An image on its way between an engine and a registry: an asynchronous iterator of `Progress`.

    Read it to its end or ask for its `result`; otherwise, close it, or leave it as an asynchronous context.  When it is
    closed, or a wait for it cancelled, its connection is, and the engine ends the transfer.

    Iterating raises `PullFailed` or `PushFailed` for what the engine says to be wrong, and `StreamCorrupt` when the
    engine breaks off.

    :param request: for errors.
    """

    failed: ClassVar[type[PullFailed]]

    def __init__(self, calls: Calls, messages: IMessageStream, request: Request) -> None:
        self._calls = calls
        self._messages = messages
        self._request = request
        self._tracker = ProgressTracker(calls.reactor)
        self._failure: PullFailed | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Progress:
        while True:
            if self._failure is not None:
                raise self._failure
            message = await self._messages.__anext__()
            complaint = complaint_of(message)
            if complaint is not None:
                self.close()
                self._failure = failure(self.failed, complaint, request=self._request)
                continue
            self._observe(message)
            progress = self._tracker.follow(message)
            if progress is not None:
                return progress

    async def result(self, on_progress: OnProgress | None = None) -> T:
        """
        Wait for the end, and answer what came of it.

        :param on_progress: called with each event until then.
        :raise EngineError: as iterating does.
        """
        try:
            async for progress in self:
                if on_progress is not None:
                    on_progress(progress)
            return await self._finish()
        finally:
            self.close()

    def close(self) -> None:
        """Break it off, unless it is at its end.  May be called again."""
        self._messages.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @abstractmethod
    def _observe(self, message: dict[str, Json]) -> None:
        """Note what a message says of the result."""

    @abstractmethod
    async def _finish(self) -> T:
        """Answer the result, when everything has come."""


def check_tls_choice(calls: Calls, verify_tls: bool | None) -> None:  # noqa: FBT001 - a parameter's value
    """
    Refuse to say whether a registry has to prove itself where that is not ours to say.

    :raise Unsupported: when it is not.  Nothing has been sent.
    """
    if verify_tls is not None and not IPlainRegistries.providedBy(calls.connection):
        raise Unsupported("which registries need no TLS is for this engine's own configuration to say")
