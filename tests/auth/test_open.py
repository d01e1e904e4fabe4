"""
A registry that is open to everybody.
"""

from __future__ import annotations

import pytest
from zope.interface.verify import verifyObject

from oci_twisted.auth.open import AllPermitted, NobodyAsked
from oci_twisted.interfaces import ANONYMOUS, Action, Credentials, IAuthenticator, IAuthorizer, Principal
from oci_twisted.spec.names import parse_name
from tests.http.stacks import at_once

CREDENTIALS = [
    Credentials(None, "registry.test", "192.0.2.7", secure=False),
    Credentials("Basic Og==", "", "192.0.2.7", secure=True),
    Credentials("nonsense", "registry.test", "unix", secure=False),
]


def test_they_are_what_they_say() -> None:
    """Both provide their interfaces."""
    verifyObject(IAuthenticator, NobodyAsked())
    verifyObject(IAuthorizer, AllPermitted())


@pytest.mark.parametrize("credentials", CREDENTIALS)
def test_everybody_is_anonymous(credentials: Credentials) -> None:
    """Whatever a request says of its sender is not looked at, so that a client with an old login is let in."""
    assert at_once(NobodyAsked().authenticate(credentials)) is ANONYMOUS


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("principal", [ANONYMOUS, Principal("ada")])
def test_everything_is_permitted(principal: Principal, action: Action) -> None:
    """Everybody may do everything, everywhere."""
    for name in (None, parse_name("a/b")):
        assert at_once(AllPermitted().decide(principal, action, name)).permitted


def test_a_challenge_is_there_for_others() -> None:
    """An authorizer that does refuse has something to send."""
    assert NobodyAsked().challenge(CREDENTIALS[0], ()) == 'Basic realm="oci-twisted"'
