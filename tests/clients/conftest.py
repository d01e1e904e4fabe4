"""The registry that the clients talk to, and a home of their own for their configuration."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.images import Descriptor, Layout, busybox, noise
from tests.clients.servers import Registry, StartRegistry, registries


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep clients away from the user's logins, settings and caches, and from proxies."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    for name in ("DOCKER_CONFIG", "DOCKER_HOST", "REGISTRY_AUTH_FILE", "REGCTL_CONFIG", "CONTAINERS_CONF"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """Run a registry that keeps everything on disk, the same for all tests."""
    folder = tmp_path_factory.mktemp("registry")
    with registries(folder) as start:
        yield start("--storage", "disk", "--root", folder / "root")


@pytest.fixture
def start_registry(tmp_path: Path) -> Iterator[StartRegistry]:
    """Lend a function that starts registries for this test alone."""
    with registries(tmp_path) as start:
        yield start


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """Choose a repository's name that no other test uses."""
    module = request.module.__name__.rpartition("test_")[2].replace("_", "-")
    return f"{module}/{'-'.join(re.findall('[a-z0-9]+', request.node.name.lower()))}"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """Make an empty image layout."""
    return Layout(tmp_path / "layout")


@pytest.fixture
def image(layout: Layout) -> Descriptor:
    """Make an image of two layers in the layout, tagged ``v1``, that can be run."""
    manifest = layout.add_image(busybox(), {"etc/noise": noise(3 << 20)})
    layout.tag(manifest, "v1")
    return manifest


@pytest.fixture
def index(layout: Layout) -> Descriptor:
    """Make a multi-platform index in the layout, tagged ``multi``."""
    both = [
        layout.add_image(busybox(), {"etc/platform": platform.encode()}, architecture=platform)
        for platform in ("amd64", "arm64")
    ]
    manifest = layout.add_index(*both)
    layout.tag(manifest, "multi")
    return manifest
