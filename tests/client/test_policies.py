"""
What an operator of our server decides, our client learns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from oci_twisted.registry.policy import Policy
from oci_twisted.spec.digests import digest_of
from oci_twisted.spec.errors import (
    DeleteDisabled,
    ManifestTooLarge,
    ManifestUnknown,
    ReadOnly,
    ReferenceChanged,
    TooManyTags,
)
from oci_twisted.spec.mediatypes import OCI_INDEX
from oci_twisted.spec.names import parse_name, parse_tag
from oci_twisted.spec.pages import Page, PageRequest
from oci_twisted.spec.preconditions import Precondition
from oci_twisted.testing.repository.examples import (
    ALPINE,
    EMPTY,
    LATEST,
    index,
    push,
    push_blob,
    referrer,
)
from oci_twisted.testing.waiting import waits
from tests.client.fronts import channel_front, connect, memory_registry, mounted_front

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IProtocolFactory

    from oci_twisted.registry.registry import StoredRegistry

MANIFEST = index()
DIGEST = digest_of(MANIFEST)

fronts = pytest.mark.parametrize("front", [channel_front, mounted_front])


@fronts
@waits
async def test_a_registry_may_take_no_changes(front: Callable[[StoredRegistry], IProtocolFactory]) -> None:
    """From a read-only registry everything can be pulled, and nothing can be pushed or mounted."""
    stored = memory_registry(Policy(read_only=True))
    await push(stored.repository(ALPINE), MANIFEST, LATEST)
    repository = connect(front(stored)).repository(ALPINE)
    assert (await repository.get_manifest(LATEST)).content == MANIFEST
    with pytest.raises(ReadOnly):
        await repository.begin_upload()
    with pytest.raises(ReadOnly):
        await repository.mount_blob(DIGEST, parse_name("b"))
    with pytest.raises(ReadOnly):
        await push(repository, MANIFEST, LATEST)
    # On the wire it looks like the next.
    with pytest.raises(DeleteDisabled, match="read-only"):
        await repository.delete_tag(LATEST)


@fronts
@waits
async def test_a_registry_may_keep_everything(front: Callable[[StoredRegistry], IProtocolFactory]) -> None:
    """From a registry that deletes nothing, nothing is deleted."""
    stored = memory_registry(Policy(delete_tags=False, delete_manifests=False, delete_blobs=False))
    repository = connect(front(stored)).repository(ALPINE)
    blob = await push_blob(repository, EMPTY)
    await push(repository, MANIFEST, LATEST)
    for work in (repository.delete_tag(LATEST), repository.delete_manifest(DIGEST), repository.delete_blob(blob)):
        with pytest.raises(DeleteDisabled):
            await work
    assert (await repository.get_manifest(LATEST)).digest == DIGEST
    assert await repository.stat_blob(blob) == len(EMPTY)


@fronts
@waits
async def test_a_registry_may_have_limits(front: Callable[[StoredRegistry], IProtocolFactory]) -> None:
    """A manifest that is too long, or has too many tags at once, is refused for that."""
    repository = connect(front(memory_registry(Policy(manifest_limit=1000)))).repository(ALPINE)
    with pytest.raises(ManifestTooLarge):
        await push(repository, MANIFEST + b" " * 1_000_000, LATEST)
    with pytest.raises(TooManyTags):
        await repository.put_manifest(
            MANIFEST, OCI_INDEX, DIGEST, [parse_tag(f"tag-{number}") for number in range(200)]
        )
    with pytest.raises(ManifestUnknown):
        await repository.get_manifest(LATEST)


@fronts
@waits
async def test_a_registry_may_have_short_pages(front: Callable[[StoredRegistry], IProtocolFactory]) -> None:
    """A page that is shorter than was wanted says that there is more."""
    registry = connect(front(memory_registry(Policy(page_limit=2))))
    repository = registry.repository(ALPINE)
    await push_blob(repository, EMPTY)
    for number in range(3):
        await push(repository, referrer(MANIFEST, annotations={"n": str(number)}), parse_tag(str(number)))
        await push_blob(registry.repository(parse_name(str(number))), EMPTY)
    assert await repository.tags(PageRequest(9)) == Page((parse_tag("0"), parse_tag("1")), more=True)
    assert await repository.tags(PageRequest(9, "1")) == Page((parse_tag("2"),))
    assert await registry.repositories(PageRequest(9, "1")) == Page((parse_name("2"), ALPINE))
    page = await repository.referrers(DIGEST, (), PageRequest(9))
    assert (len(page.items), page.more) == (2, True)
    rest = await repository.referrers(DIGEST, (), PageRequest(9, str(page.items[-1].digest)))
    assert (len(rest.items), rest.more) == (1, False)


@fronts
@waits
async def test_a_tag_that_should_not_exist_is_not_deleted(
    front: Callable[[StoredRegistry], IProtocolFactory],
) -> None:
    """To delete a tag on the condition that it does not exist is refused, however odd, and the tag stays."""
    repository = connect(front(memory_registry())).repository(ALPINE)
    await push(repository, MANIFEST, LATEST)
    with pytest.raises(ReferenceChanged):
        await repository.delete_tag(LATEST, Precondition(None, absent=True))
