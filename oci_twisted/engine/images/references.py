"""
References to images, as their registries' names for them.
"""

from __future__ import annotations

import re
from typing import Self

from attrs import frozen

DEFAULT_REGISTRY = "docker.io"
"""Where names without a registry are looked for: it is what Docker makes of them, and Podman behind Docker's API."""

_ALIASES = {"index.docker.io": DEFAULT_REGISTRY}
_OFFICIAL = "library/"
# A part of a reference's grammar each, as github.com/distribution/reference has it.
_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_REGISTRY = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?")
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_PART}(?:/{_PART})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}")
_ID = re.compile(r"[0-9a-f]{64}")
_LONGEST = 255


@frozen
class ImageReference:
    """
    Where an image is to be had.

    :ivar registry: a host, perhaps with a port.
    :ivar repository: its name there, such as ``library/alpine``.
    :ivar tag: ``None`` where there is only a digest.
    :ivar digest: of its manifest; where there is one, it decides.
    """

    registry: str
    repository: str
    tag: str | None
    digest: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """
        Read a reference by Docker's rules.

        The part before the first slash is a registry if it has a dot, a colon or a capital in it, or is ``localhost``;
        otherwise, the image is one of the default registry, below ``library/`` if its name has one part only.  Without
        a tag and a digest, the tag is ``latest``.

        :raise ValueError: when it is none; an image's id is none either.
        """
        if _ID.fullmatch(text):
            raise ValueError(f"{text!r} is an image's id, by which no registry knows it")
        named, at, digest = text.partition("@")
        registry, repository = _split_registry(named)
        repository, colon, tag = repository.partition(":")
        if registry == DEFAULT_REGISTRY and "/" not in repository:
            repository = f"{_OFFICIAL}{repository}"
        is_one = (
            _REGISTRY.fullmatch(registry)
            and _REPOSITORY.fullmatch(repository)
            and len(repository) <= _LONGEST
            and (not colon or _TAG.fullmatch(tag))
            and (not at or _DIGEST.fullmatch(digest))
        )
        if not is_one:
            hint = ", for its repository has capitals" if repository != repository.lower() else ""
            raise ValueError(f"{text!r} is not a reference to an image{hint}")
        return cls(registry, repository, tag if colon else None if at else "latest", digest if at else None)

    @property
    def name(self) -> str:
        """Registry and repository."""
        return f"{self.registry}/{self.repository}"

    @property
    def version(self) -> str:
        """The digest, or the tag if there is none: what engines take as a tag."""
        return self.digest or self.tag or "latest"

    def __str__(self) -> str:
        tag = "" if self.tag is None else f":{self.tag}"
        digest = "" if self.digest is None else f"@{self.digest}"
        return f"{self.name}{tag}{digest}"

    @property
    def local(self) -> str:
        """The name by which an engine has the image when it was pulled."""
        return f"{self.name}@{self.digest}" if self.digest is not None else f"{self.name}:{self.tag}"


def _split_registry(named: str) -> tuple[str, str]:
    first, slash, rest = named.partition("/")
    is_host = slash and ("." in first or ":" in first or first == "localhost" or first.lower() != first)
    registry, repository = (first, rest) if is_host else (DEFAULT_REGISTRY, named)
    return _ALIASES.get(registry, registry), repository
