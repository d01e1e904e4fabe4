"""
A whole issuer of OpenID Connect, over HTTP, and a registry that knows its tokens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from twisted.internet.task import Clock

from oci_twisted.auth.authentication import Authentication
from oci_twisted.auth.challenges import BasicChallenge
from oci_twisted.auth.issuers import Issuer, fetch_by, make_issuers, read_issuers
from oci_twisted.interfaces import Principal, WrongCredentials
from oci_twisted.spec.errors import Unavailable
from oci_twisted.testing.waiting import waits
from tests.auth.issuers.servers import Answer, serving
from tests.auth.issuers.signers import AUDIENCE, claims, ec_signer, edwards_signer, key_set, rsa_signer
from tests.auth.test_authentication import basic, shown
from tests.http.stacks import START
from tests.wire.logs import events
from tests.wire.sockets import real_reactor

if TYPE_CHECKING:
    from pathlib import Path

    from tests.auth.issuers.servers import Listening

DISCOVERY = "/.well-known/openid-configuration"


def issuer_at(server: Listening, clock: Clock, folder: Path) -> Issuer:
    """Make an issuer that is known by its URL alone."""
    table = {
        "kind": "oidc",
        "issuer": server.url,
        "audience": AUDIENCE,
        "user": "ci:{repository}",
        "require": {"repository_owner": "acme"},
    }
    (issuer,) = make_issuers(read_issuers([table], folder), fetch_by(real_reactor()), clock)
    return issuer


@waits
async def test_a_job_logs_in_and_keys_are_rotated(tmp_path: Path) -> None:
    """A token's keys are discovered; a new key is found when the first token names it, and an old one goes."""
    clock = Clock()
    clock.advance(START)
    async with serving() as server:
        issuer = issuer_at(server, clock, tmp_path)
        authentication = Authentication(BasicChallenge("registry"), tokens=[issuer])
        server.publish(key_set(rsa_signer(), ec_signer()))
        for signer in (rsa_signer(), ec_signer()):
            token = signer.sign(claims(iss=server.url))
            for authorization in (f"Bearer {token}", basic("oidc", token)):
                assert await authentication.authenticate(shown(authorization)) == Principal("ci:acme/app")
        assert server.asked == [DISCOVERY, "/keys"]
        server.publish(key_set(ec_signer(), edwards_signer()))
        clock.advance(60)
        later = claims(iss=server.url, exp=START + 9000)
        assert await issuer.verify(edwards_signer().sign(later)) == Principal("ci:acme/app")
        assert server.asked == [DISCOVERY, "/keys"] * 2
        with pytest.raises(WrongCredentials, match="has no key 'rsa-1'"):
            await issuer.verify(rsa_signer().sign(later))


@waits
async def test_an_issuer_that_redirects_has_no_keys(tmp_path: Path) -> None:
    """Neither its description nor its keys lead elsewhere, and while there are none its tokens wait."""
    clock = Clock()
    clock.advance(START)
    async with serving() as server, serving() as other:
        issuer = issuer_at(server, clock, tmp_path)
        token = ec_signer().sign(claims(iss=server.url))
        other.publish(key_set(ec_signer()), issuer=server.url)
        server.publish(key_set(ec_signer()), jwks_uri=f"{other.url}/keys")
        with events() as logged:
            with pytest.raises(Unavailable):
                await issuer.verify(token)
            clock.advance(10)
            server.answers[DISCOVERY] = Answer(b"", 302, {"Location": f"{other.url}{DISCOVERY}"})
            with pytest.raises(Unavailable):
                await issuer.verify(token)
            clock.advance(10)
            server.publish(key_set(ec_signer()))
            server.answers["/keys"] = Answer(b"", 302, {"Location": f"{other.url}/keys"})
            with pytest.raises(Unavailable):
                await issuer.verify(token)
        reasons = [event["reason"] for event in logged if event["log_level"].name == "error"]
        assert ["keys-url" in reason or "redirects" in reason for reason in reasons] == [True] * 3
        assert other.asked == []
        clock.advance(10)
        server.publish(key_set(ec_signer()))
        assert await issuer.verify(token) == Principal("ci:acme/app")


@waits
async def test_an_issuer_may_be_away_for_a_while(tmp_path: Path) -> None:
    """When nobody listens any more, the keys that are known are enough."""
    clock = Clock()
    clock.advance(START)
    lasting = {"exp": START + 90_000}
    async with serving() as server:
        issuer = issuer_at(server, clock, tmp_path)
        server.publish(key_set(ec_signer()))
        await issuer.verify(ec_signer().sign(claims(iss=server.url, **lasting)))
    clock.advance(4000)
    with events() as logged:
        token = ec_signer().sign(claims(iss=server.url, **lasting, repository="acme/else"))
        assert await issuer.verify(token) == Principal("ci:acme/else")
    assert "refused" in next(event["reason"] for event in logged if event["log_level"].name == "error")
