"""
Whatever a token says, it is refused in words or it is true.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from oci_twisted.auth.issuers import Issuer, make_issuers, read_issuers
from oci_twisted.auth.issuers.claims import read_principal
from oci_twisted.interfaces import Principal, WrongCredentials
from tests.auth.issuers.fetches import DISCOVERY, KEYS, Documents, description
from tests.auth.issuers.signers import AUDIENCE, ISSUER, claims, edwards_signer, key_set
from tests.http.stacks import START, at_once

TABLE: dict[str, object] = {
    "issuer": ISSUER,
    "audience": AUDIENCE,
    "user": "ci:{sub}",
    "groups": ["ci", "gh:{repository_owner}"],
    "require": {"repository_owner": ["acme", "**"]},
}
TOKEN = edwards_signer().sign(claims())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
ACCESS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["repository", "repository(plugin)", "registry"]) | JSON,
            "name": st.sampled_from(["a/b", "**", "catalog", ""]) | JSON,
            "actions": st.lists(st.sampled_from(["pull", "push", "*"]) | JSON, max_size=3) | JSON,
        },
    )
    | JSON,
    max_size=3,
)
NAMES = ["iss", "aud", "sub", "exp", "nbf", "iat", "repository_owner"]
CHANGES = st.dictionaries(st.sampled_from(NAMES), JSON, max_size=3) | st.fixed_dictionaries({"access": ACCESS | JSON})
HEADERS = st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "b64", "jwk", "x"]), JSON, max_size=3)


def issuer_of(kind: str) -> Issuer:
    """Make an issuer of a kind."""
    table = {**TABLE, "kind": kind, **({} if kind == "oidc" else {"keys-url": KEYS})}
    clock = Clock()
    clock.advance(START)
    documents = Documents({DISCOVERY: description(), KEYS: key_set(edwards_signer())})
    (issuer,) = make_issuers(read_issuers([table], Path()), documents, clock)
    return issuer


def outcome(issuer: Issuer, token: str) -> Principal | str:
    """Answer who a token's bearer is, or why it is refused."""
    try:
        return at_once(issuer.verify(token))
    except WrongCredentials as refused:
        return str(refused)


@given(kind=st.sampled_from(["oidc", "distribution"]), changes=CHANGES, header=HEADERS)
@example(kind="oidc", changes={}, header={})
@example(kind="oidc", changes={"exp": float("inf")}, header={})
@example(kind="oidc", changes={"iat": -1}, header={})
@example(kind="oidc", changes={"sub": "\ud800"}, header={})
@example(kind="distribution", changes={"access": None}, header={})
def test_whatever_the_issuer_says(kind: str, changes: dict[str, Any], header: dict[str, Any]) -> None:
    """Claims and headers of any shape make a principal or a sentence, and never another error."""
    issuer = issuer_of(kind)
    said = {**claims(), **changes}
    token = edwards_signer().sign(said, **header)
    found = outcome(issuer, token)
    if isinstance(found, str):
        assert found.isprintable()
        return
    assert issuer.recognises(token)
    assert (said["iss"], found) == (ISSUER, read_principal(said, issuer.settings))
    assert (found.token is None) is (kind == "oidc")
    assert not [scope for scope in found.token or () if "*" in scope.name]


@given(place=st.integers(0, len(TOKEN) - 2), character=st.sampled_from("AZaz09-_.=!"))
def test_no_change_of_a_token_goes_unseen(place: int, character: str) -> None:
    """A token with one other character, or one less, is refused."""
    issuer = issuer_of("oidc")
    for changed in (TOKEN[:place] + character + TOKEN[place + 1 :], TOKEN[:place] + TOKEN[place + 1 :], TOKEN[:place]):
        if changed == TOKEN:
            continue
        with pytest.raises(WrongCredentials):
            at_once(issuer.verify(changed))
    assert at_once(issuer.verify(TOKEN)) == Principal(
        "ci:repo:acme/app:ref:refs/heads/main", frozenset({"ci", "gh:acme"})
    )


@given(text=st.text() | st.from_regex(r"[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*"))
def test_any_text_may_be_shown(text: str) -> None:
    """What is no token is not recognised, and refused if somebody asks all the same."""
    issuer = issuer_of("oidc")
    assert not issuer.recognises(text)
    with pytest.raises(WrongCredentials):
        at_once(issuer.verify(text))
