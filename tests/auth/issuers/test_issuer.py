"""
Tokens of an issuer prove who somebody is, and nothing else does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from oci_twisted.auth.authentication import Authentication
from oci_twisted.auth.challenges import BasicChallenge
from oci_twisted.auth.issuers import Issuer, make_issuers, read_issuers
from oci_twisted.interfaces import ITokens, Principal, WrongCredentials
from oci_twisted.spec.errors import Unavailable
from tests.auth.issuers.fetches import DISCOVERY, KEYS, Documents, description
from tests.auth.issuers.forgeries import FORGERIES
from tests.auth.issuers.signers import (
    AUDIENCE,
    ISSUER,
    claims,
    ec_signer,
    edwards_signer,
    encoded,
    key_set,
    part,
    rsa_signer,
)
from tests.auth.test_authentication import basic, shown
from tests.http.stacks import START, at_once

if TYPE_CHECKING:
    from pathlib import Path


CI = Principal("ci:acme/app", frozenset({"ci", "gh:acme"}))
TABLE: dict[str, object] = {
    "kind": "oidc",
    "issuer": ISSUER,
    "audience": AUDIENCE,
    "user": "ci:{repository}",
    "groups": ["ci", "gh:{repository_owner}"],
    "require": {"repository_owner": "acme"},
}
SIGNERS = (rsa_signer, ec_signer, edwards_signer)


@pytest.fixture
def clock() -> Clock:
    """Make a clock that stands still."""
    clock = Clock()
    clock.advance(START)
    return clock


@pytest.fixture
def documents() -> Documents:
    """Publish the keys of the issuer."""
    return Documents({DISCOVERY: description(), KEYS: key_set(*(signer() for signer in SIGNERS))})


def issuer_of(clock: Clock, documents: Documents, path: Path, **changed: object) -> Issuer:
    """Make an issuer of a table."""
    (issuer,) = make_issuers(read_issuers([{**TABLE, **changed}], path), documents, clock)
    return issuer


@pytest.fixture
def issuer(clock: Clock, documents: Documents, tmp_path: Path) -> Issuer:
    """Make the issuer of CI jobs."""
    return issuer_of(clock, documents, tmp_path)


def refused(issuer: Issuer, token: str) -> str:
    """Answer why a token is refused."""
    with pytest.raises(WrongCredentials) as why:
        at_once(issuer.verify(token))
    return str(why.value)


def test_it_is_what_it_says(issuer: Issuer) -> None:
    """It provides its interface."""
    verifyObject(ITokens, issuer)


@pytest.mark.parametrize("signer", SIGNERS)
def test_a_job_proves_who_it_is(issuer: Issuer, signer: Any) -> None:  # noqa: ANN401 - a cached function
    """A token with a signature of a published key makes a user and groups of its claims."""
    token = signer().sign(claims())
    assert issuer.recognises(token)
    assert at_once(issuer.verify(token)) == CI


@pytest.mark.parametrize("audience", [AUDIENCE, [AUDIENCE], ["else.example", AUDIENCE]])
def test_the_audience_may_be_one_of_several(issuer: Issuer, audience: object) -> None:
    """A token may be for others as well."""
    assert at_once(issuer.verify(ec_signer().sign(claims(aud=audience)))) == CI


def test_it_goes_in_the_place_of_a_password(issuer: Issuer) -> None:
    """A token is good as a bearer token, and as a password under any name."""
    authentication = Authentication(BasicChallenge("registry"), tokens=[issuer])
    token = rsa_signer().sign(claims())
    for authorization in (f"Bearer {token}", basic("oidc", token)):
        assert at_once(authentication.authenticate(shown(authorization))) == CI


@pytest.mark.parametrize(
    "token",
    [
        "",
        "password",
        "a.b.c",
        "..",
        f"{part({})}.{part({})}.",
        f"{part({})}.{part({'iss': 7})}.x",
        f"{part({})}.{part({'iss': 'https://else.example'})}.x",
        f"{part({})}.{part({'iss': ISSUER})}",
        f"{part({})}.{part({'iss': ISSUER})}.x.y.z",
        f"{part({})}.{part({'iss': ISSUER})}.x ",
        f"{part({})}.{encoded(b'[' * 20_000)}.x",
        f"{part({})}.{part({'iss': ISSUER, 'x': 'x' * 60_000})}.x",
        "ü.ü.ü",
    ],
)
def test_other_tokens_are_for_others(issuer: Issuer, token: str) -> None:
    """A token that does not say that it is of this issuer, or cannot be read at all, is not recognised."""
    assert not issuer.recognises(token)


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_token_that_proves_nothing_is_refused(issuer: Issuer, documents: Documents, forgery: str) -> None:
    """Whatever is wrong with a token is said in a sentence, and nobody is asked but the issuer that is configured."""
    write, reason = FORGERIES[forgery]
    token = write()
    assert reason in refused(issuer, token)
    assert set(documents.asked) <= {DISCOVERY, KEYS}


def test_what_is_no_token_at_all_is_refused(issuer: Issuer) -> None:
    """Whoever does not ask whether a token is recognised is told that it is none."""
    assert refused(issuer, "password") == "this is not a signed JSON Web Token"


def test_a_forgery_is_not_remembered(issuer: Issuer) -> None:
    """A true token lets no other one pass that has its claims, or its signature."""
    token = ec_signer().sign(claims())
    assert at_once(issuer.verify(token)) == CI
    header, _, signature = token.split(".")
    assert "signature" in refused(issuer, f"{header}.{part(claims(repository='acme/else'))}.{signature}")
    assert "signature" in refused(issuer, f"{token[:-8]}AAAAAAAA")


def test_clocks_may_differ(issuer: Issuer, clock: Clock) -> None:
    """Half a minute more or less does not matter, neither at a token's beginning nor at its end."""
    assert at_once(issuer.verify(ec_signer().sign(claims(nbf=START + 30, iat=START + 30)))) == CI
    assert at_once(issuer.verify(ec_signer().sign(claims(exp=START - 29)))) == CI
    clock.advance(29)
    assert at_once(issuer.verify(ec_signer().sign(claims(exp=START, nbf=None, iat=None)))) == CI


def test_a_token_is_verified_once(issuer: Issuer, clock: Clock, documents: Documents) -> None:
    """It is remembered for five minutes, or until it expires if that is sooner; then it is looked at anew."""
    brief, long = ec_signer().sign(claims(exp=START + 60)), ec_signer().sign(claims(exp=START + 3000))
    for token in (brief, long):
        assert at_once(issuer.verify(token)) == CI
    documents.documents[KEYS] = key_set(rsa_signer())
    clock.advance(91)
    assert "expired" in refused(issuer, brief)
    clock.advance(3600 - 92)
    assert "expired" in refused(issuer, long)


def test_a_key_that_was_withdrawn_is_not_good_for_long(issuer: Issuer, clock: Clock, documents: Documents) -> None:
    """Behind the hour for which keys are kept, and the five minutes of tokens, what it signed is refused."""
    token = ec_signer().sign(claims(exp=START + 90_000))
    clock.advance(3599)
    assert at_once(issuer.verify(token)) == CI
    documents.documents[KEYS] = key_set(rsa_signer())
    clock.advance(299)
    assert at_once(issuer.verify(token)) == CI
    clock.advance(3302)
    assert "has no key 'ec-1'" in refused(issuer, token)


def test_weak_keys_do_not_count(issuer: Issuer, documents: Documents) -> None:
    """A key of RSA with less than 2048 bits is none, even if the issuer publishes it."""
    weak = rsa_signer("weak", 1024)
    documents.documents[KEYS] = key_set(weak, ec_signer())
    assert "has no key 'weak'" in refused(issuer, weak.sign(claims()))
    assert at_once(issuer.verify(ec_signer().sign(claims()))) == CI


def test_the_operator_may_say_where_the_keys_are(clock: Clock, documents: Documents, tmp_path: Path) -> None:
    """Then the issuer is not asked, and they may be on another host."""
    elsewhere = "https://keys.example/jwks"
    documents.documents = {elsewhere: key_set(ec_signer())}
    issuer = issuer_of(clock, documents, tmp_path, **{"keys-url": elsewhere})
    assert at_once(issuer.verify(ec_signer().sign(claims()))) == CI
    assert documents.asked == [elsewhere]


def test_an_issuer_out_of_reach_is_no_fault_of_the_token(issuer: Issuer, documents: Documents) -> None:
    """Where no key could be had, the client is told to try again, and not that it is nobody."""
    documents.documents[DISCOVERY] = ConnectionError("refused")
    with pytest.raises(Unavailable, match="try again"):
        at_once(issuer.verify(ec_signer().sign(claims())))


def test_nothing_shows_the_token(issuer: Issuer) -> None:
    """No refusal repeats a token, and what is repeated of its claims is short and stays on its line."""
    for write, _ in FORGERIES.values():
        token = write()
        sentence = refused(issuer, token)
        assert not [piece for piece in token.split(".") if len(piece) > 8 and piece in sentence]
        assert len(sentence) < 400
    assert refused(issuer, ec_signer().sign(claims(aud="a\nb\u2028c"))).isprintable()


def test_stopping_ends_what_is_waited_for(issuer: Issuer) -> None:
    """An issuer can be stopped when nothing is being fetched."""
    issuer.stop()
    assert at_once(issuer.verify(ec_signer().sign(claims()))) == CI
