"""
What the rule that lets somebody push or delete says of single tags.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from oci_twisted.spec.errors import TagImmutable
from oci_twisted.spec.globs import matches

if TYPE_CHECKING:
    from collections.abc import Iterable

    from oci_twisted.spec.digests import Digest
    from oci_twisted.spec.names import Tag


@frozen
class TagRules:
    """
    Patterns of tags, such as ``v*``.

    :ivar immutable: once such a tag points to a manifest, it points to no other.
    :ivar protected: such a tag, and what belongs to it, are not deleted: the manifest that it points to, the manifests
        that this lists and theirs, and their blobs.
    """

    immutable: tuple[str, ...] = ()
    protected: tuple[str, ...] = ()

    def pins(self, tag: Tag) -> bool:
        """Answer whether a tag may not be moved."""
        return any(matches(pattern, tag.text) for pattern in self.immutable)

    def keeps(self, tag: Tag) -> bool:
        """Answer whether a tag may not be deleted: one that was could be pushed anew, and would have moved."""
        return self.pins(tag) or any(matches(pattern, tag.text) for pattern in self.protected)

    def check_move(self, tag: Tag, current: Digest | None, digest: Digest) -> None:
        """
        Compare what a tag points to, if it exists, with what it is to point to.

        :raise TagImmutable: when it may not be moved, and would be.
        """
        if current is not None and current != digest and self.pins(tag):
            raise TagImmutable.of(tag, current)

    def first_kept(self, tags: Iterable[Tag]) -> Tag | None:
        """Answer the first in byte order of those that may not be deleted."""
        return min(filter(self.keeps, tags), default=None)


FREE = TagRules()
