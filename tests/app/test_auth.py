"""
A registry that a program has told who may do what.
"""

from __future__ import annotations

import json
import threading
from base64 import b64encode
from typing import TYPE_CHECKING

import pytest

from oci_twisted.app import Auth, Registry
from oci_twisted.auth.issuers import IssuerInvalid, read_issuers
from oci_twisted.auth.open import AllPermitted
from oci_twisted.auth.passwords import InMemoryUsers
from oci_twisted.auth.policy import parse_rules
from oci_twisted.testing.waiting import waits
from tests.app.reactors import Connection, StillReactor, begun

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RULES = parse_rules(
    {
        "rule": [
            {"repositories": ["public/**"], "allow": ["pull"], "to": ["everyone"]},
            {"repositories": ["**"], "allow": ["pull", "push"], "to": ["user:ada"]},
        ]
    },
    "a test",
)
ADA = "Basic " + b64encode(b"ada:lovelace").decode()


@pytest.fixture
def reactor() -> Iterator[StillReactor]:
    """Lend a reactor, whose threads are ended with the test."""
    reactor = StillReactor()
    yield reactor
    for _phase, _event, call in list(reactor.shutdown_triggers):
        call()


def make_auth(**others: object) -> Auth:
    """Let ada in."""
    return Auth(rules=RULES, users=[InMemoryUsers({"ada": "lovelace"})], **others)  # type: ignore[arg-type]


def ask(registry: Registry, method: str, target: str, authorization: str | None = None) -> str:
    """Answer what a registry answers."""
    lines = [] if authorization is None else [f"Authorization: {authorization}"]
    return Connection(registry.site()).ask(method, target, b"", *lines)


def fetch_token(registry: Registry, scope: str) -> str:
    """Log in as ada and answer the token."""
    answer = ask(registry, "GET", f"/token?scope={scope}", ADA)
    return str(json.loads(answer.partition("\r\n\r\n")[2])["token"])


def test_it_asks_who_one_is(reactor: StillReactor) -> None:
    """Who has a password pushes, with it or with a token of the registry's own; a stranger sees what is public."""
    registry = Registry.in_memory(reactor, auth=make_auth())
    uploads = "/v2/team/app/blobs/uploads/"
    refused = ask(registry, "POST", uploads)
    assert " 401 " in refused
    assert 'Bearer realm="http://registry/token",service="oci-twisted",scope="repository:team/app:pull,push"' in refused
    assert " 202 " in ask(registry, "POST", uploads, ADA)
    token = fetch_token(registry, "repository:team/app:pull,push")
    assert " 202 " in ask(registry, "POST", uploads, f"Bearer {token}")
    assert " 404 " in ask(registry, "GET", "/v2/public/app/tags/list")
    begun(registry.close())


def test_it_may_ask_for_the_password_each_time(reactor: StillReactor) -> None:
    """Then the challenge is Basic's; tokens are given out all the same."""
    registry = Registry.in_memory(reactor, auth=make_auth(basic=True, realm="Example"))
    assert 'WWW-Authenticate: Basic realm="Example", charset="UTF-8"' in ask(registry, "GET", "/v2/")
    token = fetch_token(registry, "repository:a:pull")
    assert " 404 " in ask(registry, "GET", "/v2/a/tags/list", f"Bearer {token}")
    begun(registry.close())


@waits
async def test_on_disk_its_keys_outlive_it(tmp_path: Path) -> None:
    """A token is good after a restart, because the keys are in the root, for nobody else to read."""
    from twisted.internet import reactor  # noqa: PLC0415 - pytest-twisted's

    registry = Registry.on_disk(reactor, tmp_path / "root", auth=make_auth())
    token = fetch_token(registry, "repository:team/app:pull")
    await registry.close()
    registry = Registry.on_disk(reactor, tmp_path / "root", auth=make_auth())
    assert " 404 " in ask(registry, "GET", "/v2/team/app/tags/list", f"Bearer {token}")
    await registry.close()
    (key,) = (tmp_path / "root" / "keys").glob("*.pem")
    assert key.stat().st_mode & 0o077 == 0
    assert (tmp_path / "root" / "tokens.sqlite").stat().st_mode & 0o077 == 0
    assert not [thread for thread in threading.enumerate() if "oci-" in thread.name]


@waits
async def test_without_it_there_are_no_keys(tmp_path: Path) -> None:
    """A registry that asks nobody keeps nothing of the kind, and gives out no tokens."""
    from twisted.internet import reactor  # noqa: PLC0415 - pytest-twisted's

    registry = Registry.on_disk(reactor, tmp_path / "root")
    assert " 404 " in ask(registry, "GET", "/token")
    await registry.close()
    assert not (tmp_path / "root" / "keys").exists()


def test_there_is_one_authenticator(reactor: StillReactor) -> None:
    """Who brings their own says so in its place."""
    with pytest.raises(ValueError, match="bring it, or them"):
        Registry.in_memory(reactor, auth=make_auth(), authorizer=AllPermitted())


def test_nobody_else_has_its_name(reactor: StillReactor, tmp_path: Path) -> None:
    """An issuer whose tokens could be taken for the registry's own is refused."""
    table = {"kind": "distribution", "issuer": "oci-twisted", "audience": "a", "keys": "keys.json"}
    issuers = read_issuers([table], tmp_path)
    with pytest.raises(IssuerInvalid, match="this registry's own"):
        Registry.in_memory(reactor, auth=make_auth(issuers=issuers))
