"""``twist oci-registry`` that takes the tokens of others: of a second process of ours, and of an issuer of OpenID."""

from __future__ import annotations

import http.client
import json
import re
import time
from base64 import b64encode
from contextlib import closing
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import quote

import jwt
import pytest
from attrs import frozen
from twisted.internet.threads import deferToThread

from oci_twisted.auth.passwords.hashes import LEAST_COST, hash_password
from oci_twisted.auth.tokens.keyfiles import FolderShelf
from oci_twisted.auth.tokens.keyrings import SETTLING
from oci_twisted.auth.tokens.keys import EDDSA, make_key
from oci_twisted.testing.waiting import waits
from tests.app.test_running import Running
from tests.auth.issuers.servers import serving
from tests.auth.issuers.signers import claims, ec_signer, edwards_signer, key_set
from tests.clients.tools import CommandFailed, fails, require, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from oci_twisted.auth.tokens.keys import SigningKey
    from tests.auth.issuers.servers import Listening
    from tests.auth.issuers.signers import Signer

PASSWORD = "lovelace"
SERVICE = "auth.example"
AUDIENCE = "registry.example"
CONTENT = b"what is pushed"
DIGEST = f"sha256:{sha256(CONTENT).hexdigest()}"
BLOB = f"/v2/shop/web/blobs/{DIGEST}"
UPLOADS = f"/v2/shop/web/blobs/uploads/?digest={DIGEST}"

# Long enough for two processes to start in, and to be asked a few things.
UNTIL_ROTATION = 10.0

SHOP = """
[[auth.rule]]
repositories = ["shop/**"]
allow = ["pull", "push"]
to = ["user:ada"]
"""
ISSUING = f"""
[auth]
htpasswd = "{{folder}}/users"
service = "{SERVICE}"
{SHOP}"""
TRUSTING = f"""
[[auth.issuer]]
kind = "distribution"
issuer = "{SERVICE}"
audience = "{SERVICE}"
realm = "{{issuer}}/token"
keys-url = "{{issuer}}/token/keys"

[[auth.rule]]
repositories = ["**"]
allow = ["pull", "push"]
to = ["user:ada"]
"""
CI = f"""
[[auth.issuer]]
kind = "oidc"
issuer = "{{issuer}}"
audience = "{AUDIENCE}"
require = {{{{ repository_owner = "acme" }}}}
user = "ci:{{{{repository}}}}"

[[auth.rule]]
repositories = ["shop/**"]
allow = ["pull", "push"]
to = ["user:ci:acme/app"]
"""


def basic(user: str, password: str) -> str:
    """Write credentials."""
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


@frozen
class Served:
    """
    The command, running with a configuration.
    """

    running: Running

    @classmethod
    def begin(cls, folder: Path, configuration: str) -> Served:
        """Start it, with a folder of its own."""
        folder.mkdir(exist_ok=True)
        config = folder / "registry.toml"
        config.write_text(configuration)
        arguments = ("--port", "0", "--root", folder / "root", "--config", config)
        return cls(Running(folder, *arguments, log_format="text"))

    @property
    def host(self) -> str:
        """Where it listens."""
        return "{}:{}".format(*self.running.address)

    def ask(
        self, method: str, target: str, authorization: str | None = None, body: bytes | None = None
    ) -> tuple[int, str, bytes]:
        """Send a request, and answer the status, the challenge and the body."""
        headers = {} if authorization is None else {"Authorization": authorization}
        with closing(http.client.HTTPConnection(*self.running.address, timeout=30)) as connection:
            connection.request(method, target, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.getheader("WWW-Authenticate", ""), answer.read()

    def token_for(self, challenge: str) -> str:
        """Go where a challenge of another registry says, which is here, with ada's password."""
        found = re.fullmatch(r'Bearer realm="http://([^"/]*)/token",service="([^"]*)",scope="([^"]*)"(.*)', challenge)
        assert found is not None, challenge
        assert found[1] == self.host
        target = f"/token?service={quote(found[2])}&scope={quote(found[3])}"
        status, _, body = self.ask("GET", target, basic("ada", PASSWORD))
        assert status == 200, body
        return str(json.loads(body)["token"])


@pytest.fixture
def begun() -> Iterator[list[Served]]:
    """End what a test has started."""
    begun: list[Served] = []
    yield begun
    for served in begun:
        served.running.daemon.stop()


@pytest.fixture
def keys(tmp_path: Path) -> tuple[SigningKey, SigningKey]:
    """Lay down two keys for the issuer, of which the newer begins to sign while the test runs."""
    (tmp_path / "first" / "root").mkdir(parents=True, mode=0o700)
    old = make_key(EDDSA, time.time() - 3600)
    new = make_key(EDDSA, time.time() - SETTLING + UNTIL_ROTATION)
    shelf = FolderShelf(tmp_path / "first" / "root" / "keys")
    for key in (old, new):
        shelf.add(key)
    return old, new


@pytest.fixture
def issuer(tmp_path: Path, keys: object, begun: list[Served]) -> Served:
    """Start the process that issues tokens, and knows ada."""
    del keys
    folder = tmp_path / "first"
    (folder / "users").write_text(f"ada:{hash_password(PASSWORD, LEAST_COST)}\n")
    begun.append(Served.begin(folder, ISSUING.format(folder=folder)))
    return begun[-1]


@pytest.fixture
def registry(tmp_path: Path, issuer: Served, begun: list[Served]) -> Served:
    """Start the process that takes them, and knows nobody."""
    begun.append(Served.begin(tmp_path / "second", TRUSTING.format(issuer=f"http://{issuer.host}")))
    return begun[-1]


def kid_of(token: str) -> str:
    """Answer which key a token was signed with."""
    return str(jwt.get_unverified_header(token)["kid"])


def test_one_process_issues_tokens_for_another(
    issuer: Served, registry: Served, keys: tuple[SigningKey, SigningKey]
) -> None:
    """Whoever is challenged by the one gets a token from the other, before and after its keys are rotated."""
    old, new = keys
    status, challenge, _ = registry.ask("POST", UPLOADS, body=CONTENT)
    assert (status, challenge) == (
        401,
        f'Bearer realm="http://{issuer.host}/token",service="{SERVICE}",scope="repository:shop/web:pull,push"',
    )
    first = issuer.token_for(challenge)
    assert kid_of(first) == old.kid
    assert registry.ask("POST", UPLOADS, f"Bearer {first}", CONTENT)[0] == 201
    later = first
    deadline = time.monotonic() + 6 * UNTIL_ROTATION
    while kid_of(later) != new.kid:
        assert time.monotonic() < deadline
        time.sleep(0.2)
        later = issuer.token_for(challenge)
    for token in (later, first):
        assert registry.ask("GET", BLOB, f"Bearer {token}") == (200, "", CONTENT)


def test_both_have_to_agree(issuer: Served, registry: Served) -> None:
    """What the rules here permit, and the issuer did not, the client is told to ask the issuer for, in vain."""
    elsewhere = UPLOADS.replace("shop", "office")
    _, challenge, _ = registry.ask("POST", elsewhere)
    token = issuer.token_for(challenge)
    status, again, _ = registry.ask("POST", elsewhere, f"Bearer {token}")
    assert status == 401
    assert again == f'{challenge},error="insufficient_scope"'


def test_a_token_of_one_is_no_password_of_the_other(issuer: Served, registry: Served) -> None:
    """The registry sends nobody's password on: it knows tokens, and its own token service knows nobody."""
    assert registry.ask("GET", "/v2/", basic("ada", PASSWORD))[0] == 401
    assert registry.ask("GET", f"/token?service={SERVICE}", basic("ada", PASSWORD))[0] in {400, 401}
    forged = jwt.encode({"iss": SERVICE, "aud": SERVICE, "sub": "ada"}, "k" * 32, "HS256", {"kid": "other"})
    status, challenge, _ = registry.ask("GET", "/v2/", f"Bearer {forged}")
    assert (status, challenge.rpartition(",")[2]) == (401, 'error="invalid_token"')
    assert issuer.ask("GET", "/v2/", basic("ada", PASSWORD))[0] == 200


@pytest.mark.clients
def test_oras_fetches_its_tokens_from_the_issuer(registry: Served, tmp_path: Path) -> None:
    """A client pushes and pulls with the password that the issuer knows, and does not notice that there are two."""
    oras = require("oras")
    (tmp_path / "report.txt").write_bytes(CONTENT)
    reference = f"{registry.host}/shop/web:v1"
    login = ("--plain-http", "--username", "ada", "--password", PASSWORD)
    run(oras, "push", *login, reference, "report.txt", cwd=tmp_path)
    run(oras, "pull", *login, "--output", "back", reference, cwd=tmp_path)
    assert (tmp_path / "back" / "report.txt").read_bytes() == CONTENT
    assert "unauthorized" in fails(oras, "pull", "--plain-http", reference).lower()


def identity(server: Listening, signer: Signer, **changed: object) -> str:
    """Sign what a job's token says now."""
    now = int(time.time())
    return signer.sign(claims(iss=server.url, iat=now, nbf=now, exp=now + 300, **changed))


@waits
async def test_a_job_pushes_with_its_identity_token(tmp_path: Path, begun: list[Served]) -> None:
    """As a password or as a bearer token; a job of somebody else, and a key of nobody, are told why not."""
    async with serving() as server:
        server.publish(key_set(ec_signer()))
        registry = await deferToThread(Served.begin, tmp_path / "registry", CI.format(issuer=server.url))
        begun.append(registry)
        token = identity(server, ec_signer())
        for authorization in (basic("oidc", token), f"Bearer {token}"):
            assert (await deferToThread(registry.ask, "POST", UPLOADS, authorization, CONTENT))[0] == 201
            assert await deferToThread(registry.ask, "GET", BLOB, authorization) == (200, "", CONTENT)
        elsewhere = UPLOADS.replace("shop", "office")
        assert (await deferToThread(registry.ask, "POST", elsewhere, f"Bearer {token}", CONTENT))[0] == 403
        stranger = identity(server, ec_signer(), repository_owner="eve")
        status, _, body = await deferToThread(registry.ask, "POST", UPLOADS, f"Bearer {stranger}", CONTENT)
        assert (status, b"repository_owner" in body) == (401, True)
        unknown = identity(server, edwards_signer())
        assert (await deferToThread(registry.ask, "POST", UPLOADS, f"Bearer {unknown}", CONTENT))[0] == 401
        assert server.asked.count("/keys") == 1


@pytest.mark.clients
@waits
async def test_oras_pushes_with_an_identity_token(tmp_path: Path, begun: list[Served]) -> None:
    """It is logged in with as with a password, under any user name; the registry's tokens go on from there."""
    oras = require("oras")
    (tmp_path / "report.txt").write_bytes(CONTENT)
    async with serving() as server:
        server.publish(key_set(ec_signer()))
        registry = await deferToThread(Served.begin, tmp_path / "registry", CI.format(issuer=server.url))
        begun.append(registry)
        reference = f"{registry.host}/shop/web:v1"
        kept = ("--plain-http", "--registry-config", tmp_path / "config.json")
        login = ("--username", "oidc", "--password", identity(server, ec_signer()))
        await deferToThread(run, oras, "login", *kept, *login, registry.host)
        await deferToThread(run, oras, "push", *kept, reference, "report.txt", cwd=tmp_path)
        await deferToThread(run, oras, "pull", *kept, "--output", "back", reference, cwd=tmp_path)
        assert (tmp_path / "back" / "report.txt").read_bytes() == CONTENT
        stranger = ("--username", "oidc", "--password", identity(server, ec_signer(), repository_owner="eve"))
        with pytest.raises(CommandFailed, match="repository_owner"):
            await deferToThread(run, oras, "login", *kept, *stranger, registry.host)
