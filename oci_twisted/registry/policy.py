"""
What an operator decides about a registry.
"""

from __future__ import annotations

from attrs import frozen

MANIFEST_LIMIT = 4 << 20
PAGE_LIMIT = 1000
DAY = 24 * 60 * 60


@frozen(kw_only=True)
class Policy:
    """
    The decisions; each default is what a careful operator would choose.

    :ivar incomplete_images: take an image manifest whose config or layers are missing.
    :ivar incomplete_indexes: take an index some of whose manifests are missing (a sparse copy).
    :ivar manifest_limit: the longest manifest, in bytes; the specification asks for 4 MiB at least.
    :ivar page_limit: the most items on one page of a listing.
    :ivar delete_tags: whether tags may be deleted; likewise the next two.
    :ivar upload_lifetime: after how many seconds without a byte an upload session is abandoned.
    :ivar read_only: take no changes at all.
    """

    incomplete_images: bool = False
    incomplete_indexes: bool = False
    manifest_limit: int = MANIFEST_LIMIT
    page_limit: int = PAGE_LIMIT
    delete_tags: bool = True
    delete_manifests: bool = True
    delete_blobs: bool = True
    upload_lifetime: float = 7 * DAY
    read_only: bool = False
