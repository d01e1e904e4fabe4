"""
Listings: tags (end-8), referrers (end-12), and the catalog.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from oci_twisted.http.replies import Reply, json_reply
from oci_twisted.spec.mediatypes import OCI_INDEX
from oci_twisted.spec.pages import PageRequest, next_link, parse_page
from oci_twisted.spec.referrers import referrers_document

if TYPE_CHECKING:
    from oci_twisted.http.authorize import Gate
    from oci_twisted.http.calls import Call
    from oci_twisted.http.cursors import Cursors
    from oci_twisted.http.replies import Headers
    from oci_twisted.interfaces import IRegistry, IRepository
    from oci_twisted.spec.digests import Digest

# How many pages of repositories that the caller may not pull are passed over before a page comes short.
_MOST_SKIPPED = 10


async def tags(repository: IRepository, call: Call, most: int) -> Reply:
    """
    List a repository's tags.

    :param most: items on a page.
    """
    wanted = _wanted(call, most)
    page = await repository.tags(wanted)
    names = [tag.text for tag in page.items]
    headers = _link(f"/v2/{repository.name}/tags/list", wanted, names, more=page.more)
    return json_reply(200, {"name": repository.name.text, "tags": list(names)}, headers)


async def referrers(repository: IRepository, call: Call, subject: Digest, most: int) -> Reply:
    """
    List the manifests that refer to a subject.

    :param most: items on a page.
    """
    wanted = _wanted(call, most)
    artifact_types = [text for text in call.query.get("artifactType", []) if text]
    page = await repository.referrers(subject, artifact_types, wanted)
    digests = [str(descriptor.digest) for descriptor in page.items]
    filters = [("artifactType", text) for text in artifact_types]
    path = f"/v2/{repository.name}/referrers/{subject}"
    headers: Headers = (
        ("Content-Type", OCI_INDEX),
        *((("OCI-Filters-Applied", "artifactType"),) if filters else ()),
        *_link(path, wanted, digests, filters, more=page.more),
    )
    return Reply(200, headers, referrers_document(page.items))


async def catalog(registry: IRegistry, gate: Gate, call: Call, most: int, cursors: Cursors) -> Reply:
    """
    List the repositories that the caller may pull.

    Whether there is a next page depends on those alone: one more than the page is looked for.  Only where so much is
    passed over that the page comes short does the link lead to a place among the others, whose name it does not tell.

    :param most: items on a page.
    """
    wanted = _wanted(call, most)
    names: list[str] = []
    last = cursors.open(wanted.last)
    more = wanted.limit > 0
    for _ in range(_MOST_SKIPPED):
        if not more or len(names) > wanted.limit:
            break
        page = await registry.repositories(PageRequest(wanted.limit + 1 - len(names), last))
        names += [name.text for name in await gate.readable(call.principal, page.items)]
        more = page.more
        last = page.items[-1].text if page.items else last
    listed = names[: wanted.limit]
    following = listed[-1:] if len(names) > wanted.limit else [cursors.seal(last)]
    headers = _link("/v2/_catalog", wanted, following, more=more or len(names) > wanted.limit)
    return json_reply(200, {"repositories": list(listed)}, headers)


def _wanted(call: Call, most: int) -> PageRequest:
    return parse_page(call.parameter("n"), call.parameter("last"), most)


def _link(
    path: str,
    wanted: PageRequest,
    items: list[str],
    filters: list[tuple[str, str]] | None = None,
    *,
    more: bool,
) -> Headers:
    if not more or not items:
        return ()
    parameters = [("n", str(wanted.limit)), ("last", items[-1]), *(filters or [])]
    return (("Link", next_link(path, parameters)),)
