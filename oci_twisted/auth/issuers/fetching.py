"""
Documents of issuers, over HTTP.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import treq
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.protocol import Protocol, connectionDone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from twisted.internet.interfaces import IPushProducer
    from twisted.python.failure import Failure

T = TypeVar("T")

# A description of an issuer has a few KiB, and so has a set of keys.
LARGEST = 1 << 20

_OK = 200
_REDIRECTS = range(300, 400)

Fetch: TypeAlias = Callable[[str], Awaitable[bytes]]


class FetchFailed(Exception):
    """A document could not be fetched; the message is a sentence for the operator."""


def fetch_by(reactor: Any) -> Fetch:  # noqa: ANN401 - it provides several interfaces
    """
    Answer what fetches a document from a URL.

    Certificates are verified, against those that the machine trusts.  Redirects are not followed: they would lead to
    hosts that nobody has named.  A document has `LARGEST` bytes at most.  What it raises is `FetchFailed`; its caller
    bounds how long it may take, by cancelling it.
    """

    async def fetch(url: str) -> bytes:
        try:
            response = await _cancellable(
                treq.get(url, reactor=reactor, persistent=False, allow_redirects=False, unbuffered=True)
            )
            document = _Document()
            response.deliverBody(document)
            content = await document.finished
        except (CancelledError, FetchFailed):
            raise
        except Exception as error:
            # What goes wrong on a connection comes as a list of failures.
            reasons: Sequence[Failure] = getattr(error, "reasons", ())
            why = "; ".join(reason.getErrorMessage() for reason in reasons) or str(error)
            raise FetchFailed(f"{url} cannot be fetched: {why}") from error
        if response.code in _REDIRECTS:
            raise FetchFailed(f"{url} redirects elsewhere, which is not followed; configure the last address itself")
        if response.code != _OK:
            raise FetchFailed(f"{url} answers with status {response.code}")
        return content

    return fetch


def _cancellable(request: Deferred[T]) -> Deferred[T]:
    """
    Answer the same, but for what becomes of it when it is cancelled.

    By itself, a request fails in many ways then: that a name cannot be found, that no answer came.
    """

    def cancel(waiter: Deferred[T]) -> None:
        waiter.errback(CancelledError())
        request.cancel()

    waiter: Deferred[T] = Deferred(cancel)
    request.addCallbacks(
        lambda response: None if waiter.called else waiter.callback(response),
        lambda failure: None if waiter.called else waiter.errback(failure),
    )
    return waiter


class _Document(Protocol):
    # A response gives its body no more of the connection than this.
    transport: IPushProducer | None  # type: ignore[assignment]

    def __init__(self) -> None:
        self._content = bytearray()
        self.finished: Deferred[bytes] = Deferred(lambda _: self._break_off())

    def dataReceived(self, data: bytes) -> None:
        if self.finished.called:
            return
        self._content += data
        if len(self._content) > LARGEST:
            self.finished.errback(FetchFailed(f"a document has more than {LARGEST} bytes"))
            self._break_off()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        # One that breaks off is no JSON, so its reader sees that.
        del reason
        if not self.finished.called:
            self.finished.callback(bytes(self._content))

    def _break_off(self) -> None:
        if self.transport is not None:
            self.transport.stopProducing()
