"""ORAS, which stores files of any kind."""

import json
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from tests.clients.images import digest_of, noise
from tests.clients.servers import Registry
from tests.clients.tools import fails, require, run

pytestmark = pytest.mark.clients

ARTIFACT = "application/vnd.example.artifact"
SIGNATURE = "application/vnd.example.signature"
SBOM = "application/vnd.example.sbom"


@frozen
class Oras:
    """ORAS in a folder of files."""

    program: str
    folder: Path

    def __call__(self, *arguments: str | Path) -> str:
        """Run a command, which names the files of the folder by relative paths."""
        return run(self.program, *arguments, cwd=self.folder)

    def json(self, *arguments: str) -> Any:  # noqa: ANN401 - JSON
        """Run a command and return the JSON that it printed."""
        return json.loads(self(*arguments, "--format", "json"))

    def write(self, path: str, content: bytes) -> bytes:
        """Write a file into the folder, and return its content."""
        (self.folder / path).write_bytes(content)
        return content

    def push(self, reference: str, *paths: str) -> str:
        """Push files as an artifact, and return the digest of its manifest."""
        pushed = self.json("push", "--plain-http", "--artifact-type", ARTIFACT, reference, *paths)
        return str(pushed["digest"])

    def attach(self, reference: str, artifact_type: str, *paths: str) -> str:
        """Attach files to an artifact, and return the digest of the referrer."""
        attached = self.json("attach", "--plain-http", "--artifact-type", artifact_type, reference, *paths)
        return str(attached["digest"])

    def referrers(self, reference: str, *options: str) -> set[str]:
        """Return the digests of what refers to an artifact."""
        found = self.json("discover", "--plain-http", "--depth", "1", *options, reference)
        return {referrer["digest"] for referrer in found["referrers"]}


@pytest.fixture
def oras(tmp_path: Path) -> Oras:
    """Find ORAS, and give it an empty folder."""
    folder = tmp_path / "files"
    folder.mkdir()
    return Oras(require("oras"), folder)


@pytest.fixture
def reference(registry: Registry, name: str) -> str:
    """Name the test's artifact."""
    return f"{registry.host}/{name}:v1"


def test_files_come_back_byte_for_byte(oras: Oras, registry: Registry, reference: str, name: str) -> None:
    """Files of all sizes, the empty one included, are pulled as they were pushed."""
    files = {path: oras.write(path, noise(size)) for path, size in {"empty": 0, "small": 1, "large": 20 << 20}.items()}
    digest = oras.push(reference, *files)
    oras("pull", "--plain-http", "--output", "back", reference)
    assert {path.name: path.read_bytes() for path in (oras.folder / "back").iterdir()} == files
    assert registry.manifest_digest(name, "v1") == digest


def test_attached_files_are_discovered(oras: Oras, reference: str) -> None:
    """What is attached to an artifact is found, all of it and by its type."""
    oras.write("file", b"an artifact")
    oras.write("signature", b"a signature")
    oras.write("sbom", b"a bill of materials")
    oras.push(reference, "file")
    assert oras.referrers(reference) == set()
    signature = oras.attach(reference, SIGNATURE, "signature")
    sbom = oras.attach(reference, SBOM, "sbom")
    assert oras.referrers(reference) == {signature, sbom}
    assert oras.referrers(reference, "--artifact-type", SIGNATURE) == {signature}


def test_the_referrers_api_is_used(oras: Oras, registry: Registry, reference: str, name: str) -> None:
    """A referrer is found through the API, and no tag is made in its place."""
    oras.write("file", b"an artifact")
    oras.write("signature", b"a signature")
    digest = oras.push(reference, "file")
    signature = oras.attach(f"{reference}", SIGNATURE, "signature")
    listed = json.loads(registry.ask("GET", f"/v2/{name}/referrers/{digest}").body)
    assert [manifest["digest"] for manifest in listed["manifests"]] == [signature]
    assert json.loads(registry.ask("GET", f"/v2/{name}/tags/list").body)["tags"] == ["v1"]


def test_a_deleted_referrer_is_no_longer_discovered(oras: Oras, reference: str) -> None:
    """A referrer that is deleted leaves the list of its subject."""
    oras.write("file", b"an artifact")
    oras.write("signature", b"a signature")
    oras.push(reference, "file")
    signature = oras.attach(reference, SIGNATURE, "signature")
    oras("manifest", "delete", "--plain-http", "--force", f"{reference.rpartition(':')[0]}@{signature}")
    assert oras.referrers(reference) == set()


def test_an_artifact_is_copied_with_its_referrers(oras: Oras, registry: Registry, reference: str, name: str) -> None:
    """A recursive copy to another repository takes what is attached along, and what is attached to that."""
    for path in ("file", "sbom", "signature"):
        oras.write(path, path.encode())
    digest = oras.push(reference, "file")
    sbom = oras.attach(reference, SBOM, "sbom")
    signature = oras.attach(f"{reference.rpartition(':')[0]}@{sbom}", SIGNATURE, "signature")
    copy = f"{registry.host}/{name}/copy"
    oras("cp", "--recursive", "--from-plain-http", "--to-plain-http", reference, f"{copy}:v1")
    assert registry.manifest_digest(f"{name}/copy", "v1") == digest
    assert oras.referrers(f"{copy}:v1") == {sbom}
    assert oras.referrers(f"{copy}@{sbom}") == {signature}
    oras("pull", "--plain-http", "--output", "back", f"{copy}@{signature}")
    assert (oras.folder / "back" / "signature").read_bytes() == b"signature"


def test_repositories_and_tags_are_listed(oras: Oras, registry: Registry, reference: str, name: str) -> None:
    """A repository is in the list of all of them, and its tags are in order."""
    oras.write("file", b"an artifact")
    for tag in ("b", "a", "c"):
        oras.push(f"{reference.rpartition(':')[0]}:{tag}", "file")
    assert name in oras("repo", "ls", "--plain-http", registry.host).splitlines()
    assert oras("repo", "tags", "--plain-http", reference.rpartition(":")[0]).splitlines() == ["a", "b", "c"]


def test_a_blob_is_pushed_fetched_and_deleted(oras: Oras, registry: Registry, reference: str, name: str) -> None:
    """A blob of its own is stored, comes back, and is gone when it is deleted."""
    repository = reference.rpartition(":")[0]
    content = oras.write("blob", noise(5 << 20))
    blob = f"{repository}@{digest_of(content)}"
    oras("blob", "push", "--plain-http", repository, "blob")
    oras("blob", "fetch", "--plain-http", "--output", "back", blob)
    assert (oras.folder / "back").read_bytes() == content
    oras("blob", "delete", "--plain-http", "--force", blob)
    assert registry.ask("GET", f"/v2/{name}/blobs/{digest_of(content)}").status == 404


def test_a_deleted_manifest_is_gone(oras: Oras, registry: Registry, reference: str, name: str) -> None:
    """A manifest that is deleted by its digest takes its tags with it."""
    oras.write("file", b"an artifact")
    digest = oras.push(reference, "file")
    oras("tag", "--plain-http", reference, "v2")
    oras("manifest", "delete", "--plain-http", "--force", f"{reference.rpartition(':')[0]}@{digest}")
    for gone in (digest, "v1", "v2"):
        assert registry.ask("GET", f"/v2/{name}/manifests/{gone}").status == 404
    assert "not found" in fails(oras.program, "manifest", "fetch", "--plain-http", reference)
