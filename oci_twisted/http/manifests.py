"""
Manifests (end-3, end-7, end-9).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from oci_twisted.http.entities import entity_headers, not_modified
from oci_twisted.http.replies import Reply
from oci_twisted.spec.digests import Digest
from oci_twisted.spec.errors import ManifestTooLarge, ManifestUnknown, RequestInvalid, TagInvalid, TooManyTags
from oci_twisted.spec.mediatypes import KNOWN
from oci_twisted.spec.names import parse_reference, parse_tag
from oci_twisted.spec.preconditions import parse_precondition

if TYPE_CHECKING:
    from oci_twisted.http.calls import Call
    from oci_twisted.interfaces import IRepository
    from oci_twisted.spec.names import Reference

MOST_TAGS = 100
# Whoever may push may push a page, and a browser must run nothing in it under the registry's name.
_INERT = (("Content-Security-Policy", "sandbox; default-src 'none'"), ("X-Content-Type-Options", "nosniff"))


async def get(repository: IRepository, call: Call, text: str) -> Reply:
    """
    Answer a manifest, in the media type that it was pushed with, whatever ``Accept`` says.

    :param text: what the path has for a tag or a digest.
    """
    try:
        reference = parse_reference(text)
    except TagInvalid as error:
        # Nothing can be under such a tag; both conformance suites want to be told just that.
        raise ManifestUnknown(f"no manifest in this repository: {error.message}", error.detail) from error
    manifest = await repository.get_manifest(reference)
    unchanged = not_modified(call, manifest.digest)
    if unchanged is not None:
        return unchanged
    headers = entity_headers(manifest.digest, manifest.media_type)
    if manifest.media_type not in KNOWN:
        headers += _INERT
    if call.method == "HEAD":
        return Reply(200, headers, length=len(manifest.content))
    return Reply(200, headers, manifest.content)


async def put(repository: IRepository, call: Call, reference: Reference, limit: int) -> Reply:
    """
    Keep a manifest.

    :param limit: the longest manifest, in bytes.
    """
    tags = call.query.get("tag", [])
    if tags and not isinstance(reference, Digest):
        raise RequestInvalid("send tag= only where the path names the manifest by its digest")
    if len(tags) > MOST_TAGS:
        raise TooManyTags(f"push a manifest with at most {MOST_TAGS} tags at once")
    named = [parse_tag(tag) for tag in tags]
    precondition = parse_precondition(call.header(b"if-match"), call.header(b"if-none-match"))
    content = await call.collect(limit, ManifestTooLarge(f"a manifest has at most {limit} bytes here"))
    pushed = await repository.put_manifest(content, call.header(b"content-type"), reference, named, precondition)
    digest = str(pushed.digest)
    headers = [
        ("Location", f"/v2/{repository.name}/manifests/{digest}"),
        ("Docker-Content-Digest", digest),
        ("ETag", f'"{digest}"'),
    ]
    if pushed.subject is not None:
        headers.append(("OCI-Subject", str(pushed.subject)))
    headers += [("OCI-Tag", str(tag)) for tag in pushed.tags if tags]
    return Reply(201, tuple(headers))


async def delete(repository: IRepository, call: Call, reference: Reference) -> Reply:
    """Remove a manifest by its digest, or a tag and only the tag."""
    if isinstance(reference, Digest):
        await repository.delete_manifest(reference)
    else:
        precondition = parse_precondition(call.header(b"if-match"), call.header(b"if-none-match"))
        await repository.delete_tag(reference, precondition)
    return Reply(202)
