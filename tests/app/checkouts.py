"""Copies of this checkout, and environments to install them into."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from attrs import field, frozen

from tests.clients.tools import absent

ROOT = Path(__file__).parents[2]

# What a clone does not have.
_NOT_OURS = shutil.ignore_patterns(
    ".git",
    ".venv",
    "venv",
    "build",
    "dist",
    "registry-data",
    "results",
    "__pycache__",
    "*.egg-info",
    ".*_cache",
    ".hypothesis",
    ".coverage*",
    "dropin.cache",
)
_NO_INDEX = re.compile(r"No matching distribution found|Temporary failure in name resolution|Connection(Error|Refused)")


def copy_checkout(folder: Path) -> Path:
    """Copy the checkout as a clone would be, into a folder that is not there yet."""
    shutil.copytree(ROOT, folder, ignore=_NOT_OURS)
    return folder


def clean_environment() -> dict[str, str]:
    """Answer this process's environment, but for what would change what Python imports."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    removed = ("PYTHONPATH", "PYTHONHOME", "PYTEST_ADDOPTS", "VIRTUAL_ENV", "COVERAGE_PROCESS_START")
    kept = {name: value for name, value in os.environ.items() if name not in removed}
    return {**kept, "PATH": path, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def run(*command: str | Path, cwd: Path, timeout: float = 300) -> str:
    """
    Run a command to its end, and answer what it printed.

    :raise AssertionError: when it fails; a package that cannot be fetched ends the test instead
    """
    outcome = subprocess.run(  # noqa: S603 - the tests write every command themselves
        command,
        cwd=cwd,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
    )
    need_index(outcome.stdout, outcome.returncode)
    assert outcome.returncode == 0, f"{command}\n{outcome.stdout[-8000:]}"
    return outcome.stdout


def need_index(printed: str, status: int) -> None:
    """End the test if a command failed because it found no package index."""
    if status and _NO_INDEX.search(printed):
        absent("a package index")


@frozen
class Environment:
    """
    A virtual environment that is new.

    :ivar folder: where it is
    :ivar scripts: the folder of its programs
    """

    folder: Path
    scripts: Path = field(init=False)

    @scripts.default
    def _scripts(self) -> Path:
        return self.folder / "bin"

    @classmethod
    def made(cls, folder: Path) -> Environment:
        """Make one that has pip and nothing else."""
        run(sys.executable, "-m", "venv", folder, cwd=folder.parent)
        return cls(folder)

    def install(self, *what: str | Path) -> None:
        """Install something without what it depends on; that, the environment of these tests lends."""
        run(self.scripts / "pip", "install", "--quiet", "--no-deps", *what, cwd=self.folder)
        # Behind the installation, for what is lent is not pip's to see; and the project itself is not lent.
        lent = self.folder / "lent"
        lent.mkdir()
        for folder in (Path(path) for path in sys.path if "site-packages" in path):
            for entry in folder.iterdir():
                if "oci_twisted" not in entry.name and not (lent / entry.name).exists():
                    (lent / entry.name).symlink_to(entry)
        (self.packages / "lent.pth").write_text(str(lent))

    @property
    def packages(self) -> Path:
        """The folder of installed packages."""
        [folder] = self.folder.glob("lib/python*/site-packages")
        return folder

    def python(self, code: str) -> str:
        """Run some code and answer what it printed."""
        return self.run("-c", code).strip()

    def run(self, *arguments: str) -> str:
        """Run Python and answer what it printed, in a folder where nothing lies."""
        empty = self.folder / "empty"
        empty.mkdir(exist_ok=True)
        return run(self.scripts / "python", *arguments, cwd=empty)
