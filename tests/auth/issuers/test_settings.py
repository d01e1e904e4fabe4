"""
Tables about issuers are read, and what is wrong with them is said.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from oci_twisted.auth.challenges import BearerChallenge
from oci_twisted.auth.issuers import IssuerInvalid, IssuerKind, IssuerSettings, read_issuers
from oci_twisted.auth.issuers.templates import parse_template

FOLDER = Path("/etc/registry")

OIDC = """
kind = "oidc"
issuer = "https://ci.example"
audience = "registry.example"
user = "ci:{repository}"
require = { repository_owner = "acme" }
"""
SERVER = """
kind = "distribution"
issuer = "auth.example"
audience = "registry.example"
keys = "keys.json"
"""


def read(*tables: str) -> tuple[IssuerSettings, ...]:
    """Read tables that are written as in a file."""
    return read_issuers([tomllib.loads(table) for table in tables], FOLDER)


def changed(table: str, line: str) -> str:
    """Put a line in the place of that with the same key, or take it away if it has no value."""
    key = line.partition(" =")[0]
    lines = [other for other in table.splitlines() if other.partition(" =")[0] != key]
    return "\n".join([*lines, line] if " =" in line else lines)


def test_little_is_needed() -> None:
    """What is left out has a default."""
    assert read(OIDC, SERVER) == (
        IssuerSettings(
            kind=IssuerKind.OIDC,
            issuer="https://ci.example",
            audience="registry.example",
            user=parse_template("ci:{repository}"),
            algorithms=("RS256", "ES256", "EdDSA"),
            groups=(),
            require={"repository_owner": ("acme",)},
        ),
        IssuerSettings(
            kind=IssuerKind.DISTRIBUTION,
            issuer="auth.example",
            audience="registry.example",
            user=parse_template("{sub}"),
            keys=FOLDER / "keys.json",
        ),
    )
    assert read() == ()


def test_all_can_be_said() -> None:
    """Every key has its meaning."""
    (oidc,) = read(
        changed(OIDC, 'require = { owner = ["acme", "a*"], ref = "refs/heads/main" }')
        + '\nalgorithms = ["PS512"]\ngroups = ["ci", "gh:{repository_owner}"]\nkeys-url = "https://keys.example/jwks?v=1"'
    )
    assert (oidc.algorithms, oidc.keys_url) == (("PS512",), "https://keys.example/jwks?v=1")
    assert oidc.require == {"owner": ("acme", "a*"), "ref": ("refs/heads/main",)}
    assert oidc.groups == (parse_template("ci"), parse_template("gh:{repository_owner}"))
    (server,) = read(changed(SERVER, 'keys = "/keys.pem"') + '\nrealm = "https://auth.example/auth"\nuser = "x-{sub}"')
    assert (server.keys, server.realm, server.user) == (
        Path("/keys.pem"),
        "https://auth.example/auth",
        parse_template("x-{sub}"),
    )


def test_one_of_a_kind_needs_no_list() -> None:
    """Wherever a list stands, a single text may stand instead."""
    (settings,) = read(OIDC + 'algorithms = "PS512"\ngroups = "ci"')
    assert (settings.algorithms, settings.groups) == (("PS512",), (parse_template("ci"),))


def test_everybody_can_be_let_in() -> None:
    """Who wants all of an issuer's users says so."""
    (settings,) = read(changed(OIDC, "require = {}"))
    assert settings.require == {}


def test_clients_are_sent_to_the_realm() -> None:
    """An issuer with a realm is asked for tokens for its audience; another is asked by nobody."""
    server, oidc = read(SERVER + 'realm = "https://auth.example/auth"', OIDC)
    assert server.challenge == BearerChallenge("registry.example", "https://auth.example/auth")
    assert oidc.challenge is None


def test_which_groups_an_issuer_gives() -> None:
    """Those of everybody are known; of others it is known whether claims may give them."""
    (settings,) = read(OIDC + 'groups = ["ci", "gh:{repository_owner}"]')
    assert settings.literal_groups == {"ci"}
    assert [settings.may_give(group) for group in ("ci", "gh:acme", "admins")] == [True, True, False]


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (changed(OIDC, "kind"), 'issuer 1 has no kind; it must be "oidc" or "distribution"'),
        (changed(OIDC, 'kind = "saml"'), "has kind = 'saml', and it must be \"oidc\""),
        (changed(OIDC, "issuer"), "has no issuer; it must be who issues the tokens"),
        (changed(OIDC, "audience"), "has no audience; it must be for whom the tokens are"),
        (changed(OIDC, 'audience = ["a"]'), "has audience = ['a'], and it must be"),
        (changed(OIDC, 'audience = ""'), "has audience = '', and it must be"),
        (changed(OIDC, "user"), "has no user; say who the bearers of its tokens are"),
        (changed(OIDC, 'user = "{"'), "has user = '{', and it must be a name, with claims in braces"),
        (changed(OIDC, "require"), "has no require; say which of its tokens are for this registry"),
        (changed(OIDC, 'require = "acme"'), "has require = 'acme', and it must be a table of claims"),
        (changed(OIDC, "require = { a = [] }"), "has require = {'a': []}, and it must be"),
        (changed(OIDC, "require = { a = true }"), "has require = {'a': True}, and it must be"),
        (changed(OIDC, "groups = 7"), "has groups = 7, and it must be a list of names"),
        (changed(OIDC, 'groups = ""'), "has groups = '', and it must be a list of names"),
        (changed(OIDC, 'groups = ["}"]'), "has groups = ['}'], and it must be a list of names"),
        (OIDC + 'algorithms = ["HS256"]', "has algorithms = ['HS256'], and it must be a list of some of RS256"),
        (OIDC + 'algorithms = ["none"]', "has algorithms = ['none'], and it must be"),
        (OIDC + "algorithms = []", "has algorithms = [], and it must be"),
        (OIDC + 'audiance = "x"', "has a key 'audiance', which there is not; did you mean audience?"),
        (OIDC + 'keys_url = "x"', "has a key 'keys_url', which there is not; did you mean keys-url?"),
        (OIDC + 'realm = "https://a.example"', "has a key 'realm', which there is not"),
        (OIDC + 'keys = "a"\nkeys-url = "https://a.example"', "has both keys and keys-url"),
        (OIDC + "keys = 7", "has keys = 7, and it must be the path of a file"),
        (OIDC + 'keys-url = "http://a.example/"', "which must begin with https://; plain http is for loopback"),
        (OIDC + 'keys-url = "ftp://a.example/"', "which must be a URL such as https://"),
        (OIDC + 'keys-url = "https://u:p@a.example/"', "without credentials or fragment"),
        (OIDC + 'keys-url = "https://a.example/#x"', "without credentials or fragment"),
        (OIDC + 'keys-url = "https://a.example:x/"', "which must be a URL"),
        (OIDC + 'keys-url = "https://a example/"', "which must be a URL"),
        (changed(OIDC, 'issuer = "ci.example"'), "'ci.example', which must be a URL such as https://issuer.example"),
        (changed(OIDC, 'issuer = "http://ci.example"'), "must begin with https://; plain http is for loopback"),
        (changed(OIDC, 'issuer = "http://localhost.ci.example"'), "must begin with https://"),
        (changed(OIDC, 'issuer = "https://ci.example?x"'), "which must have no query; or set keys or keys-url"),
        (changed(SERVER, "keys"), "has no keys; name a file (keys) or a URL (keys-url)"),
        (SERVER + 'realm = "https://a.example/?a=b"', "has realm = 'https://a.example/?a=b', which must have no query"),
        (SERVER + 'realm = "http://a.example/"', "has realm = 'http://a.example/', which must begin with https://"),
    ],
)
def test_what_is_wrong_is_said(table: str, sentence: str) -> None:
    """An operator is told which table is meant, what stands there, and what should."""
    with pytest.raises(IssuerInvalid) as refused:
        read(table)
    assert sentence in str(refused.value)
    assert str(refused.value).startswith("issuer 1 has ")


@pytest.mark.parametrize(
    "issuer", ["http://127.0.0.1:8080", "http://localhost:1/a", "http://[::1]/", "https://a.example/b"]
)
def test_here_nothing_needs_to_be_encrypted(issuer: str) -> None:
    """An issuer on this very machine may be asked over plain HTTP."""
    assert read(changed(OIDC, f'issuer = "{issuer}"'))[0].issuer == issuer


def test_an_issuer_with_keys_may_have_any_name() -> None:
    """Whoever is not asked for keys needs no URL."""
    assert read(changed(OIDC, 'issuer = "ci"') + '\nkeys = "ci.pem"')[0].issuer == "ci"


def test_an_issuer_has_one_table() -> None:
    """Two tables about one issuer would disagree on what its tokens mean, and a client is sent to one realm."""
    with pytest.raises(IssuerInvalid, match="issuer 2: there is another table about https:"):
        read(OIDC, OIDC)
    realm = 'realm = "https://auth.example/auth"'
    with pytest.raises(IssuerInvalid, match="issuer 2: another has a realm already"):
        read(SERVER + realm, changed(SERVER, 'issuer = "other"') + "\n" + realm)
