"""
Tags.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from oci_twisted.spec.digests import parse_digest
from oci_twisted.spec.errors import NameUnknown, TagProtected
from oci_twisted.spec.names import Tag
from oci_twisted.spec.pages import Page
from oci_twisted.spec.tagrules import FREE
from oci_twisted.storage.disk.metadata.pages import page_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from oci_twisted.spec.digests import Digest
    from oci_twisted.spec.names import RepositoryName
    from oci_twisted.spec.pages import PageRequest
    from oci_twisted.spec.preconditions import Precondition
    from oci_twisted.spec.tagrules import TagRules

# A repository that has no tags gives one row, and a repository that does not exist gives none.
PAGE = """
    SELECT tag.name FROM repository
    LEFT JOIN tag ON tag.repository = repository.id AND tag.name > ?
    WHERE repository.name = ?
    ORDER BY tag.name LIMIT ?
"""
TARGET = """
    SELECT manifest.digest FROM repository
    JOIN tag ON tag.repository = repository.id
    JOIN manifest ON manifest.id = tag.manifest
    WHERE repository.name = ? AND tag.name = ?
"""
POINT = """
    INSERT INTO tag (repository, name, manifest)
    SELECT repository, ?, id FROM manifest WHERE repository = ? AND digest = ?
    ON CONFLICT (repository, name) DO UPDATE SET manifest = excluded.manifest
"""
# The tags that point to a manifest, or to what lists it, or to what lists that.
OWNERS = """
    WITH RECURSIVE above (id) AS (
        SELECT ?
        UNION
        SELECT child.parent FROM above
        JOIN manifest ON manifest.id = above.id
        JOIN child ON child.repository = manifest.repository AND child.digest = manifest.digest
    )
    SELECT tag.name FROM above
    JOIN tag ON tag.manifest = above.id
"""
ALL = """
    SELECT tag.name FROM repository
    JOIN tag ON tag.repository = repository.id
    WHERE repository.name = ?
    ORDER BY tag.name
"""
REMOVE = "DELETE FROM tag WHERE repository = (SELECT id FROM repository WHERE name = ?) AND name = ?"
REMOVE_ALL_OF = "DELETE FROM tag WHERE manifest = ?"


def page(connection: sqlite3.Connection, name: RepositoryName, wanted: PageRequest) -> Page[Tag]:
    """
    List a repository's tags.

    :raise NameUnknown: when there is no such repository.
    """
    rows = connection.execute(PAGE, (wanted.last, name.text, wanted.limit + 1)).fetchall()
    if not rows:
        raise NameUnknown.of(name)
    return Page(()) if rows == [(None,)] else page_of(rows, wanted.limit, Tag)


def check(
    connection: sqlite3.Connection, name: RepositoryName, tags: Iterable[Tag], precondition: Precondition | None
) -> None:
    """
    Compare what each of ``tags`` points to with what is expected of it.

    :raise ReferenceChanged: when it is not as expected.
    """
    if precondition is None:
        return
    for tag in tags:
        precondition.check(_target(connection, name, tag))


def check_move(
    connection: sqlite3.Connection, name: RepositoryName, tags: Iterable[Tag], manifest: Digest, rules: TagRules
) -> None:
    """
    Compare what each of ``tags`` points to with what it is to point to.

    :raise TagImmutable: when it may not be moved, and would be.
    """
    for tag in tags if rules != FREE else ():
        rules.check_move(tag, _target(connection, name, tag), manifest)


def check_removal(connection: sqlite3.Connection, manifest: int, rules: TagRules) -> None:
    """
    Look for the tags that a manifest belongs to.

    :raise TagProtected: when ``rules`` keep one of them.
    """
    if rules == FREE:
        return
    kept = rules.first_kept(Tag(text) for (text,) in connection.execute(OWNERS, (manifest,)))
    if kept is not None:
        raise TagProtected.of(kept)


def check_blobs(connection: sqlite3.Connection, name: RepositoryName, rules: TagRules) -> None:
    """
    Look for a tag that may need a blob.

    :raise TagProtected: when ``rules`` keep a tag of the repository.
    """
    with closing(connection.execute(ALL, (name.text,))) as rows:
        kept = next((tag for (text,) in rows if rules.keeps(tag := Tag(text))), None)
    if kept is not None:
        raise TagProtected.of_blobs(kept)


def _target(connection: sqlite3.Connection, name: RepositoryName, tag: Tag) -> Digest | None:
    row: tuple[str] | None = connection.execute(TARGET, (name.text, tag.text)).fetchone()
    return None if row is None else parse_digest(row[0])


def point(connection: sqlite3.Connection, repository: int, tag: Tag, manifest: Digest) -> None:
    """Let a tag point to a manifest of its repository, whether it has pointed elsewhere or not."""
    connection.execute(POINT, (tag.text, repository, str(manifest)))


def remove(
    connection: sqlite3.Connection,
    name: RepositoryName,
    tag: Tag,
    precondition: Precondition | None,
    rules: TagRules,
) -> bool:
    """
    Remove a tag, and only the tag.

    :raise TagProtected: when it is there and ``rules`` keep it.
    :raise ReferenceChanged: when the precondition does not hold.
    """
    if rules.keeps(tag) and _target(connection, name, tag) is not None:
        raise TagProtected.of(tag)
    check(connection, name, (tag,), precondition)
    return connection.execute(REMOVE, (name.text, tag.text)).rowcount > 0


def remove_all_of(connection: sqlite3.Connection, manifest: int) -> None:
    """Remove every tag that points to a manifest."""
    connection.execute(REMOVE_ALL_OF, (manifest,))
