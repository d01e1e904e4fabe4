"""The project as it is installed: from a wheel, from an sdist, and in place."""

from __future__ import annotations

import re
import sys
import tarfile
import tomllib
import zipfile
from typing import TYPE_CHECKING

import pytest
from attrs import frozen

from tests.app.checkouts import ROOT, Environment, copy_checkout, run

if TYPE_CHECKING:
    from pathlib import Path


@frozen
class Built:
    """The project, built from a copy of the checkout."""

    checkout: Path
    wheel: Path
    sdist: Path

    def modules(self) -> set[str]:
        """Answer the names of our modules."""
        found = (self.checkout / "oci_twisted").rglob("*.py")
        return {path.relative_to(self.checkout).as_posix() for path in found}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Build an sdist from a copy of the checkout, and a wheel from the sdist."""
    checkout = copy_checkout(tmp_path_factory.mktemp("packaging") / "checkout")
    run(sys.executable, "-m", "build", "--outdir", "dist", cwd=checkout)
    [wheel], [sdist] = checkout.glob("dist/*.whl"), checkout.glob("dist/*.tar.gz")
    return Built(checkout, wheel, sdist)


def test_the_wheel_has_what_it_should(built: Built) -> None:
    """The wheel has our package, typed, and our plugin in Twisted's folder without an ``__init__.py``; nothing else."""
    with zipfile.ZipFile(built.wheel) as archive:
        names = {name for name in archive.namelist() if not re.match(r"oci_twisted-[^/]+\.dist-info/", name)}
        [licence] = [name for name in archive.namelist() if name.endswith("LICENSE")]
        assert b"Apache License" in archive.read(licence)
    assert names == built.modules() | {"oci_twisted/py.typed", "twisted/plugins/oci_registry.py"}


def test_the_sdist_has_what_a_contributor_needs(built: Built) -> None:
    """The sdist has the tests, the documentation and the files at the top, and nothing that a build leaves behind."""
    with tarfile.open(built.sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"README.md", "LICENSE", "pyproject.toml", "docs/conf.py", "tests/app/test_packaging.py"} <= names
    assert names >= built.modules()
    assert not [name for name in names if "__pycache__" in name or name.endswith((".pyc", "dropin.cache"))]


@pytest.fixture(scope="module", params=["wheel", "sdist", "in place"])
def installed(request: pytest.FixtureRequest, built: Built, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Install the project into a new environment, each way there is."""
    environment = Environment.made(tmp_path_factory.mktemp("installed") / "venv")
    if request.param == "in place":
        environment.install("-e", built.checkout)
    else:
        environment.install(built.wheel if request.param == "wheel" else built.sdist)
    return environment


def test_it_works_however_it_is_installed(installed: Environment) -> None:
    """Twist lists the command and makes its service, pytest has the fixture, and Twisted's own plugins are there."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert installed.run("-m", "twisted", "oci-registry", "--version").startswith(f"oci-twisted {version}, ")
    listed = installed.run("-m", "twisted", "--help")
    assert re.search(r"oci-registry +A registry for container images and other OCI artifacts\.", listed)
    assert re.search(r"\n +web +", listed)
    typed = "import oci_twisted, pathlib; print(pathlib.Path(oci_twisted.__file__).with_name('py.typed').is_file())"
    assert installed.python(typed) == "True"
    assert "oci_registry" in installed.run("-m", "pytest", "--fixtures")
    assert not list(installed.packages.glob("twisted/**/__init__.py"))


def test_the_plugin_is_light(installed: Environment) -> None:
    """Every run of ``twist`` imports the plugin, which therefore imports nothing of ours."""
    code = (
        "import sys, twisted.plugins.oci_registry as plugin\n"
        "print(plugin.__file__.endswith('oci_registry.py'), [name for name in sys.modules if name.startswith('oci_')])"
    )
    assert installed.python(code) == "True []"
