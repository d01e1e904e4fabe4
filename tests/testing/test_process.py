"""Registries in a process of their own."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from oci_twisted.testing.process import ProcessFailed, RegistryProcess, ServedRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator

UPLOADS = "/v2/some/thing/blobs/uploads/"


@pytest.fixture
def process() -> Iterator[RegistryProcess]:
    """Start a process."""
    with RegistryProcess() as process:
        yield process


def status(registry: ServedRegistry, method: str, path: str) -> int:
    """Answer the status of a request."""
    with closing(http.client.HTTPConnection(registry.host, timeout=30)) as connection:
        connection.request(method, path)
        return connection.getresponse().status


def test_it_serves(process: RegistryProcess) -> None:
    """A registry is served at its address, which is this machine's alone, and is gone when it is let go."""
    with process.registry() as registry:
        assert registry.url == f"http://{registry.host}"
        assert registry.host.startswith("127.0.0.1:")
        assert status(registry, "GET", "/v2/") == 200
    with pytest.raises(ConnectionRefusedError):
        status(registry, "GET", "/v2/")


def test_each_is_its_own(process: RegistryProcess) -> None:
    """Registries that are served at the same time have addresses and policies of their own."""
    with process.registry() as one, process.registry(read_only=True) as other:
        assert one.host != other.host
        assert status(one, "POST", UPLOADS) == 202
        assert status(other, "POST", UPLOADS) == 405


def test_a_policy_that_is_none_is_refused(process: RegistryProcess) -> None:
    """A policy with a field that does not exist is an error that names it, and the process goes on."""
    with pytest.raises(ProcessFailed, match="red_only"), process.registry(red_only=True):
        pytest.fail("it is served")
    with process.registry() as registry:
        assert status(registry, "GET", "/v2/") == 200


def test_it_takes_milliseconds(process: RegistryProcess) -> None:
    """Once the process runs, a registry comes and goes in no time."""
    with process.registry():
        began = time.monotonic()
        for _ in range(20):
            with process.registry():
                pass
    assert (time.monotonic() - began) / 20 < 0.1


def test_threads_may_share_it(process: RegistryProcess) -> None:
    """Several threads may ask for registries at the same time."""

    def ask(_number: int) -> int:
        with process.registry() as registry:
            return status(registry, "GET", "/v2/")

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(ask, range(40))) == {200}


def test_an_open_connection_keeps_nobody(process: RegistryProcess) -> None:
    """A client that is still connected does not hold up the end of a registry."""
    with process.registry() as registry, closing(http.client.HTTPConnection(registry.host)) as connection:
        connection.request("GET", "/v2/")
        connection.getresponse().read()
        began = time.monotonic()
    assert time.monotonic() - began < 5


def test_a_process_that_died_is_told() -> None:
    """When the process is gone, whoever has a registry of it or asks for one learns how it ended."""
    with RegistryProcess() as process:
        with pytest.raises(ProcessFailed, match="ended with -9"), process.registry():
            os.kill(process.pid, signal.SIGKILL)
        with pytest.raises(ProcessFailed, match="ended with -9"), process.registry():
            pytest.fail("it is served")


def test_a_process_that_cannot_start_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the process ends before it serves, whoever asks for a registry learns of it."""
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with RegistryProcess() as process, pytest.raises(ProcessFailed, match="ended with 1"), process.registry():
        pytest.fail("it is served")


def test_it_ends_with_whoever_started_it() -> None:
    """A process whose parent was killed does not stay behind."""
    code = (
        "import os, signal\n"
        "from oci_twisted.testing.process import RegistryProcess\n"
        "process = RegistryProcess()\n"
        "with process.registry():\n"
        "    print(process.pid, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    outcome = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)  # noqa: S603 - our own code
    assert outcome.returncode == -signal.SIGKILL
    deadline = time.monotonic() + 30
    while _runs(int(outcome.stdout)):
        assert time.monotonic() < deadline, "it is still there"
        time.sleep(0.01)


def _runs(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:  # noqa: PTH123 - as short as can be
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
