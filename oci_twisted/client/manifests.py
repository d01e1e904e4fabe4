"""
Manifests and tags (end-3, end-7, end-9).
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from oci_twisted.client.errors import refusal
from oci_twisted.interfaces import PushedManifest, StoredManifest
from oci_twisted.spec.digests import SHA256, Digest, digest_of, parse_digest
from oci_twisted.spec.errors import DigestInvalid, ManifestInvalid, ManifestTooLarge, ManifestUnknown, TagInvalid
from oci_twisted.spec.mediatypes import KNOWN, parse_media_type
from oci_twisted.spec.names import parse_tag

if TYPE_CHECKING:
    from collections.abc import Collection

    from oci_twisted.client.answers import Answer
    from oci_twisted.client.origin import Origin
    from oci_twisted.spec.errors import RegistryError
    from oci_twisted.spec.names import Reference, RepositoryName, Tag
    from oci_twisted.spec.preconditions import Precondition

# Some registries convert, or refuse, what is not accepted; and any media type may be a manifest's.
_ACCEPT = ", ".join([*sorted(KNOWN), "*/*"])


async def get(origin: Origin, name: RepositoryName, reference: Reference, limit: int) -> StoredManifest:
    """
    Answer a manifest, whose digest has been checked.

    :param limit: the longest manifest, in bytes.
    :raise ManifestUnknown: when there is none.
    :raise ManifestTooLarge: when it is longer.
    :raise Unavailable: when what comes is not what was asked for.
    """
    answer = await origin.ask(
        "GET",
        _target(name, reference),
        {"Accept": _ACCEPT},
        limit=limit,
        too_long=ManifestTooLarge(f"{reference} in {name} has more than {limit} bytes"),
    )
    if not answer.succeeded:
        raise refusal(answer, ManifestUnknown.of(reference))
    expected = reference if isinstance(reference, Digest) else _stated_digest(answer)
    digest = _digest_of(answer.body, expected)
    if expected is not None and digest != expected:
        found = "one that cannot be checked" if digest is None else str(digest)
        raise answer.unusable(f"a manifest whose digest should be {expected} and is {found}")
    try:
        media_type = parse_media_type(answer.header("Content-Type") or "")
    except ManifestInvalid as error:
        raise answer.unusable("a manifest without a media type") from error
    return StoredManifest(answer.body, media_type, digest or digest_of(answer.body))


async def put(
    origin: Origin,
    name: RepositoryName,
    content: bytes,
    content_type: str | None,
    reference: Reference,
    tags: Collection[Tag],
    precondition: Precondition | None,
) -> PushedManifest:
    """
    Push a manifest.

    A registry that does not take ``tags`` along with a digest leaves them out of its answer, and so do we; likewise the
    subject, where the registry does not list referrers.
    """
    target = _target(name, reference)
    headers = _conditions(precondition)
    if content_type is not None:
        headers["Content-Type"] = content_type
    if isinstance(reference, Digest) and tags:
        target += "?" + "&".join(f"tag={quote(tag.text)}" for tag in dict.fromkeys(tags))
    answer = await origin.ask("PUT", target, headers, content)
    if not answer.succeeded:
        raise refusal(answer)
    stated = _stated_digest(answer)
    expected = reference if isinstance(reference, Digest) else stated
    digest = _digest_of(content, expected)
    if digest is None or (stated is not None and stated != digest):
        raise answer.unusable(f"digest {stated} for what was pushed as {expected}")
    subject = answer.header("OCI-Subject")
    pointing = _listed_tags(answer) if isinstance(reference, Digest) else (reference,)
    return PushedManifest(digest, None if subject is None else _read_digest(answer, subject), pointing)


async def delete(
    origin: Origin, name: RepositoryName, reference: Reference, precondition: Precondition | None = None
) -> None:
    """
    Remove a manifest by its digest, or a tag and only the tag.

    :raise ManifestUnknown: when there is none.
    """
    answer = await origin.ask("DELETE", _target(name, reference), _conditions(precondition))
    if not answer.succeeded:
        raise refusal(answer, ManifestUnknown.of(reference))


def _target(name: RepositoryName, reference: Reference) -> str:
    return f"/v2/{name}/manifests/{reference}"


def _conditions(precondition: Precondition | None) -> dict[str, str]:
    if precondition is None:
        return {}
    if precondition.absent:
        return {"If-None-Match": "*"}
    if precondition.digests is None:
        return {"If-Match": "*"}
    return {"If-Match": ", ".join(f'"{digest}"' for digest in sorted(precondition.digests))}


def _digest_of(content: bytes, expected: Digest | None) -> Digest | None:
    """Answer the digest of ``content`` in the algorithm of ``expected``; ``None`` where that cannot be computed."""
    if expected is None:
        return digest_of(content, SHA256)
    return digest_of(content, expected.algorithm) if expected.verifiable else None


def _stated_digest(answer: Answer) -> Digest | None:
    stated = answer.header("Docker-Content-Digest")
    return None if stated is None else _read_digest(answer, stated)


def _read_digest(answer: Answer, text: str) -> Digest:
    try:
        return parse_digest(text)
    except DigestInvalid as error:
        raise _malformed(answer, error) from error


def _listed_tags(answer: Answer) -> tuple[Tag, ...]:
    listed = (answer.header("OCI-Tag") or "").split(",")
    try:
        return tuple(parse_tag(text.strip()) for text in listed if text.strip())
    except TagInvalid as error:
        raise _malformed(answer, error) from error


def _malformed(answer: Answer, error: RegistryError) -> RegistryError:
    return answer.unusable(f"a header that cannot be read: {error.message}")
