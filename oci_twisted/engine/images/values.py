"""
What there is to know of images, and how it is read from an engine's documents.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from oci_twisted.engine.documents import NO_LABELS, Fields

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime


@frozen
class ImageSummary:
    """
    An image in a list.

    :ivar id: the digest of its configuration or, where containerd keeps Docker's images, of its manifest or its index:
        ``sha256:`` and 64 digits.
    :ivar tags: all of its names, such as ``alpine:latest``.
    :ivar digests: names with the digest of its manifest, such as ``alpine@sha256:...``.
    :ivar size: of all its layers, in bytes.
    """

    id: str
    tags: tuple[str, ...]
    digests: tuple[str, ...]
    created: datetime | None
    size: int
    labels: Mapping[str, str] = NO_LABELS


@frozen
class Image:
    """
    An image.

    :ivar layers: the digests of the uncompressed layers, the lowest first.
    :ivar environment: ``NAME=value`` each.
    """

    id: str
    tags: tuple[str, ...]
    digests: tuple[str, ...]
    created: datetime | None
    size: int
    architecture: str
    operating_system: str
    author: str
    comment: str
    layers: tuple[str, ...]
    command: tuple[str, ...]
    entrypoint: tuple[str, ...]
    environment: tuple[str, ...]
    working_directory: str
    user: str
    exposed_ports: tuple[str, ...]
    labels: Mapping[str, str] = NO_LABELS


@frozen
class HistoryEntry:
    """
    A step in the making of an image.

    :ivar id: of the image after it, where that is still known.
    :ivar size: of the layer that it made, in bytes.
    """

    id: str | None
    created: datetime | None
    created_by: str
    comment: str
    size: int
    tags: tuple[str, ...]


@frozen
class Removal:
    """
    What was removed.

    :ivar untagged: names.
    :ivar deleted: digests of images and layers.
    """

    untagged: tuple[str, ...]
    deleted: tuple[str, ...]
    reclaimed: int = 0


def read_summary(fields: Fields) -> ImageSummary:
    """Read an image of a list."""
    return ImageSummary(
        id=_id(fields),
        tags=_names(fields, "RepoTags"),
        digests=_names(fields, "RepoDigests"),
        created=fields.instant("Created"),
        size=fields.number("Size", 0),
        labels=fields.labels("Labels"),
    )


def read_image(fields: Fields) -> Image:
    """Read what inspecting an image answers."""
    config = fields.inner("Config")
    return Image(
        id=_id(fields),
        tags=_names(fields, "RepoTags"),
        digests=_names(fields, "RepoDigests"),
        created=fields.instant("Created"),
        size=fields.number("Size", 0),
        architecture=fields.text("Architecture", ""),
        operating_system=fields.text("Os", ""),
        author=fields.text("Author", ""),
        comment=fields.text("Comment", ""),
        layers=fields.inner("RootFS").texts("Layers"),
        command=config.texts("Cmd"),
        entrypoint=config.texts("Entrypoint"),
        environment=config.texts("Env"),
        working_directory=config.text("WorkingDir", ""),
        user=config.text("User", ""),
        exposed_ports=tuple(config.document("ExposedPorts")),
        labels=config.labels("Labels"),
    )


def read_entry(fields: Fields) -> HistoryEntry:
    """Read a step of a history."""
    id_ = fields.text("Id", "<missing>")
    return HistoryEntry(
        id=None if id_ == "<missing>" else id_,
        created=fields.instant("Created"),
        created_by=fields.text("CreatedBy", ""),
        comment=fields.text("Comment", ""),
        size=fields.number("Size", 0),
        tags=fields.texts("Tags"),
    )


def read_removal(removed: Iterable[Fields]) -> Removal:
    """Read what was removed."""
    untagged, deleted = [], []
    for one in removed:
        if name := one.text("Untagged", ""):
            untagged.append(name)
        if digest := one.text("Deleted", ""):
            deleted.append(digest if digest.startswith("sha256:") else f"sha256:{digest}")
    return Removal(tuple(untagged), tuple(deleted))


def _id(fields: Fields) -> str:
    # Podman does without the algorithm.
    id_ = fields.text("Id")
    return id_ if id_.startswith("sha256:") else f"sha256:{id_}"


def _names(fields: Fields, member: str) -> tuple[str, ...]:
    # Docker's way to say that there are none.
    return tuple(name for name in fields.texts(member) if not name.startswith("<none>"))
