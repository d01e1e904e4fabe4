"""
An answer as the endpoints give it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeAlias

from attrs import field, frozen

from oci_twisted.spec.mediatypes import JSON

if TYPE_CHECKING:
    from oci_twisted.interfaces import IBlobReader
    from oci_twisted.spec.descriptors import Json
    from oci_twisted.spec.ranges import ByteRange

# `json.dumps` would make one for every document.
_COMPACT = json.JSONEncoder(separators=(",", ":"))

Headers: TypeAlias = "tuple[tuple[str, str], ...]"


@frozen
class BlobBody:
    """
    A body made of a blob's bytes, and of the boundaries between them where there are several ranges.

    :ivar reader: closed by the front, whatever becomes of the answer.
    :ivar parts: in the order in which they are sent.
    """

    reader: IBlobReader
    parts: tuple[ByteRange | bytes, ...]

    def __len__(self) -> int:
        return sum(map(len, self.parts))


@frozen
class Reply:
    """
    An answer.

    :ivar headers: without ``Content-Length``, which is ``length``, and without what every answer has.
    :ivar body: empty in an answer to HEAD.
    :ivar length: what ``Content-Length`` says; ``None`` for a status that has no body and no length.
    :ivar close: end the connection behind this answer.
    """

    status: int
    headers: Headers = ()
    body: bytes | BlobBody = field(default=b"", repr=False)
    length: int | None = field(kw_only=True)
    close: bool = field(default=False, kw_only=True)

    @length.default
    def _body_length(self) -> int:
        return len(self.body)


def json_reply(status: int, document: Json, headers: Headers = ()) -> Reply:
    """Answer a JSON document."""
    body = _COMPACT.encode(document).encode()
    return Reply(status, (("Content-Type", JSON), *headers), body)


def no_content(headers: Headers = ()) -> Reply:
    """Answer 204, which has neither a body nor a length."""
    return Reply(204, headers, length=None)
