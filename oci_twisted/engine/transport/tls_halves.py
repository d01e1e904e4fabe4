"""
TLS of which one half can be closed.

The standard input of a process in a container ends when the client closes its half of the connection.  In TLS that is
a message, ``close_notify``, behind which the other end goes on to write; Docker's own command and daemon do that.
Twisted's TLS has no ``loseWriteConnection``, and hands on what it does not have to the connection below: that one's
half is closed then, before what TLS still holds, and without the message by which the other end knows that nothing was
cut off.

So this module knows something of Twisted's that is not public: the two attributes in ``_NEEDED``, by which one sees
that all that was written is encrypted.  It does without the class that collects small writes for a turn, for what that
holds cannot be seen, nor asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen
from OpenSSL.SSL import Error
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from zope.interface import implementer

from oci_twisted.engine.errors import Unsupported

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred
    from twisted.internet.interfaces import IOpenSSLClientConnectionCreator, IProtocol, IProtocolFactory

_NEEDED = ("_handshakeDone", "_appSendBuffer")
# The message is shorter by far.
_ENOUGH = 1 << 15


class HalfClosingTls(TLSMemoryBIOProtocol):
    """TLS over another transport; what it says of both halves is Twisted's."""

    transport: Any

    _write_closing = False
    _end_sent = False

    def write(self, data: bytes) -> None:
        """Send bytes, unless our half is closed."""
        if not self._write_closing:
            super().write(data)

    def loseWriteConnection(self) -> None:
        """Send no more bytes behind those that were written, and go on reading."""
        self._write_closing = True
        self._send_end()

    def dataReceived(self, data: bytes) -> None:
        """Take bytes of TLS; they may be what it has waited for, to send what was written."""
        super().dataReceived(data)
        self._send_end()

    def _send_end(self) -> None:
        if not self._write_closing or self._end_sent or self.disconnecting or not self.connected:
            return
        if not self._handshakeDone or self._appSendBuffer:
            return
        self._end_sent = True
        connection = self.getHandle()
        try:
            # It does not wait for the other end's.
            connection.shutdown()
            self.transport.write(connection.bio_read(_ENOUGH))
        except Error:
            # TLS has failed, of which Twisted tells.
            return


class _Factory(TLSMemoryBIOFactory):
    protocol = HalfClosingTls
    noisy = False


@implementer(IStreamClientEndpoint)
@frozen
class TlsEndpoint:
    """
    Secures connections with TLS.

    :param creator: of what they are secured with.
    """

    reactor: Any
    creator: IOpenSSLClientConnectionCreator
    endpoint: IStreamClientEndpoint

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:  # noqa: N803 - Twisted's name
        """
        Connect a protocol.

        :raise Unsupported: when this Twisted does not let one know what is needed.
        """
        factory = _Factory(self.creator, True, protocolFactory, clock=self.reactor)
        return self.endpoint.connect(factory).addCallback(wrapped_of)


def wrapped_of(tls: Any) -> IProtocol:  # noqa: ANN401 - whatever Twisted has made
    """
    Answer the protocol in TLS.

    :raise Unsupported: when one half cannot be closed without losing bytes.
    """
    missing = [name for name in _NEEDED if not hasattr(tls, name)]
    if missing:
        tls.abortConnection()
        raise Unsupported(f"TLS of this version of Twisted is not known to us: it has no {' and no '.join(missing)}")
    protocol: IProtocol = tls.wrappedProtocol
    return protocol
