"""
Names of images, as far as an engine's API wants them in parts.
"""

from __future__ import annotations


def split_tag(name: str) -> tuple[str, str | None]:
    """
    Answer a name's repository and its tag or digest, ``None`` if it has neither.

    :raise ValueError: when one of the parts is empty.
    """
    named, at, digest = name.partition("@")
    folder, slash, last = named.rpartition("/")
    last, colon, found = last.partition(":")
    repository = f"{folder}{slash}{last}"
    tag: str | None = found if colon else None
    if at:
        # A tag beside a digest says nothing more.
        tag = digest
    if not repository or repository.endswith("/") or tag == "":
        raise ValueError(f"{name!r} is not the name of an image")
    return repository, tag
