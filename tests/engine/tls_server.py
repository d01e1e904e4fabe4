"""A server's TLS that knows of halves, as Go's does, and with it Docker's daemon."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from OpenSSL.SSL import Error, WantReadError, ZeroReturnError
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.protocols.policies import ProtocolWrapper
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure

if TYPE_CHECKING:
    from twisted.internet.interfaces import IProtocolFactory
    from twisted.internet.ssl import CertificateOptions

_PIECE = 1 << 15


class _Halves(TLSMemoryBIOProtocol):
    """
    Goes on to write when the client has said ``close_notify``; without that, a client that ends has broken off.
    """

    _read_all = False

    def _flushReceiveBIO(self) -> None:
        while not self._lostTLSConnection and not self._read_all:
            try:
                content = self._tlsConnection.recv(_PIECE)
            except WantReadError:
                break
            except ZeroReturnError:
                self._read_all = True
                IHalfCloseableProtocol(self.wrappedProtocol).readConnectionLost()
            except Error:
                self._tlsShutdownFinished(Failure())
            else:
                ProtocolWrapper.dataReceived(self, content)
        self._flushSendBIO()


class HalvesFactory(TLSMemoryBIOFactory):
    """Puts TLS around the protocols of another factory, which have to know of halves."""

    protocol = _Halves
    noisy = False

    def __init__(self, reactor: Any, options: CertificateOptions, factory: IProtocolFactory) -> None:  # noqa: ANN401 - any clock
        super().__init__(options, False, factory, clock=reactor)
