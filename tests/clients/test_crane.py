"""crane, of go-containerregistry, which ko, kaniko and cosign build on."""

import json
from pathlib import Path

import pytest
from attrs import frozen

from tests.clients.images import Descriptor, Layout, archive, digest_of, everything, noise
from tests.clients.servers import Registry
from tests.clients.tools import require, run

pytestmark = pytest.mark.clients


@frozen
class Crane:
    """crane, which speaks plain HTTP to a loopback address by itself."""

    program: str

    def __call__(self, *arguments: str | Path) -> str:
        """Run a command and return what it printed."""
        return run(self.program, *arguments)

    def append(self, reference: str, folder: Path, *files: bytes, base: str | None = None) -> str:
        """Push an image with a layer for each of ``files`` on top of ``base``, and return its digest."""
        layers = []
        for number, content in enumerate(files):
            layer = folder / f"layer-{number}.tar"
            layer.write_bytes(archive({f"file-{number}": content}))
            layers += ["--new_layer", str(layer)]
        bottom = ("--base", base) if base else ()
        return self("append", *bottom, *layers, "--new_tag", reference).strip().rpartition("@")[2]


@pytest.fixture
def crane() -> Crane:
    """Find crane."""
    return Crane(require("crane"))


@pytest.fixture
def repository(registry: Registry, name: str) -> str:
    """Name the test's repository."""
    return f"{registry.host}/{name}"


def test_an_image_comes_back_byte_for_byte(
    crane: Crane, registry: Registry, repository: str, layout: Layout, image: Descriptor, name: str, tmp_path: Path
) -> None:
    """An image layout that goes to the registry and back holds the same bytes."""
    crane("push", layout.path, f"{repository}:v1")
    crane("pull", "--format", "oci", f"{repository}:v1", tmp_path / "back")
    assert everything(tmp_path / "back") == everything(layout.path)
    assert registry.manifest_digest(name, "v1") == crane("digest", f"{repository}:v1").strip() == image.digest


def test_an_index_comes_back_byte_for_byte(
    crane: Crane, repository: str, layout: Layout, index: Descriptor, tmp_path: Path
) -> None:
    """An index goes to the registry and back with the images of all of its platforms."""
    crane("push", "--index", layout.path, f"{repository}:multi")
    [outer] = json.loads(crane("manifest", f"{repository}:multi"))["manifests"]
    assert outer["digest"] == index.digest
    crane("pull", "--format", "oci", f"{repository}@{index.digest}", tmp_path / "back")
    assert everything(tmp_path / "back") == everything(layout.path)


def test_a_pushed_image_is_valid(crane: Crane, repository: str, layout: Layout, image: Descriptor) -> None:
    """Its own validation finds every layer to be what the manifest and the config say."""
    crane("push", layout.path, f"{repository}:v1")
    assert "PASS" in crane("validate", "--remote", f"{repository}@{image.digest}")


def test_a_copy_mounts_the_layers(crane: Crane, registry: Registry, repository: str, name: str, tmp_path: Path) -> None:
    """A copy to another repository of the registry mounts all blobs, and uploads none."""
    digest = crane.append(f"{repository}/first:v1", tmp_path, noise(1 << 20), noise(1 << 20))
    crane("copy", f"{repository}/first:v1", f"{repository}/second:v1")
    assert registry.manifest_digest(f"{name}/second", "v1") == digest
    uploads = f"/v2/{name}/second/blobs/uploads/"
    assert len(registry.accesses("POST", uploads, 201, at_least=3)) == 3
    assert "PASS" in crane("validate", "--remote", f"{repository}/second:v1")


def test_a_layer_is_appended(crane: Crane, registry: Registry, repository: str, name: str, tmp_path: Path) -> None:
    """An image that is appended to keeps its layers, and has the new file on top."""
    crane.append(f"{repository}:v1", tmp_path, noise(1 << 20))
    crane.append(f"{repository}:v2", tmp_path, b"new content", base=f"{repository}:v1")
    before, after = (registry.manifest_json(name, tag)["layers"] for tag in ("v1", "v2"))
    assert after[:-1] == before
    crane("export", f"{repository}:v2", tmp_path / "files.tar")
    assert b"new content" in (tmp_path / "files.tar").read_bytes()


def test_repositories_and_tags_are_listed(
    crane: Crane, registry: Registry, repository: str, name: str, tmp_path: Path
) -> None:
    """A repository is in the catalog, and its tags are in order."""
    for tag in ("b", "a", "c"):
        crane.append(f"{repository}:{tag}", tmp_path, tag.encode())
    assert name in crane("catalog", registry.host).splitlines()
    assert crane("ls", repository).splitlines() == ["a", "b", "c"]


def test_a_deleted_image_is_gone(crane: Crane, registry: Registry, repository: str, name: str, tmp_path: Path) -> None:
    """A tag goes alone when it is deleted, and an image goes with all of its tags."""
    digest = crane.append(f"{repository}:v1", tmp_path, noise(1024))
    crane("tag", f"{repository}:v1", "v2")
    crane("delete", f"{repository}:v1")
    assert crane("ls", repository).split() == ["v2"]
    assert registry.manifest_digest(name, digest) == digest
    crane("delete", f"{repository}@{digest}")
    assert crane("ls", repository).split() == []
    assert registry.ask("GET", f"/v2/{name}/manifests/{digest}").status == 404


def test_a_blob_is_read(crane: Crane, repository: str, layout: Layout, image: Descriptor) -> None:
    """The config of an image is read as a blob, with the bytes that were pushed."""
    crane("push", layout.path, f"{repository}:v1")
    config = json.loads(everything(layout.path)[image.digest])["config"]["digest"]
    assert digest_of(crane("blob", f"{repository}@{config}").encode()) == config
