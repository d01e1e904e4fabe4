"""Docker's engines, the older one driven by every ``docker`` client that is installed."""

import functools
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TypeAlias

import pytest
from attrs import frozen

from tests.clients.engines import DockerRelease, docker_engine
from tests.clients.images import Descriptor, Layout, archive, busybox, write_noise
from tests.clients.servers import Registry
from tests.clients.tools import installed, require, run

pytestmark = pytest.mark.clients

GIBIBYTE = 1 << 30


@frozen
class Docker:
    """A ``docker`` client that talks to an engine of our own."""

    program: str
    address: str

    def __call__(self, *arguments: str | Path, timeout: float = 120) -> str:
        """Run a command of Docker's and return what it printed."""
        # The classic builder, because the other one is a program of its own; and
        # ``docker manifest`` counts as experimental in the older client.
        env = {"DOCKER_BUILDKIT": "0", "DOCKER_CLI_EXPERIMENTAL": "enabled"}
        return run(self.program, "--host", self.address, *arguments, env=env, timeout=timeout).strip()

    def build(self, folder: Path, reference: str, *, size: int = 1 << 20) -> str:
        """Make an image of two layers, the second one incompressible, and return its id."""
        folder.mkdir()
        base = folder / "base.tar"
        base.write_bytes(archive(busybox()))
        unique = self("import", "--change", 'ENTRYPOINT ["/bin/busybox"]', base)
        write_noise(folder / "noise", size)
        (folder / "Dockerfile").write_text(f"FROM {unique}\nCOPY noise /noise\n")
        self("build", "--tag", reference, folder, timeout=300)
        return self.id(reference)

    def id(self, reference: str) -> str:
        """
        Return the id of a local image.

        That is the digest of its config or, where containerd keeps images, of its manifest or its index.
        """
        return self("image", "inspect", "--format", "{{.Id}}", reference)

    def noise(self, reference: str, architecture: str, folder: Path) -> bytes:
        """Return the incompressible file of the local image of an architecture."""
        box = self("create", "--platform", f"linux/{architecture}", reference)
        self("cp", f"{box}:/noise", folder / "copied")
        self("rm", box)
        return (folder / "copied").read_bytes()

    def remove(self, *images: str) -> None:
        """Remove images that nothing uses any more, with all of their names."""
        self("image", "rm", "--force", *images)


Engines: TypeAlias = Callable[[DockerRelease], str]


@pytest.fixture(scope="session")
def engines() -> Iterator[Engines]:
    """Lend what answers the address of an engine, and starts it for all tests if need be."""
    with ExitStack() as running:
        yield functools.cache(lambda which: running.enter_context(docker_engine(which)))


CLIENTS = installed("docker") or ["docker"]
TURNS: list[tuple[DockerRelease, str]] = [*(("debian", client) for client in CLIENTS), ("current", CLIENTS[0])]


@pytest.fixture(params=TURNS, ids=lambda turn: f"{turn[0]}-{turn[1].strip('/').replace('/', '-')}")
def docker(request: pytest.FixtureRequest, engines: Engines) -> Docker:
    """Choose an engine and a client; all clients that are installed take their turn."""
    which, client = request.param
    return Docker(require(client), engines(which))


def layers_of(manifest: dict[str, Sequence[dict[str, str]]]) -> list[str]:
    """Return the digests of a manifest's layers."""
    return [layer["digest"] for layer in manifest["layers"]]


def test_a_pushed_image_comes_back_and_runs(docker: Docker, registry: Registry, name: str, tmp_path: Path) -> None:
    """An image that was pushed and removed is pulled with the id it had, and runs."""
    reference = f"{registry.host}/{name}:v1"
    before = docker.build(tmp_path / "context", reference)
    docker("push", reference)
    docker.remove(before)
    docker("pull", reference)
    assert docker.id(reference) == before
    assert before in {registry.manifest_json(name, "v1")["config"]["digest"], registry.manifest_digest(name, "v1")}
    said = docker("run", "--rm", "--network", "none", reference, "sha256sum", "/noise")
    assert said.split() == [*run("sha256sum", tmp_path / "context" / "noise").split()[:1], "/noise"]


def test_a_layer_is_mounted_from_another_repository(
    docker: Docker, registry: Registry, name: str, tmp_path: Path
) -> None:
    """Layers that another repository of the registry has are mounted, and not sent again."""
    first, second = f"{registry.host}/{name}/first:v1", f"{registry.host}/{name}/second:v1"
    docker.build(tmp_path / "context", first)
    docker("push", first)
    docker("tag", first, second)
    docker("push", second)
    layers = layers_of(registry.manifest_json(f"{name}/second", "v1"))
    assert layers == layers_of(registry.manifest_json(f"{name}/first", "v1"))
    for layer in layers:
        assert registry.ask("HEAD", f"/v2/{name}/second/blobs/{layer}").status == 200
    registry.accesses("POST", f"/v2/{name}/second/blobs/uploads/", 201, at_least=len(layers))
    # An engine may mount the config as well, or send that.
    assert len(registry.accesses("POST", f"/v2/{name}/second/blobs/uploads/", 202, at_least=0)) <= 1


def test_an_index_of_dockers_serves_each_platform(
    docker: Docker, registry: Registry, name: str, tmp_path: Path
) -> None:
    """A manifest list that ``docker manifest`` pushes gives each platform its own image."""
    many = f"{registry.host}/{name}:many"
    architectures = ("amd64", "arm64")
    for architecture in architectures:
        one = f"{registry.host}/{name}:{architecture}"
        identity = docker.build(tmp_path / architecture, one)
        docker("push", one)
        docker("manifest", "create", "--insecure", "--amend", many, one)
        docker("manifest", "annotate", "--arch", architecture, many, one)
        docker.remove(identity)
    docker("manifest", "push", "--insecure", many)
    for architecture in architectures:
        docker("pull", "--platform", f"linux/{architecture}", many)
        assert docker.noise(many, architecture, tmp_path) == (tmp_path / architecture / "noise").read_bytes()
        docker.remove(docker.id(many))


def test_an_index_of_the_oci_is_pulled(
    docker: Docker, registry: Registry, name: str, layout: Layout, index: Descriptor
) -> None:
    """An OCI index that skopeo pushed gives the engine the image of its platform."""
    reference = f"{registry.host}/{name}:multi"
    skopeo = (require("skopeo"), "--insecure-policy", "copy", "--all", "--dest-tls-verify=false")
    run(*skopeo, f"oci:{layout.path}:multi", f"docker://{reference}")
    docker("pull", reference)
    assert registry.manifest_digest(name, "multi") == index.digest
    assert docker("run", "--rm", "--network", "none", reference, "cat", "/etc/platform") == "amd64"


def test_an_image_is_pulled_by_its_digest(docker: Docker, registry: Registry, name: str, tmp_path: Path) -> None:
    """The digest that a push reports is a name under which the same image is pulled."""
    reference = f"{registry.host}/{name}:v1"
    before = docker.build(tmp_path / "context", reference)
    docker("push", reference)
    [named] = json.loads(docker("image", "inspect", "--format", "{{json .RepoDigests}}", reference))
    docker.remove(before)
    docker("pull", named)
    assert named == f"{registry.host}/{name}@{registry.manifest_digest(name, 'v1')}"
    assert docker.id(named) == before


def test_a_layer_of_a_gibibyte_comes_back(engines: Engines, registry: Registry, name: str, tmp_path: Path) -> None:
    """A layer of 1 GiB that compresses to nothing less goes up and comes back whole."""
    docker = Docker(require("docker"), engines("debian"))
    reference = f"{registry.host}/{name}:v1"
    before = docker.build(tmp_path / "context", reference, size=GIBIBYTE)
    expected = run("sha256sum", tmp_path / "context" / "noise").split()[0]
    docker("push", reference, timeout=600)
    docker.remove(before)
    docker("pull", reference, timeout=600)
    largest = max(layer["size"] for layer in registry.manifest_json(name, "v1")["layers"])
    assert largest >= GIBIBYTE
    assert docker("run", "--rm", "--network", "none", reference, "sha256sum", "/noise").split()[0] == expected
    docker.remove(before)
