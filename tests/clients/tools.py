"""The programs that the tests drive: where they are found, and how they are run."""

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import pytest
from attrs import frozen

TOOLS = Path(os.environ.get("OCI_TOOLS") or Path.home() / ".cache" / "oci-twisted-tools")
"""Where ``.ci/install-tools`` puts what Debian does not have."""

PYTHON = TOOLS / "python" / "bin" / "python"
"""The interpreter that has the clients written in Python."""

SEARCH = os.pathsep.join([str(TOOLS / "bin"), os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


class CommandFailed(AssertionError):
    """A program did not end as it should have; its output is in the message."""


def absent(what: str) -> NoReturn:
    """Skip the test for want of ``what``, or fail it where everything must be there."""
    reason = f"{what} is not here; .ci/install-tools installs what the tests need"
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def require(program: str) -> str:
    """Return the path of ``program``, or end the test."""
    return shutil.which(program, path=SEARCH) or absent(program)


def require_root() -> None:
    """End the test unless it runs as root: container engines mount file systems."""
    if os.geteuid() != 0:
        absent("root")


def require_python_client(module: str) -> Path:
    """Return an interpreter that can import ``module``, or end the test."""
    if not PYTHON.exists() or _outcome([PYTHON, "-c", f"import {module}"], timeout=60).returncode != 0:
        absent(f"Python's {module}")
    return PYTHON


def installed(program: str) -> list[str]:
    """Every different ``program`` there is, in the order in which a shell would choose."""
    paths = (Path(folder) / program for folder in SEARCH.split(os.pathsep))
    return list({path.resolve(): str(path) for path in paths if os.access(path, os.X_OK)}.values())


def run(
    *command: str | Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: Path | None = None,
    timeout: float = 120,
) -> str:
    """
    Run a program to its end and return what it printed.

    :param env: what to add to this process's environment
    :param stdin: the file that it reads, if it reads any
    :raise CommandFailed: when it fails, or takes longer than ``timeout`` seconds
    """
    return output(*command, cwd=cwd, env=env, stdin=stdin, timeout=timeout).decode()


def output(
    *command: str | Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: Path | None = None,
    timeout: float = 120,
) -> bytes:
    """Run a program as `run` does, and return the bytes that it printed."""
    outcome = _outcome(command, cwd=cwd, env=env, stdin=stdin, timeout=timeout)
    if outcome.returncode != 0:
        raise CommandFailed(_report(outcome))
    return outcome.stdout


def attempt(
    *command: str | Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = 120,
) -> str:
    """Run a program that may fail, and return what was run and what came of it."""
    return _report(_outcome(command, cwd=cwd, env=env, timeout=timeout))


@frozen
class Outcome:
    """
    How a program ended.

    :ivar status: its exit status
    :ivar printed: on both of its streams
    """

    status: int
    printed: str

    @property
    def is_good(self) -> bool:
        """Whether it says that it has succeeded."""
        return self.status == 0

    def check(self) -> "Outcome":
        """
        Answer itself.

        :raise CommandFailed: when it failed
        """
        if not self.is_good:
            raise CommandFailed(self.printed)
        return self


def outcome(
    *command: str | Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: Path | None = None,
    timeout: float = 120,
) -> Outcome:
    """Run a program that may fail, and return how it ended."""
    ended = _outcome(command, cwd=cwd, env=env, stdin=stdin, timeout=timeout)
    return Outcome(ended.returncode, (ended.stdout + ended.stderr).decode(errors="replace"))


def fails(*command: str | Path, timeout: float = 120) -> str:
    """
    Run a program that must fail, and return what it complained of.

    :raise CommandFailed: when it succeeds
    """
    outcome = _outcome(command, timeout=timeout)
    if outcome.returncode == 0:
        raise CommandFailed(_report(outcome))
    return (outcome.stdout + outcome.stderr).decode()


def _outcome(
    command: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: Path | None = None,
    timeout: float,
) -> subprocess.CompletedProcess[bytes]:
    """Run a program; one that takes too long is ended together with its children."""
    arguments = [str(word) for word in command]
    with (
        (stdin or Path(os.devnull)).open("rb") as source,
        subprocess.Popen(  # noqa: S603 - the tests write every command themselves
            arguments,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=source,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as process,
    ):
        try:
            stdout, stderr = process.communicate(timeout=timeout)
        except BaseException as cause:
            os.killpg(process.pid, signal.SIGKILL)
            if isinstance(cause, subprocess.TimeoutExpired):
                raise CommandFailed(f"{' '.join(arguments)}\ndid not end within {timeout} s") from cause
            raise
    return subprocess.CompletedProcess(arguments, process.returncode, stdout, stderr)


def _report(outcome: subprocess.CompletedProcess[bytes]) -> str:
    """Say what was run, and what came of it."""
    stdout, stderr = (stream[-8000:].decode(errors="replace") for stream in (outcome.stdout, outcome.stderr))
    return (
        f"{' '.join(outcome.args)}\nended with {outcome.returncode}\n--- stdout ---\n{stdout}\n--- stderr ---\n{stderr}"
    )
