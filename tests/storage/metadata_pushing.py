"""
A process that pushes until it is killed: ``python -m tests.storage.metadata_pushing <file> <first number>``.

It writes the number of each push to its standard output as soon as the push has been acknowledged.
"""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path

from oci_twisted.spec.digests import digest_of
from oci_twisted.spec.manifests import Manifest
from oci_twisted.spec.mediatypes import OCI_MANIFEST
from oci_twisted.spec.names import Tag, parse_name
from oci_twisted.storage.disk.metadata import SqliteMetadata
from oci_twisted.stream.pools import InlinePool
from tests.storage.metadata_pools import answer

NAME = parse_name("killed/at-any-time")


def manifest(number: int) -> Manifest:
    """Make the manifest of a push."""
    return Manifest(f"manifest {number}".encode() * 100, OCI_MANIFEST)


def tag(number: int) -> Tag:
    """Make the tag of a push."""
    return Tag(f"v{number}")


def main(path: str, first: str) -> None:
    """Push a blob, then a manifest that names it under a new tag, and so on."""
    store = SqliteMetadata(Path(path), InlinePool())
    for number in count(int(first)):
        blob = digest_of(str(number).encode())
        answer(store.add_blob(NAME, blob, number, "session", 0.0))
        pushed = manifest(number)
        answer(store.put_manifest(NAME, pushed.digest(), pushed, [tag(number)], [blob], [], None))
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
