"""Helm, which keeps its charts in registries."""

from pathlib import Path

import pytest
from attrs import frozen

from tests.clients.servers import Registry
from tests.clients.tools import fails, require, run

pytestmark = pytest.mark.clients

CHART = """\
apiVersion: v2
name: {name}
version: {version}
"""

CHART_LAYER = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"


@frozen
class Helm:
    """Helm in a folder of charts."""

    program: str
    folder: Path

    def __call__(self, *arguments: str | Path) -> str:
        """Run a command, which names the charts of the folder by relative paths."""
        return run(self.program, *arguments, cwd=self.folder)

    def package(self, name: str, version: str) -> Path:
        """Make a chart of one template, and return its archive."""
        chart = self.folder / name
        (chart / "templates").mkdir(parents=True, exist_ok=True)
        (chart / "Chart.yaml").write_text(CHART.format(name=name, version=version))
        (chart / "templates" / "map.yaml").write_text("kind: ConfigMap\napiVersion: v1\n")
        self("package", name)
        return self.folder / f"{name}-{version}.tgz"

    def pull(self, chart: str, *options: str, into: Path) -> Path:
        """Pull a chart, and return its archive."""
        into.mkdir()
        self("pull", "--plain-http", *options, "--destination", into, chart)
        [archive] = into.iterdir()
        return archive


@pytest.fixture
def helm(tmp_path: Path) -> Helm:
    """Find Helm, and give it an empty folder."""
    folder = tmp_path / "charts"
    folder.mkdir()
    return Helm(require("helm"), folder)


@pytest.fixture
def repository(registry: Registry, name: str) -> str:
    """Name the repository that holds the test's charts."""
    return f"oci://{registry.host}/{name}"


def test_a_chart_comes_back_byte_for_byte(
    helm: Helm, registry: Registry, repository: str, name: str, tmp_path: Path
) -> None:
    """A chart that was pushed is pulled as the same archive."""
    chart = helm.package("web", "1.0.0")
    helm("push", "--plain-http", chart, repository)
    back = helm.pull(f"{repository}/web", "--version", "1.0.0", into=tmp_path / "back")
    assert back.read_bytes() == chart.read_bytes()
    [layer] = registry.manifest_json(f"{name}/web", "1.0.0")["layers"]
    assert layer["mediaType"] == CHART_LAYER
    assert registry.ask("GET", f"/v2/{name}/web/blobs/{layer['digest']}").body == chart.read_bytes()


def test_a_range_of_versions_finds_the_newest(helm: Helm, repository: str, tmp_path: Path) -> None:
    """A range is resolved over all tags: the newest version in it is pulled."""
    for version in ("1.0.0", "1.9.0", "1.10.0", "2.0.0"):
        helm("push", "--plain-http", helm.package("web", version), repository)
    assert helm.pull(f"{repository}/web", "--version", "^1.0.0", into=tmp_path / "one").name == "web-1.10.0.tgz"
    assert helm.pull(f"{repository}/web", into=tmp_path / "any").name == "web-2.0.0.tgz"


def test_a_version_with_build_metadata_comes_back(
    helm: Helm, registry: Registry, repository: str, name: str, tmp_path: Path
) -> None:
    """A ``+``, which no tag may hold, is stored as ``_`` and found again as ``+``."""
    chart = helm.package("web", "1.0.0+build.7")
    helm("push", "--plain-http", chart, repository)
    assert registry.ask("HEAD", f"/v2/{name}/web/manifests/1.0.0_build.7").status == 200
    back = helm.pull(f"{repository}/web", "--version", "1.0.0+build.7", into=tmp_path / "back")
    assert back.read_bytes() == chart.read_bytes()


def test_a_chart_is_shown_and_rendered(helm: Helm, repository: str) -> None:
    """A chart is read straight from the registry."""
    helm("push", "--plain-http", helm.package("web", "1.0.0"), repository)
    assert "name: web" in helm("show", "chart", "--plain-http", f"{repository}/web", "--version", "1.0.0")
    assert "kind: ConfigMap" in helm("template", "--plain-http", f"{repository}/web", "--version", "1.0.0")


def test_a_version_that_is_not_there_is_refused(helm: Helm, repository: str) -> None:
    """Helm reports a missing version as not found."""
    helm("push", "--plain-http", helm.package("web", "1.0.0"), repository)
    complaint = fails(helm.program, "show", "chart", "--plain-http", f"{repository}/web", "--version", "3.0.0")
    assert "not found" in complaint
