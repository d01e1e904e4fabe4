"""oras-py, by its own test-suite."""

import re
from pathlib import Path

import pytest

from tests.clients.servers import Registry
from tests.clients.tools import require_python_client, run

pytestmark = pytest.mark.clients

# These ask hosts outside.
DESELECTED = "not many_tags and not ssl"


def test_the_clients_own_tests_pass(registry: Registry, tmp_path: Path) -> None:
    """The client's own tests find in this registry what they expect of any."""
    python = require_python_client("oras.tests")
    host, _, port = registry.host.partition(":")
    printed = run(
        *(python, "-m", "pytest", "--pyargs", "oras.tests", "-k", DESELECTED, "-p", "no:cacheprovider"),
        *("--disable-warnings", "--basetemp", tmp_path / "oras"),
        cwd=python.parent.parent,  # it pushes only what is below the current folder
        env={"ORAS_HOST": host, "ORAS_PORT": port, "ORAS_AUTH": "false"},
        timeout=900,
    )
    passed = re.search(r"(\d+) passed", printed)
    assert passed is not None
    assert int(passed[1]) > 60
