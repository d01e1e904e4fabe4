"""The conformance suites pass whole: nothing fails, and nothing is skipped."""

from pathlib import Path
from xml.etree.ElementTree import Element, parse

import bcrypt
import pytest
from attrs import frozen

from tests.clients.servers import Registry, StartRegistry
from tests.clients.tools import attempt, require

pytestmark = pytest.mark.conformance

INCOMPLETE = """\
[completeness]
images = "accept"
indexes = "accept"
"""
PASSWORD = "lovelace"

GUARDED = """\
[auth]
htpasswd = "{folder}/users"
challenge = "{challenge}"

[[auth.rule]]
repositories = ["conformance/*"]
allow = ["pull", "push", "delete"]
to = ["user:ada"]
"""


@frozen
class Report:
    """What a suite says of itself in ``junit.xml``."""

    tests: int
    failures: int
    errors: int
    skipped: int
    complaints: list[str]
    """The cases that failed, each with the first words of why."""

    @classmethod
    def read(cls, path: Path) -> "Report":
        """Read the one suite of a report."""
        suite = next(parse(path).iter("testsuite"))  # noqa: S314 - the suite wrote it just now
        skipped = suite.get("skipped") or len(list(suite.iter("skipped")))
        counts = {key: int(suite.get(key, 0)) for key in ("tests", "failures", "errors")}
        return cls(**counts, skipped=int(skipped), complaints=[*map(complain, filter(failed, suite.iter("testcase")))])


def failed(case: Element) -> bool:
    """Tell whether a case failed: the older suite says so with an element, the newer with an attribute."""
    return case.get("status") in {"failure", "error"} or any(case.find(tag) is not None for tag in ("failure", "error"))


def complain(case: Element) -> str:
    """Return the name of a case that failed, and why it did."""
    reasons = (case.findtext(tag) for tag in ("failure", "error", "system-out"))
    return f"{case.get('name')}: {next(filter(None, reasons), 'no reason is given')[:500]}"


@pytest.fixture(params=["disk", "memory"])
def storage(request: pytest.FixtureRequest) -> str:
    """Choose where the registry keeps what it has."""
    return str(request.param)


@pytest.fixture
def registry(start_registry: StartRegistry, storage: str, tmp_path: Path) -> Registry:
    """Run a registry with its default settings."""
    return start_registry("--storage", storage, "--root", tmp_path / "root")


@pytest.fixture
def lenient_registry(start_registry: StartRegistry, storage: str, tmp_path: Path) -> Registry:
    """Run a registry that accepts incomplete images and indexes."""
    config = tmp_path / "registry.toml"
    config.write_text(INCOMPLETE)
    return start_registry("--storage", storage, "--root", tmp_path / "root", "--config", config)


def run_suite(registry: Registry, folder: Path, **settings: str) -> Report:
    """Run the OCI's conformance program, and return what it reports."""
    printed = attempt(
        require("conformance"),
        cwd=folder,
        env={
            "OCI_REGISTRY": registry.host,
            "OCI_TLS": "disabled",
            "OCI_REPO1": "conformance/one",
            "OCI_REPO2": "conformance/two",
            "OCI_RESULTS_DIR": str(folder / "results"),
            **settings,
        },
        timeout=300,
    )
    report = folder / "results" / "junit.xml"
    assert report.exists(), printed
    return Report.read(report)


def refuse_complaints(report: Report) -> None:
    """Fail the test with the cases that failed, and nothing else."""
    if report.complaints:
        pytest.fail("\n".join(report.complaints), pytrace=False)


@pytest.mark.parametrize("version", ["1.1", "dev"])
def test_the_suite_passes(registry: Registry, tmp_path: Path, version: str) -> None:
    """With complete images, every test of this version of the specification passes."""
    report = run_suite(registry, tmp_path, OCI_VERSION=version, OCI_DATA_SPARSE="false")
    refuse_complaints(report)
    assert (report.failures, report.errors, report.skipped) == (0, 0, 0)
    assert report.tests > 800


@pytest.mark.parametrize("version", ["1.1", "dev"])
def test_the_suite_passes_with_incomplete_images(lenient_registry: Registry, tmp_path: Path, version: str) -> None:
    """With images that lack blobs and indexes that lack manifests, every test passes where those are accepted."""
    report = run_suite(lenient_registry, tmp_path, OCI_VERSION=version, OCI_DATA_SPARSE="true")
    refuse_complaints(report)
    assert (report.failures, report.errors, report.skipped) == (0, 0, 0)
    assert report.tests > 800


@pytest.mark.parametrize("challenge", ["basic", "bearer"])
@pytest.mark.parametrize("version", ["1.1", "dev"])
def test_the_suite_passes_behind_a_login(
    start_registry: StartRegistry, tmp_path: Path, version: str, challenge: str
) -> None:
    """Where one has to log in, with the password each time or with tokens, every test passes for one who does."""
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(5)).decode()
    (tmp_path / "users").write_text(f"ada:{hashed}\n")
    config = tmp_path / "registry.toml"
    config.write_text(GUARDED.format(folder=tmp_path, challenge=challenge))
    registry = start_registry("--root", tmp_path / "root", "--config", config)
    assert registry.ask("GET", "/v2/").status == 401
    login = {"OCI_USERNAME": "ada", "OCI_PASSWORD": PASSWORD}
    report = run_suite(registry, tmp_path, OCI_VERSION=version, OCI_DATA_SPARSE="false", **login)
    refuse_complaints(report)
    assert (report.failures, report.errors, report.skipped) == (0, 0, 0)
    assert report.tests > 800


@pytest.mark.parametrize(
    "mounting",
    [pytest.param({"OCI_AUTOMATIC_CROSSMOUNT": "1"}, id="automatic"), pytest.param({}, id="named")],
)
def test_the_older_suite_passes(registry: Registry, tmp_path: Path, mounting: dict[str, str]) -> None:
    """The suite that came before fails nowhere, whether a mount names its source or not."""
    printed = attempt(
        require("conformance-ginkgo"),
        cwd=tmp_path,
        env={
            "OCI_ROOT_URL": registry.url,
            "OCI_NAMESPACE": "conformance/one",
            "OCI_CROSSMOUNT_NAMESPACE": "conformance/two",
            "OCI_TEST_PULL": "1",
            "OCI_TEST_PUSH": "1",
            "OCI_TEST_CONTENT_DISCOVERY": "1",
            "OCI_TEST_CONTENT_MANAGEMENT": "1",
            **mounting,
        },
        timeout=300,
    )
    path = tmp_path / "junit.xml"
    assert path.exists(), printed
    report = Report.read(path)
    refuse_complaints(report)
    assert (report.failures, report.errors) == (0, 0)
    # It skips what is switched off above, and the set-up for a registry that takes no pushes.
    assert report.tests - report.skipped > 50
