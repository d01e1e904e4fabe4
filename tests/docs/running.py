"""Scripts in a folder, a home and a group of processes of their own."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve, field, frozen

from tests.app.checkouts import clean_environment, need_index
from tests.clients.tools import SEARCH

if TYPE_CHECKING:
    from collections.abc import Mapping

_OUTSIDE = ("DOCKER_", "OCI_REGISTRY_", "XDG_", "COVERAGE_")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy")
_PORT = re.compile(r"\b50\d\d\b")
# Python reads it before a program, and takes these for not installed.
_WITHOUT_EXTRAS = """\
import sys
sys.modules.update(dict.fromkeys(["hypothesis", "pytest", "pytest_cov", "pytest_twisted"]))
"""


def free_port() -> int:
    """Answer a port that nothing listens on just now."""
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port: int = chosen.getsockname()[1]
        return port


def with_free_ports(text: str) -> str:
    """Put a free port in place of each port from 5000 to 5099, so that several can be run at once."""
    ports = {named: str(free_port()) for named in set(_PORT.findall(text))}
    return _PORT.sub(lambda found: ports[found[0]], text)


def at(host: str, text: str) -> str:
    """Put a registry's address in place of the one that the documents name."""
    return re.sub(r"\b(127\.0\.0\.1|localhost):5000\b", host, text)


@frozen
class Sandbox:
    """
    Where scripts run.

    :ivar folder: the current one of theirs.
    :ivar variables: of the environment, beside the usual ones.
    """

    folder: Path
    variables: Mapping[str, str] = field(factory=dict)

    def without_extras(self) -> Sandbox:
        """Answer one in which Python has what a plain ``pip install`` brings, and no more."""
        place = self.folder / ".without-extras"
        place.mkdir(exist_ok=True)
        (place / "sitecustomize.py").write_text(_WITHOUT_EXTRAS)
        return evolve(self, variables={**self.variables, "PYTHONPATH": str(place)})

    def run(self, *command: str, script: str | None = None, timeout: float = 180) -> str:
        """
        Run a command and everything that it starts, and answer what it printed.

        :param script: its standard input.
        :raise AssertionError: when it fails, or does not end.
        """
        home = self.folder / ".home"
        home.mkdir(exist_ok=True)
        ours = str(Path(sys.executable).parent)
        environment = {
            **{name: value for name, value in clean_environment().items() if self._is_passed_on(name)},
            "HOME": str(home),
            "PATH": os.pathsep.join([ours, SEARCH]),
            "PYTHONUNBUFFERED": "1",
            **self.variables,
        }
        process = subprocess.Popen(  # noqa: S603 - the documents are ours
            command,
            cwd=self.folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            printed, _ = process.communicate(script, timeout)
        except subprocess.TimeoutExpired:
            self._kill(process)
            raise AssertionError(
                f"{script or command}\ndid not end within {timeout} s\n{process.communicate()[0]}"
            ) from None
        finally:
            # A script may leave a registry behind that it has started.
            self._kill(process)
        need_index(printed, process.returncode)
        assert process.returncode == 0, f"{script or command}\nended with {process.returncode}\n{printed}"
        return printed

    @staticmethod
    def _is_passed_on(name: str) -> bool:
        return not name.startswith(_OUTSIDE) and name.lower() not in _PROXIES

    @staticmethod
    def _kill(process: subprocess.Popen[str]) -> None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
