"""
Requests out of bytes: llhttp, and the duties that it leaves to its user (RFC 9112).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import httptools
from attrs import define, field

from oci_twisted.http.targets import split_target
from oci_twisted.spec.errors import (
    CodingUnsupported,
    HeadTooLarge,
    RegistryError,
    RequestInvalid,
    VersionUnsupported,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

# What llhttp parses lies in between: ": " and CRLF.
_HEADER_OVERHEAD = 4
_CHUNKED = b"chunked"


@define
class Head:
    """
    The request line and the headers.

    :ivar length: of the body in bytes; ``None`` for a chunked one.
    :ivar expects_continue: whether the client waits for ``100 Continue`` before it sends the body.
    :ivar persistent: whether the connection can serve another request behind this one.
    :ivar version: ``1.0`` or ``1.1``.
    """

    method: str
    path: bytes
    query: bytes = field(repr=False)
    headers: Mapping[bytes, bytes] = field(repr=False)
    length: int | None
    expects_continue: bool
    persistent: bool
    version: str


class RequestReceiver(Protocol):
    """What a `RequestParser` calls.  Must not raise."""

    def head_received(self, head: Head) -> None:
        """A request begins."""

    def body_received(self, data: bytes) -> None:
        """Some of the current request's body."""

    def request_ended(self) -> None:
        """The current request is complete."""

    def broken(self, error: RegistryError) -> None:
        """What came is no request; nothing that follows can be understood."""


class RequestParser:
    """
    Takes bytes apart into requests.

    :param head_limit: bytes; a longer request line and headers, or trailers, are refused.
    :ivar in_head: a request has begun and its head is not complete.
    :ivar dead: `RequestReceiver.broken` was called.
    """

    def __init__(self, receiver: RequestReceiver, head_limit: int) -> None:
        self._receiver = receiver
        self._head_limit = head_limit
        self._parser = httptools.HttpRequestParser(self)
        self._muted = False
        self._upgrading: bytes | None = None
        self.in_head = False
        self.dead = False
        # Bytes since the parser last had something to show.
        self._fed = 0
        self._forget()

    def _forget(self) -> None:
        self._url = b""
        self._headers: dict[bytes, bytes] = {}
        self._two_hosts = False
        self._head_bytes = 0
        self._head_complete = False

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        self._fed += len(data)
        while not self.dead:
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                data = data[upgrade.args[0] :]
                self._ignore_upgrade()
                if data:
                    continue
            except httptools.HttpParserError as error:
                self._break(RequestInvalid(f"this is not HTTP/1.1: {error}"))
            break
        if self._fed > self._head_limit:
            # A header, a trailer or a chunk's extension that goes on and on, of which llhttp has shown nothing yet.
            self._break(self._too_large())

    def _ignore_upgrade(self) -> None:
        # llhttp stops behind the head of a request that asks for another protocol, body or no body.  Serve it as if
        # it had not asked (RFC 9110, section 7.8): a fresh parser is told only how the body is framed.
        framing = self._upgrading or b"Content-Length: 0"
        self._upgrading = None
        self._parser = httptools.HttpRequestParser(self)
        self._muted = True
        self._parser.feed_data(b"POST / HTTP/1.1\r\nHost: -\r\n" + framing + b"\r\n\r\n")

    def _break(self, error: RegistryError) -> None:
        if not self.dead:
            self.dead = True
            self.in_head = False
            self._receiver.broken(error)

    def _too_large(self) -> HeadTooLarge:
        return HeadTooLarge(f"the request line and the headers, or the trailers, have over {self._head_limit} bytes")

    def on_message_begin(self) -> None:
        """A request begins."""
        if not (self._muted or self.dead):
            self._forget()
            self._fed = 0
            self.in_head = True

    def on_url(self, url: bytes) -> None:
        """The request target."""
        if not self._muted:
            self._url += url
            self._head_bytes += len(url)
            if self._head_bytes > self._head_limit:
                self._break(self._too_large())

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer."""
        if self._muted or self.dead:
            return
        self._head_bytes += len(name) + len(value) + _HEADER_OVERHEAD
        if self._head_bytes > self._head_limit:
            self._break(self._too_large())
        elif not self._head_complete:
            key = name.lower()
            headers = self._headers
            # What llhttp leaves behind the value is no part of it (RFC 9110, section 5.5).
            value = value.rstrip()
            if key in headers:
                headers[key] += b", " + value
                self._two_hosts |= key == b"host"
            else:
                headers[key] = value

    def on_headers_complete(self) -> None:
        """The head is complete."""
        if self._muted:
            self._muted = False
            return
        self._head_complete = True
        self._fed = 0
        if self.dead:
            return
        self.in_head = False
        try:
            head = self._head()
        except RegistryError as error:
            self._break(error)
            return
        if self._parser.should_upgrade():
            if head.method == "CONNECT":
                self._break(RequestInvalid("this is no proxy"))
                return
            coding = self._headers.get(b"transfer-encoding")
            length = self._headers.get(b"content-length", b"0")
            self._upgrading = b"Transfer-Encoding: chunked" if coding else b"Content-Length: " + length
        self._receiver.head_received(head)

    def _head(self) -> Head:
        parser = self._parser
        version = parser.get_http_version()
        if version not in {"1.0", "1.1"}:
            raise VersionUnsupported(f"HTTP/{version} is not spoken here; use HTTP/1.1")
        headers = self._headers
        if self._two_hosts or (b"host" not in headers and version == "1.1"):
            raise RequestInvalid("a request has one Host header")
        coding = headers.get(b"transfer-encoding")
        length: int | None
        if coding is None:
            announced = headers.get(b"content-length")
            length = 0 if announced is None else int(announced)
        elif version == "1.0":
            raise RequestInvalid("HTTP/1.0 has no Transfer-Encoding")
        elif coding.lower() != _CHUNKED:
            raise CodingUnsupported(f"transfer coding {coding[:64].decode('latin-1')!a}: send chunked")
        else:
            length = None
        path, query = split_target(self._url)
        expects_continue = version == "1.1" and headers.get(b"expect", b"").lower() == b"100-continue"
        # By position, which takes half the time.
        return Head(
            parser.get_method().decode("ascii"),
            path,
            query,
            headers,
            length,
            expects_continue,
            parser.should_keep_alive(),
            version,
        )

    def on_body(self, data: bytes) -> None:
        """Some of the body."""
        self._fed = 0
        if not self.dead:
            self._receiver.body_received(data)

    def on_message_complete(self) -> None:
        """The request is complete."""
        self._fed = 0
        if self._upgrading is None and not self.dead:
            self._receiver.request_ended()
