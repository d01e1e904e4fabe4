"""
What an operator decides, a registry does.
"""

from __future__ import annotations

import pytest

from oci_twisted.registry.policy import MANIFEST_LIMIT, Policy
from oci_twisted.spec.digests import digest_of
from oci_twisted.spec.errors import (
    BlobUnknown,
    DeleteDisabled,
    ManifestBlobUnknown,
    ManifestTooLarge,
    ManifestUnknown,
)
from oci_twisted.spec.pages import Page
from oci_twisted.testing.repository.examples import (
    ALL,
    ALPINE,
    EMPTY,
    LATEST,
    image,
    index,
    push,
    push_blob,
)
from oci_twisted.testing.waiting import waits
from tests.registry.stores import Stores

LAYER = b"a layer"
IMAGE = image(LAYER)
INDEX = index(IMAGE)
WHOLE = index()


def test_a_policy_is_careful_by_default() -> None:
    """Unless the operator says otherwise, images are complete, everything can be deleted, and changes are taken."""
    policy = Policy()
    assert not policy.incomplete_images
    assert not policy.incomplete_indexes
    assert not policy.read_only
    assert policy.delete_tags
    assert policy.delete_manifests
    assert policy.delete_blobs
    assert policy.manifest_limit == MANIFEST_LIMIT == 4 * 1024 * 1024
    assert policy.upload_lifetime == 7 * 24 * 60 * 60
    assert Stores().registry().policy == policy


@waits
async def test_incomplete_images_are_taken_if_the_operator_likes() -> None:
    """An image without its blobs is taken then; an index without its images is not."""
    repository = Stores().registry(Policy(incomplete_images=True)).repository(ALPINE)
    with pytest.raises(ManifestBlobUnknown):
        await push(repository, INDEX)
    await push(repository, IMAGE, LATEST)
    assert (await repository.get_manifest(LATEST)).content == IMAGE
    with pytest.raises(BlobUnknown):
        await repository.stat_blob(digest_of(LAYER))
    await push(repository, INDEX)


@waits
async def test_incomplete_indexes_are_taken_if_the_operator_likes() -> None:
    """An index without its images is taken then; an image without its blobs is not."""
    repository = Stores().registry(Policy(incomplete_indexes=True)).repository(ALPINE)
    with pytest.raises(ManifestBlobUnknown) as refused:
        await push(repository, IMAGE)
    assert refused.value.missing == (digest_of(EMPTY), digest_of(LAYER))
    await push(repository, INDEX, LATEST)
    assert (await repository.get_manifest(LATEST)).content == INDEX


@waits
async def test_a_manifest_has_a_limit() -> None:
    """A manifest of as many bytes as the operator allows is taken, and one of a byte more is not."""
    repository = Stores().registry(Policy(manifest_limit=len(WHOLE))).repository(ALPINE)
    with pytest.raises(ManifestTooLarge, match=f"at most {len(WHOLE)} bytes"):
        await push(repository, WHOLE + b" ", LATEST)
    with pytest.raises(ManifestUnknown):
        await repository.get_manifest(LATEST)
    await push(repository, WHOLE, LATEST)


@waits
async def test_tags_are_kept_if_the_operator_likes() -> None:
    """No tag is deleted then, not even one that does not exist; a manifest is, and its tags with it."""
    repository = Stores().registry(Policy(delete_tags=False)).repository(ALPINE)
    with pytest.raises(DeleteDisabled):
        await repository.delete_tag(LATEST)
    await push(repository, WHOLE, LATEST)
    with pytest.raises(DeleteDisabled):
        await repository.delete_tag(LATEST)
    assert await repository.tags(ALL) == Page((LATEST,))
    await repository.delete_manifest(digest_of(WHOLE))
    with pytest.raises(ManifestUnknown):
        await repository.get_manifest(LATEST)


@waits
async def test_manifests_are_kept_if_the_operator_likes() -> None:
    """No manifest is deleted then; a tag and a blob are."""
    repository = Stores().registry(Policy(delete_manifests=False)).repository(ALPINE)
    blob = await push_blob(repository, LAYER)
    await push(repository, WHOLE, LATEST)
    with pytest.raises(DeleteDisabled):
        await repository.delete_manifest(digest_of(WHOLE))
    await repository.delete_blob(blob)
    await repository.delete_tag(LATEST)
    assert (await repository.get_manifest(digest_of(WHOLE))).content == WHOLE


@waits
async def test_blobs_are_kept_if_the_operator_likes() -> None:
    """No blob is deleted then; a tag and a manifest are."""
    repository = Stores().registry(Policy(delete_blobs=False)).repository(ALPINE)
    blob = await push_blob(repository, LAYER)
    await push(repository, WHOLE, LATEST)
    with pytest.raises(DeleteDisabled):
        await repository.delete_blob(blob)
    await repository.delete_tag(LATEST)
    await repository.delete_manifest(digest_of(WHOLE))
    assert await repository.stat_blob(blob) == len(LAYER)
