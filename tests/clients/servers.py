"""The registry under test, in a process of its own."""

import http.client
import json
import re
import ssl
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

from attrs import frozen

from tests.clients.processes import Daemon

LISTENING = re.compile(r"listening on (https?)://(127\.0\.0\.1:\d+)")
ACCESS = re.compile(r'"(GET|HEAD|POST|PUT|PATCH|DELETE) (/\S*)" (\d{3})\b')

MANIFEST_TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)


@frozen
class Access:
    """A line of the access log."""

    method: str
    path: str
    status: int


@frozen
class Answer:
    """What the registry answered to a request."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


class Registry:
    """
    A running registry.

    :ivar scheme: ``http`` or ``https``
    :ivar host: ``127.0.0.1:PORT``, as it stands in an image's name
    """

    def __init__(self, log_path: Path, *arguments: str | Path) -> None:
        command = (
            sys.executable,
            "-m",
            "twisted",
            "--log-format=text",
            "oci-registry",
            "--host",
            "127.0.0.1",
            "--port",
            "0",
            *arguments,
        )
        self._daemon = Daemon(command, log_path, env={"PYTHONUNBUFFERED": "1"})
        self._daemon.wait_until(lambda: LISTENING.search(self._daemon.log) is not None)
        listening = LISTENING.search(self._daemon.log)
        assert listening is not None
        self.scheme, self.host = listening.groups()

    @property
    def url(self) -> str:
        """The root of the registry."""
        return f"{self.scheme}://{self.host}"

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self._daemon.pid

    @property
    def log_path(self) -> Path:
        """Where everything goes that the registry prints, its access log included."""
        return self._daemon.log_path

    def stop(self) -> int:
        """Ask the registry to end, and return its exit status: negative is the signal that ended it."""
        return self._daemon.stop()

    def kill(self) -> None:
        """End the registry with SIGKILL: it gets no chance to put anything in order."""
        self._daemon.kill()

    def ask(self, method: str, path: str, *, authorization: str | None = None, timeout: float = 60) -> Answer:
        """Send one request that accepts every type of manifest, to whatever certificate the registry has."""
        connection: http.client.HTTPConnection
        if self.scheme == "https":
            unverified = ssl._create_unverified_context()  # noqa: S323, SLF001 - it is on this machine
            connection = http.client.HTTPSConnection(self.host, timeout=timeout, context=unverified)
        else:
            connection = http.client.HTTPConnection(self.host, timeout=timeout)
        headers = {"Accept": ", ".join(MANIFEST_TYPES)} | ({"Authorization": authorization} if authorization else {})
        try:
            connection.request(method, path, headers=headers)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def manifest(self, name: str, reference: str) -> bytes:
        """Return the bytes of a manifest, which agree with the digest that is stated."""
        answer = self.ask("GET", f"/v2/{name}/manifests/{reference}")
        assert answer.status == 200, answer
        assert answer.headers["Docker-Content-Digest"] == f"sha256:{sha256(answer.body).hexdigest()}"
        return answer.body

    def manifest_digest(self, name: str, reference: str) -> str:
        """Return the digest of a manifest's bytes."""
        return f"sha256:{sha256(self.manifest(name, reference)).hexdigest()}"

    def manifest_json(self, name: str, reference: str) -> Any:  # noqa: ANN401 - JSON
        """Return a manifest as what its JSON says."""
        return json.loads(self.manifest(name, reference))

    def accesses(self, method: str, path: str, status: int, *, at_least: int = 1) -> list[Access]:
        """
        Return the requests that were logged with ``status``.

        :param path: a regular expression, matched from the path's start
        :param at_least: how many are waited for, a little: the log may lag behind the answer
        """
        deadline = time.monotonic() + 5
        while True:
            lines = (Access(found[1], found[2], int(found[3])) for found in ACCESS.finditer(self._daemon.log))
            chosen = [
                access
                for access in lines
                if access.method == method and access.status == status and re.match(path, access.path)
            ]
            if len(chosen) >= at_least or time.monotonic() > deadline:
                return chosen
            time.sleep(0.05)


class StartRegistry(Protocol):
    """Starts a registry with arguments of the test's choice; it ends with the test."""

    def __call__(self, *arguments: str | Path) -> Registry:
        """Start it, and wait until it listens."""


@contextmanager
def registries(folder: Path) -> Iterator[StartRegistry]:
    """Lend a function that starts registries, and end them all."""
    started: list[Registry] = []

    def start(*arguments: str | Path) -> Registry:
        one = Registry(folder / f"registry-{len(started)}.log", *arguments)
        started.append(one)
        return one

    try:
        yield start
    finally:
        for one in started:
            one.stop()
