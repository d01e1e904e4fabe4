"""
Tokens of a token server say who somebody is, and what the token is good for.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet.task import Clock
from zope.interface import implementer

from oci_twisted.auth.authentication import Authentication
from oci_twisted.auth.issuers import Issuer, IssuerInvalid, make_issuers, read_issuers
from oci_twisted.http.calls import Call
from oci_twisted.http.mounted import SpooledBody
from oci_twisted.interfaces import Decision, IAuthorizer, Principal, WrongCredentials
from oci_twisted.spec.scopes import parse_scopes
from tests.auth.issuers.fetches import Documents
from tests.auth.issuers.signers import AUDIENCE, claims, ec_signer, rsa_signer
from tests.http.stacks import START, Stack, at_once, index

if TYPE_CHECKING:
    from pathlib import Path

    from oci_twisted.http.replies import Reply
    from oci_twisted.interfaces import Action
    from oci_twisted.spec.names import RepositoryName


@pytest.fixture
def clock() -> Clock:
    """Make a clock that stands still."""
    clock = Clock()
    clock.advance(START)
    return clock


SERVER: dict[str, object] = {"kind": "distribution", "issuer": "auth", "audience": AUDIENCE, "keys": "keys.pem"}


def from_server(clock: Clock, path: Path, **changed: object) -> Issuer:
    """Make a token server with keys in a file."""
    (path / "keys.pem").write_bytes(rsa_signer("x").pem() + ec_signer("y").pem())
    (issuer,) = make_issuers(read_issuers([{**SERVER, **changed}], path), Documents({}), clock)
    return issuer


def granted(**changed: object) -> dict[str, Any]:
    """Answer what a token of the server says."""
    return claims(**{"iss": "auth", "sub": "ada", "repository": None, "repository_owner": None, **changed})


def test_a_token_server_says_what_a_token_is_for(clock: Clock, tmp_path: Path) -> None:
    """The user is the token's subject, and the token is good for its access and nothing else."""
    issuer = from_server(clock, tmp_path, groups=["token-server"])
    access = [
        {"type": "repository", "name": "team/app", "actions": ["pull", "push"]},
        {"type": "repository", "class": "plugin", "name": "team/old", "actions": ["*"]},
        {"type": "repository(plugin)", "name": "host.example:5000", "actions": []},
        {"type": "registry", "name": "catalog", "actions": ["*", 7]},
    ]
    token = ec_signer("y").sign(granted(access=access), kid="ABCD:EFGH")
    assert at_once(issuer.verify(token)) == Principal(
        "ada",
        frozenset({"token-server"}),
        token=parse_scopes(["repository:team/app:pull,push repository:team/old:* registry:catalog:*"]),
    )


def test_a_login_is_a_token_for_nothing(clock: Clock, tmp_path: Path) -> None:
    """Without access, a token says who somebody is, and another one is needed for everything."""
    issuer = from_server(clock, tmp_path)
    nothing: list[object] = []
    for access in (None, nothing):
        assert at_once(issuer.verify(rsa_signer("x").sign(granted(access=access)))) == Principal("ada", token=())


def test_a_token_server_lets_anonymous_users_in(clock: Clock, tmp_path: Path) -> None:
    """A token without a subject is good for its access, and its bearer has no name and is in no group."""
    issuer = from_server(clock, tmp_path, groups=["token-server"])
    access = [{"type": "repository", "name": "library/alpine", "actions": ["pull"]}]
    for subject in ("", None):
        principal = at_once(issuer.verify(rsa_signer("x").sign(granted(sub=subject, access=access))))
        scopes = parse_scopes(["repository:library/alpine:pull"])
        assert principal == Principal(None, token=scopes)


@pytest.mark.parametrize("name", ["**", "*", "team/*", "Team/app", "team//app"])
def test_access_is_never_a_pattern(clock: Clock, tmp_path: Path, name: str) -> None:
    """A name that would be a pattern here is good for nothing: a server may grant "**" to whoever asks for that."""
    issuer = from_server(clock, tmp_path)
    access = [{"type": kind, "name": name, "actions": ["pull"]} for kind in ("repository", "registry")]
    scopes = at_once(issuer.verify(rsa_signer("x").sign(granted(access=access)))).token
    assert scopes is not None
    assert not any(scope.covers(kind, "team/app", "pull") for scope in scopes for kind in ("repository", "registry"))


@pytest.mark.parametrize(
    "access",
    [
        "all",
        {"type": "repository"},
        ["repository:a:pull"],
        [{"type": "repository", "name": "a"}, None],
        [{"type": "repository", "actions": ["pull"]}],
        [{"type": "repository", "name": 7, "actions": ["pull"]}],
        [{"type": "repository", "name": "a", "actions": "pull"}],
        [{"type": None, "name": "a", "actions": ["pull"]}],
    ],
)
def test_access_must_be_understood(clock: Clock, tmp_path: Path, access: object) -> None:
    """A token whose access is not what the protocol says is refused."""
    with pytest.raises(WrongCredentials, match="claim access"):
        at_once(from_server(clock, tmp_path).verify(rsa_signer("x").sign(granted(access=access))))


@implementer(IAuthorizer)
class ForMembers:
    """Permits everything to those in one group, as a single rule about "**" does."""

    async def decide(self, principal: Principal, action: Action, name: RepositoryName | None) -> Decision:
        """Look at the group."""
        del action, name
        return Decision("token-server" in principal.groups, "rule 1")


def test_a_token_server_may_decide_alone(clock: Clock, tmp_path: Path) -> None:
    """
    Where a rule permits everything to its group, what a token was issued for is what its bearer may do.

    For more they are sent back to the token server, which may issue another.
    """
    issuer = from_server(clock, tmp_path, groups=["token-server"], realm="https://auth.example/auth")
    assert issuer.settings.challenge is not None
    authentication = Authentication(issuer.settings.challenge, tokens=[issuer])
    stack = Stack(authenticator=authentication, authorizer=ForMembers())
    stack.add_manifest("team/app", index(), "latest")
    access = [{"type": "repository", "name": "team/app", "actions": ["pull"]}]
    token = rsa_signer("x").sign(granted(access=access))

    def ask(method: str, target: str) -> Reply:
        body = SpooledBody(io.BytesIO(b""))
        headers = {b"authorization": f"Bearer {token}".encode()}
        call = Call(method, target.encode(), b"", headers, body, request_id="a-1", peer="192.0.2.1", secure=True)
        return at_once(stack.api.answer(call))

    assert ask("GET", "/v2/").status == 200
    assert ask("GET", "/v2/team/app/manifests/latest").status == 200
    refused = ask("POST", "/v2/team/app/blobs/uploads/")
    assert refused.status == 401
    assert dict(refused.headers)["WWW-Authenticate"] == (
        f'Bearer realm="https://auth.example/auth",service="{AUDIENCE}",scope="repository:team/app:pull,push",'
        'error="insufficient_scope"'
    )
    assert ask("GET", "/v2/team/else/tags/list").status == 401


def test_keys_that_cannot_be_used_are_found_at_the_start(clock: Clock, tmp_path: Path) -> None:
    """A file that is not there, or has no key, is named to the operator."""
    (tmp_path / "empty.pem").write_bytes(b"")
    for name in ("missing.pem", "empty.pem"):
        with pytest.raises(IssuerInvalid, match=f"the keys of auth cannot be used: .*{name}"):
            from_server(clock, tmp_path, keys=name)
