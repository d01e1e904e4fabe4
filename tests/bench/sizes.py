"""
Whether what is stored makes anything slower that should not depend on it.

Run as ``python -m tests.bench.sizes``.  It prints how much longer a page of 100 tags takes in a repository with 100,000
than in one with 100, and how much longer the registry takes to start over 100,000 manifests than over none.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

from twisted.internet.defer import Deferred

from oci_twisted.spec.manifests import parse_manifest
from oci_twisted.spec.mediatypes import OCI_INDEX
from oci_twisted.spec.names import parse_name, parse_tag
from oci_twisted.storage.disk.metadata import SqliteMetadata
from oci_twisted.stream.pools import InlinePool
from tests.clients.servers import registries

MANY = 100_000
FEW = 100
_ROUNDS = 7
_REQUESTS = 200


async def _fill(root: Path, name: str, count: int) -> None:
    store = SqliteMetadata(root / "registry.sqlite", InlinePool(), durability="relaxed")
    repository = parse_name(name)
    for number in range(count):
        document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [], "annotations": {"n": str(number)}}
        manifest = parse_manifest(json.dumps(document).encode(), OCI_INDEX)
        tag = parse_tag(f"t{number:06}")
        await store.put_manifest(repository, manifest.digest(), manifest, [tag], [], [], None)
    await store.close()


def fill(root: Path, name: str, count: int) -> None:
    """Put manifests, each of its own and with a tag, straight into the metadata."""
    root.mkdir(exist_ok=True)
    failures: list[object] = []
    Deferred.fromCoroutine(_fill(root, name, count)).addErrback(failures.append)
    assert not failures, failures


def page_seconds(host: str, name: str) -> float:
    """Answer how long a page from the middle of a repository's tags takes, over one connection."""
    with closing(HTTPConnection(host, timeout=60)) as connection:
        began = time.perf_counter()
        for _ in range(_REQUESTS):
            connection.request("GET", f"/v2/{name}/tags/list?n=100&last=t0000{FEW // 2}")
            response = connection.getresponse()
            assert response.status == 200, response.read()
            response.read()
        return (time.perf_counter() - began) / _REQUESTS


def start_seconds(root: Path, folder: Path) -> float:
    """Answer how long the registry takes from its start to its first answer."""
    began = time.perf_counter()
    with registries(folder) as start:
        server = start("--root", root)
        with closing(HTTPConnection(server.host, timeout=60)) as connection:
            connection.request("GET", "/v2/")
            assert connection.getresponse().status == 200
        return time.perf_counter() - began


def main() -> None:
    """Measure, one after the other, so that a busy machine slows both."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        full, empty = folder / "full", folder / "empty"
        fill(full, "many/tags", MANY)
        fill(full, "few/tags", FEW + FEW // 2 + 1)
        with registries(folder) as start:
            host = start("--root", full).host
            pages = [page_seconds(host, "many/tags") / page_seconds(host, "few/tags") for _ in range(_ROUNDS)]
        starts = [start_seconds(full, folder) / start_seconds(empty, folder) for _ in range(_ROUNDS)]
    print(f"a page of 100 tags: of {MANY} takes {statistics.median(pages):.2f} times as long as of few")
    print(f"a start: over {MANY} manifests takes {statistics.median(starts):.2f} times as long as over none")


if __name__ == "__main__":
    main()
