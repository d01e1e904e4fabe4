"""
Who refers to whom.
"""

from __future__ import annotations

import json
from contextlib import ExitStack, closing
from heapq import merge
from typing import TYPE_CHECKING, TypeAlias

from oci_twisted.spec.descriptors import Descriptor
from oci_twisted.spec.digests import Digest
from oci_twisted.spec.pages import Page
from oci_twisted.spec.referrers import PAGE_BYTES

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterator

    from oci_twisted.spec.manifests import Manifest
    from oci_twisted.spec.names import RepositoryName
    from oci_twisted.spec.pages import PageRequest

PAGE = """
    SELECT manifest.digest, manifest.media_type, length(manifest.content), manifest.artifact_type, manifest.annotations
    FROM repository
    JOIN manifest ON manifest.repository = repository.id
    WHERE repository.name = ? AND manifest.subject = ? AND manifest.digest > ?
    ORDER BY manifest.digest LIMIT ?
"""
PAGE_OF_TYPE = """
    SELECT manifest.digest, manifest.media_type, length(manifest.content), manifest.artifact_type, manifest.annotations
    FROM repository
    JOIN manifest ON manifest.repository = repository.id
    WHERE repository.name = ? AND manifest.subject = ? AND manifest.digest > ? AND manifest.artifact_type = ?
    ORDER BY manifest.digest LIMIT ?
"""

_Row: TypeAlias = "tuple[str, str, int, str | None, str | None]"


def entry(manifest: Manifest) -> tuple[str | None, str | None, str | None]:
    """Answer the columns subject, artifact_type and annotations for a manifest."""
    if manifest.subject is None:
        return None, None, None
    annotations = json.dumps(dict(manifest.annotations), ensure_ascii=False) if manifest.annotations else None
    return str(manifest.subject.digest), manifest.artifact_type, annotations


def page(
    connection: sqlite3.Connection,
    name: RepositoryName,
    subject: Digest,
    artifact_types: Collection[str],
    wanted: PageRequest,
) -> Page[Descriptor]:
    """List the manifests that refer to ``subject``."""
    parameters = (name.text, str(subject), wanted.last)
    limit = wanted.limit + 1
    if not artifact_types:
        with closing(connection.execute(PAGE, (*parameters, limit))) as rows:
            return _page(rows, wanted.limit)
    with ExitStack() as stack:
        # One transaction, for otherwise each type would be listed as of another moment.
        connection.execute("BEGIN")
        stack.callback(connection.rollback)
        listings = [
            stack.enter_context(closing(connection.execute(PAGE_OF_TYPE, (*parameters, artifact_type, limit))))
            for artifact_type in set(artifact_types)
        ]
        # No digest is listed under two types, so the rows never compare beyond their first column.
        return _page(merge(*listings), wanted.limit)


def _page(rows: Iterator[_Row], limit: int) -> Page[Descriptor]:
    items: list[Descriptor] = []
    size = 0
    for row in rows:
        size += 0 if row[-1] is None else len(row[-1].encode())
        if len(items) == limit or (items and size > PAGE_BYTES):
            return Page(tuple(items), more=limit > 0)
        items.append(_descriptor(row))
    return Page(tuple(items))


def _descriptor(row: _Row) -> Descriptor:
    digest, media_type, size, artifact_type, annotations = row
    algorithm, _, encoded = digest.partition(":")
    return Descriptor(
        media_type,
        Digest(algorithm, encoded),
        size,
        artifact_type,
        {} if annotations is None else json.loads(annotations),
    )
