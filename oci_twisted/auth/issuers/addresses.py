"""
URLs of issuers: encrypted, and on hosts that the operator has named.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

_PORTS = {"http": 80, "https": 443}
_PRINTABLE = re.compile(r"[\x21-\x7e]+")
_DISCOVERY = "/.well-known/openid-configuration"


class AddressInvalid(ValueError):
    """A URL that is not used; the message says why, as the end of a sentence."""


def check_url(url: str) -> SplitResult:
    """
    Take a URL apart from which something may be fetched, or to which clients may be sent.

    :raise AddressInvalid: when it is not https (or http to this very machine), or has credentials or a fragment.
    """
    try:
        parts = urlsplit(url)
        whole = bool(_PRINTABLE.fullmatch(url) and parts.scheme in _PORTS and parts.hostname) and parts.port != 0
    except ValueError:
        whole = False
    if not whole or "@" in parts.netloc or "#" in url:
        raise AddressInvalid("must be a URL such as https://issuer.example, without credentials or fragment")
    if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
        raise AddressInvalid("must begin with https://; plain http is for loopback addresses only")
    return parts


def discovery_url(issuer: str) -> str:
    """
    Answer where an issuer describes itself (OpenID Connect Discovery 1.0, section 4).

    :raise AddressInvalid: when it is called by no URL, or by one with a query.
    """
    if check_url(issuer).query or "?" in issuer:
        raise AddressInvalid("must have no query")
    return issuer.rstrip("/") + _DISCOVERY


def is_same_origin(one: str, other: str) -> bool:
    """
    Answer whether two URLs have scheme, host and port in common.

    :raise AddressInvalid: as `check_url`.
    """
    return _origin_of(check_url(one)) == _origin_of(check_url(other))


def _origin_of(parts: SplitResult) -> tuple[str, str | None, int]:
    return parts.scheme, parts.hostname, parts.port or _PORTS[parts.scheme]


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
