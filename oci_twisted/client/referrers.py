"""
The list of referrers (end-12), and the tag that stands in for it where a registry has none.
"""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from oci_twisted.client import manifests
from oci_twisted.client.errors import refusal
from oci_twisted.client.listings import page_target
from oci_twisted.spec.descriptors import Descriptor, parse_descriptor
from oci_twisted.spec.errors import ManifestInvalid, ManifestUnknown, NameUnknown, Unavailable
from oci_twisted.spec.pages import Page
from oci_twisted.spec.referrers import fallback_tag

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from oci_twisted.client.answers import Answer
    from oci_twisted.client.origin import Origin
    from oci_twisted.spec.descriptors import Json
    from oci_twisted.spec.digests import Digest
    from oci_twisted.spec.names import RepositoryName
    from oci_twisted.spec.pages import PageRequest

_NOT_FOUND = 404
# Of a registry that pages in its own way all pages are read, so many bytes at most.
_WHOLE_LIMIT = 16 << 20


async def listing(
    origin: Origin,
    name: RepositoryName,
    subject: Digest,
    artifact_types: Collection[str],
    page: PageRequest,
    limit: int,
) -> Page[Descriptor]:
    """
    List the manifests that refer to ``subject``, in the order of their digests' text.

    The specification knows no ``n`` and ``last`` here.  A registry that does as they say is asked for one page; of any
    other the whole list is read.

    :param limit: of the index that stands in for the list, in bytes.
    """
    filters = [("artifactType", text) for text in dict.fromkeys(artifact_types)]
    path = f"/v2/{name}/referrers/{subject}"
    answer = await origin.ask("GET", page_target(path, page, filters))
    if answer.status == _NOT_FOUND:
        if isinstance(refusal(answer), NameUnknown):
            return Page(())
        return _page(await _fallback(origin, name, subject, limit), artifact_types, page)
    listed = _descriptors(answer)
    link = answer.next_link()
    filtered = not filters or "artifactType" in (answer.header("OCI-Filters-Applied") or "")
    if filtered and _obeys(listed, link, page):
        return Page(tuple(listed), more=link is not None)
    return _page(await _rest(origin, answer, listed), artifact_types, page)


async def _rest(origin: Origin, answer: Answer, listed: list[Descriptor]) -> list[Descriptor]:
    """Read the pages behind the first, wherever each says that the next one is."""
    read = len(answer.body)
    while (link := answer.next_link()) is not None:
        answer = await origin.ask("GET", origin.resolve(answer, link))
        listed += _descriptors(answer)
        read += len(answer.body) + 1
        if read > _WHOLE_LIMIT:
            raise Unavailable(f"{answer} with more than {_WHOLE_LIMIT} bytes of referrers in all")
    return listed


async def _fallback(origin: Origin, name: RepositoryName, subject: Digest, limit: int) -> list[Descriptor]:
    """Read the index that clients keep for a registry without referrers (distribution-spec, "Referrers Tag Schema")."""
    tag = fallback_tag(subject)
    try:
        manifest = await manifests.get(origin, name, tag, limit)
    except ManifestUnknown:
        return []
    try:
        return _parse(json.loads(manifest.content))
    except (ManifestInvalid, RecursionError, ValueError) as error:
        raise Unavailable(f"{tag} in {name}, which should list referrers, is no index: {error}") from error


def _descriptors(answer: Answer) -> list[Descriptor]:
    if not answer.succeeded:
        raise refusal(answer)
    try:
        return _parse(answer.document())
    except ManifestInvalid as error:
        raise answer.unusable(f"what is no index: {error.message}") from error


def _parse(document: Json) -> list[Descriptor]:
    listed = document.get("manifests") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise ManifestInvalid("manifests must be a list of descriptors")
    return [parse_descriptor(value, f"manifests[{position}]") for position, value in enumerate(listed)]


def _obeys(listed: Sequence[Descriptor], link: str | None, page: PageRequest) -> bool:
    """Answer whether a list is what was asked for, in the order that lets us ask for what is behind its last item."""
    texts = [page.last, *(str(descriptor.digest) for descriptor in listed)]
    if len(listed) > page.limit or any(text >= other for text, other in pairwise(texts)):
        return False
    return link is None or parse_qs(link.partition("?")[2]).get("last") == texts[-1:]


def _page(listed: Iterable[Descriptor], artifact_types: Collection[str], page: PageRequest) -> Page[Descriptor]:
    by_digest = {str(descriptor.digest): descriptor for descriptor in _matching(listed, artifact_types)}
    behind = [by_digest[text] for text in sorted(by_digest) if text > page.last]
    return Page(tuple(behind[: page.limit]), more=0 < page.limit < len(behind))


def _matching(listed: Iterable[Descriptor], artifact_types: Collection[str]) -> Iterable[Descriptor]:
    # A registry need not filter.
    return (one for one in listed if not artifact_types or one.artifact_type in artifact_types)
