"""Who may do what, told to real clients: each logs in, pushes, pulls and is refused, over HTTP and TLS."""

import re
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import bcrypt
import pytest
from attrs import frozen

from tests.clients.engines import containerd_engine, docker_engine, short_folder
from tests.clients.logins import Client, Crane, Ctr, CurrentDocker, Docker, Helm, Oras, OrasPy, Podman, Regctl, Skopeo
from tests.clients.servers import Registry, registries
from tests.clients.tools import run
from tests.wire.certificates import certify

pytestmark = pytest.mark.clients

PASSWORDS = {"ada": "lovelace:1815", "bob": "bobs-own"}

CONFIG = """\
[auth]
htpasswd = "{folder}/users"
challenge = "{challenge}"

[auth.groups]
builders = ["ada"]

[[auth.rule]]
repositories = ["public/**", "team/**"]
allow = ["pull", "push", "delete"]
to = ["group:builders"]

[[auth.rule]]
repositories = ["public/**"]
allow = ["pull"]
to = ["everyone"]
"""


MODES = ["bearer-http", "basic-http", "bearer-tls", "basic-tls"]
# What a client says does not depend on what it speaks below.
over_http = pytest.mark.parametrize("guarded", MODES[:2], indirect=True)


@frozen
class Guarded:
    """
    A registry that asks who it is.

    :ivar ca: the file with the authority that its certificate is of; ``None`` for plain HTTP
    :ivar challenge: what it asks for: ``basic`` or ``bearer``
    """

    registry: Registry
    root: Path
    ca: Path | None
    challenge: str

    def token(self, *arguments: str) -> str:
        """Run a command about access tokens, and return what it printed."""
        command, *rest = arguments
        return run(sys.executable, "-m", "oci_twisted.admin", "token", command, "--root", self.root, *rest).strip()


@pytest.fixture(scope="session")
def guarded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """Run a registry for each way to log in, over plain HTTP and over TLS with an authority made for the test."""
    challenge, _, transport = request.param.partition("-")
    folder = tmp_path_factory.mktemp(f"guarded-{request.param}")
    lines = [f"{user}:{bcrypt.hashpw(word.encode(), bcrypt.gensalt(5)).decode()}\n" for user, word in PASSWORDS.items()]
    (folder / "users").write_text("".join(lines))
    (folder / "registry.toml").write_text(CONFIG.format(folder=folder, challenge=challenge))
    arguments: list[str | Path] = ["--config", folder / "registry.toml", "--root", folder / "root"]
    ca = None
    if transport == "tls":
        ca = folder / "authority.pem"
        authority = certify("an authority for a test")
        ca.write_bytes(authority.certificate_pem)
        server = authority.sign("127.0.0.1")
        (folder / "server.pem").write_bytes(server.certificate_pem)
        (folder / "server.key").write_bytes(server.key_pem)
        arguments += ["--tls-cert", folder / "server.pem", "--tls-key", folder / "server.key"]
    with registries(folder) as start:
        yield Guarded(start(*arguments), folder / "root", ca, challenge)


@pytest.fixture(scope="session")
def docker_address() -> Iterator[str]:
    """Run one engine for all tests."""
    with docker_engine() as address:
        yield address


@pytest.fixture(scope="session")
def current_docker_address() -> Iterator[str]:
    """Run one engine for all tests."""
    with docker_engine("current") as address:
        yield address


@pytest.fixture(scope="session")
def containerd_address() -> Iterator[str]:
    """Run one engine for all tests."""
    with containerd_engine() as address:
        yield address


KINDS: list[type[Client]] = [Docker, CurrentDocker, Podman, Skopeo, Oras, Crane, Regctl, Helm, Ctr, OrasPy]


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__.lower())
def make_client(request: pytest.FixtureRequest, guarded: Guarded) -> Iterator[Callable[[], Client]]:
    """Choose a client, and make as many as a test wants, each with a home of its own."""
    kind: type[Client] = request.param
    engines = {Docker: "docker_address", CurrentDocker: "current_docker_address", Ctr: "containerd_address"}
    rest = (request.getfixturevalue(engines[kind]),) if kind in engines else ()
    with ExitStack() as homes:

        def make() -> Client:
            folder = homes.enter_context(short_folder())
            return kind(guarded.registry.host, guarded.ca, folder, guarded.challenge, *rest)

        yield make


@pytest.fixture
def client(make_client: Callable[[], Client]) -> Client:
    """Make one of the chosen kind."""
    return make_client()


@pytest.fixture
def ada(make_client: Callable[[], Client], name: str) -> Client:
    """Make another, which may push, is logged in, and has pushed what a login is tried with."""
    one = make_client()
    one.login("ada", PASSWORDS["ada"])
    one.push("team/base").check()
    one.push(f"team/{name}").check()
    return one


def basic(user: str) -> str:
    """Write the header with a user's own password."""
    return "Basic " + b64encode(f"{user}:{PASSWORDS[user]}".encode()).decode()


def refused(client: Client, printed: str, kind: str) -> None:
    """Check that a client has said, in its own words, why it was refused."""
    assert re.search(client.complaints[kind], printed), printed


@pytest.mark.parametrize("guarded", MODES, indirect=True)
@pytest.mark.usefixtures("ada")
def test_who_is_logged_in_pushes_and_pulls(client: Client, guarded: Guarded, name: str) -> None:
    """What was pushed comes back, while one is logged in; afterwards it does not."""
    repository = f"team/{name}/mine"
    client.login("ada", PASSWORDS["ada"]).check()
    client.push(repository).check()
    client.pull(repository).check()
    answer = guarded.registry.ask("GET", f"/v2/{repository}/tags/list", authorization=basic("ada"))
    assert answer.status == 200
    client.logout().check()
    again = client.pull(repository)
    assert not again.is_good
    refused(client, again.printed, "logged out")


@over_http
@pytest.mark.usefixtures("ada")
def test_a_wrong_password_is_told(client: Client, name: str) -> None:
    """Logging in with a wrong password fails, and says so."""
    # A user of the test's own: logins that fail are counted, and what is counted is soon refused in other words.
    outcome = client.login(f"eve-{abs(hash(name))}", "not it")
    assert not outcome.is_good
    refused(client, outcome.printed, "wrong password")


@over_http
def test_everybody_pulls_what_is_public(client: Client, ada: Client, name: str) -> None:
    """Without a login one pulls what is public, from a registry to which others push; and one pushes nothing."""
    repository = f"public/{name}"
    ada.push(repository).check()
    pulled = client.pull(repository)
    if type(client) is Docker and client.challenge == "basic":
        # It asks nothing of a registry that wants a password with everything, and says why.
        assert "no basic auth credentials" in pulled.printed
    else:
        pulled.check()
    outcome = client.push(repository)
    assert not outcome.is_good
    refused(client, outcome.printed, "logged out")


@over_http
def test_who_lacks_a_right_is_told(client: Client, ada: Client, name: str) -> None:
    """A known user who may not push is denied; what they may not pull is not there."""
    repository = f"public/{name}"
    ada.push(repository).check()
    client.login("bob", PASSWORDS["bob"])
    client.pull(repository).check()
    pushed = client.push(repository)
    assert not pushed.is_good
    refused(client, pushed.printed, "push denied")
    pulled = client.pull(f"team/{name}")
    assert not pulled.is_good
    refused(client, pulled.printed, "pull denied")


@over_http
def test_a_token_stands_in_for_a_password(client: Client, ada: Client, guarded: Guarded, name: str) -> None:
    """An access token logs in, does no more than it is for, and does nothing once it is revoked."""
    repository = f"team/{name}"
    created = guarded.token("create", "ada", "a robot's", "--may", "pull team/**")
    token = next(word for word in created.split() if word.startswith("ocit_"))
    client.login("ada", token)
    client.pull(repository).check()
    pushed = client.push(repository)
    assert not pushed.is_good
    refused(client, pushed.printed, "push denied")
    ada.pull(repository).check()
    listed = guarded.token("list", "ada")
    token_id = next(line.split()[0] for line in listed.splitlines() if "a robot's" in line)
    guarded.token("revoke", token_id)
    gone = client.pull(repository)
    assert not gone.is_good
    refused(client, gone.printed, "logged out")


# It waits, and a token that was revoked is answered alike: once is enough.
@pytest.mark.parametrize("guarded", MODES[:1], indirect=True)
def test_an_expired_token_is_told(client: Client, ada: Client, guarded: Guarded, name: str) -> None:
    """A token that has expired since it was used to log in is good for nothing, and the client says so."""
    repository = f"team/{name}"
    ada.pull(repository).check()
    created = guarded.token("create", "ada", "short-lived", "--expires", "15 s")
    token = next(word for word in created.split() if word.startswith("ocit_"))
    client.login("ada", token)
    client.pull(repository).check()
    _wait_until_expired(guarded, token)
    gone = client.pull(repository)
    assert not gone.is_good
    refused(client, gone.printed, "logged out")


def _wait_until_expired(guarded: Guarded, token: str) -> None:
    deadline = time.monotonic() + 60
    while guarded.registry.ask("GET", "/v2/", authorization=f"Bearer {token}").status == 200:
        assert time.monotonic() < deadline
        time.sleep(0.5)
