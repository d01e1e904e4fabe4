"""The engine client, a real engine and our registry, in one program: that of the documents."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.app.checkouts import ROOT
from tests.clients.tools import require
from tests.docs.blocks import find_in, find_trials
from tests.docs.running import Sandbox

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.clients


@pytest.mark.parametrize(("engine", "variable"), [("docker", "DOCKER_HOST"), ("podman", "CONTAINER_HOST")])
def test_the_whole_round(request: pytest.FixtureRequest, tmp_path: Path, engine: str, variable: str) -> None:
    """An image is built, pushed to a registry in the same process with progress, removed, and the same when pulled."""
    require("busybox")
    (trial,) = find_trials(find_in(ROOT / "docs" / "engine" / "bridge.md"))
    (tmp_path / "example.py").write_text(trial.text)
    sandbox = Sandbox(tmp_path, {variable: request.getfixturevalue(f"{engine}_address")})
    printed = sandbox.run(sys.executable, "example.py")
    for sample in trial.samples:
        assert sample.is_printed(printed), printed
    assert " bytes" in printed.partition("push\n")[2].partition("pull\n")[0]
    assert " bytes" in printed.partition("pull\n")[2]
