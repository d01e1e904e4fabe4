"""Credentials for registries, from where logins have left them."""

from __future__ import annotations

import base64
import json
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve
from twisted.internet.defer import CancelledError, Deferred
from zope.interface.verify import verifyObject

from oci_twisted.engine.credentials.keychains import ANONYMOUS, Credentials, NoKeychain, UserKeychain, server_of
from oci_twisted.engine.discovery import Surroundings
from oci_twisted.engine.errors import CredentialsFailed
from oci_twisted.engine.images.references import ImageReference
from oci_twisted.engine.interfaces import IKeychain
from oci_twisted.testing.waiting import turn, waits

if TYPE_CHECKING:
    from collections.abc import Mapping

IMAGE = ImageReference.parse("registry.test/team/tool:v1")
HIDDEN = "geheim"
HUB = ImageReference.parse("alpine")


def encoded(username: str, password: str) -> str:
    """Answer how a login writes both."""
    return base64.b64encode(f"{username}:{password}".encode()).decode()


def is_there(pid: int) -> bool:
    """Tell whether there is such a process."""
    return Path(f"/proc/{pid}").exists()


class Home:
    """A user's home, and what is in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.programs = folder / "bin"
        self.programs.mkdir()
        self.environment = {"PATH": f"{self.programs}{os.pathsep}{os.defpath}"}

    def write(self, path: str, document: object) -> Path:
        """Write a file of JSON."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(document))
        return file

    def docker(self, document: object) -> None:
        """Write Docker's configuration."""
        self.write(".docker/config.json", document)

    def helper(self, name: str, script: str) -> None:
        """Write a program that keeps credentials."""
        program = self.programs / f"docker-credential-{name}"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)

    def keychain(self, seconds: float = 20, environment: Mapping[str, str] | None = None) -> UserKeychain:
        """Answer what finds it all."""
        from twisted.internet import reactor  # noqa: PLC0415 - pytest-twisted installs it

        surroundings = Surroundings({**self.environment, **(environment or {})}, self.folder, 0)
        return UserKeychain(reactor, surroundings, seconds)

    async def find(self, reference: ImageReference = IMAGE, /, **environment: str) -> Credentials | None:
        """Find credentials."""
        return await self.keychain(environment=environment).find(reference)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Give an empty home."""
    return Home(tmp_path)


def test_keychains_provide_their_interface(home: Home) -> None:
    """Both of ours are keychains."""
    assert verifyObject(IKeychain, home.keychain())
    assert verifyObject(IKeychain, NoKeychain())


@waits
async def test_nobody_is_known_without_a_login(home: Home) -> None:
    """Where there is no file, or nothing in it for this registry, there are no credentials."""
    assert await home.find() is None
    home.docker({"auths": {"other.test": {"auth": encoded("a", "b")}}, "credHelpers": {"other.test": "none"}})
    assert await home.find() is None
    home.docker({"auths": {"registry.test": {}}})
    assert await home.find() is None


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"auth": encoded("ada", "a:b")}, Credentials("ada", "a:b")),
        ({"auth": encoded("ada", "a\0\0")}, Credentials("ada", "a")),
        ({"username": "ada", "password": "b"}, Credentials("ada", "b")),
        ({"auth": encoded("ada", ""), "identitytoken": HIDDEN}, Credentials("ada", identity_token=HIDDEN)),
        ({"registrytoken": HIDDEN}, Credentials(registry_token=HIDDEN)),
    ],
)
@waits
async def test_an_entry_of_a_file_is_read(home: Home, entry: object, expected: Credentials) -> None:
    """Every form in which Docker has ever written an entry is read."""
    home.docker({"auths": {"registry.test": entry}})
    assert await home.find() == expected


@pytest.mark.parametrize(
    "key", ["registry.test", "registry.test/", "https://registry.test", "https://registry.test/v1/"]
)
@waits
async def test_a_registry_is_found_however_it_is_written(home: Home, key: str) -> None:
    """The oldest logins have written addresses."""
    home.docker({"auths": {key: {"auth": encoded("ada", "b")}}})
    assert await home.find() == Credentials("ada", "b")


@pytest.mark.parametrize("host", ["https://index.{}/v1/", "{}", "index.{}"])
@waits
async def test_the_default_registry_has_several_names(home: Home, host: str) -> None:
    """Docker and Podman write different names for the same registry."""
    home.docker({"auths": {host.format(HUB.registry): {"auth": encoded("ada", "b")}}})
    assert await home.find(HUB) == Credentials("ada", "b")


@waits
async def test_the_narrowest_scope_is_taken(home: Home) -> None:
    """Podman's credentials for a part of a registry come before those for all of it."""
    entries = {
        scope: {"auth": encoded(scope.replace("/", "-"), "b")}
        for scope in ("registry.test", "registry.test/team", "registry.test/team/tool/more", "registry.test/te")
    }
    home.write(".config/containers/auth.json", {"auths": entries})
    assert await home.find() == Credentials("registry.test-team", "b")
    assert await home.find(ImageReference.parse("registry.test/else")) == Credentials("registry.test", "b")


@waits
async def test_files_are_asked_in_order(home: Home) -> None:
    """The file that a variable names comes first, then Docker's, then Podman's own of this session and for good."""
    files = [".config/containers/auth.json", "run/containers/auth.json", ".docker/config.json", "named.json"]
    environment = {"XDG_RUNTIME_DIR": str(home.folder / "run"), "REGISTRY_AUTH_FILE": str(home.folder / "named.json")}
    for path in files:
        home.write(path, {"auths": {"registry.test": {"auth": encoded(path, "b")}}})
        assert await home.find(**environment) == Credentials(path, "b")
    home.write("elsewhere/config.json", {"auths": {"registry.test": {"auth": encoded("elsewhere", "b")}}})
    assert await home.find(DOCKER_CONFIG=str(home.folder / "elsewhere")) == Credentials("elsewhere", "b")


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"auths": {"registry.test": {"auth": "geheim!"}}}',
        '{"auths": {"registry.test": {"auth": "Z2VoZWlt"}}}',
        '{"auths": {"registry.test": {"auth": "geheim\u00e4"}}}',
        "[" * 100_000,
    ],
)
@waits
async def test_a_file_that_cannot_be_read_is_said(home: Home, content: str) -> None:
    """The error names the file, and has nothing of its content."""
    home.docker({})
    path = home.folder / ".docker" / "config.json"
    path.write_text(content)
    with pytest.raises(CredentialsFailed, match=str(path)) as caught:
        await home.find()
    assert "geheim" not in str(caught.value)
    assert caught.value.__cause__ is None


@waits
async def test_a_helper_is_asked(home: Home) -> None:
    """The registry's own helper is asked before the common one; the name goes to its standard input, not in argv."""
    home.helper("mine", f'cat > {home.folder}/asked; echo "$@" > {home.folder}/argv; '
                        'echo \'{"ServerURL": "x", "Username": "ada", "Secret": "b"}\'')  # fmt: skip
    home.helper("common", 'echo \'{"Username": "<token>", "Secret": "geheim"}\'')
    home.docker({"credHelpers": {"registry.test": "mine"}, "credsStore": "common"})
    assert await home.find() == Credentials("ada", "b")
    assert (home.folder / "asked").read_text() == "registry.test"
    assert (home.folder / "argv").read_text() == "get\n"
    assert await home.find(ImageReference.parse("other.test/a")) == Credentials(identity_token=HIDDEN)


@waits
async def test_a_helper_is_asked_for_the_default_registry_by_its_old_name(home: Home) -> None:
    """That is the name under which ``docker login`` lets helpers keep it."""
    home.helper("mine", f'cat > {home.folder}/asked; echo \'{{"Username": "ada", "Secret": "b"}}\'')
    home.docker({"credsStore": "mine"})
    assert await home.find(HUB) == Credentials("ada", "b")
    assert (home.folder / "asked").read_text() == server_of(HUB.registry)


@waits
async def test_a_helper_may_keep_nothing(home: Home) -> None:
    """What it does not keep is looked for in the file, and in those behind it."""
    home.helper("mine", "cat > /dev/null; echo 'credentials not found in native keychain'; exit 1")
    home.docker({"credsStore": "mine"})
    assert await home.find() is None
    home.docker({"credsStore": "mine", "auths": {"registry.test": {"auth": encoded("ada", "b")}}})
    assert await home.find() == Credentials("ada", "b")


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("cat > /dev/null; echo geheim; echo geheim >&2; exit 3", "failed with status 3"),
        ("cat > /dev/null; echo geheim", "did not answer with"),
        ('cat > /dev/null; echo \'{"Username": "ada", "Secret": ["geheim"]}\'', "did not answer with"),
        ("exit 0", "did not answer with"),
        ("cat > /dev/null; printf '%050000d' 0 | tr 0 '['", "did not answer with"),
        ("cat > /dev/null; yes geheim", "failed with status -1"),
        ("kill -9 $$", "failed with status -1"),
    ],
)
@waits
async def test_a_helper_that_fails_is_said(home: Home, script: str, why: str) -> None:
    """The error says what is wrong with the program, and nothing of what it printed."""
    home.helper("mine", script)
    home.docker({"credsStore": "mine"})
    with pytest.raises(CredentialsFailed, match=why) as caught:
        await home.find()
    assert "docker-credential-mine" in str(caught.value)
    assert "geheim" not in str(caught.value)


@waits
async def test_a_registry_may_do_without_the_helper(home: Home) -> None:
    """Where the configuration names none for a registry, in so many words, nobody else's is asked for it."""
    home.docker({"credsStore": "absent", "credHelpers": {"registry.test": ""}})
    assert await home.find() is None


@pytest.mark.parametrize("name", ["absent", "../../bin/true", "a b"])
@waits
async def test_a_helper_that_is_not_there_is_said(home: Home, name: str) -> None:
    """A name that is a path is not looked for."""
    home.docker({"credsStore": name})
    with pytest.raises(CredentialsFailed, match="is not there"):
        await home.find()


@waits
async def test_a_helper_has_its_time(home: Home) -> None:
    """One that does not end is killed, both when its time is over and when nobody waits any more."""
    home.helper("mine", f"echo $$ > {home.folder}/pid; exec sleep 600")
    home.docker({"credsStore": "mine"})
    with pytest.raises(CredentialsFailed, match=r"within 0\.2 s"):
        await home.keychain(0.2).find(IMAGE)
    await _gone(int((home.folder / "pid").read_text()))
    (home.folder / "pid").unlink()
    asked = Deferred.fromCoroutine(home.find())
    while not (home.folder / "pid").exists() or not (home.folder / "pid").read_text():
        await turn()
    asked.cancel()
    with pytest.raises(CancelledError):
        await asked
    await _gone(int((home.folder / "pid").read_text()))


async def _gone(pid: int) -> None:
    """Wait until there is no such process."""
    while is_there(pid):
        await turn()


def test_secrets_are_not_shown() -> None:
    """The representation of credentials has the user's name and no more."""
    text = repr(Credentials("ada", HIDDEN, identity_token=HIDDEN, registry_token=HIDDEN))
    assert "ada" in text
    assert HIDDEN not in text


def test_the_engines_form() -> None:
    """Only what there is is sent, with the registry's name; of nobody nothing is."""
    assert Credentials("ada", "b").document("host:1") == {
        "username": "ada",
        "password": "b",
        "serveraddress": "host:1",
    }
    token: Any = Credentials(identity_token=HIDDEN).document(HUB.registry)
    assert token == {"identitytoken": HIDDEN, "serveraddress": server_of(HUB.registry)}
    assert ANONYMOUS.document("host:1") == {}
    assert ANONYMOUS.is_anonymous
    assert not evolve(ANONYMOUS, username="ada").is_anonymous
