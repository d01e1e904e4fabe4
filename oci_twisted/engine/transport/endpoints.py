"""
How an address is connected to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.endpoints import HostnameEndpoint, UNIXClientEndpoint, wrapClientTLS

from oci_twisted.engine.address import TlsFiles
from oci_twisted.engine.errors import Unsupported

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from twisted.internet.interfaces import IStreamClientEndpoint

    from oci_twisted.engine.address import Address


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
    host = f"[{address.host}]" if ":" in address.host else address.host
    return f"{host}:{address.port}"


def _unix(reactor: Any, address: Address) -> IStreamClientEndpoint:  # noqa: ANN401
    # The pool bounds the attempt.
    return UNIXClientEndpoint(reactor, address.path, timeout=None)


def _tcp(reactor: Any, address: Address) -> IStreamClientEndpoint:  # noqa: ANN401
    return HostnameEndpoint(reactor, address.host, address.port)


def _tls(reactor: Any, address: Address) -> IStreamClientEndpoint:  # noqa: ANN401
    # pyOpenSSL comes with the extra "tls".
    from oci_twisted.engine.transport.tls import client_options  # noqa: PLC0415

    return wrapClientTLS(client_options(address.host, address.tls or TlsFiles()), _tcp(reactor, address))


def _ssh(reactor: Any, address: Address) -> IStreamClientEndpoint:  # noqa: ANN401
    # Conch and what it needs come with the extra "ssh".
    try:
        from oci_twisted.engine.transport.ssh import SshEndpoint  # noqa: PLC0415
    except ImportError as error:
        raise Unsupported(f"{address}: Twisted's Conch is not here ({error}): install oci-twisted[ssh]") from error
    return SshEndpoint(reactor, address)


_SCHEMES: Mapping[str, Callable[[Any, Address], IStreamClientEndpoint]] = {
    "unix": _unix,
    "tcp": _tcp,
    "tls": _tls,
    "ssh": _ssh,
}
