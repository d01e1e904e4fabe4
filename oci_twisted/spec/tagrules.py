"""
What the rule that lets somebody push or delete says of single tags.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from oci_twisted.spec.globs import matches

if TYPE_CHECKING:
    from oci_twisted.spec.names import Tag


@frozen
class TagRules:
    """
    Patterns of tags, such as ``v*``.

    :ivar immutable: once such a tag points to a manifest, it points to no other.
    :ivar protected: such a tag, and the manifest that it points to, are not deleted.
    """

    immutable: tuple[str, ...] = ()
    protected: tuple[str, ...] = ()

    def pins(self, tag: Tag) -> bool:
        """Answer whether a tag may not be moved."""
        return any(matches(pattern, tag.text) for pattern in self.immutable)

    def keeps(self, tag: Tag) -> bool:
        """Answer whether a tag may not be deleted: one that was could be pushed anew, and would have moved."""
        return self.pins(tag) or any(matches(pattern, tag.text) for pattern in self.protected)


FREE = TagRules()
