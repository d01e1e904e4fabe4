"""Every command and every example of README.md and docs/, tried out."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING

import pytest

from oci_twisted.app.settings import load_settings
from oci_twisted.auth.issuers import read_issuers
from tests.app.checkouts import ROOT, copy_checkout
from tests.clients.engines import docker_engine, podman_engine
from tests.clients.tools import require
from tests.docs.blocks import Block, Trial, find_in, find_trials
from tests.docs.running import Sandbox, at, with_free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from oci_twisted.testing.process import ServedRegistry

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]
# The two commands with which README begins are tried out in test_opening.py.
OPENING = 2
MOST_SKIPPED = 4


def blocks_of(document: Path) -> list[Block]:
    """Find the blocks of a document, behind the opening."""
    blocks = find_in(document)
    return blocks[OPENING:] if document.name == "README.md" else blocks


TRIALS = [trial for document in DOCUMENTS for trial in find_trials(blocks_of(document))]
# Those that drive an engine do it with each.
ENGINES = {
    True: ["memory_engine", "docker", "podman"],
    False: ["no_engine"],
}
RUNS = [(trial, engine) for trial in TRIALS for engine in ENGINES["engine" in trial.blocks[0].words]]


def test_nothing_is_left_out() -> None:
    """Hardly a block is skipped, and each of those has a reason in words."""
    reasons = [block.reason for document in DOCUMENTS for block in find_in(document) if block.reason is not None]
    assert len(reasons) <= MOST_SKIPPED
    assert all(len(reason.split()) > 3 for reason in reasons)


def test_the_documents_name_no_host_and_no_machine() -> None:
    """No document names a host of a package registry, or a path of the machine on which it was written."""
    for document in (*DOCUMENTS, *ROOT.glob("*.md")):
        text = document.read_text()
        assert not re.search(r"/root/|/home/|/work/|/tmp/|pypi\.org|pythonhosted|docker\.io|ghcr\.io", text), document


@pytest.fixture(scope="module")
def docker() -> Iterator[str]:
    """Run Docker's daemon, and lend its address."""
    with docker_engine() as address:
        yield address


@pytest.fixture(scope="module")
def podman() -> Iterator[str]:
    """Run Podman's service, and lend its address."""
    with podman_engine() as address:
        yield address


@pytest.fixture
def memory_engine(tmp_path: Path) -> Iterator[str]:
    """Run an engine in memory in a process of its own, and lend its address."""
    address = f"unix://{tmp_path}/engine"
    with subprocess.Popen([sys.executable, "-m", "tests.docs.serving", address], stdout=subprocess.PIPE) as process:  # noqa: S603 - ours
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield address
        process.terminate()


@pytest.fixture
def sandbox(request: pytest.FixtureRequest, tmp_path: Path) -> Sandbox:
    """Make a place for the scripts of a trial, with what it needs."""
    trial: Trial = request.getfixturevalue("trial")
    which: str = request.getfixturevalue("which")
    for program in sorted(trial.programs):
        require(program)
    folder = tmp_path / "folder"
    if any("checkout" in block.words for block in trial.blocks):
        copy_checkout(folder)
    else:
        folder.mkdir()
    if "docker" in trial.programs:
        which = "docker"
    if which == "no_engine":
        return Sandbox(folder)
    return Sandbox(folder, {"DOCKER_HOST": request.getfixturevalue(which)})


@pytest.mark.parametrize(("trial", "which"), RUNS, ids=lambda one: getattr(one, "where", one))
def test_an_example_works(trial: Trial, sandbox: Sandbox, which: str, request: pytest.FixtureRequest) -> None:
    """An example does what it says, to the end, and prints what is said to be printed."""
    del which
    text = trial.text
    if trial.blocks[0].language == "toml":
        config = sandbox.folder / "registry.toml"
        config.write_text(text)
        if "issuers" in trial.blocks[0].words:
            assert read_issuers(tomllib.loads(text)["auth"]["issuer"], sandbox.folder)
        elif "rules" in trial.blocks[0].words:
            sandbox.run("oci-registry", "auth", "check", str(config))
        else:
            load_settings({}, {}, config)
        return
    if "127.0.0.1:5000" in text or "localhost:5000" in text:
        registry: ServedRegistry = request.getfixturevalue("oci_registry")
        text = at(registry.host, text)
    text = with_free_ports(text)
    if trial.blocks[0].language == "sh":
        printed = sandbox.run("bash", "-eu", "-o", "pipefail", script=text)
    elif "pytest" in trial.blocks[0].words:
        (sandbox.folder / "test_example.py").write_text(text)
        printed = sandbox.run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    else:
        (sandbox.folder / "example.py").write_text(text)
        printed = sandbox.without_extras().run(sys.executable, "example.py")
    for sample in trial.samples:
        assert sample.is_printed(printed), f"{sample.where} is not in\n{printed}"
