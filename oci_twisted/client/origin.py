"""
One registry's end of HTTP: requests go there and, but for redirected content, nowhere else.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urljoin, urlsplit

from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectError, ConnectingCancelledError, ConnectionClosed, DNSLookupError
from twisted.web.client import (  # type: ignore[attr-defined]  # RequestNotSent is missing in its __all__
    RequestGenerationFailed,
    RequestNotSent,
    RequestTransmissionFailed,
    ResponseFailed,
)
from twisted.web.http_headers import Headers

from oci_twisted.client.answers import Answer, header_of
from oci_twisted.client.bodies import collect
from oci_twisted.client.content import Content
from oci_twisted.spec.errors import RegistryError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from treq.client import HTTPClient
    from twisted.web.iweb import IResponse

# More than any listing, or any error document, has; clients take no more of either.
ANSWER_LIMIT = 4 << 20

_MOST_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_FOLLOWED = frozenset({"GET", "HEAD"})
_PORTS = {"http": 80, "https": 443}
_PRINTABLE = re.compile(r"[\x21-\x7e]+")
_FAILURES = (
    ConnectError,
    ConnectionClosed,
    DNSLookupError,
    RequestGenerationFailed,
    RequestNotSent,
    RequestTransmissionFailed,
    ResponseFailed,
)
_NO_HEADERS: Mapping[str, str] = {}


class Origin:
    """
    A registry's scheme, host and port, and the HTTP client that reaches it.

    No wait has a bound in time here: cancelling a call ends its request, so its caller bounds it as it likes.

    :param url: such as ``https://registry.example:5000``.
    :raise ValueError: when that is something else, or has credentials in it.
    """

    def __init__(self, http: HTTPClient, url: str) -> None:
        parts = _split(url)
        if parts is None or parts.path not in {"", "/"} or parts.query or parts.fragment or "@" in parts.netloc:
            raise ValueError("a registry's URL is http or https, a host and perhaps a port, and nothing else")
        self._http = http
        self._root = parts
        self.url = f"{parts.scheme}://{parts.netloc}"

    async def ask(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str] = _NO_HEADERS,
        body: bytes = b"",
        *,
        limit: int = ANSWER_LIMIT,
        too_long: RegistryError | None = None,
    ) -> Answer:
        """
        Send a request and answer what comes back, whatever its status.

        :param target: a path and perhaps a query, from the root.
        :param limit: of the answer's body, in bytes.
        :param too_long: what to raise when it is longer.
        :raise Unavailable: when no answer comes, or not all of it.
        """
        response = await self.open(method, target, headers, body)
        content = await collect(response, limit)
        answer = Answer(method, target, response.code, response.headers, content or b"")
        if content is None and answer.succeeded:
            raise too_long or answer.unusable(f"more than {limit} bytes")
        return answer

    async def open(
        self, method: str, target: str, headers: Mapping[str, str] = _NO_HEADERS, body: bytes = b""
    ) -> IResponse:
        """
        Send a request and answer its response, whose body the caller takes or breaks off.

        A redirected GET or HEAD is followed, to another host too.  There it is a request like the first, to which
        nothing may ever be added that says who we are (CVE-2026-50151).

        :raise Unavailable: when no answer comes.
        """
        url = self.url + target
        for _ in range(_MOST_REDIRECTS + 1):
            response = await self._request(method, url, headers, body)
            if response.code not in _REDIRECTS or method not in _FOLLOWED:
                return response
            answer = Answer(method, target, response.code, response.headers)
            url = _redirected(answer, url)
            await collect(response, ANSWER_LIMIT)
        raise Unavailable(f"{method} {target.partition('?')[0]} was redirected more than {_MOST_REDIRECTS} times")

    def resolve(self, answer: Answer, reference: str | None) -> str:
        """
        Answer the target that a ``Location`` or a ``Link`` of this registry names.

        :raise Unavailable: when there is none, or it is on another host: who sends us there has us give away what
            was meant for this one.
        """
        parts = _split(urljoin(self.url + answer.target, reference)) if _is_printable(reference) else None
        if parts is None:
            raise answer.unusable("no Location or Link that can be read")
        if _origin_of(parts) != _origin_of(self._root):
            raise answer.unusable("a Location or Link on another host, which was refused")
        path = parts.path or "/"
        return f"{path}?{parts.query}" if parts.query else path

    async def _request(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> IResponse:
        raw = Headers({name: [value] for name, value in headers.items()})
        try:
            response: IResponse = await self._http.request(
                method, url, headers=raw, data=Content(body) if body else None, allow_redirects=False, unbuffered=True
            )
        except ConnectingCancelledError as error:
            raise CancelledError from error
        except _FAILURES as error:
            reasons = getattr(error, "reasons", ())
            if any(reason.check(CancelledError) for reason in reasons):
                raise CancelledError from error
            why = "; ".join(reason.getErrorMessage() for reason in reasons) or str(error)
            raise Unavailable(f"{self.url} cannot be reached: {why}") from error
        return response


def _redirected(answer: Answer, url: str) -> str:
    location = header_of(answer.headers, "Location")
    parts = _split(urljoin(url, location)) if _is_printable(location) else None
    if parts is None or "@" in parts.netloc:
        raise answer.unusable("no Location that can be read")
    if url.startswith("https:") and parts.scheme != "https":
        raise answer.unusable("a Location that is not encrypted, which was refused")
    return parts._replace(fragment="").geturl()


def _is_printable(text: str | None) -> bool:
    return text is not None and _PRINTABLE.fullmatch(text) is not None


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        readable = parts.scheme in _PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return parts if readable else None


def _origin_of(parts: SplitResult) -> tuple[str, str | None, int]:
    return parts.scheme, parts.hostname, parts.port or _PORTS[parts.scheme]
