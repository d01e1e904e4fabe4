"""
Who sent a request that a proxy has passed on (RFC 7239; and the ``X-Forwarded-`` headers that are older than it).

Anybody can write these headers, so they are believed of those who are trusted, hop by hop: the last entry was made by
who has connected to us, the one before it by whom that entry names, and so on until somebody is named who is not
trusted.  That is the client; what stands further left it may have made up.
"""

from __future__ import annotations

import re
from enum import Enum
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, TypeAlias

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from oci_twisted.http.calls import Call

    Address: TypeAlias = IPv4Address | IPv6Address

# Whoever connects through a socket in the file system.
UNIX = "unix"
# As RFC 7239 calls a client whose address is kept back.  No address, and so never one of this machine.
UNKNOWN = "unknown"

# So many proxies stand behind each other nowhere.
_MOST_HOPS = 32
_HTTPS = "https"

_NODE = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<four>[0-9.]+))(?::(?:[0-9]{1,5}|_[A-Za-z0-9._-]+))?")
_HOST = re.compile(r"(?P<name>[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?P<port>:[0-9]{1,5})?")
_PAIR = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)|\"([^\"\\]*)\")")
_PORT = re.compile(r"[0-9]{1,5}")
_LARGEST_PORT = 65535
_DEFAULT_PORTS = {_HTTPS: 443, "http": 80}


class ProxyHeaders(Enum):
    """
    Which headers the trusted proxies write.

    The others are not looked at: a proxy that writes the one kind passes on what a client has sent of the other.
    """

    X_FORWARDED = "x-forwarded"
    FORWARDED = "forwarded"


@frozen
class Hop:
    """
    What one proxy says of who has connected to it.

    :ivar client: an address, `UNKNOWN`, or ``None`` when it does not say.
    :ivar proto: by which it was asked, in lower case, or ``None``; likewise the next.
    :ivar host: for which it was asked, perhaps with a port.
    """

    client: str | None
    proto: str | None
    host: str | None


class TrustedProxies:
    """
    Those whose word is taken for who has sent a request.

    :param addresses: addresses, networks such as ``10.0.0.0/8``, and `UNIX`.
    :raise ValueError: when one of them is none.
    """

    def __init__(self, addresses: Iterable[str], headers: ProxyHeaders = ProxyHeaders.X_FORWARDED) -> None:
        written = set(addresses)
        self._unix = UNIX in written
        self._networks = [ip_network(address) for address in sorted(written - {UNIX})]
        self._hops = _forwarded_hops if headers is ProxyHeaders.FORWARDED else _x_forwarded_hops

    def __contains__(self, peer: str) -> bool:
        if peer == UNIX:
            return self._unix
        address = _parse_address(peer)
        return address is not None and any(address in network for network in self._networks)

    def attribute(self, call: Call) -> None:
        """
        Note on a call who has sent it, if a trusted proxy has passed it on and says so.

        What the proxies leave out stays as the connection and the request have it.  What cannot be read is not guessed
        at: the client is `UNKNOWN` then, or the connection not secure.
        """
        if call.peer not in self:
            return
        told: Hop | None = None
        for hop in self._hops(call.headers):
            # The outermost of those that can be trusted knows best; of a host that it does not tell, the next.
            told = Hop(hop.client, hop.proto, hop.host or (told.host if told is not None else None))
            if hop.client is not None:
                call.peer = hop.client
            if hop.client is None or hop.client not in self:
                break
        if told is not None:
            if told.proto is not None:
                call.secure = told.proto == _HTTPS
            if told.host is not None:
                call.host = told.host


def _forwarded_hops(headers: Mapping[bytes, bytes]) -> Iterator[Hop]:
    """Answer the elements of ``Forwarded``, the last one first."""
    # A comma inside of quotes would be part of a value.  Nothing that is of interest here has one, and whoever could
    # open quotes on the left would otherwise swallow what the proxy has added on the right.
    for element in _from_the_right(headers.get(b"forwarded")):
        pairs = _read_pairs(element)
        if pairs is None:
            yield Hop(UNKNOWN, None, None)
        else:
            node, host = pairs.get("for"), pairs.get("host")
            proto = pairs.get("proto")
            yield Hop(
                None if node is None else _read_node(node),
                None if proto is None else proto.lower(),
                host if host is not None and _HOST.fullmatch(host) else None,
            )


def _read_pairs(element: str) -> dict[str, str] | None:
    """Answer the parameters of an element by name; ``None`` when it has not that form, or one of them twice."""
    pairs: dict[str, str] = {}
    for part in element.split(";"):
        if not part.strip():
            continue
        found = _PAIR.fullmatch(part.strip())
        if found is None or found[1].lower() in pairs:
            return None
        pairs[found[1].lower()] = found[2] if found[2] is not None else found[3]
    return pairs


def _x_forwarded_hops(headers: Mapping[bytes, bytes]) -> Iterator[Hop]:
    """Answer what the ``X-Forwarded-`` headers say of each proxy, the last one first."""
    nodes, protos, hosts, ports = (
        list(_from_the_right(headers.get(f"x-forwarded-{name}".encode()))) for name in ("for", "proto", "host", "port")
    )
    if not (nodes or protos or hosts or ports):
        return
    if ports and not hosts:
        # Some proxies take the port out of the request's own Host.
        hosts = [headers.get(b"host", b"").decode("latin-1")]
    for number in range(max(len(nodes), 1)):
        # Many proxies put what they know in the place of what was there, so that there are fewer values than hops.
        proto, host, port = (one[min(number, len(one) - 1)] if one else None for one in (protos, hosts, ports))
        proto = None if proto is None else proto.lower()
        yield Hop(_read_node(nodes[number]) if nodes else None, proto, _with_port(host, port, proto))


def _with_port(host: str | None, port: str | None, proto: str | None) -> str | None:
    """Answer a host with the port that is told apart from it, unless it has one or this one goes without saying."""
    found = None if host is None else _HOST.fullmatch(host)
    if found is None or found["port"] or port is None or not _PORT.fullmatch(port):
        return None if found is None else host
    number = int(port)
    if not 0 < number <= _LARGEST_PORT or _DEFAULT_PORTS.get(proto or "http") == number:
        return host
    return f"{host}:{number}"


def _from_the_right(value: bytes | None) -> list[str]:
    """Answer the items of a list in a header, the last one first, and no more than there can be hops."""
    if value is None:
        return []
    items = value.rsplit(b",", _MOST_HOPS)[-_MOST_HOPS:]
    return [item.strip().decode("latin-1") for item in reversed(items)]


def _read_node(text: str) -> str:
    """Answer the address in a node, without its port; `UNKNOWN` for whatever else it is."""
    found = _NODE.fullmatch(text)
    address = _parse_address(text if found is None else found["six"] or found["four"])
    return UNKNOWN if address is None else str(address)


def _parse_address(text: str) -> Address | None:
    try:
        # An IPv6 address may have a zone behind it.
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    # How a socket for both versions shows a client that speaks the older.
    return getattr(address, "ipv4_mapped", None) or address
