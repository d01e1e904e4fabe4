"""
Commands that end by themselves, with secrets in what they find in files, in the environment and on their input.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from attrs import frozen
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from oci_twisted.auth.tokens.texts import PERSONAL_PREFIX, make_text
from tests.app.canaries import look_for_key
from tests.auth.issuers.signers import ec_signer, rsa_signer
from tests.wire.certificates import certify

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.app.canaries import Canaries


@frozen
class Command:
    """
    A command that ends by itself.

    :ivar arguments: behind ``oci-registry``.
    :ivar files: by name, in the folder where it runs.
    :ivar words: behind ``oci-registry`` too, for a command that is told a secret there by mistake.
    :ivar is_admin: whether it is the command of its own, and not the one behind ``twist``.
    :ivar succeeds: whether it has nothing to complain of.
    """

    name: str
    arguments: tuple[str, ...]
    files: Callable[[Canaries], Mapping[str, str]] = lambda _canaries: {}
    environment: Callable[[Canaries], Mapping[str, str]] = lambda _canaries: {}
    words: Callable[[Canaries], tuple[str, ...]] = lambda _canaries: ()
    stdin: Callable[[Canaries], str] = lambda _canaries: ""
    is_admin: bool = False
    succeeds: bool = False


def _key_that_is_none(canary: Canaries) -> dict[str, str]:
    pair = certify("registry.test")
    return {
        "cert.pem": pair.certificate_pem.decode(),
        "key.pem": f"-----BEGIN PRIVATE KEY-----\n{canary('key')}\n-----END PRIVATE KEY-----\n",
    }


def _key_of_another(canary: Canaries) -> dict[str, str]:
    pair, other = certify("registry.test"), certify("registry.test")
    look_for_key(canary, "other key", other.key_pem.decode())
    return {"cert.pem": pair.certificate_pem.decode(), "key.pem": other.key_pem.decode()}


def _guarded(more: str = "") -> str:
    return f"""
[auth]
htpasswd = "users"
{more}
[[auth.rule]]
repositories = ["**"]
allow = ["pull", "push"]
to = ["user:*"]
"""


def _users_that_are_none(canary: Canaries) -> dict[str, str]:
    return {"registry.toml": _guarded(), "users": f"ada:{{SHA}}{canary('SHA-1')}\n"}


def _users_without_a_colon(canary: Canaries) -> dict[str, str]:
    return {"registry.toml": _guarded(), "users": f"{canary('a line')}\n"}


def _signing_key_that_is_none(canary: Canaries) -> dict[str, str]:
    pem = f"-----BEGIN PRIVATE KEY-----\n{canary('signing key')}\n-----END PRIVATE KEY-----\n"
    return {"registry.toml": _guarded('signing-key = "key.pem"'), "users": "", "key.pem": pem}


def _signing_key_of_another_kind(canary: Canaries) -> dict[str, str]:
    pem = rsa_signer().private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    look_for_key(canary, "RSA", pem)
    return {"registry.toml": _guarded('signing-key = "key.pem"'), "users": "", "key.pem": pem}


def _test_that_fails(canary: Canaries) -> dict[str, str]:
    table = '[[auth.test]]\nwho = "anonymous"\nmay = "pull a"\n'
    return {"registry.toml": f"# {canary('beside a test')}\n{_guarded(table)}", "users": f"ada:{canary('no hash')}\n"}


def _issuer_with_private_keys(canary: Canaries) -> dict[str, str]:
    issuer = '[[auth.issuer]]\nkind = "oidc"\nissuer = "ci"\naudience = "a"\nuser = "a:{sub}"\nrequire = {}\n'
    keys = {"keys": [{**ec_signer().jwk(), "d": canary("private half")}]}
    return {
        "registry.toml": _guarded(f'{issuer}keys = "keys.json"\n'),
        "users": "",
        "keys.json": json.dumps(keys),
    }


TLS = ("--tls-cert", "cert.pem", "--tls-key", "key.pem")
CONFIG = ("--config", "registry.toml")

COMMANDS = (
    Command("help", ("--help",), environment=lambda canary: {"OCI_REGISTRY_ROOT": canary("environment and help")}),
    Command("version", ("--version",), environment=lambda canary: {"OCI_REGISTRY_ROOT": canary("version")}),
    Command(
        "an unknown variable", (), environment=lambda canary: {"OCI_REGISTRY_AUTH_PASSWORD": canary("unknown variable")}
    ),
    Command(
        "a variable of another program beside a mistake",
        ("--port", "nonsense"),
        environment=lambda canary: {"REGISTRY_HTTP_SECRET": canary("other variable")},
    ),
    Command(
        "an unknown key",
        CONFIG,
        lambda canary: {"registry.toml": f'[credentials]\npassword = "{canary("key of file")}"'},
    ),
    Command("no TOML", CONFIG, lambda canary: {"registry.toml": f'password = "{canary("no TOML")}'}),
    Command("no TOML either", CONFIG, lambda canary: {"registry.toml": f"password = {canary('no string')}"}),
    Command(
        "a comment beside a mistake",
        CONFIG,
        lambda canary: {"registry.toml": f'# password: {canary("comment")}\nstorage = "tape"'},
    ),
    Command("a key that is none", TLS, _key_that_is_none),
    Command("a key of another certificate", TLS, _key_of_another),
    Command(
        "a key in the place of the certificate",
        ("--tls-cert", "key.pem", "--tls-key", "key.pem"),
        lambda canary: {"key.pem": _key_of_another(canary)["key.pem"]},
    ),
    Command("a hash that is not bcrypt's", CONFIG, _users_that_are_none),
    Command("a line that is no user", CONFIG, _users_without_a_colon),
    Command("a signing key that is none", CONFIG, _signing_key_that_is_none),
    Command("a signing key of another kind", CONFIG, _signing_key_of_another_kind),
    Command("a test that fails", CONFIG, _test_that_fails),
    Command("private keys in the place of public ones", CONFIG, _issuer_with_private_keys),
    Command(
        "a password in the configuration",
        CONFIG,
        lambda canary: {"registry.toml": f'[auth]\npassword = "{canary("password in [auth]")}"\n'},
    ),
    Command(
        "a rule with a password",
        CONFIG,
        lambda canary: {"registry.toml": f'[[auth.rule]]\npassword = "{canary("password in a rule")}"\n'},
    ),
    Command(
        "an issuer with a password",
        CONFIG,
        lambda canary: {
            "registry.toml": _guarded(f'[[auth.issuer]]\nclient-secret = "{canary("secret of an issuer")}"'),
            "users": "",
        },
    ),
    Command("hash", ("auth", "hash", "ada", "-"), stdin=lambda canary: canary("hashed"), is_admin=True, succeeds=True),
    Command(
        "hash of too much", ("auth", "hash", "ada", "-"), stdin=lambda canary: canary("too long") * 3, is_admin=True
    ),
    Command(
        "hash of what cannot be sent",
        ("auth", "hash", "ada", "-"),
        stdin=lambda canary: f"{canary('control')}\t\n",
        is_admin=True,
    ),
    Command("check", ("auth", "check", "registry.toml"), _test_that_fails, is_admin=True),
    Command(
        "check of no TOML",
        ("auth", "check", "registry.toml"),
        lambda canary: {"registry.toml": f"[auth]\npassword = {canary('no TOML to check')}"},
        is_admin=True,
    ),
    Command(
        "explain",
        ("auth", "explain", "registry.toml", "ada", "pull", "a"),
        lambda canary: {"registry.toml": f"# {canary('explained')}\n{_guarded()}"},
        is_admin=True,
        succeeds=True,
    ),
    Command(
        "tokens of no registry",
        ("token", "list", "--config", "registry.toml"),
        lambda canary: {"registry.toml": f"# {canary('no registry')}\nroot = 'nowhere'"},
        environment=lambda canary: {"REGISTRY_PASSWORD": canary("beside tokens")},
        is_admin=True,
    ),
    Command(
        "revoke a token by itself",
        ("token", "revoke", "--root", "."),
        lambda _canary: {"layout": ""},
        words=lambda canary: (make_token(canary),),
        is_admin=True,
    ),
)


def make_token(canary: Canaries) -> str:
    """Make up an access token."""
    text = make_text(PERSONAL_PREFIX)
    canary.add("made up", text)
    return text
