"""
A request as the endpoints see it.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from oci_twisted.http.targets import parse_form, parse_query
from oci_twisted.interfaces import ANONYMOUS, Credentials, Decision
from oci_twisted.spec.errors import RequestInvalid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oci_twisted.interfaces import Principal
    from oci_twisted.spec.errors import RegistryError


_UNDECIDED = Decision(permitted=False, by="-")


class Body(Protocol):
    """The body of a request, which arrives while it is read."""

    @property
    def length(self) -> int | None:
        """How many bytes were announced; ``None`` when the client did not say."""

    async def read(self) -> bytes:
        """
        Answer the next bytes; ``b""`` behind the last.  One reader at a time.

        While nobody reads, the client is made to wait.

        :raise RequestTimeout: when the client stalls.
        :raise RequestInvalid: when the framing is broken.
        """


class Call:
    """
    A request.

    :ivar method: in upper case.
    :ivar raw_path: the path of the target, still percent-encoded.
    :ivar headers: by name in lower case; several lines of one name are one value, joined with a comma.
    :ivar peer: the client's address, ``unix`` where it has none; a trusted proxy may know better than the connection.
    :ivar secure: whether the client's connection is encrypted; likewise.
    :ivar certificate: who the client is, by the certificate that it has proved to own, or ``None``.
    :ivar principal: who sent it; `ANONYMOUS` until that was found out.
    :ivar decision: whether they may; nothing is permitted until that was decided.
    :ivar request_id: names the request in the log and in ``X-Request-Id``.
    """

    __slots__ = (
        "__dict__",
        "_host",
        "_raw_query",
        "body",
        "certificate",
        "decision",
        "headers",
        "method",
        "peer",
        "principal",
        "raw_path",
        "request_id",
        "secure",
    )

    def __init__(
        self,
        method: str,
        raw_path: bytes,
        raw_query: bytes,
        headers: Mapping[bytes, bytes],
        body: Body,
        *,
        request_id: str,
        peer: str,
        secure: bool,
        certificate: str | None = None,
    ) -> None:
        self.method = method
        self.raw_path = raw_path
        self._raw_query = raw_query
        self.headers = headers
        self.body = body
        self.request_id = request_id
        self.peer = peer
        self.secure = secure
        self.certificate = certificate
        self._host: str | None = None
        self.principal: Principal = ANONYMOUS
        self.decision = _UNDECIDED

    def header(self, name: bytes) -> str | None:
        """
        Answer a header's value, or ``None`` when it was not sent.

        :param name: in lower case.
        """
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")

    @property
    def host(self) -> str:
        """The host that the client asked for, perhaps with a port; empty when it did not say."""
        return self._host if self._host is not None else self.header(b"host") or ""

    @host.setter
    def host(self, host: str) -> None:
        self._host = host

    @cached_property
    def query(self) -> dict[str, list[str]]:
        """
        The parameters of the query, decoded.

        :raise RequestInvalid: when it cannot be read.
        """
        return parse_query(self._raw_query)

    def form(self) -> dict[str, list[str]]:
        """
        Answer the parameters of a query that clients write as they write forms.

        :raise RequestInvalid: when it cannot be read.
        """
        return parse_form(self._raw_query)

    def parameter(self, name: str) -> str | None:
        """
        Answer a parameter that makes sense only once.

        :raise RequestInvalid: when it was sent more often.
        """
        values = self.query.get(name) if self._raw_query else None
        if values is None:
            return None
        if len(values) > 1:
            raise RequestInvalid(f"send {name}= once")
        return values[0]

    def credentials(self) -> Credentials:
        """Answer what the request says of its sender."""
        return Credentials(self.header(b"authorization"), self.host, self.peer, self.secure, self.certificate)

    async def collect(self, limit: int, refusal: RegistryError) -> bytes:
        """
        Answer the whole body.

        :param limit: bytes; nothing is read beyond it.
        :raise RegistryError: ``refusal``, when the body is longer.
        """
        if self.body.length is not None and self.body.length > limit:
            raise refusal
        pieces = []
        received = 0
        while piece := await self.body.read():
            received += len(piece)
            if received > limit:
                raise refusal
            pieces.append(piece)
        return b"".join(pieces)
