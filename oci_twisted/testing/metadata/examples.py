"""
What the tests are about, and the few steps that they share.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from twisted.internet.defer import Deferred, DeferredList
from twisted.python.failure import Failure

from oci_twisted.spec.descriptors import Descriptor
from oci_twisted.spec.digests import digest_of
from oci_twisted.spec.errors import NameUnknown
from oci_twisted.spec.manifests import Manifest
from oci_twisted.spec.mediatypes import OCI_MANIFEST
from oci_twisted.spec.names import parse_name, parse_tag
from oci_twisted.spec.pages import PageRequest
from oci_twisted.spec.tagrules import FREE, TagRules

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence

    from oci_twisted.interfaces import IMetadataStore
    from oci_twisted.spec.digests import Digest
    from oci_twisted.spec.errors import RegistryError
    from oci_twisted.spec.names import RepositoryName, Tag
    from oci_twisted.spec.pages import Page
    from oci_twisted.spec.preconditions import Precondition

T = TypeVar("T")

ALPINE = parse_name("library/alpine")
BUSYBOX = parse_name("library/busybox")
DEBIAN = parse_name("library/debian")
LATEST = parse_tag("latest")
STABLE = parse_tag("stable")

ALL = PageRequest(1000)
NOW = 1_700_000_000.0
SIZE = 1234


def digest(content: str) -> Digest:
    """Answer some digest."""
    return digest_of(content.encode())


def image(
    content: str,
    *,
    subject: Digest | None = None,
    artifact_type: str | None = None,
    annotations: Mapping[str, str] | None = None,
) -> Manifest:
    """Make a manifest that is like no other of another ``content``."""
    return Manifest(
        content=content.encode(),
        media_type=OCI_MANIFEST,
        subject=None if subject is None else Descriptor(OCI_MANIFEST, subject, SIZE),
        artifact_type=artifact_type,
        annotations=annotations or {},
    )


async def hold(store: IMetadataStore, name: RepositoryName, *digests: Digest) -> None:
    """Let a repository hold blobs."""
    for blob in digests:
        await store.add_blob(name, blob, SIZE, "no-session", NOW)


async def exists(store: IMetadataStore, name: RepositoryName) -> bool:
    """Answer whether there is such a repository."""
    try:
        await store.tags(name, ALL)
    except NameUnknown:
        return False
    return True


async def put(
    store: IMetadataStore,
    name: RepositoryName,
    manifest: Manifest,
    *tags: Tag,
    blobs: Collection[Digest] = (),
    children: Collection[Digest] = (),
    precondition: Precondition | None = None,
    rules: TagRules = FREE,
) -> Digest:
    """Put a manifest under its sha256 digest, and answer that."""
    found = manifest.digest()
    await store.put_manifest(name, found, manifest, tags, blobs, children, precondition, rules)
    return found


async def target(store: IMetadataStore, name: RepositoryName, tag: Tag) -> Digest | None:
    """Answer what a tag points to."""
    manifest = await store.manifest(name, tag)
    return None if manifest is None else manifest.digest


async def winners(attempts: Sequence[Coroutine[Any, Any, object]], refusal: type[RegistryError]) -> list[int]:
    """Run all of ``attempts`` at once and answer which of them were not refused; any other failure is raised."""
    outcomes = await DeferredList([Deferred.fromCoroutine(attempt) for attempt in attempts], consumeErrors=True)
    for _, outcome in outcomes:
        if isinstance(outcome, Failure):
            outcome.trap(refusal)
    return [position for position, (succeeded, _) in enumerate(outcomes) if succeeded]


async def check_pages(
    listing: Callable[[PageRequest], Coroutine[Any, Any, Page[T]]],
    expected: Sequence[T],
    text: Callable[[T], str] = str,
) -> None:
    """
    Check everything that is promised of a listing's pages.

    :param expected: all of the listing, at least two items.
    :param text: what ``last`` is for an item.
    """
    whole = await listing(ALL)
    assert list(whole.items) == list(expected)
    assert not whole.more
    none = await listing(PageRequest(0))
    assert (none.items, none.more) == ((), False)
    for limit in range(1, len(expected) + 2):
        await _check_walk(listing, expected, text, limit)
    for item in expected:
        # The text itself, what comes before all that it begins, and what comes behind all that it begins.
        for last in (text(item), text(item)[:-1], f"{text(item)}~"):
            rest = await listing(PageRequest(1000, last))
            assert list(rest.items) == [other for other in expected if text(other) > last]


async def _check_walk(
    listing: Callable[[PageRequest], Coroutine[Any, Any, Page[T]]],
    expected: Sequence[T],
    text: Callable[[T], str],
    limit: int,
) -> None:
    walked: list[T] = []
    for start in range(0, len(expected), limit):
        page = await listing(PageRequest(limit, text(walked[-1]) if walked else ""))
        walked += page.items
        assert list(page.items) == list(expected[start : start + limit])
        assert page.more == (start + limit < len(expected))
