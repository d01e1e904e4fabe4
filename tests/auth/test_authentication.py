"""
Whatever a client brings is taken to whoever knows that kind.
"""

from __future__ import annotations

from base64 import b64encode

import pytest
from zope.interface import implementer
from zope.interface.verify import verifyObject

from oci_twisted.auth.authentication import Authentication
from oci_twisted.auth.challenges import BasicChallenge
from oci_twisted.interfaces import (
    ANONYMOUS,
    Credentials,
    IAuthenticator,
    IPasswords,
    ITokens,
    Principal,
    WrongCredentials,
)
from oci_twisted.spec.errors import Denied
from tests.http.stacks import at_once


def basic(user: str, password: str) -> str:
    """Write an ``Authorization``."""
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


def shown(authorization: str | None, peer: str = "127.0.0.1", *, secure: bool = False) -> Credentials:
    """Make a request's credentials."""
    return Credentials(authorization, "registry.test", peer, secure)


@implementer(IPasswords)
class OnePassword:
    """Knows ada."""

    async def verify(self, user: str, password: str, peer: str) -> Principal:
        """Compare."""
        del peer
        if (user, password) != ("ada", "lövelace:1815"):
            raise WrongCredentials("wrong")
        return Principal("ada")


@implementer(ITokens)
class Prefixed:
    """Knows tokens by a prefix of theirs."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def recognises(self, token: str) -> bool:
        """Look at the prefix."""
        return token.startswith(self._prefix)

    async def verify(self, token: str) -> Principal:
        """Take what follows for the name."""
        name = token.removeprefix(self._prefix)
        if name == "revoked":
            raise WrongCredentials("it was revoked")
        return Principal(name)


@pytest.fixture
def authentication() -> Authentication:
    """Make one that knows a user and two kinds of tokens."""
    return Authentication(
        BasicChallenge("registry"), passwords=OnePassword(), tokens=[Prefixed("one_"), Prefixed("two_")]
    )


def test_it_is_what_it_says(authentication: Authentication) -> None:
    """It provides its interface."""
    verifyObject(IAuthenticator, authentication)


@pytest.mark.parametrize(
    ("authorization", "name"),
    [
        (None, None),
        ("Basic Og==", None),
        (basic("ada", "lövelace:1815"), "ada"),
        (basic("ada", "lövelace:1815").replace("Basic", "bASIC"), "ada"),
        ("Bearer one_bob", "bob"),
        ("bearer two_eve", "eve"),
        (basic("whoever", "two_eve"), "eve"),
    ],
)
def test_who_it_is(authentication: Authentication, authorization: str | None, name: str | None) -> None:
    """A password may hold a colon and any letter; a token may stand in its place; nothing at all is nobody."""
    assert at_once(authentication.authenticate(shown(authorization))).name == name


@pytest.mark.parametrize(
    ("authorization", "reason"),
    [
        (basic("ada", "wrong"), "wrong"),
        (basic("bob", "lövelace:1815"), "wrong"),
        ("Basic", "base64"),
        ("Basic !!!", "base64"),
        ("Basic YWRh", "base64"),
        ("Basic /////w==", "base64"),
        ("Bearer one_revoked", "revoked"),
        (basic("ada", "one_revoked"), "revoked"),
        ("Bearer three_ada", "no token of this registry"),
        ("Digest username=ada", "log in with"),
        ("", "log in with"),
    ],
)
def test_what_proves_nothing_is_refused(authentication: Authentication, authorization: str, reason: str) -> None:
    """The refusal says why."""
    with pytest.raises(WrongCredentials, match=reason):
        at_once(authentication.authenticate(shown(authorization)))


def test_where_nobody_has_a_password_it_says_so() -> None:
    """A registry that knows tokens only tells how to use them."""
    authentication = Authentication(BasicChallenge("registry"), tokens=[Prefixed("one_")])
    assert at_once(authentication.authenticate(shown(basic("", "one_ada")))).name == "ada"
    with pytest.raises(WrongCredentials, match="token in its place"):
        at_once(authentication.authenticate(shown(basic("ada", "lovelace"))))


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.9.1", "::1", "unix"])
def test_on_this_machine_nobody_listens_in(authentication: Authentication, peer: str) -> None:
    """Over loopback a password may go in the clear."""
    assert at_once(authentication.authenticate(shown(basic("ada", "lövelace:1815"), peer))).name == "ada"


@pytest.mark.parametrize("peer", ["192.0.2.7", "10.0.0.1", "2001:db8::1", "fe80::1%eth0", "nonsense"])
def test_nothing_secret_goes_in_the_clear(authentication: Authentication, peer: str) -> None:
    """From elsewhere a password over plain HTTP is refused, right or wrong, and none is asked for."""
    for authorization in (basic("ada", "lövelace:1815"), basic("ada", "wrong"), "Bearer one_bob"):
        with pytest.raises(Denied, match=r"https.*proxy\.trusted"):
            at_once(authentication.authenticate(shown(authorization, peer)))
    assert at_once(authentication.authenticate(shown(None, peer))) is ANONYMOUS
    with pytest.raises(Denied, match="https"):
        authentication.challenge(shown(None, peer), ())
    encrypted = shown("Bearer one_bob", peer, secure=True)
    assert at_once(authentication.authenticate(encrypted)).name == "bob"
    assert authentication.challenge(encrypted, ()).startswith("Basic ")


def test_a_certificate_says_who_it_is() -> None:
    """Where they count, its common name is the user; what else the request brings goes before it."""
    credentials = Credentials(None, "registry.test", "192.0.2.7", secure=True, certificate="ci-7")
    trusting = Authentication(BasicChallenge("registry"), passwords=OnePassword(), certificates=True)
    assert at_once(trusting.authenticate(credentials)) == Principal("ci-7")
    indifferent = Authentication(BasicChallenge("registry"))
    assert at_once(indifferent.authenticate(credentials)) is ANONYMOUS
    both = Credentials(basic("ada", "lövelace:1815"), "registry.test", "192.0.2.7", secure=True, certificate="ci-7")
    assert at_once(trusting.authenticate(both)) == Principal("ada", by_password=True)


def test_it_is_known_who_came_by_a_password(authentication: Authentication) -> None:
    """A password is told from a token in its place, for what only a password is enough for."""
    by_password = {
        authorization: at_once(authentication.authenticate(shown(authorization))).by_password
        for authorization in (basic("ada", "lövelace:1815"), basic("ada", "one_ada"), "Bearer one_ada", "Basic Og==")
    }
    assert list(by_password.values()) == [True, False, False, False]


def test_nothing_shows_a_secret(authentication: Authentication) -> None:
    """Neither the credentials nor the refusal of them repeat what was sent."""
    credentials = shown(basic("ada", "canary"))
    with pytest.raises(WrongCredentials) as refused:
        at_once(authentication.authenticate(credentials))
    encoded = b64encode(b"ada:canary").decode()
    assert not [text for text in (repr(credentials), str(refused.value)) if "canary" in text or encoded in text]
