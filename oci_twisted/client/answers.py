"""
What came back: status, headers and a body that fits into memory.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from attrs import field, frozen

from oci_twisted.spec.errors import Unavailable

if TYPE_CHECKING:
    from twisted.web.http_headers import Headers

    from oci_twisted.spec.descriptors import Json

# RFC 8288: a target in angle brackets, and its parameters.
_LINK = re.compile(r"<([^<>]*)>([^<>]*)")
_RELATION = re.compile(r';\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]+))', re.IGNORECASE)


@frozen
class Answer:
    """
    An answer that is complete.

    :ivar target: of the request: its path and query.
    """

    method: str
    target: str
    status: int
    headers: Headers = field(repr=False)
    body: bytes = field(default=b"", repr=False)

    def __str__(self) -> str:
        # A query may hold what is nobody else's business.
        return f"{self.method} {self.target.partition('?')[0]} was answered {self.status}"

    @property
    def succeeded(self) -> bool:
        """Whether the status says so."""
        return 200 <= self.status < 300  # noqa: PLR2004 - HTTP's own classes

    def header(self, name: str) -> str | None:
        """Answer a header's value, several lines joined with commas, or ``None`` when it was not sent."""
        return header_of(self.headers, name)

    def document(self) -> dict[str, Json]:
        """
        Read the body as a JSON object.

        :raise Unavailable: when it is none.
        """
        try:
            value: Json = json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise self.unusable(f"what is not JSON: {error}") from error
        if not isinstance(value, dict):
            raise self.unusable("JSON that is not an object")
        return value

    def next_link(self) -> str | None:
        """Answer where the listing goes on, as the server wrote it, or ``None`` when it does not say."""
        for target, parameters in _LINK.findall(self.header("Link") or ""):
            for quoted, bare in _RELATION.findall(parameters):
                if "next" in (quoted or bare).lower().split():
                    return str(target)
        return None

    def unusable(self, what: str) -> Unavailable:
        """Say that this is no answer of a registry."""
        return Unavailable(f"{self} with {what}", {"status": self.status})


def header_of(headers: Headers, name: str) -> str | None:
    """Answer a header's value, several lines joined with commas, or ``None`` when it is not there."""
    values = headers.getRawHeaders(name.encode("ascii"))
    return None if values is None else b", ".join(values).decode("latin-1")
