"""
What the settings say of who may do what.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from oci_twisted.app.guarding import is_guarded, read_auth
from oci_twisted.app.settings import SettingError, Settings, load_settings
from oci_twisted.auth.policy import RulesInvalid
from tests.wire.logs import events

if TYPE_CHECKING:
    from pathlib import Path

    from oci_twisted.app import Auth

RULE = """
[[auth.rule]]
repositories = ["team/**"]
allow = ["pull", "push"]
to = ["group:builders"]

[auth.groups]
builders = ["ada"]
"""


def load(folder: Path, text: str) -> Settings:
    """Read a configuration."""
    config = folder / "registry.toml"
    config.write_text(text, "utf-8")
    return load_settings({}, {}, config)


def auth_of(folder: Path, text: str) -> Auth:
    """Read who may do what."""
    auth = read_auth(load(folder, text))
    assert auth is not None
    return auth


def test_without_a_word_about_it_nobody_is_asked(tmp_path: Path) -> None:
    """A registry that was told nothing is open."""
    settings = load(tmp_path, "port = 5000")
    assert (is_guarded(settings), read_auth(settings)) == (False, None)


def test_a_rule_is_enough(tmp_path: Path) -> None:
    """With a rule, everybody is asked who they are; what was not set is as it is by default."""
    auth = auth_of(tmp_path, RULE)
    assert (len(auth.rules.rules), auth.rules.groups) == (1, {"builders": frozenset({"ada"})})
    assert (auth.basic, auth.htpasswd, auth.issuers, auth.certificates) == (False, None, (), False)


def test_every_setting_arrives(tmp_path: Path) -> None:
    """What an operator sets is what the registry is made with."""
    text = f"""
        [tls]
        cert = "cert.pem"
        key = "key.pem"
        client-ca = "ca.pem"
        [auth]
        htpasswd = "users"
        challenge = "basic"
        realm = "Example"
        service = "registry.example"
        token-lifetime = "1 m"
        login-lifetime = "1 d"
        signing-key = "signing.pem"
        key-lifetime = "2 d"
        [[auth.issuer]]
        kind = "oidc"
        issuer = "https://ci.example"
        audience = "registry.example"
        user = "ci:{{sub}}"
        require = {{}}
        {RULE}
    """
    auth = auth_of(tmp_path, text)
    assert (str(auth.htpasswd), auth.basic, auth.realm, auth.service) == ("users", True, "Example", "registry.example")
    assert (auth.token_lifetime, auth.login_lifetime, auth.key_lifetime) == (60, 86400, 172800)
    assert (str(auth.signing_key), auth.certificates) == ("signing.pem", True)
    assert [issuer.issuer for issuer in auth.issuers] == ["https://ci.example"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[auth]\nhtpasswd = "users"', r"no rule says what they may do.*\[\[auth.rule\]\]"),
        ('[auth.groups]\nbuilders = ["ada"]', "and no rule: write one"),
        ('[[auth.test]]\nwho = "ada"\nmay = "pull a"', "and no rule: write one"),
        (f'host = "0.0.0.0"\n{RULE}', "without TLS, where others can read passwords"),
    ],
)
def test_what_does_not_go_together_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    """A registry that would let nobody in, or everybody listen in, does not start, and says what to do."""
    with pytest.raises(SettingError, match=f"(?s){sentence}"):
        read_auth(load(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (RULE.replace("pull", "pul", 1), "rule 1"),
        (f'{RULE}\n[[auth.test]]\nwho = "ada"\nmay = "delete team/app"', "test 1"),
    ],
)
def test_rules_that_do_not_hold_are_refused(tmp_path: Path, text: str, sentence: str) -> None:
    """A rule that cannot be read, and a test that fails, keep the registry from starting; each has its place."""
    with pytest.raises(RulesInvalid, match=f"the configuration: .*{sentence}"):
        read_auth(load(tmp_path, text))


def test_what_looks_like_a_mistake_is_logged(tmp_path: Path) -> None:
    """A rule that can never decide keeps nobody from serving, but the log says so."""
    with events() as collected:
        read_auth(load(tmp_path, RULE + RULE.partition("[auth.groups]")[0]))
    assert [event["complaint"] for event in collected if event["log_namespace"] == "oci_twisted"]
