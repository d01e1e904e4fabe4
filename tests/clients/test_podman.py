"""Podman and Buildah, which keep images in a store of their own."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from attrs import frozen

from tests.clients.images import archive, busybox, write_noise
from tests.clients.processes import unmount_below
from tests.clients.servers import Registry
from tests.clients.tools import require, require_root, run

pytestmark = pytest.mark.clients

PARTIAL_PULLS = """\
[storage]
driver = "overlay"
graphroot = "{store}/root"
runroot = "{store}/run"

[storage.options]
pull_options = {{enable_partial_images = "true", use_hard_links = "false", ostree_repos = ""}}
"""


@frozen
class Store:
    """A container storage that podman and buildah share."""

    folder: Path
    driver: str

    def podman(self, *arguments: str | Path) -> str:
        """Run a command of Podman's."""
        daemonless = ("--cgroup-manager", "cgroupfs", "--events-backend", "file", "--tmpdir", self.folder / "tmp")
        return self._run("podman", *daemonless, *arguments)

    def buildah(self, *arguments: str | Path) -> str:
        """Run a command of Buildah's."""
        return self._run("buildah", *arguments)

    def id(self, reference: str) -> str:
        """Return the id of a local image, which is the digest of its config."""
        return self.podman("image", "inspect", "--format", "{{.Id}}", reference)

    def build(self, reference: str, noise: Path, size: int = 3 << 20) -> str:
        """Make an image from scratch with a file of noise in it, and return its id."""
        program = require("busybox")
        container = self.buildah("from", "scratch")
        self.buildah("copy", "--chmod", "0755", container, program, "/bin/busybox")
        self.buildah("copy", container, write_noise(noise, size), "/noise")
        self.buildah("config", "--entrypoint", '["/bin/busybox"]', container)
        self.buildah("commit", "--rm", container, reference)
        return self.id(reference)

    def run(self, reference: str, *command: str) -> str:
        """Run a command in a container without a network, and return what it printed."""
        # Podman asks for limits that it may not have where capabilities are few.
        modest = ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024")
        return self.podman("run", "--rm", "--network", "none", *modest, reference, *command)

    def _run(self, program: str, *arguments: str | Path) -> str:
        folders = ("--storage-driver", self.driver, "--root", self.folder / "root", "--runroot", self.folder / "run")
        options = {"CONTAINERS_STORAGE_CONF": str(self.folder / "storage.conf")}
        return run(require(program), *folders, *arguments, env=options).strip()


@contextmanager
def stores(driver: str) -> Iterator[Store]:
    """Lend an empty store, and end and unmount whatever is left of it."""
    require_root()
    require("podman")
    require("buildah")
    folder = Path(tempfile.mkdtemp(prefix="oci-")).resolve()
    (folder / "storage.conf").write_text(PARTIAL_PULLS.format(store=folder))
    store = Store(folder, driver)
    try:
        yield store
        store.podman("rm", "--all", "--force")
    finally:
        unmount_below(folder)
        shutil.rmtree(folder)


@pytest.fixture
def store() -> Iterator[Store]:
    """Lend a store of plain folders."""
    with stores("vfs") as store:
        yield store


@pytest.fixture
def partial_store() -> Iterator[Store]:
    """Lend a store that pulls only those parts of a layer that it lacks, which plain folders cannot."""
    with stores("overlay") as store:
        yield store


def test_podman_gets_back_what_it_pushed(store: Store, registry: Registry, name: str, tmp_path: Path) -> None:
    """An image that was pushed and removed is pulled with the id it had, and runs."""
    reference = f"{registry.host}/{name}:v1"
    before = store.build(reference, tmp_path / "noise")
    store.podman("push", "--tls-verify=false", reference)
    store.podman("rmi", "--force", before)
    store.podman("pull", "--tls-verify=false", reference)
    assert store.id(reference) == before
    assert registry.manifest_json(name, "v1")["config"]["digest"] == f"sha256:{before}"
    said = store.run(reference, "sha256sum", "/noise")
    assert said.split()[0] == run("sha256sum", tmp_path / "noise").split()[0]


@pytest.mark.parametrize("form", ["oci", "v2s2"])
def test_podman_pushes_both_formats(store: Store, registry: Registry, name: str, tmp_path: Path, form: str) -> None:
    """Both formats of manifests are stored as they were sent, and pulled by their digest."""
    reference = f"{registry.host}/{name}:v1"
    before = store.build(reference, tmp_path / "noise")
    digest = tmp_path / "digest"
    store.podman("push", "--tls-verify=false", "--format", form, "--digestfile", digest, reference)
    assert registry.manifest_digest(name, "v1") == digest.read_text()
    store.podman("rmi", "--force", before)
    store.podman("pull", "--tls-verify=false", f"{registry.host}/{name}@{digest.read_text()}")
    assert store.id(f"{registry.host}/{name}@{digest.read_text()}").startswith(before[:12])


def test_podman_mounts_layers_of_another_repository(
    store: Store, registry: Registry, name: str, tmp_path: Path
) -> None:
    """Layers that another repository of the registry has are not sent again."""
    first, second = f"{registry.host}/{name}/first:v1", f"{registry.host}/{name}/second:v1"
    store.build(first, tmp_path / "noise")
    store.podman("push", "--tls-verify=false", first)
    store.podman("tag", first, second)
    store.podman("push", "--tls-verify=false", second)
    layers = registry.manifest_json(f"{name}/second", "v1")["layers"]
    assert layers == registry.manifest_json(f"{name}/first", "v1")["layers"]
    assert registry.accesses("POST", f"/v2/{name}/second/blobs/uploads/", 201)


def test_podman_pulls_parts_of_a_zstd_chunked_layer(
    store: Store, partial_store: Store, registry: Registry, name: str, tmp_path: Path
) -> None:
    """A layer that is compressed in chunks is pushed, and comes back with the files it had."""
    reference = f"{registry.host}/{name}:v1"
    store.build(reference, tmp_path / "noise")
    chunked = ("--format", "oci", "--compression-format", "zstd:chunked")
    store.podman("push", "--tls-verify=false", *chunked, reference)
    [layer] = registry.manifest_json(name, "v1")["layers"]
    assert layer["mediaType"].endswith("+zstd")
    partial_store.podman("pull", "--tls-verify=false", reference)
    assert registry.accesses("GET", f"/v2/{name}/blobs/{layer['digest']}", 206)
    said = partial_store.run(reference, "sha256sum", "/noise")
    assert said.split()[0] == run("sha256sum", tmp_path / "noise").split()[0]


def test_podman_gets_back_a_manifest_list(store: Store, registry: Registry, name: str, tmp_path: Path) -> None:
    """A list of images for several platforms is pushed with all of them, and each is pulled."""
    many = f"{registry.host}/{name}:many"
    store.podman("manifest", "create", "many")
    ids = {}
    for architecture in ("amd64", "arm64"):
        base = tmp_path / f"{architecture}.tar"
        base.write_bytes(archive({**busybox(), "platform": architecture.encode()}))
        store.podman("import", "--arch", architecture, base, f"localhost/{architecture}:v1")
        ids[architecture] = store.id(f"localhost/{architecture}:v1")
        store.podman("manifest", "add", "--arch", architecture, "many", f"containers-storage:{ids[architecture]}")
    store.podman("manifest", "push", "--all", "--tls-verify=false", "many", f"docker://{many}")
    store.podman("rmi", "--all", "--force")
    for architecture, identity in ids.items():
        store.podman("pull", "--arch", architecture, "--tls-verify=false", many)
        assert store.id(many) == identity


def test_podman_lists_all_tags(store: Store, registry: Registry, name: str, tmp_path: Path) -> None:
    """Podman finds every tag of a repository."""
    identity = store.build("localhost/image:v1", tmp_path / "noise")
    for tag in ("v1", "v2"):
        store.podman("push", "--tls-verify=false", identity, f"docker://{registry.host}/{name}:{tag}")
    listed = store.podman("search", "--list-tags", "--tls-verify=false", "--format", "json", f"{registry.host}/{name}")
    assert json.loads(listed) == [{"Name": f"{registry.host}/{name}", "Tags": ["v1", "v2"]}]


def test_buildah_builds_on_what_it_pulled(store: Store, registry: Registry, name: str, tmp_path: Path) -> None:
    """A pulled image is the base of another one, whose push sends only what is new."""
    base, derived = f"{registry.host}/{name}:base", f"{registry.host}/{name}:derived"
    before = store.build(base, tmp_path / "noise")
    store.buildah("push", "--tls-verify=false", base)
    store.podman("rmi", "--force", before)
    container = store.buildah("from", "--tls-verify=false", base)
    store.buildah("copy", container, __file__, "/test.py")
    store.buildah("commit", "--rm", container, derived)
    store.buildah("push", "--tls-verify=false", derived)
    layers = registry.manifest_json(name, "derived")["layers"]
    assert layers[:-1] == registry.manifest_json(name, "base")["layers"]
    identity = store.id(derived)
    store.podman("rmi", "--all", "--force")
    store.buildah("pull", "--tls-verify=false", derived)
    assert store.id(derived) == identity
    printed = store.run(derived, "cat", "/test.py")
    assert printed == Path(__file__).read_text().strip()
