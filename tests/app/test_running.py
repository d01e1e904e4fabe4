"""``twist oci-registry`` as an operator runs it: a process, its log, its end."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from oci_twisted import __version__
from tests.clients.processes import Daemon

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Protocol

    class Start(Protocol):
        """Starts the command with arguments of the test's choice; it ends with the test."""

        def __call__(self, *arguments: str | Path, log_format: str = "text") -> Running:
            """Start it, and wait until it listens."""


TWIST = (sys.executable, "-m", "twisted")
LISTENING = re.compile(r"listening on https?://(\S+):(\d+)")
MIB = 1 << 20


class Running:
    """
    The command, running.

    :ivar address: where it says that it listens
    """

    def __init__(self, folder: Path, *arguments: str | Path, log_format: str) -> None:
        command = (*TWIST, f"--log-format={log_format}", "oci-registry", *arguments)
        self.daemon = Daemon(command, folder / "log", env={"PYTHONUNBUFFERED": "1"})
        self.wait_for(LISTENING.pattern)
        found = LISTENING.search(self.log)
        assert found is not None
        self.address = (found[1].strip("[]"), int(found[2]))

    @property
    def log(self) -> str:
        """What it has printed so far."""
        return self.daemon.log

    def wait_for(self, pattern: str) -> None:
        """Wait until its log has something."""
        self.daemon.wait_until(lambda: re.search(pattern, self.log) is not None)

    def ask(self, method: str, path: str, body: bytes | None = None) -> http.client.HTTPResponse:
        """Send a request, and answer what comes back, read."""
        with closing(http.client.HTTPConnection(*self.address, timeout=30)) as connection:
            connection.request(method, path, body)
            response = connection.getresponse()
            response.read()
            return response

    def push(self, content: bytes) -> str:
        """Push a blob to the repository ``some/thing``, and answer its path."""
        digest = f"sha256:{sha256(content).hexdigest()}"
        response = self.ask("POST", f"/v2/some/thing/blobs/uploads/?digest={digest}", content)
        assert response.status == 201
        return f"/v2/some/thing/blobs/{digest}"


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Lend a function that starts the command, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    started: list[Running] = []

    def begin(*arguments: str | Path, log_format: str = "text") -> Running:
        running = Running(tmp_path, *arguments, log_format=log_format)
        started.append(running)
        return running

    yield begin
    for running in started:
        running.daemon.stop()


def ended(*arguments: str | Path, cwd: Path) -> str:
    """Run the command, which must end by itself, and answer the one sentence that it prints."""
    outcome = subprocess.run(  # noqa: S603 - our own command
        [*TWIST, "oci-registry", *arguments], cwd=cwd, capture_output=True, text=True, timeout=60, check=False
    )
    assert outcome.returncode not in {0, -signal.SIGTERM}
    assert outcome.stdout == ""
    [sentence] = outcome.stderr.splitlines()
    assert sentence.startswith("oci-registry: ")
    return sentence


def test_it_says_what_listens_where(start: Start, tmp_path: Path) -> None:
    """The start line has the version, the address, the folder and the durability; port 0 is a free port."""
    running = start("--port", "0", "--root", "data")
    [line] = [line for line in running.log.splitlines() if "listening on" in line]
    assert line.partition("[oci_twisted#info] ")[2] == (
        f"oci-twisted {__version__} listening on http://127.0.0.1:{running.address[1]} "
        "(this machine only; --host 0.0.0.0 opens it to others); "
        f"storage: disk at {tmp_path}/data, durability full"
    )
    assert running.address[1] > 0
    assert running.ask("GET", "/v2/").status == 200


def test_the_log_is_json_where_it_is_no_terminal(start: Start) -> None:
    """With JSON events, the start line and the facts are fields of one of them."""
    running = start("--port", "0", "--storage", "memory", log_format="json")
    events = [json.loads(line) for line in running.log.split("\x1e") if line]
    [event] = [event for event in events if event.get("log_namespace") == "oci_twisted"]
    assert "listening on" in event["line"]
    assert event["storage"] == "memory"


def test_a_bare_port_is_this_machines_alone(start: Start) -> None:
    """Without --host, it listens on 127.0.0.1 and on no other address; with it, on the one that it names."""
    _, port = start("--port", "0", "--storage", "memory").address
    with socket.socket() as client:
        assert client.connect_ex(("127.0.0.2", port)) != 0
    _, port = start("--port", "0", "--host", "0.0.0.0", "--storage", "memory").address  # noqa: S104 - its subject
    with socket.socket() as client:
        assert client.connect_ex(("127.0.0.2", port)) == 0


def test_it_listens_on_ipv6(start: Start) -> None:
    """A host may be an IPv6 address."""
    running = start("--port", "0", "--host", "::1", "--storage", "memory")
    assert f"listening on http://[::1]:{running.address[1]} (this machine only" in running.log
    assert running.ask("GET", "/v2/").status == 200


def test_it_listens_on_a_unix_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port may be an endpoint description, such as that of a socket in a folder."""
    monkeypatch.chdir(tmp_path)
    command = (*TWIST, "--log-format=text", "oci-registry", "--port", "unix:socket", "--storage", "memory")
    daemon = Daemon(command, tmp_path / "log", env={"PYTHONUNBUFFERED": "1"})
    try:
        daemon.wait_until(lambda: "listening on unix:socket; storage: memory" in daemon.log)
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(30)
            client.connect("socket")
            client.sendall(b"GET /v2/ HTTP/1.1\r\nHost: registry\r\nConnection: close\r\n\r\n")
            assert client.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")
    finally:
        daemon.stop()


def test_a_file_configures_it(start: Start, tmp_path: Path) -> None:
    """What the file says holds: here, a port, where the data is, and lines of access in JSON."""
    config = tmp_path / "registry.toml"
    config.write_text('port = 0\nroot = "elsewhere"\n[log]\naccess = "json"\n')
    running = start("--config", config)
    request_id = running.ask("GET", "/v2/_catalog?n=5").headers["X-Request-Id"]
    running.wait_for(request_id)
    line = re.search(r"\{.*\}", running.log)
    assert line is not None
    access = json.loads(line[0])
    assert access.pop("seconds") >= 0
    assert access == {
        "client": "127.0.0.1",
        "user": "-",
        "method": "GET",
        "path": "/v2/_catalog",
        "status": 200,
        "bytes": 19,
        "decision": "open",
        "request_id": request_id,
    }
    assert (tmp_path / "elsewhere" / "registry.sqlite").exists()


def test_every_request_leaves_a_line(start: Start) -> None:
    """A line has the client, the user, the request, its answer, its id, and what decided that it may."""
    running = start("--port", "0", "--storage", "memory")
    request_id = running.ask("GET", "/v2/some/thing/tags/list").headers["X-Request-Id"]
    pattern = rf'127\.0\.0\.1 - "GET /v2/some/thing/tags/list" 404 \d+ 0\.\d{{6}} {re.escape(request_id)} "open"'
    running.wait_for(pattern)


def test_memory_forgets(start: Start, tmp_path: Path) -> None:
    """With --storage memory nothing is written, and nothing is there after a restart."""
    running = start("--port", "0", "--storage", "memory")
    path = running.push(b"content")
    assert running.ask("HEAD", path).status == 200
    running.daemon.stop()
    assert start("--port", "0", "--storage", "memory").ask("HEAD", path).status == 404
    assert {entry.name for entry in tmp_path.iterdir()} == {"log"}


def test_read_only_takes_no_changes(start: Start) -> None:
    """With --read-only what is there is served, and nothing can be pushed or deleted."""
    running = start("--port", "0", "--root", "data")
    path = running.push(b"content")
    running.daemon.stop()
    running = start("--port", "0", "--root", "data", "--read-only")
    assert running.ask("GET", path).status == 200
    assert running.ask("DELETE", path).status == 405
    assert running.ask("POST", "/v2/some/thing/blobs/uploads/").status == 405
    assert "durability full, read-only" in running.log


def test_what_was_pushed_survives_a_kill(start: Start) -> None:
    """What was acknowledged is there after kill -9 and a new start."""
    running = start("--port", "0", "--root", "data")
    path = running.push(b"content")
    running.daemon.kill()
    assert start("--port", "0", "--root", "data").ask("GET", path).status == 200


def test_a_pull_in_progress_is_finished(start: Start) -> None:
    """When it is told to stop, it accepts nothing new, finishes what a slow client is pulling, and ends."""
    running = start("--port", "0", "--root", "data")
    content = os.urandom(MIB) * 64
    path = running.push(content)
    # A small buffer, so that most of the blob is still to be sent when the process is told to stop.
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        client.settimeout(30)
        client.connect(running.address)
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: registry\r\n\r\n".encode())
        pieces = [client.recv(1 << 16)]
        os.kill(running.daemon.pid, signal.SIGTERM)
        running.wait_for("Received SIGTERM")
        deadline = time.monotonic() + 30
        while _accepts(running.address):
            assert time.monotonic() < deadline, "it still accepts connections"
        while piece := client.recv(MIB):
            pieces.append(piece)
    assert b"".join(pieces).partition(b"\r\n\r\n")[2] == content
    assert running.daemon.stop(timeout=10) == -signal.SIGTERM
    assert "Main loop terminated" in running.log
    assert f'"GET {path}" 200 {len(content)} ' in running.log


def _accepts(address: tuple[str, int]) -> bool:
    with socket.socket() as client:
        return client.connect_ex(address) == 0


def test_an_idle_connection_keeps_nobody(start: Start) -> None:
    """A client that has a connection open and asks for nothing does not delay the end."""
    running = start("--port", "0", "--storage", "memory")
    with socket.create_connection(running.address, timeout=30) as client:
        client.sendall(b"GET /v2/ HTTP/1.1\r\nHost: registry\r\n\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")
        began = time.monotonic()
        assert running.daemon.stop() == -signal.SIGTERM
        assert time.monotonic() - began < 10
        assert client.recv(1) == b""


def test_a_port_in_use_is_told(start: Start, tmp_path: Path) -> None:
    """A port that is taken ends the command with a status and a sentence, and no traceback."""
    port = str(start("--port", "0", "--storage", "memory").address[1])
    sentence = ended("--port", port, "--root", "data", cwd=tmp_path)
    assert "Address already in use; choose another --port or --host, or stop what uses this one" in sentence


def test_what_cannot_be_used_is_told(tmp_path: Path) -> None:
    """So do a root that is a file, a root of a newer version, and a bad value."""
    (tmp_path / "file").write_text("")
    assert "choose another folder with --root" in ended("--root", "file", cwd=tmp_path)
    (tmp_path / "newer").mkdir()
    (tmp_path / "newer" / "layout").write_text("99\n")
    assert "install the newer version" in ended("--root", "newer", cwd=tmp_path)
    (tmp_path / "registry.toml").write_text("prot = 5000")
    assert ended("--config", "registry.toml", cwd=tmp_path).endswith("did you mean port?")


def test_twist_lists_it() -> None:
    """``twist --help`` has the command, with a sentence."""
    outcome = subprocess.run([*TWIST, "--help"], capture_output=True, text=True, timeout=60, check=True)  # noqa: S603 - Twisted's own
    assert re.search(r"oci-registry +A registry for container images and other OCI artifacts\.", outcome.stdout)
