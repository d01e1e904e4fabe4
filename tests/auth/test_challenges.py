"""
What a client that has to log in is told.
"""

from __future__ import annotations

import pytest

from oci_twisted.auth.challenges import BasicChallenge, BearerChallenge
from oci_twisted.interfaces import Credentials
from oci_twisted.spec.scopes import parse_scopes

PLAIN = Credentials(None, "127.0.0.1:5000", "127.0.0.1", secure=False)
SECURE = Credentials(None, "registry.test", "192.0.2.7", secure=True)
SCOPES = parse_scopes(["repository:a/b:push,pull", "repository:c:pull"])


def test_basic() -> None:
    """It is the same whatever is wanted."""
    challenge = BasicChallenge('the "best"')
    assert challenge(PLAIN, ()) == 'Basic realm="the best", charset="UTF-8"'
    assert challenge(SECURE, SCOPES, "insufficient_scope") == challenge(PLAIN, ())


@pytest.mark.parametrize(
    ("credentials", "realm"),
    [(PLAIN, "http://127.0.0.1:5000/token"), (SECURE, "https://registry.test/token")],
)
def test_the_realm_is_where_the_client_has_been(credentials: Credentials, realm: str) -> None:
    """It has the scheme, the host and the port of the request, and no query."""
    assert BearerChallenge("registry")(credentials, ()) == f'Bearer realm="{realm}",service="registry"'


def test_all_is_in_one_challenge() -> None:
    """Scopes share a parameter, and an error is there only when it is given."""
    assert BearerChallenge("registry", "https://tokens.test/auth")(SECURE, SCOPES, "invalid_token") == (
        'Bearer realm="https://tokens.test/auth",service="registry",'
        'scope="repository:a/b:pull,push repository:c:pull",error="invalid_token"'
    )


@pytest.mark.parametrize("host", ['evil",service="x', "evil\r\nSet-Cookie: a=b", "evil\\"])
def test_a_host_cannot_break_out(host: str) -> None:
    """What the client sent as its host stays within its quotes and its line."""
    text = BearerChallenge("registry")(Credentials(None, host, "127.0.0.1", secure=False), ())
    assert (text.count('"'), "\\" in text, "\n" in text) == (4, False, False)
