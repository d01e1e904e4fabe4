"""containerd, through its own command ``ctr``."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import frozen

from tests.clients.engines import containerd_engine
from tests.clients.images import Descriptor, Layout, blobs
from tests.clients.servers import Registry
from tests.clients.tools import require, run

pytestmark = pytest.mark.clients


@frozen
class Ctr:
    """``ctr``, which talks to a containerd of our own."""

    program: str
    address: str

    def __call__(self, *arguments: str | Path, timeout: float = 120) -> str:
        """Run a command and return what it printed."""
        return run(self.program, "--address", self.address, *arguments, timeout=timeout)

    def forget(self, *references: str) -> None:
        """Remove images, and wait until their content is gone."""
        self("images", "rm", "--sync", *references)

    def content(self) -> set[str]:
        """Return the digests of everything in the content store."""
        return set(self("content", "ls", "--quiet").split())


@pytest.fixture(scope="session")
def engine() -> Iterator[str]:
    """Run one engine for all tests."""
    with containerd_engine() as address:
        yield address


@pytest.fixture
def ctr(engine: str) -> Ctr:
    """Find the client."""
    return Ctr(require("ctr"), engine)


def test_a_pushed_image_comes_back_and_runs(
    ctr: Ctr, registry: Registry, layout: Layout, image: Descriptor, name: str, tmp_path: Path
) -> None:
    """An image that was pushed and removed is pulled whole, and runs."""
    reference = f"{registry.host}/{name}:v1"
    ctr("images", "import", "--base-name", f"{registry.host}/{name}", layout.pack(tmp_path / "image.tar"))
    ctr("images", "push", "--plain-http", reference)
    assert registry.manifest_digest(name, "v1") == image.digest
    ctr.forget(reference)
    assert not blobs(layout.path) & ctr.content()
    ctr("images", "pull", "--plain-http", reference)
    assert blobs(layout.path) <= ctr.content()
    said = ctr(
        "run",
        "--rm",
        "--snapshotter",
        "overlayfs",
        reference,
        name.rpartition("/")[2][:60],
        "/bin/busybox",
        "echo",
        "hello",
    )
    assert said == "hello\n"
    ctr.forget(reference)


def test_an_index_comes_back_with_all_platforms(
    ctr: Ctr, registry: Registry, layout: Layout, index: Descriptor, name: str, tmp_path: Path
) -> None:
    """An index is pushed with the images of all of its platforms, and pulled with them."""
    reference = f"{registry.host}/{name}:multi"
    archive = layout.pack(tmp_path / "index.tar")
    ctr("images", "import", "--all-platforms", "--base-name", f"{registry.host}/{name}", archive)
    ctr("images", "push", "--plain-http", reference)
    assert registry.manifest_digest(name, "multi") == index.digest
    ctr.forget(reference)
    ctr("images", "pull", "--plain-http", "--all-platforms", reference)
    assert blobs(layout.path) <= ctr.content()
    ctr.forget(reference)


def test_an_image_is_pulled_by_its_digest(
    ctr: Ctr, registry: Registry, layout: Layout, image: Descriptor, name: str, tmp_path: Path
) -> None:
    """An image that was pushed under a tag is pulled under its digest."""
    tagged, exact = f"{registry.host}/{name}:v1", f"{registry.host}/{name}@{image.digest}"
    ctr("images", "import", "--base-name", f"{registry.host}/{name}", layout.pack(tmp_path / "image.tar"))
    ctr("images", "push", "--plain-http", tagged)
    ctr.forget(tagged)
    ctr("images", "pull", "--plain-http", exact)
    assert blobs(layout.path) <= ctr.content()
    ctr.forget(exact)
