"""
A process that pushes pinned tags as others do: ``python -m tests.storage.metadata_racing <file> <who>``.

It says ``ready``, begins when it is told to by a line, and writes the number of each tag that became its own.
"""

from __future__ import annotations

import sys
from pathlib import Path

from oci_twisted.spec.errors import TagImmutable
from oci_twisted.spec.manifests import Manifest
from oci_twisted.spec.mediatypes import OCI_MANIFEST
from oci_twisted.spec.names import Tag, parse_name
from oci_twisted.spec.tagrules import TagRules
from oci_twisted.storage.disk.metadata import SqliteMetadata
from oci_twisted.stream.pools import InlinePool
from tests.storage.metadata_pools import answer

NAME = parse_name("raced/for")
RULES = TagRules(immutable=("*",))
TAGS = 40


def manifest(who: str) -> Manifest:
    """Make the manifest of a process."""
    return Manifest(who.encode(), OCI_MANIFEST)


def tag(number: int) -> Tag:
    """Make a tag that all of them want."""
    return Tag(f"v{number}")


def main(path: str, who: str) -> None:
    """Push one manifest under every tag."""
    store = SqliteMetadata(Path(path), InlinePool(), durability="relaxed")
    pushed = manifest(who)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    for number in range(TAGS):
        try:
            answer(store.put_manifest(NAME, pushed.digest(), pushed, [tag(number)], [], [], None, RULES))
        except TagImmutable:
            continue
        sys.stdout.write(f"{number}\n")
    answer(store.close())


if __name__ == "__main__":
    main(*sys.argv[1:])
