"""
What one repository holds, in memory.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define, field

if TYPE_CHECKING:
    from collections.abc import Callable

    from oci_twisted.spec.descriptors import Descriptor
    from oci_twisted.spec.digests import Digest
    from oci_twisted.spec.manifests import Manifest
    from oci_twisted.spec.names import Tag

T = TypeVar("T")


@define
class Holdings:
    """
    What one repository holds.

    :ivar tag_order: the keys of ``tags``, sorted.
    :ivar referrers: by subject and artifact type, sorted by their digests' text; under ``None`` for all types.
    :ivar parents: by digest, the manifests here that list it among their children.
    """

    blobs: set[Digest] = field(factory=set)
    manifests: dict[Digest, Manifest] = field(factory=dict)
    tags: dict[Tag, Digest] = field(factory=dict)
    tag_order: list[Tag] = field(factory=list)
    referrers: dict[tuple[Digest, str | None], list[Descriptor]] = field(factory=dict)
    parents: dict[Digest, set[Digest]] = field(factory=dict)

    def add_manifest(self, digest: Digest, manifest: Manifest) -> None:
        """Hold a manifest, unless it is held already."""
        if digest in self.manifests:
            return
        self.manifests[digest] = manifest
        for key, descriptor in _entries(digest, manifest):
            insort(self.referrers.setdefault(key, []), descriptor, key=digest_text)
        for child in manifest.children:
            self.parents.setdefault(child.digest, set()).add(digest)

    def remove_manifest(self, digest: Digest) -> None:
        """Let go of a manifest that is held, and of every tag that points to it."""
        manifest = self.manifests.pop(digest)
        for key, descriptor in _entries(digest, manifest):
            take_out(self.referrers[key], descriptor, digest_text)
        for child in manifest.children:
            self.parents[child.digest].discard(digest)
        self.tags = {tag: target for tag, target in self.tags.items() if target != digest}
        self.tag_order = [tag for tag in self.tag_order if tag in self.tags]

    def point(self, tag: Tag, digest: Digest) -> None:
        """Let a tag point to a manifest."""
        if tag not in self.tags:
            insort(self.tag_order, tag)
        self.tags[tag] = digest

    def owners(self, digest: Digest) -> list[Tag]:
        """Answer the tags that a manifest belongs to: they point to it, or to what lists it, or to what lists that."""
        above = {digest}
        found = [digest]
        while found:
            new = [parent for parent in self.parents.get(found.pop(), ()) if parent not in above]
            above.update(new)
            found += new
        return [tag for tag, target in self.tags.items() if target in above]


def take_out(ordered: list[T], item: T, key: Callable[[T], Any]) -> None:
    """Remove an item that is in a sorted list."""
    del ordered[bisect_left(ordered, key(item), key=key)]


def digest_text(descriptor: Descriptor) -> str:
    """Answer what descriptors are sorted by."""
    return str(descriptor.digest)


def _entries(digest: Digest, manifest: Manifest) -> list[tuple[tuple[Digest, str | None], Descriptor]]:
    if manifest.subject is None:
        return []
    subject = manifest.subject.digest
    descriptor = manifest.descriptor(digest)
    # One without a type is found without a filter only, and must not be listed twice there.
    return [((subject, kind), descriptor) for kind in {None, manifest.artifact_type}]
