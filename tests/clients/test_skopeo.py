"""Skopeo: copies between formats, and what it asks of a registry besides."""

import json
from pathlib import Path

import pytest
from attrs import frozen

from tests.clients.images import Descriptor, Layout, busybox, everything
from tests.clients.servers import Registry
from tests.clients.tools import fails, require, run

pytestmark = pytest.mark.clients

SCHEMA2 = "application/vnd.docker.distribution.manifest.v2+json"


@frozen
class Skopeo:
    """Skopeo, without a policy for signatures."""

    program: str

    def __call__(self, command: str, *arguments: str | Path) -> str:
        """Run a command that talks to one registry."""
        return run(self.program, "--insecure-policy", command, "--tls-verify=false", *arguments)

    def copy(self, source: str, destination: str, *options: str) -> None:
        """Copy an image, to or from a registry without TLS."""
        insecure = ("--src-tls-verify=false", "--dest-tls-verify=false")
        run(self.program, "--insecure-policy", "copy", *insecure, *options, source, destination)

    def sync(self, *arguments: str | Path) -> None:
        """Copy all images of a repository, to or from a registry without TLS."""
        insecure = ("--src-tls-verify=false", "--dest-tls-verify=false")
        run(self.program, "--insecure-policy", "sync", *insecure, *arguments)


@pytest.fixture
def skopeo() -> Skopeo:
    """Find skopeo."""
    return Skopeo(require("skopeo"))


@pytest.fixture
def remote(registry: Registry, name: str) -> str:
    """Name the test's repository as skopeo does."""
    return f"docker://{registry.host}/{name}"


@pytest.mark.usefixtures("image")
def test_an_oci_image_comes_back_byte_for_byte(skopeo: Skopeo, remote: str, layout: Layout, tmp_path: Path) -> None:
    """An image layout that goes to the registry and back holds the same bytes."""
    skopeo.copy(f"oci:{layout.path}:v1", f"{remote}:v1")
    skopeo.copy(f"{remote}:v1", f"oci:{tmp_path / 'back'}:v1")
    assert everything(tmp_path / "back") == everything(layout.path)


@pytest.mark.usefixtures("index")
def test_an_index_comes_back_byte_for_byte(skopeo: Skopeo, remote: str, layout: Layout, tmp_path: Path) -> None:
    """An index goes to the registry and back with the images of all of its platforms."""
    skopeo.copy(f"oci:{layout.path}:multi", f"{remote}:multi", "--all")
    skopeo.copy(f"{remote}:multi", f"oci:{tmp_path / 'back'}:multi", "--all")
    assert everything(tmp_path / "back") == everything(layout.path)


@pytest.mark.usefixtures("image")
def test_an_image_of_dockers_format_comes_back_byte_for_byte(
    skopeo: Skopeo, registry: Registry, remote: str, layout: Layout, name: str, tmp_path: Path
) -> None:
    """An image that is pushed in Docker's format keeps it, and comes back as it was sent."""
    skopeo.copy(f"oci:{layout.path}:v1", f"dir:{tmp_path / 'before'}", "--format", "v2s2")
    skopeo.copy(f"dir:{tmp_path / 'before'}", f"{remote}:v1")
    skopeo.copy(f"{remote}:v1", f"dir:{tmp_path / 'after'}")
    before, after = (
        {path.name: path.read_bytes() for path in (tmp_path / folder).iterdir()} for folder in ("before", "after")
    )
    assert after == before
    assert registry.manifest(name, "v1") == before["manifest.json"]
    assert registry.ask("HEAD", f"/v2/{name}/manifests/v1").headers["Content-Type"] == SCHEMA2


def test_a_copy_within_the_registry_keeps_the_digest(
    skopeo: Skopeo, registry: Registry, remote: str, layout: Layout, name: str, image: Descriptor
) -> None:
    """A copy to another repository of the same registry has the digest of the original."""
    skopeo.copy(f"oci:{layout.path}:v1", f"{remote}/first:v1")
    skopeo.copy(f"{remote}/first:v1", f"{remote}/second:v1")
    assert registry.manifest_digest(f"{name}/second", "v1") == image.digest
    layers = registry.manifest_json(f"{name}/second", "v1")["layers"]
    assert [registry.ask("GET", f"/v2/{name}/second/blobs/{layer['digest']}").body for layer in layers] == [
        everything(layout.path)[layer["digest"]] for layer in layers
    ]


@pytest.mark.usefixtures("image")
def test_a_repository_is_synchronised_both_ways(
    skopeo: Skopeo, registry: Registry, layout: Layout, name: str, tmp_path: Path
) -> None:
    """All tags of a repository go to a folder, and from there to another repository."""
    tags = ("v1", "v2")
    for tag in tags:
        skopeo.copy(f"oci:{layout.path}:v1", f"docker://{registry.host}/{name}:{tag}")
    skopeo.sync("--src", "docker", "--dest", "dir", f"{registry.host}/{name}", tmp_path / "synced")
    skopeo.sync("--src", "dir", "--dest", "docker", tmp_path / "synced", f"{registry.host}/{name}/copy")
    [copy] = [one for one in catalog(registry) if one.startswith(f"{name}/copy/")]
    for tag in tags:
        assert registry.manifest(copy, tag) == registry.manifest(name, tag)


@pytest.mark.usefixtures("image")
def test_all_tags_are_listed(skopeo: Skopeo, remote: str, layout: Layout) -> None:
    """Every tag that was pushed is listed, in order."""
    tags = [f"v{number}" for number in (1, 10, 2)]
    for tag in reversed(tags):
        skopeo.copy(f"oci:{layout.path}:v1", f"{remote}:{tag}")
    assert json.loads(skopeo("list-tags", remote))["Tags"] == tags


def test_a_deleted_image_is_gone(skopeo: Skopeo, registry: Registry, remote: str, layout: Layout, name: str) -> None:
    """Deleting an image takes its tag away, and leaves the other images alone."""
    for tag in ("v1", "v2"):
        layout.tag(layout.add_image(busybox(), {"etc/tag": tag.encode()}), tag)
        skopeo.copy(f"oci:{layout.path}:{tag}", f"{remote}:{tag}")
    skopeo("delete", f"{remote}:v1")
    assert registry.ask("GET", f"/v2/{name}/manifests/v1").status == 404
    assert json.loads(skopeo("list-tags", remote))["Tags"] == ["v2"]
    assert "manifest unknown" in fails(skopeo.program, "inspect", "--tls-verify=false", f"{remote}:v1").lower()


def test_an_image_is_inspected(skopeo: Skopeo, remote: str, layout: Layout, image: Descriptor) -> None:
    """An inspection shows the manifest's bytes, its digest, its tags and its layers."""
    skopeo.copy(f"oci:{layout.path}:v1", f"{remote}:v1")
    manifest = everything(layout.path)[image.digest]
    assert skopeo("inspect", "--raw", f"{remote}:v1").encode() == manifest
    shown = json.loads(skopeo("inspect", f"{remote}:v1"))
    assert (shown["Digest"], shown["RepoTags"]) == (image.digest, ["v1"])
    assert shown["Layers"] == [layer["digest"] for layer in json.loads(manifest)["layers"]]


def test_what_umoci_made_is_unpacked_again(skopeo: Skopeo, remote: str, tmp_path: Path) -> None:
    """A file that umoci put into an image comes out of the pulled image again."""
    umoci = require("umoci")
    before, after = tmp_path / "before", tmp_path / "after"
    run(umoci, "init", "--layout", before)
    run(umoci, "new", "--image", f"{before}:v1")
    run(umoci, "insert", "--rootless", "--image", f"{before}:v1", __file__, "/test.py")
    skopeo.copy(f"oci:{before}:v1", f"{remote}:v1")
    skopeo.copy(f"{remote}:v1", f"oci:{after}:v1")
    run(umoci, "unpack", "--rootless", "--image", f"{after}:v1", tmp_path / "bundle")
    assert (tmp_path / "bundle" / "rootfs" / "test.py").read_bytes() == Path(__file__).read_bytes()


def catalog(registry: Registry) -> list[str]:
    """Return the names of all repositories."""
    names: list[str] = json.loads(registry.ask("GET", "/v2/_catalog?n=1000").body)["repositories"]
    return names
