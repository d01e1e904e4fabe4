"""Daemons that the tests start, and end again whatever happens."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


class Daemon:
    """A process that runs beside the tests and writes to a log of its own."""

    def __init__(
        self,
        command: Sequence[str | Path],
        log_path: Path,
        *,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.log_path = log_path
        with log_path.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - the tests write every command themselves
                [str(word) for word in command],
                env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    @property
    def log(self) -> str:
        """What the process has printed so far."""
        return self.log_path.read_text(errors="replace")

    def wait_until(self, is_ready: Callable[[], bool], *, timeout: float = 60) -> None:
        """
        Wait for the process to be ready.

        :raise AssertionError: when it ended, or took longer than ``timeout`` seconds
        """
        deadline = time.monotonic() + timeout
        while not is_ready():
            ended = self._process.poll()
            if ended is not None or time.monotonic() > deadline:
                fate = f"ended with {ended}" if ended is not None else f"was not ready within {timeout} s"
                self.kill()
                raise AssertionError(f"{self._process.args!r} {fate}:\n{self.log[-8000:]}")
            time.sleep(0.05)

    def stop(self, *, timeout: float = 30) -> int:
        """Ask the process to end, insist if it does not, and return its exit status."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
        return self._process.wait(timeout)

    def kill(self) -> None:
        """End the process and its children at once, as a power cut would."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(30)


def unmount_below(folder: Path, *, timeout: float = 10) -> None:
    """
    Detach every file system that is still mounted under ``folder``.

    A container that ends just now unmounts its own, so one that is gone already is no fault.

    :raise AssertionError: when some are left after ``timeout`` seconds
    """
    deadline = time.monotonic() + timeout
    while mounts := _mounts_below(folder):
        for mount in mounts:
            command = ["/bin/umount", "--lazy", mount]
            subprocess.run(command, check=False, capture_output=True, timeout=timeout)  # noqa: S603 - our own
        assert time.monotonic() < deadline, f"still mounted: {mounts}"


def _mounts_below(folder: Path) -> list[str]:
    """Return what is mounted under ``folder``, the innermost first."""
    mounts = (line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines())
    return sorted((mount for mount in mounts if Path(mount).is_relative_to(folder)), reverse=True)
