"""
Blobs (end-2, end-10).
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from oci_twisted.http.entities import entity_headers, not_modified, wanted_range
from oci_twisted.http.replies import BlobBody, Reply
from oci_twisted.interfaces import IRedirected
from oci_twisted.spec.mediatypes import OCTETS
from oci_twisted.spec.ranges import ByteRange, parse_ranges

if TYPE_CHECKING:
    from oci_twisted.http.calls import Call
    from oci_twisted.http.replies import Headers
    from oci_twisted.interfaces import IBlobReader, IRepository
    from oci_twisted.spec.digests import Digest

_ACCEPT_RANGES = (("Accept-Ranges", "bytes"),)


async def get(repository: IRepository, call: Call, digest: Digest) -> Reply:
    """Answer a blob, or some of its bytes."""
    headers = (*entity_headers(digest, OCTETS), *_ACCEPT_RANGES)
    if call.method == "HEAD":
        size = await repository.stat_blob(digest)
        return not_modified(call, digest) or Reply(200, headers, length=size)
    reader = await repository.open_blob(digest)
    try:
        unchanged = not_modified(call, digest)
        if unchanged is None:
            return _content(reader, headers, wanted_range(call, digest))
    except BaseException:
        reader.close()
        raise
    reader.close()
    return unchanged


async def delete(repository: IRepository, digest: Digest) -> Reply:
    """Let the repository hold a blob no longer."""
    await repository.delete_blob(digest)
    return Reply(202)


def _content(reader: IBlobReader, headers: Headers, wanted: str | None) -> Reply:
    if IRedirected.providedBy(reader):
        url: str = IRedirected(reader).url
        reader.close()
        return Reply(307, (("Location", url),))
    ranges = parse_ranges(wanted, reader.size) if wanted is not None else ()
    if not ranges:
        return Reply(200, headers, BlobBody(reader, (ByteRange(0, reader.size),)), length=reader.size)
    if len(ranges) == 1:
        extent = ("Content-Range", ranges[0].content_range(reader.size))
        return Reply(206, (*headers, extent), BlobBody(reader, ranges))
    return _multipart(reader, headers, ranges)


def _multipart(reader: IBlobReader, headers: Headers, ranges: tuple[ByteRange, ...]) -> Reply:
    """Answer several ranges at once (RFC 9110, section 14.6)."""
    boundary = uuid.uuid4().hex
    parts: list[ByteRange | bytes] = []
    for extent in ranges:
        head = (
            f"\r\n--{boundary}\r\nContent-Type: {OCTETS}\r\nContent-Range: {extent.content_range(reader.size)}\r\n\r\n"
        )
        parts += [head.encode(), extent]
    parts.append(f"\r\n--{boundary}--\r\n".encode())
    content_type = ("Content-Type", f"multipart/byteranges; boundary={boundary}")
    others = (header for header in headers if header[0] != "Content-Type")
    return Reply(206, (content_type, *others), BlobBody(reader, tuple(parts)))
