"""No secret comes out of a process: not in its log, not in what it answers or prints (P10)."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import time
from contextlib import closing
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import pytest

from oci_twisted.auth.passwords.hashes import LEAST_COST, hash_password
from tests.app.canaries import REQUESTS, Canaries, Request, basic, form, look_for_key
from tests.app.canary_commands import COMMANDS, Command
from tests.app.test_running import LISTENING, TWIST
from tests.auth.issuers.signers import AUDIENCE, ISSUER, claims, ec_signer, edwards_signer, key_set
from tests.clients.processes import Daemon
from tests.wire.certificates import certify
from tests.wire.messages import get, message

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE = 30.0
ADMIN = (sys.executable, "-m", "oci_twisted.admin")
IN_TEXT_AND_JSON = pytest.mark.parametrize(("log_format", "tls"), [("text", False), ("json", True)])

GUARDED = f"""
[auth]
htpasswd = "users"

[[auth.issuer]]
kind = "oidc"
issuer = "{ISSUER}"
audience = "{AUDIENCE}"
user = "ci:{{repository}}"
require = {{ repository_owner = "acme" }}
keys = "keys.json"

[[auth.rule]]
repositories = ["**"]
allow = ["pull", "push", "delete"]
to = ["user:*"]
"""


# Requests that show something good, and such as show something that is not.
GOOD = {
    "basic",
    "basic with an access token",
    "basic with an identity token",
    "an access token",
    "a bearer token",
    "an identity token",
    "a token for an access token",
    "a login",
    "a form with a password",
    "a form with one that is good",
}
WRONG = {
    "basic with a wrong password",
    "no access token",
    "a refresh token",
    "a changed one",
    "another's",
    "a forged one",
    "a token for a token",
    "a form with a wrong password",
    "a form with a refresh token",
    "a form with an access token in its place",
}


@pytest.mark.parametrize("command", COMMANDS, ids=attrgetter("name"))
def test_no_command_tells_a_secret(command: Command, tmp_path: Path) -> None:
    """Neither what a command has to say nor an error has what lies in files and in the environment."""
    canaries = Canaries()
    for name, content in command.files(canaries).items():
        (tmp_path / name).write_text(content)
        (tmp_path / name).chmod(0o600)
    environment = {**os.environ, **command.environment(canaries)}
    program = ADMIN if command.is_admin else (*TWIST, "--log-level=debug", "oci-registry")
    outcome = subprocess.run(  # noqa: S603 - our own
        [*program, *command.arguments, *command.words(canaries)],
        cwd=tmp_path,
        env=environment,
        input=command.stdin(canaries).encode(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert outcome.stdout + outcome.stderr
    assert outcome.returncode == 0 or not command.succeeds
    assert canaries.leaked(outcome.stdout, outcome.stderr) == []
    assert b"Traceback" not in outcome.stderr


class Besieged:
    """
    The command, running on the lowest level of logging, with secrets all around it.

    :ivar canaries: the secrets.
    :ivar answers: what it has answered.
    """

    def __init__(
        self, folder: Path, log_format: str, *, tls: bool, canaries: Canaries | None = None, more: str = ""
    ) -> None:
        self.canaries = canaries or Canaries()
        self.answers: list[bytes] = []
        self._folder = folder
        self._tls = tls
        arguments = ["--port", "0", "--root", "data", "--config", "registry.toml"]
        (folder / "registry.toml").write_text(f"# {self.canaries('comment')}\n[log]\naccess = 'json'\n{more}")
        if tls:
            pair = certify("registry.test")
            look_for_key(self.canaries, "key", pair.key_pem.decode())
            pair.write(folder / "pair.pem")
            (folder / "ca.pem").write_bytes(pair.certificate_pem)
            arguments += ["--tls-cert", "pair.pem", "--tls-key", "pair.pem"]
        environment = {"PYTHONUNBUFFERED": "1", "REGISTRY_PASSWORD": self.canaries("environment")}
        words = [*TWIST, "--log-level=debug", f"--log-format={log_format}", "oci-registry", *arguments]
        self.daemon = Daemon(words, folder / "log", env=environment)
        self.daemon.wait_until(lambda: LISTENING.search(self.daemon.log) is not None)
        found = LISTENING.search(self.daemon.log)
        assert found is not None
        self._address = (found[1], int(found[2]))

    def _connect(self) -> socket.socket:
        plain = socket.create_connection(self._address, timeout=PATIENCE)
        if not self._tls:
            return plain
        context = ssl.create_default_context(cafile=str(self._folder / "ca.pem"))
        return context.wrap_socket(plain, server_hostname="127.0.0.1")

    def ask(self, request: bytes) -> bytes:
        """Send a request, and answer what comes back first."""
        with self._connect() as client:
            client.sendall(request)
            return client.recv(1 << 16)

    def send(self, request: Request) -> None:
        """Send a request, and wait for the answer if there shall be one."""
        if request.broken_off:
            with self._connect() as client:
                client.sendall(request.make(self.canaries))
        else:
            self.answers.append(self.ask(request.make(self.canaries)))

    def send_in_the_clear(self) -> None:
        """Send a request to a port that speaks TLS, or TLS to one that does not."""
        with socket.create_connection(self._address, timeout=PATIENCE) as client:
            if self._tls:
                client.sendall(get("/v2/", f"Authorization: Bearer {self.canaries('in the clear')}"))
            else:
                client.sendall(b"\x16\x03\x01\x02\x00" + self.canaries("ticket").encode() * 20)
            self.answers.append(client.recv(1 << 16))

    def break_key(self) -> None:
        """Put something in the place of the key, and have it read."""
        (self._folder / "pair.pem").write_text(self.canaries("broken key"))
        os.kill(self.daemon.pid, signal.SIGHUP)
        self.daemon.wait_until(lambda: "the old certificate is kept" in self.daemon.log)

    def end(self) -> None:
        """Wait until everything is in the log, and stop."""
        self.answers.append(self.ask(message("GET", "/last", "Connection: close")))
        self.daemon.wait_until(lambda: "/last" in self.daemon.log)

    def statuses(self) -> list[bytes]:
        """Answer the first lines of what was answered in HTTP."""
        return [answer.partition(b"\r\n")[0] for answer in self.answers if answer.startswith(b"HTTP/1.1 ")]


class Guarded(Besieged):
    """
    The same, where people log in: what the requests show is what lets them in, or nearly.
    """

    def __init__(self, folder: Path, log_format: str, *, tls: bool) -> None:
        canaries = Canaries()
        hashed = hash_password(canaries("password"), LEAST_COST)
        canaries.add("hash", hashed.removeprefix("$2b$04$"))
        self._users = folder / "users"
        self._users.write_text(f"ada:{hashed}\n")
        (folder / "keys.json").write_bytes(key_set(ec_signer()))
        super().__init__(folder, log_format, tls=tls, canaries=canaries, more=GUARDED)
        self._add_tokens()

    def _add_tokens(self) -> None:
        """Have tokens of every kind made, and look for them."""
        (key,) = (self._folder / "data" / "keys").glob("*.pem")
        look_for_key(self.canaries, "signing key", key.read_text())
        self.canaries.add("access token", self.admin("create", "--root", "data", "ada", "laptop").strip())
        issued = self.login("scope=repository:team/app:pull,push")
        self.look_for_jwt("bearer token", issued["token"])
        self.canaries.add("refresh token", issued["refresh_token"])
        now = int(time.time())
        job = claims(iat=now, nbf=now, exp=now + 300)
        self.look_for_jwt("identity token", ec_signer().sign(job))
        self.look_for_jwt("token of a stranger", ec_signer().sign({**job, "repository_owner": "eve"}))
        self.look_for_jwt("forged token", edwards_signer().sign(job))

    def look_for_jwt(self, name: str, text: str) -> None:
        """Look for a token, and for its signature."""
        self.canaries.add(name, text)
        self.canaries.add(f"signature of {name}", text.rpartition(".")[2])

    def login(self, query: str) -> Any:  # noqa: ANN401 - JSON
        """Log in as ada, and answer what the token service says."""
        answer = self.ask(
            get(f"/token?offline_token=true&client_id=docker&{query}", basic("ada", self.canaries("password")))
        )
        return json.loads(answer.partition(b"\r\n\r\n")[2])

    def admin(self, *arguments: str) -> str:
        """Run the command about tokens, which tells no other secret than the one that it is for."""
        outcome = subprocess.run(  # noqa: S603 - our own
            [*ADMIN, "token", *arguments], cwd=self._folder, capture_output=True, text=True, timeout=60, check=True
        )
        assert self.canaries.leaked(outcome.stdout, outcome.stderr) == []
        assert outcome.stdout.strip() not in outcome.stderr or arguments[0] != "create"
        return outcome.stdout

    def break_users(self) -> None:
        """Put something in the place of the file of users, and have it read."""
        self._users.write_text(f"{self.canaries('broken line')}\nada:{self.canaries('broken hash')}\n")

        def is_read() -> bool:
            self.answers.append(self.ask(get("/v2/", basic("ada", self.canaries("another password")))))
            return "what it said before holds on" in self.daemon.log

        self.daemon.wait_until(is_read)

    def break_tokens(self) -> None:
        """Put nonsense into the database of tokens, over which the registry has to fail."""
        with closing(sqlite3.connect(self._folder / "data" / "tokens.sqlite")) as database, database:
            database.execute("UPDATE token SET limits = ?", (f'{{"{self.canaries("nonsense")}',))
        for request in (
            get("/v2/", f"Authorization: Bearer {self.canaries('access token')}"),
            get("/v2/", basic("ada", self.canaries("access token"))),
            get("/token", basic("ada", self.canaries("access token"))),
            form(grant_type="refresh_token", refresh_token=self.canaries("refresh token")),
        ):
            self.answers.append(self.ask(request))


@IN_TEXT_AND_JSON
def test_a_process_keeps_its_secrets(
    log_format: str,
    tls: bool,  # noqa: FBT001 - what a test is given
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On debug level, through everything that clients send and operators do wrong, nothing secret is written."""
    monkeypatch.chdir(tmp_path)
    besieged = Besieged(tmp_path, log_format, tls=tls)
    try:
        for request in REQUESTS:
            besieged.send(request)
        besieged.send_in_the_clear()
        if tls:
            besieged.break_key()
        besieged.end()
    finally:
        besieged.daemon.stop()
    assert len(besieged.statuses()) > sum(not request.broken_off for request in REQUESTS)
    assert "/v2/_catalog" in besieged.daemon.log
    assert besieged.canaries.leaked(besieged.daemon.log, *besieged.answers) == []


@IN_TEXT_AND_JSON
def test_a_process_where_people_log_in_keeps_its_secrets(
    log_format: str,
    tls: bool,  # noqa: FBT001 - what a test is given
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nor is it where what they show is right, or once was, nor where the registry itself fails over it."""
    monkeypatch.chdir(tmp_path)
    guarded = Guarded(tmp_path, log_format, tls=tls)
    try:
        for request in REQUESTS:
            guarded.send(request)
        guarded.send_in_the_clear()
        # What is secret was good, and what was wrong was looked at.
        by_name = dict(zip((one.name for one in REQUESTS if not one.broken_off), guarded.statuses(), strict=False))
        assert {name for name, status in by_name.items() if b" 200 " in status} >= GOOD
        assert {name for name, status in by_name.items() if b" 401 " in status} >= WRONG
        guarded.admin("list", "--root", "data")
        guarded.break_users()
        before = len(guarded.statuses())
        guarded.break_tokens()
        assert [status.split()[1] for status in guarded.statuses()[before:]] == [b"500"] * 4
        guarded.end()
    finally:
        guarded.daemon.stop()
    assert "JSONDecodeError" in guarded.daemon.log
    assert ("Traceback" in guarded.daemon.log) == (log_format == "text")
    assert guarded.canaries.leaked(guarded.daemon.log, *guarded.answers) == []
