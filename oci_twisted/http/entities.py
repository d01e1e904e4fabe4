"""
Conditional requests: a digest is as strong an entity tag as there can be (RFC 9110, section 13).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from oci_twisted.http.replies import Reply

if TYPE_CHECKING:
    from oci_twisted.http.calls import Call
    from oci_twisted.http.replies import Headers
    from oci_twisted.spec.digests import Digest


def entity_headers(digest: Digest, content_type: str) -> Headers:
    """Answer the headers that say what a blob or a manifest is, for GET and HEAD alike."""
    text = str(digest)
    return (("Content-Type", content_type), ("Docker-Content-Digest", text), ("ETag", f'"{text}"'))


def not_modified(call: Call, digest: Digest) -> Reply | None:
    """Answer 304 when the client says by ``If-None-Match`` that it has this content; else ``None``."""
    header = call.header(b"if-none-match")
    if header is None or not _lists(header, digest):
        return None
    text = str(digest)
    return Reply(304, (("Docker-Content-Digest", text), ("ETag", f'"{text}"')), length=None)


def wanted_range(call: Call, digest: Digest) -> str | None:
    """Answer the ``Range`` to be obeyed: none on HEAD, and none when ``If-Range`` names other content."""
    if call.method != "GET":
        return None
    condition = call.header(b"if-range")
    if condition is not None and condition.strip() != f'"{digest}"':
        return None
    return call.header(b"range")


def _lists(header: str, digest: Digest) -> bool:
    tags = [part.strip().removeprefix("W/") for part in header.split(",")]
    return "*" in tags or f'"{digest}"' in tags
