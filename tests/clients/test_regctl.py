"""regctl, of regclient, which uploads in chunks and copies what refers to an image."""

import json
from pathlib import Path

import pytest
from attrs import frozen

from tests.clients.images import Descriptor, Layout, digest_of, everything, noise
from tests.clients.servers import Registry
from tests.clients.tools import fails, output, require, run

pytestmark = pytest.mark.clients

MEBIBYTE = 1 << 20
SBOM = "application/vnd.example.sbom"


@frozen
class Regctl:
    """regctl, whose settings are in the test's home."""

    program: str

    def __call__(self, *arguments: str | Path, stdin: Path | None = None) -> str:
        """Run a command and return what it printed."""
        return run(self.program, *arguments, stdin=stdin)


@pytest.fixture
def regctl(registry: Registry) -> Regctl:
    """Find regctl, and tell it that the registry has no TLS and is given at most 1 MiB at a time."""
    regctl = Regctl(require("regctl"))
    chunks = ("--blob-chunk", str(MEBIBYTE), "--blob-max", str(MEBIBYTE))
    regctl("registry", "set", "--tls", "disabled", *chunks, registry.host)
    return regctl


@pytest.fixture
def repository(registry: Registry, name: str) -> str:
    """Name the test's repository."""
    return f"{registry.host}/{name}"


def test_an_image_that_is_pushed_in_chunks_comes_back(
    regctl: Regctl, registry: Registry, repository: str, layout: Layout, image: Descriptor, name: str, tmp_path: Path
) -> None:
    """Layers that are sent 1 MiB at a time are put together to the same bytes."""
    regctl("image", "copy", f"ocidir://{layout.path}:v1", f"{repository}:v1")
    assert len(registry.accesses("PATCH", f"/v2/{name}/blobs/uploads/", 202, at_least=4)) > 3
    assert registry.manifest_digest(name, "v1") == image.digest
    regctl("image", "copy", f"{repository}:v1", f"ocidir://{tmp_path / 'back'}:v1")
    assert everything(tmp_path / "back").items() >= everything(layout.path).items()


def test_a_blob_that_is_pushed_in_chunks_comes_back(regctl: Regctl, repository: str, tmp_path: Path) -> None:
    """A blob whose size is no multiple of the chunks comes back whole."""
    content = noise(5 * MEBIBYTE + 7)
    (tmp_path / "blob").write_bytes(content)
    assert regctl("blob", "put", repository, stdin=tmp_path / "blob").strip() == digest_of(content)
    assert output(regctl.program, "blob", "get", repository, digest_of(content)) == content


@pytest.mark.usefixtures("image")
def test_blobs_are_mounted_from_wherever_they_are(
    regctl: Regctl, registry: Registry, repository: str, layout: Layout, name: str
) -> None:
    """Blobs that any readable repository has are not sent again, though the client names none."""
    for target in ("first", "second"):
        regctl("image", "copy", f"ocidir://{layout.path}:v1", f"{repository}/{target}:v1")
    manifest = registry.manifest_json(f"{name}/second", "v1")
    for blob in (manifest["config"], *manifest["layers"]):
        content = registry.ask("GET", f"/v2/{name}/second/blobs/{blob['digest']}").body
        assert digest_of(content) == blob["digest"]
    assert len(registry.accesses("POST", f"/v2/{name}/second/blobs/uploads/", 201, at_least=3)) == 3


@pytest.mark.usefixtures("image")
def test_an_image_is_copied_with_its_referrers(regctl: Regctl, repository: str, layout: Layout, tmp_path: Path) -> None:
    """What refers to an image goes along to another repository, and to a layout."""
    regctl("image", "copy", f"ocidir://{layout.path}:v1", f"{repository}:v1")
    sbom = tmp_path / "sbom"
    sbom.write_text("a bill of materials")
    regctl("artifact", "put", "--artifact-type", SBOM, "--subject", f"{repository}:v1", stdin=sbom)
    regctl("image", "copy", "--referrers", f"{repository}:v1", f"{repository}/copy:v1")
    regctl("image", "copy", "--referrers", f"{repository}/copy:v1", f"ocidir://{tmp_path / 'back'}:v1")
    for place in (repository, f"{repository}/copy", f"ocidir://{tmp_path / 'back'}"):
        listed = json.loads(regctl("artifact", "list", "--format", "{{json .}}", f"{place}:v1"))
        [referrer] = listed["descriptors"]
        assert referrer["artifactType"] == SBOM
        assert regctl("artifact", "get", "--subject", f"{place}:v1", "--filter-artifact-type", SBOM) == sbom.read_text()


@pytest.mark.usefixtures("image")
def test_a_deleted_tag_leaves_the_manifest(
    regctl: Regctl, registry: Registry, repository: str, layout: Layout, image: Descriptor, name: str
) -> None:
    """Deleting a tag takes that tag alone: the other one stays, and so does the manifest."""
    for tag in ("v1", "v2"):
        regctl("image", "copy", f"ocidir://{layout.path}:v1", f"{repository}:{tag}")
    regctl("tag", "delete", f"{repository}:v1")
    assert regctl("tag", "ls", repository).split() == ["v2"]
    assert registry.manifest_digest(name, image.digest) == image.digest
    assert registry.accesses("DELETE", f"/v2/{name}/manifests/v1", 202)
    fails(regctl.program, "manifest", "get", f"{repository}:v1")


def test_an_index_is_created_from_images(
    regctl: Regctl, registry: Registry, repository: str, layout: Layout, name: str
) -> None:
    """An index that is made in the registry names the images it was made from."""
    images = {
        architecture: layout.add_image({"platform": architecture.encode()}, architecture=architecture)
        for architecture in ("amd64", "arm64")
    }
    for architecture, image in images.items():
        layout.tag(image, architecture)
        regctl("image", "copy", f"ocidir://{layout.path}:{architecture}", f"{repository}:{architecture}")
    references = [word for architecture in images for word in ("--ref", f"{repository}:{architecture}")]
    regctl("index", "create", f"{repository}:multi", *references)
    listed = registry.manifest_json(name, "multi")["manifests"]
    assert [manifest["digest"] for manifest in listed] == [image.digest for image in images.values()]
    digest = regctl("image", "digest", "--platform", "linux/arm64", f"{repository}:multi").strip()
    assert digest == images["arm64"].digest


def test_repositories_are_listed(regctl: Regctl, registry: Registry, repository: str, name: str) -> None:
    """A repository is in the list of all of them once it has a manifest."""
    regctl("index", "create", f"{repository}:v1")
    assert name in regctl("repo", "ls", registry.host).splitlines()
