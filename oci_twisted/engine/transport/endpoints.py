"""
How an address is connected to.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from attrs import frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import HostnameEndpoint, UNIXClientEndpoint
from twisted.internet.interfaces import IStreamClientEndpoint
from zope.interface import implementer

from oci_twisted.engine.address import TlsFiles
from oci_twisted.engine.errors import Unsupported

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from twisted.internet.interfaces import IProtocol, IProtocolFactory

    from oci_twisted.engine.address import Address


# Seconds of silence, seconds between questions, and how many may remain without an answer.
# TCP_USER_TIMEOUT would bound what has been written as well, but also ends the connection to a machine that is there
# and does not read: for a process that takes its time with its standard input.
_ALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 30, "TCP_KEEPCNT": 3}


def endpoint_for(reactor: Any, address: Address) -> IStreamClientEndpoint:  # noqa: ANN401 - every kind of reactor
    """
    Answer what connects to an address.

    :raise Unsupported: when nothing here does.
    """
    connects = _SCHEMES.get(address.scheme)
    if connects is None:
        raise Unsupported(f"{address}: there is no transport for {address.scheme}://")
    return connects(reactor, address)


def host_header(address: Address) -> str:
    """Answer what the ``Host`` header says; engines take anything on a socket, and ask on TCP only for a valid one."""
    if address.scheme not in {"tcp", "tls"}:
        return "engine"
    # An interface is this machine's own affair, and a header has ASCII.
    host, _, _ = address.host.partition("%")
    host = f"[{host}]" if ":" in host else host.encode("idna").decode("ascii")
    return f"{host}:{address.port}"


def _unix(reactor: Any, address: Address) -> IStreamClientEndpoint:  # noqa: ANN401
    # The pool bounds the attempt.
    return UNIXClientEndpoint(reactor, address.path, timeout=None)


def _tcp(reactor: Any, address: Address) -> IStreamClientEndpoint:  # noqa: ANN401
    return _KeptAlive(HostnameEndpoint(reactor, address.host, address.port))


def _tls(reactor: Any, address: Address) -> IStreamClientEndpoint:  # noqa: ANN401
    # pyOpenSSL comes with the extra "tls".
    from oci_twisted.engine.transport.tls import client_options  # noqa: PLC0415
    from oci_twisted.engine.transport.tls_halves import TlsEndpoint  # noqa: PLC0415

    return TlsEndpoint(reactor, client_options(address.host, address.tls or TlsFiles()), _tcp(reactor, address))


def _ssh(reactor: Any, address: Address) -> IStreamClientEndpoint:  # noqa: ANN401
    # Conch and what it needs come with the extra "ssh".
    try:
        from oci_twisted.engine.transport.ssh import SshEndpoint  # noqa: PLC0415
    except ImportError as error:
        raise Unsupported(f"{address}: Twisted's Conch is not here ({error}): install oci-twisted[ssh]") from error
    return SshEndpoint(reactor, address)


@implementer(IStreamClientEndpoint)
@frozen
class _KeptAlive:
    """
    Asks, where nothing is said for long, whether the machine at the other end is still there.

    Nothing else would end the wait for a container whose machine has gone without a word.
    """

    endpoint: IStreamClientEndpoint

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:  # noqa: N803 - Twisted's name
        """Connect a protocol."""
        attempt = self.endpoint.connect(protocolFactory).addCallback(_keep_alive)

        def give_up(answer: Deferred[IProtocol]) -> None:
            # Twisted would say that a host was not found, while it looks for it.
            answer.errback(CancelledError())
            attempt.cancel()

        answer: Deferred[IProtocol] = Deferred(give_up)

        def settle(result: Any) -> None:  # noqa: ANN401 - a protocol, or a failure
            if not answer.called:
                answer.callback(result)

        attempt.addBoth(settle)
        return answer


def _keep_alive(protocol: Any) -> Any:  # noqa: ANN401 - whatever has a transport of TCP
    transport = protocol.transport
    transport.setTcpKeepAlive(True)
    for option, value in _ALIVE.items():
        # Not all systems have all of them.
        if hasattr(socket, option):
            transport.getHandle().setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
    return protocol


_SCHEMES: Mapping[str, Callable[[Any, Address], IStreamClientEndpoint]] = {
    "unix": _unix,
    "tcp": _tcp,
    "tls": _tls,
    "ssh": _ssh,
}
