"""
A registry as a Twisted service.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.logger import Logger

if TYPE_CHECKING:
    from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
    from twisted.python.failure import Failure

    from oci_twisted.app.registry import Registry
    from oci_twisted.http.site import RegistrySite


class RegistryService(Service):
    """
    Listens, and stops in the right order: no new connections, what is in progress, then the stores.

    It cannot be started again, because the stores are closed.

    :ivar port: what listens; ``None`` before and after.
    """

    _log = Logger()

    def __init__(self, registry: Registry, endpoint: IStreamServerEndpoint) -> None:
        self._registry = registry
        self._endpoint = endpoint
        self._site: RegistrySite | None = None
        self._listening: Deferred[None] | None = None
        self.port: IListeningPort | None = None

    def privilegedStartService(self) -> None:
        """
        Listen while the process may still use any port.

        :raise CannotListenError: when the port is taken, or may not be used.
        :raise RuntimeError: when the registry was closed.
        """
        if self._listening is None:
            self._listen()

    def startService(self) -> None:
        """Listen, unless that was done while the process was privileged; raises as `privilegedStartService`."""
        self.privilegedStartService()
        super().startService()  # type: ignore[no-untyped-call]  # Twisted's

    def _listen(self) -> None:
        self._site = self._registry.site()
        failures: list[Failure] = []
        listening = self._endpoint.listen(self._site).addCallbacks(self.listens, failures.append)
        # Most endpoints have failed by now if they ever will, while there is somebody to be told.
        for failure in failures:
            failure.raiseException()
        self._listening = listening.addCallback(lambda _: self._report(failures))

    def _report(self, failures: list[Failure]) -> None:
        for failure in failures:
            if not failure.check(CancelledError):
                self.cannot_listen(failure)

    def listens(self, port: IListeningPort) -> None:
        """Take note of what listens."""
        self.port = port

    def cannot_listen(self, failure: Failure) -> None:
        """Take note that nothing will listen, when an endpoint has taken its time to find out."""
        self._log.failure("the registry cannot listen", failure)

    def stopService(self) -> Deferred[None]:
        """Stop; fires when all is closed."""
        super().stopService()  # type: ignore[no-untyped-call]  # Twisted's
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        try:
            if self._listening is not None:
                listening, self._listening = self._listening, None
                listening.cancel()
            if self.port is not None:
                port, self.port = self.port, None
                await maybeDeferred(port.stopListening)
            if self._site is not None:
                site, self._site = self._site, None
                await site.drain()
        finally:
            await self._registry.close()
