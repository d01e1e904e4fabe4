"""
The two commands with which README begins, as a stranger runs them in a clone.

The second runs all the tests.  Here it only collects them, because this test is one of them: that shows that everything
is installed which the tests import, and that the command finds them.
"""

from __future__ import annotations

import http.client
import os
import re
import signal
import subprocess
import time
from contextlib import closing, suppress
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from tests.app.checkouts import ROOT, clean_environment, copy_checkout, need_index
from tests.docs.blocks import find_in
from tests.docs.running import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SERVE, TEST = find_in(ROOT / "README.md")[:2]
LONGEST = 600
CONTENT = b"what a stranger pushed"
DIGEST = f"sha256:{sha256(CONTENT).hexdigest()}"


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a copy of the checkout."""
    return copy_checkout(tmp_path_factory.mktemp("opening") / "oci-twisted")


class Served:
    """The first command, running."""

    def __init__(self, clone: Path, port: int) -> None:
        self.port = port
        self._log = clone.parent / f"log-{time.monotonic_ns()}"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - README's own command
                ["/bin/sh", "-c", re.sub(r"\b5000\b", str(port), SERVE.text)],
                cwd=clone,
                env={**clean_environment(), "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def log(self) -> str:
        """What it has printed."""
        return self._log.read_text()

    def wait(self) -> None:
        """Wait until it listens."""
        deadline = time.monotonic() + LONGEST
        while "listening on" not in self.log:
            need_index(self.log, self._process.poll() or 0)
            assert self._process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.05)

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Send a request."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def kill(self) -> None:
        """End it and all that it has started, at once."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(30)


@pytest.fixture
def served(clone: Path) -> Iterator[list[Served]]:
    """Start the first command."""
    running = [Served(clone, free_port())]
    yield running
    for one in running:
        one.kill()


def test_they_are_two_lines() -> None:
    """README begins with two commands, each of which is one line of a shell."""
    opening = (ROOT / "README.md").read_text().partition("\n## ")[0]
    assert opening.count("```sh\n") == 2
    for block in (SERVE, TEST):
        assert block.language == "sh"
        assert len(block.text.splitlines()) == 1
    assert "twist oci-registry --port 5000" in SERVE.text
    assert "pytest" in TEST.text


def test_the_first_serves_a_registry(served: list[Served], clone: Path) -> None:
    """It names the folder of its data; what is pushed outlasts kill -9, and is there when it is run again."""
    [first] = served
    first.wait()
    assert f"disk at {clone}/registry-data, durability full" in first.log
    assert "(this machine only; " in first.log
    assert first.ask("POST", f"/v2/some/thing/blobs/uploads/?digest={DIGEST}", CONTENT)[0] == 201
    first.kill()
    second = Served(clone, first.port)
    served.append(second)
    second.wait()
    assert second.ask("GET", f"/v2/some/thing/blobs/{DIGEST}") == (200, CONTENT)


def test_the_second_runs_the_tests(clone: Path) -> None:
    """It finds all the tests, and can import whatever they need."""
    outcome = subprocess.run(  # noqa: S603 - README's own command
        ["/bin/sh", "-c", TEST.text],
        cwd=clone,
        env={**clean_environment(), "PYTEST_ADDOPTS": "--collect-only -q"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LONGEST,
        check=False,
    )
    need_index(outcome.stdout, outcome.returncode)
    assert outcome.returncode == 0, outcome.stdout[-8000:]
    found = re.search(r"(\d+) tests collected", outcome.stdout) or re.findall(r"(?m)^tests/\S+: (\d+)$", outcome.stdout)
    assert found, outcome.stdout[-2000:]
