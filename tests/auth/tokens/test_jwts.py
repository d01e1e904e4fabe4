"""
The tokens of the built-in service.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from hmac import digest as hmac_of
from typing import TYPE_CHECKING, Any, TypeAlias

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from zope.interface.verify import verifyObject

from oci_twisted.auth.tokens.jwts import LEEWAY, LIFETIME, LONGEST, JsonWebTokens
from oci_twisted.auth.tokens.keyrings import ROTATION, SETTLING, KeyRing, MemoryShelf
from oci_twisted.auth.tokens.keys import EDDSA, ES256, Algorithm, make_key
from oci_twisted.interfaces import ANONYMOUS, ITokens, Principal, TokenKind, WrongCredentials
from oci_twisted.spec.scopes import parse_scope, parse_scopes
from tests.auth.tokens.makings import ISSUER, SERVICE, Makings, clock_at
from tests.http.stacks import START, at_once

if TYPE_CHECKING:
    from oci_twisted.auth.tokens.keys import SigningKey

Forger: TypeAlias = Callable[["SigningKey", dict[str, Any]], str]

SCOPES = parse_scopes(["repository:team/app:pull,push", "registry:catalog:*"])
ADA = Principal("ada")


def claims_of(token: str) -> dict[str, Any]:
    """Answer what a token says, whoever has signed it."""
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def raw(part: bytes) -> str:
    """Write a part of a token, whatever it is."""
    return urlsafe_b64encode(part).rstrip(b"=").decode()


def encoded(document: object) -> str:
    """Write a part of a token."""
    return raw(json.dumps(document).encode())


def signed(header: dict[str, Any], claims: dict[str, Any], key: SigningKey) -> str:
    """Sign what PyJWT would not write."""
    text = f"{encoded(header)}.{encoded(claims)}"
    return f"{text}.{raw(key.private.sign(text.encode()))}"  # type: ignore[call-arg]  # it is Ed25519


def refused(jwts: JsonWebTokens, token: str, reason: str = "not issued here") -> None:
    """Check that a token is refused, every time."""
    for _ in range(2):
        with pytest.raises(WrongCredentials, match=reason):
            at_once(jwts.verify(token))


def test_it_is_what_it_says(makings: Makings) -> None:
    """It provides its interface."""
    verifyObject(ITokens, makings.jwts)


@pytest.mark.parametrize(
    ("principal", "extra"),
    [
        (ADA, {}),
        (ANONYMOUS, {}),
        (Principal("ada", frozenset({"b", "a"})), {"groups": ["a", "b"]}),
        (Principal("ada", by_password=True), {}),
    ],
)
def test_a_token_says_what_the_protocol_wants(makings: Makings, principal: Principal, extra: dict[str, Any]) -> None:
    """It has the header and the claims that the protocol lists, and no others."""
    issued = makings.jwts.issue(principal, SCOPES)
    key = makings.keys.signing()
    assert jwt.get_unverified_header(issued.token) == {"typ": "JWT", "alg": "EdDSA", "kid": key.kid}
    claims = claims_of(issued.token)
    assert len(claims.pop("jti")) > 16
    assert claims == {
        "iss": ISSUER,
        "sub": principal.name or "",
        "aud": SERVICE,
        "exp": START + LIFETIME,
        "nbf": START,
        "iat": START,
        "access": [
            {"type": "repository", "name": "team/app", "actions": ["pull", "push"]},
            {"type": "registry", "name": "catalog", "actions": ["*"]},
        ],
        **extra,
    }
    assert (issued.lifetime, issued.issued, issued.scopes) == (LIFETIME, START, SCOPES)
    assert makings.jwts.recognises(issued.token)
    assert at_once(makings.jwts.verify(issued.token)) == Principal(principal.name, principal.groups, token=SCOPES)


@pytest.mark.parametrize("algorithm", [EDDSA, ES256])
def test_the_published_key_verifies(algorithm: Algorithm) -> None:
    """Whoever has read the published keys, and knows only a standard library, can verify a token."""
    clock = clock_at(START)
    keys = KeyRing(MemoryShelf(), clock, lifetime=LIFETIME, algorithm=algorithm)
    jwts = JsonWebTokens(keys, clock, issuer=ISSUER, service=SERVICE)
    token = jwts.issue(ADA, SCOPES).token
    published = jwt.PyJWK.from_dict(dict(keys.public()[0].public))
    options: Any = {"verify_exp": False, "verify_nbf": False, "verify_iat": False}
    assert jwt.decode(token, published.key, [algorithm], audience=SERVICE, options=options)["sub"] == "ada"
    assert at_once(jwts.verify(token)).name == "ada"


def test_no_two_tokens_are_alike(makings: Makings) -> None:
    """Also of one moment, for one and the same."""
    assert makings.jwts.issue(ADA, SCOPES).token != makings.jwts.issue(ADA, SCOPES).token


def test_a_token_for_nothing_is_a_token(makings: Makings) -> None:
    """A login asks for no scope, and gets a token that says who it is."""
    assert at_once(makings.jwts.verify(makings.jwts.issue(ADA, ()).token)) == Principal("ada", token=())


# Every way to sign a token that does not know the private key; each is given a real one's key and claims.
def _none(key: SigningKey, claims: dict[str, Any]) -> str:
    return jwt.encode(claims, "", "none", {"kid": key.kid})


def _no_signature(key: SigningKey, claims: dict[str, Any]) -> str:
    return f"{encoded({'typ': 'JWT', 'alg': 'EdDSA', 'kid': key.kid})}.{encoded(claims)}."


def _none_with_a_signature(key: SigningKey, claims: dict[str, Any]) -> str:
    return f"{encoded({'typ': 'JWT', 'alg': 'none', 'kid': key.kid})}.{encoded(claims)}.AAAA"


def _hmac_of(secret: bytes, key: SigningKey, claims: dict[str, Any]) -> str:
    # By hand: PyJWT refuses to sign with what looks like a public key.
    text = f"{encoded({'typ': 'JWT', 'alg': 'HS256', 'kid': key.kid})}.{encoded(claims)}"
    return f"{text}.{raw(hmac_of(secret, text.encode(), sha256))}"


def _hmac_with_the_public_key(key: SigningKey, claims: dict[str, Any]) -> str:
    pem = key.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return _hmac_of(pem, key, claims)


def _hmac_with_the_raw_public_key(key: SigningKey, claims: dict[str, Any]) -> str:
    return _hmac_of(urlsafe_b64decode(key.public["x"] + "="), key, claims)


def _hmac_with_nothing(key: SigningKey, claims: dict[str, Any]) -> str:
    return _hmac_of(b"", key, claims)


def _another_key(_key: SigningKey, claims: dict[str, Any]) -> str:
    other = make_key(EDDSA, START)
    return jwt.encode(claims, other.private, "EdDSA", {"kid": other.kid})


def _another_key_under_our_kid(key: SigningKey, claims: dict[str, Any]) -> str:
    return jwt.encode(claims, make_key(EDDSA, START).private, "EdDSA", {"kid": key.kid})


def _another_algorithm_under_our_kid(key: SigningKey, claims: dict[str, Any]) -> str:
    return jwt.encode(claims, make_key(ES256, START).private, "ES256", {"kid": key.kid})


FORGERS: list[Forger] = [
    _none,
    _no_signature,
    _none_with_a_signature,
    _hmac_with_the_public_key,
    _hmac_with_the_raw_public_key,
    _hmac_with_nothing,
    _another_key,
    _another_key_under_our_kid,
    _another_algorithm_under_our_kid,
]


@pytest.mark.parametrize("forge", FORGERS, ids=lambda forge: forge.__name__.strip("_"))
def test_a_forged_token_is_refused(makings: Makings, forge: Forger) -> None:
    """Nothing but a signature by a key of ours, with that key's own algorithm, counts."""
    claims = claims_of(makings.jwts.issue(ADA, SCOPES).token)
    refused(makings.jwts, forge(makings.keys.signing(), claims))


@pytest.mark.parametrize("header", ["jwk", "jku", "x5u", "x5c", "x5t", "crit", "b64", "cty", "zip", "other"])
@pytest.mark.parametrize("honest", [False, True])
def test_cve_2025_24976_a_token_brings_no_key_of_its_own(makings: Makings, header: str, honest: bool) -> None:  # noqa: FBT001 - what a test is given
    """A header that names or holds a key is refused, under our own key id and even with our own signature."""
    claims = claims_of(makings.jwts.issue(ADA, SCOPES).token)
    ours = makings.keys.signing()
    theirs = ours if honest else make_key(EDDSA, START)
    values = {"jwk": dict(theirs.public), "x5c": ["MIIB"], "crit": ["exp"], "b64": True}
    value = values.get(header, "https://evil.test/keys")
    for kid in (ours.kid, theirs.kid):
        refused(makings.jwts, signed({"typ": "JWT", "alg": "EdDSA", "kid": kid, header: value}, claims, theirs))


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "elsewhere"},
        {"iss": None},
        {"aud": "another service"},
        {"aud": [SERVICE, "another service"]},
        {"aud": None},
        {"sub": None},
        {"sub": 7},
        {"exp": None},
        {"exp": "soon"},
        {"exp": START + 0.5},
        {"nbf": None},
        {"iat": None},
        {"jti": None},
        {"access": None},
        {"access": "everything"},
        {"access": ["everything"]},
        {"access": [{"type": "repository", "name": 7, "actions": []}]},
        {"groups": [7]},
        {"groups": 7},
        {"token_id": 7},
        {"token_id": "unknown"},
    ],
    ids=str,
)
def test_a_token_that_says_something_else_is_refused(makings: Makings, changed: dict[str, Any]) -> None:
    """Also with our signature: it is for another service, from another issuer, or lacks what it should say."""
    claims = claims_of(makings.jwts.issue(ADA, SCOPES).token) | changed
    kept = {name: value for name, value in claims.items() if value is not None}
    key = makings.keys.signing()
    reason = "not good any more" if changed == {"token_id": "unknown"} else "not issued here"
    refused(makings.jwts, signed({"typ": "JWT", "alg": "EdDSA", "kid": key.kid}, kept, key), reason)


@pytest.mark.parametrize("header", [{"typ": "at+jwt"}, {"typ": None}, {"kid": "unknown"}, {"kid": None}, {"kid": 7}])
def test_a_token_with_another_header_is_refused(makings: Makings, header: dict[str, Any]) -> None:
    """The key id must be one of ours, and the type the only one that we issue."""
    key = makings.keys.signing()
    claims = claims_of(makings.jwts.issue(ADA, SCOPES).token)
    whole = {"typ": "JWT", "alg": "EdDSA", "kid": key.kid} | header
    kept = {name: value for name, value in whole.items() if value is not None}
    refused(makings.jwts, signed(kept, claims, key))


def test_a_changed_token_is_refused(makings: Makings) -> None:
    """Every letter of it counts, but the last, which has bits to spare."""
    token = makings.jwts.issue(ADA, SCOPES).token
    at_once(makings.jwts.verify(token))
    for place in range(0, len(token) - 1, 7):
        other = "A" if token[place] != "A" else "B"
        with pytest.raises(WrongCredentials):
            at_once(makings.jwts.verify(token[:place] + other + token[place + 1 :]))


def test_a_token_has_its_time(makings: Makings) -> None:
    """It is good from when it was issued until it expires, give or take what clocks may differ by."""
    token = makings.jwts.issue(ADA, SCOPES).token
    # To one that has verified it before, and to one that has not.
    for seconds in (0, -LEEWAY, LIFETIME + LEEWAY - 0.5):
        makings.clock.advance(seconds)
        assert at_once(makings.jwts.verify(token)).name == "ada"
        assert at_once(makings.another().verify(token)).name == "ada"
        makings.clock.advance(-seconds)
    makings.clock.advance(LIFETIME + LEEWAY)
    refused(makings.jwts, token, "expired")
    refused(makings.another(), token, "expired")
    makings.clock.advance(-LIFETIME - 2 * LEEWAY - 1)
    refused(makings.another(), token, "not good yet")


def test_an_expired_token_is_forgotten(makings: Makings) -> None:
    """What is remembered of tokens is bounded, and goes with them."""
    remembered = makings.jwts._remembered  # noqa: SLF001 - nothing else shows it
    token = makings.jwts.issue(ADA, SCOPES).token
    at_once(makings.jwts.verify(token))
    assert len(remembered) == 1
    assert token not in repr(remembered)
    makings.clock.advance(LIFETIME + LEEWAY)
    refused(makings.jwts, token, "expired")
    assert len(remembered) == 0
    for _ in range(4100):
        at_once(makings.jwts.verify(makings.jwts.issue(ANONYMOUS, ()).token))
    assert len(remembered) == 4096


NESTED = b'{"a":' * 2000
SURROGATE = b'"\xed\xa0\x80"'
GARBAGE = [
    "",
    ".",
    "..",
    "...",
    "a.b",
    "a.b.c",
    "a.b.c.d",
    "é.é.é",
    "ocit_0123",
    f"{encoded({})}.{encoded({})}.",
    f"{encoded([])}.{encoded([])}.AAAA",
    f"{encoded('x')}.{encoded({'iss': ISSUER})}.AAAA",
    f"{encoded({'typ': 'JWT', 'alg': 'EdDSA', 'kid': 'x'})}.AAAA.AAAA",
    f"{raw(b'[' * 9000)}.e30.AAAA",
    f"e30.{raw(b'[' * 9000)}.AAAA",
    f"{raw(NESTED)}.e30.AAAA",
    f"e30.{raw(SURROGATE)}.AAAA",
    f"e30.{raw(b'1' * 6000)}.AAAA",
]


@pytest.mark.parametrize("garbage", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_is_refused(makings: Makings, garbage: str) -> None:
    """Whatever is not a token at all is told so, and breaks nothing."""
    makings.jwts.recognises(garbage)
    refused(makings.jwts, garbage)


def test_a_token_that_is_too_long_is_refused(makings: Makings) -> None:
    """Nobody reads more than a header holds, whoever has signed it."""
    token = makings.jwts.issue(ADA, [parse_scope(f"repository:{'n' * 250}{n}:pull") for n in range(60)]).token
    assert len(token) > LONGEST
    assert not makings.jwts.recognises(token)
    refused(makings.jwts, token, "at most")


def test_tokens_of_other_issuers_are_left_to_others(makings: Makings) -> None:
    """It is the issuer that tells our tokens from others of the same form, and nothing else that a token says."""
    assert not makings.jwts.recognises(makings.another(issuer="elsewhere").issue(ADA, SCOPES).token)
    ours = f"{encoded({'alg': 'none'})}.{encoded({'iss': ISSUER})}.AAAA"
    assert makings.jwts.recognises(ours)
    refused(makings.jwts, ours)
    refused(makings.another(service="another"), makings.jwts.issue(ADA, SCOPES).token)
    for other in ("", "ocit_0123", "a.b.c", "password", f"e30.{encoded({'iss': [ISSUER]})}.AAAA", *GARBAGE[2:9]):
        assert not makings.jwts.recognises(other)


def test_a_token_survives_a_rotation(makings: Makings) -> None:
    """What an old key has signed is good until it expires, in processes that were there and in those that were not."""
    makings.clock.advance(ROTATION)
    makings.jwts.issue(ADA, ())
    makings.clock.advance(SETTLING - 1)
    old = makings.jwts.issue(ADA, ()).token
    makings.clock.advance(2)
    new = makings.jwts.issue(ADA, ()).token
    assert jwt.get_unverified_header(old)["kid"] != jwt.get_unverified_header(new)["kid"]
    fresh = JsonWebTokens(
        KeyRing(makings.shelf, makings.clock, lifetime=LIFETIME + LEEWAY),
        makings.clock,
        issuer=ISSUER,
        service=SERVICE,
    )
    makings.clock.advance(LIFETIME - 2)
    for jwts in (makings.jwts, fresh):
        for token in (old, new):
            assert at_once(jwts.verify(token)).name == "ada"


@pytest.mark.parametrize("kind", TokenKind)
def test_what_rests_on_an_access_token_ends_with_it(makings: Makings, kind: TokenKind) -> None:
    """It is refused at the next request after that one was revoked, or has expired, remembered or not."""
    for end in ("revoked", "expired"):
        _, access = makings.create(kind=kind, lifetime=60)
        token = makings.jwts.issue(Principal("ada", token_id=access.token_id), SCOPES).token
        assert at_once(makings.jwts.verify(token)) == Principal("ada", token=SCOPES, token_id=access.token_id)
        if end == "revoked":
            at_once(makings.store.revoke_token(access.token_id))
        else:
            makings.clock.advance(60)
        refused(makings.jwts, token, "not good any more")
        refused(makings.another(), token, "not good any more")


def test_the_limits_of_an_access_token_hold_for_what_rests_on_it(makings: Makings) -> None:
    """They are the limits of the token's principal too, so that no listing shows more."""
    limits = (parse_scope("repository:team/*:pull"),)
    _, access = makings.create(limits=limits)
    token = makings.jwts.issue(Principal("ada", token_id=access.token_id), SCOPES).token
    for _ in range(2):
        assert at_once(makings.jwts.verify(token)).limits == limits


def test_without_access_tokens_nothing_rests_on_one(makings: Makings) -> None:
    """Where there is no store to ask, nobody can tell whether it was revoked."""
    _, access = makings.create()
    token = makings.jwts.issue(Principal("ada", token_id=access.token_id), ()).token
    refused(JsonWebTokens(makings.keys, makings.clock, issuer=ISSUER, service=SERVICE), token)


def test_nothing_shows_a_token(makings: Makings) -> None:
    """Neither what was issued nor a refusal repeats the text."""
    issued = makings.jwts.issue(ADA, SCOPES)
    forged = issued.token[:-8] + "AAAAAAAA"
    with pytest.raises(WrongCredentials) as wrong:
        at_once(makings.jwts.verify(forged))
    shown = (repr(issued), str(wrong.value), repr(wrong.value.__cause__), repr(makings.jwts))
    assert [one for one in shown if issued.token.rpartition(".")[2][:16] in one] == []
