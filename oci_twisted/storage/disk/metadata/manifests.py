"""
Manifests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from oci_twisted.interfaces import StoredManifest
from oci_twisted.spec.digests import Digest
from oci_twisted.spec.errors import ManifestBlobUnknown
from oci_twisted.storage.disk.metadata import blobs as held_blobs
from oci_twisted.storage.disk.metadata import referrers, repositories
from oci_twisted.storage.disk.metadata import tags as kept_tags

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection

    from oci_twisted.spec.manifests import Manifest
    from oci_twisted.spec.names import Reference, RepositoryName, Tag
    from oci_twisted.spec.preconditions import Precondition
    from oci_twisted.spec.tagrules import TagRules

BY_DIGEST = """
    SELECT manifest.content, manifest.media_type, manifest.digest FROM repository
    JOIN manifest ON manifest.repository = repository.id
    WHERE repository.name = ? AND manifest.digest = ?
"""
BY_TAG = """
    SELECT manifest.content, manifest.media_type, manifest.digest FROM repository
    JOIN tag ON tag.repository = repository.id
    JOIN manifest ON manifest.id = tag.manifest
    WHERE repository.name = ? AND tag.name = ?
"""
ID = """
    SELECT manifest.id FROM repository
    JOIN manifest ON manifest.repository = repository.id
    WHERE repository.name = ? AND manifest.digest = ?
"""
ADD = """
    INSERT INTO manifest (repository, digest, media_type, subject, artifact_type, annotations, content)
    VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (repository, digest) DO NOTHING
"""
ADD_CHILD = "INSERT INTO child (repository, digest, parent) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
REMOVE_CHILDREN = "DELETE FROM child WHERE parent = ?"
REMOVE = "DELETE FROM manifest WHERE id = ?"


def find(connection: sqlite3.Connection, name: RepositoryName, reference: Reference) -> StoredManifest | None:
    """Answer a manifest by tag or digest, or ``None``."""
    if isinstance(reference, Digest):
        row = connection.execute(BY_DIGEST, (name.text, str(reference))).fetchone()
    else:
        row = connection.execute(BY_TAG, (name.text, reference.text)).fetchone()
    if row is None:
        return None
    content, media_type, digest = row
    # Not parse_digest: it was parsed when it came, and pulls of many images must not flush the parser's cache.
    algorithm, _, encoded = digest.partition(":")
    return StoredManifest(content, media_type, Digest(algorithm, encoded))


def put(
    connection: sqlite3.Connection,
    name: RepositoryName,
    digest: Digest,
    manifest: Manifest,
    tags: Collection[Tag],
    blobs: Collection[Digest],
    children: Collection[Digest],
    precondition: Precondition | None,
    rules: TagRules,
) -> None:
    """
    Keep a manifest, point ``tags`` to it, and list it among its subject's referrers.

    :raise TagImmutable: when ``rules`` pin one of ``tags``, which points elsewhere.
    :raise ManifestBlobUnknown: naming all that is missing.
    :raise ReferenceChanged: when the precondition does not hold.
    """
    kept_tags.check_move(connection, name, tags, digest, rules)
    missing = [
        *(blob for blob in blobs if held_blobs.size(connection, name, blob) is None),
        *(child for child in children if not _holds(connection, name, child)),
    ]
    if missing:
        raise ManifestBlobUnknown(dict.fromkeys(missing))
    kept_tags.check(connection, name, tags, precondition)
    repository = repositories.ensure(connection, name)
    entry = referrers.entry(manifest)
    added = connection.execute(ADD, (repository, str(digest), manifest.media_type, *entry, manifest.content))
    if added.rowcount and manifest.children:
        key = _id(connection, name, digest)
        children_of = ((repository, str(child.digest), key) for child in manifest.children)
        connection.executemany(ADD_CHILD, children_of)
    for tag in tags:
        kept_tags.point(connection, repository, tag, digest)


def remove(connection: sqlite3.Connection, name: RepositoryName, digest: Digest, rules: TagRules) -> bool:
    """
    Remove a manifest, every tag that points to it, and with its row its entry among referrers.

    :raise TagProtected: when it belongs to a tag that ``rules`` keep.
    """
    key = _id(connection, name, digest)
    if key is None:
        return False
    kept_tags.check_removal(connection, key, rules)
    kept_tags.remove_all_of(connection, key)
    connection.execute(REMOVE_CHILDREN, (key,))
    connection.execute(REMOVE, (key,))
    repositories.remove_if_empty(connection, name)
    return True


def _holds(connection: sqlite3.Connection, name: RepositoryName, digest: Digest) -> bool:
    return _id(connection, name, digest) is not None or held_blobs.size(connection, name, digest) is not None


def _id(connection: sqlite3.Connection, name: RepositoryName, digest: Digest) -> int | None:
    row: tuple[int] | None = connection.execute(ID, (name.text, str(digest))).fetchone()
    return None if row is None else row[0]
