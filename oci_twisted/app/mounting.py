"""
The registry as a resource of somebody else's site, which can be told to stop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from twisted.internet.defer import Deferred
from twisted.web.server import NOT_DONE_YET

from oci_twisted.http.errors import render
from oci_twisted.http.mounted import MountedAPI
from oci_twisted.spec.errors import Unavailable

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime
    from twisted.web.iweb import IRequest
    from twisted.web.server import Request

    from oci_twisted.http.routes import API


class Mount(MountedAPI):
    """
    Counts the requests in progress, so that the stores are not closed under them.

    :param patience: how many seconds `drain` waits for them.
    """

    def __init__(self, api: API, clock: IReactorTime, patience: float) -> None:
        super().__init__(api)
        self._clock = clock
        self._patience = patience
        self._requests = 0
        self._drained: Deferred[None] | None = None
        self._closed = False

    def render(self, request: IRequest) -> int:
        """Let the API answer, or say that it does not any more."""
        if self._closed:
            return self._refuse(request)
        self._requests += 1
        cast("Request", request).notifyFinish().addBoth(self._finished)
        return super().render(request)

    def _finished(self, _reason: object) -> None:
        self._requests -= 1
        if not self._requests and self._drained is not None:
            drained, self._drained = self._drained, None
            drained.callback(None)

    async def drain(self) -> None:
        """Wait for the requests in progress, but not for ever; from then on, refuse.  Called once."""
        self._api.stopping = True
        if self._requests:
            drained: Deferred[None] = Deferred()
            self._drained = drained
            drained.addTimeout(self._patience, self._clock, onTimeoutCancel=lambda _result, _patience: None)
            await drained
            self._drained = None
        self._closed = True

    def _refuse(self, request: Any) -> int:  # noqa: ANN401 - the interface leaves out much of what a request has
        reply = render(Unavailable("this registry is stopping"))
        request.setResponseCode(reply.status)
        headers = (*reply.headers, ("Content-Length", str(reply.length)), ("X-Request-Id", self._api.next_request_id()))
        for name, value in headers:
            request.responseHeaders.setRawHeaders(name, [value])
        request.write(reply.body)
        request.finish()
        return NOT_DONE_YET
