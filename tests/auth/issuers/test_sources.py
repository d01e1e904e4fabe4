"""
Keys are fetched when they are needed, and no more often than that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from oci_twisted.auth.issuers.keys import KeysUnusable
from oci_twisted.auth.issuers.sources import FetchedKeys, FileKeys, discovered_keys, fetched_keys
from oci_twisted.spec.errors import Unavailable
from tests.auth.issuers.fetches import DISCOVERY, KEYS, Documents, description
from tests.auth.issuers.signers import ISSUER, ec_signer, key_set, rsa_signer
from tests.http.stacks import START, at_once
from tests.wire.logs import events

if TYPE_CHECKING:
    from pathlib import Path

    from oci_twisted.auth.issuers.sources import KeySource

OLD, NEW = key_set(ec_signer("old")), key_set(ec_signer("new"))


@pytest.fixture
def clock() -> Clock:
    """Make a clock that stands still."""
    clock = Clock()
    clock.advance(START)
    return clock


@pytest.fixture
def documents() -> Documents:
    """Publish a key."""
    return Documents({KEYS: OLD, DISCOVERY: description()})


@pytest.fixture
def keys(clock: Clock, documents: Documents) -> FetchedKeys:
    """Make the keys at a URL."""
    return fetched_keys(ISSUER, KEYS, documents, clock)


def found(keys: KeySource, kid: str | None = "old") -> list[str | None]:
    """Answer the names of the keys that a token may mean."""
    return [key.kid for key in at_once(keys.find(kid))]


def waiting(keys: KeySource, kid: str = "old") -> tuple[Deferred[Any], list[Any]]:
    """Ask, and answer what comes of it, by and by."""
    results: list[Any] = []
    asked: Deferred[Any] = Deferred.fromCoroutine(keys.find(kid))
    asked.addBoth(lambda result: results.append(result if isinstance(result, Failure) else [key.kid for key in result]))
    return asked, results


def test_keys_are_fetched_once_an_hour(keys: FetchedKeys, clock: Clock, documents: Documents) -> None:
    """Nothing is fetched before a key is needed; then it is kept for an hour, and a withdrawn one is gone behind it."""
    assert documents.asked == []
    assert [found(keys), found(keys, None)] == [["old"], ["old"]]
    clock.advance(3599)
    documents.documents[KEYS] = NEW
    assert found(keys) == ["old"]
    assert documents.asked == [KEYS]
    clock.advance(1)
    assert [found(keys), found(keys, "new")] == [[], ["new"]]
    assert documents.asked == [KEYS, KEYS]


def test_an_unknown_key_may_be_a_new_one(keys: FetchedKeys, clock: Clock, documents: Documents) -> None:
    """A token that names an unknown key has the keys fetched, but no more than once a minute, whoever sends it."""
    assert found(keys) == ["old"]
    documents.documents[KEYS] = NEW
    clock.advance(59)
    assert [found(keys, "new"), found(keys, "forged")] == [[], []]
    assert documents.asked == [KEYS]
    clock.advance(1)
    assert [found(keys, "new"), found(keys, "forged")] == [["new"], []]
    assert documents.asked == [KEYS, KEYS]


def test_keys_go_on_being_used_for_a_day(keys: FetchedKeys, clock: Clock, documents: Documents) -> None:
    """While the issuer cannot be reached, its keys are good for a day, and each attempt logs an error."""
    assert found(keys) == ["old"]
    documents.documents[KEYS] = ConnectionError("refused")
    clock.advance(3600)
    with events() as logged:
        assert [found(keys), found(keys)] == [["old"], ["old"]]
        clock.advance(10)
        assert found(keys) == ["old"]
    assert documents.asked == [KEYS] * 3
    assert [event["log_level"].name for event in logged] == ["error"] * 2
    assert [logged[0][field] for field in ("issuer", "reason", "rest")] == [
        ISSUER,
        "refused",
        "; those that are known go on being used",
    ]
    clock.advance(24 * 3600 - 3611)
    assert found(keys) == ["old"]
    clock.advance(1)
    with events() as logged, pytest.raises(Unavailable, match="cannot be fetched just now"):
        at_once(keys.find("old"))
    clock.advance(10)
    documents.documents[KEYS] = NEW
    assert found(keys, "new") == ["new"]


def test_an_unknown_key_of_an_issuer_out_of_reach(keys: FetchedKeys, clock: Clock, documents: Documents) -> None:
    """Whether a key exists cannot be said while the issuer does not answer, and asking is tried every ten seconds."""
    documents.documents[KEYS] = ConnectionError("refused")
    for _ in range(3):
        with pytest.raises(Unavailable):
            at_once(keys.find("old"))
    clock.advance(10)
    documents.documents[KEYS] = OLD
    assert found(keys) == ["old"]
    assert documents.asked == [KEYS, KEYS]


def test_many_wait_for_one_fetch(keys: FetchedKeys, documents: Documents) -> None:
    """Those who need keys at the same time share one fetch, and who gives up stops nobody else."""
    answer: Deferred[bytes] = Deferred()
    documents.documents[KEYS] = answer
    (_, first), (impatient, second), (_, third) = waiting(keys), waiting(keys), waiting(keys, "forged")
    impatient.cancel()
    assert (first, third) == ([], [])
    assert second[0].check(CancelledError)
    answer.callback(OLD)
    assert (first, third, documents.asked) == ([["old"]], [[]], [KEYS])


def test_nobody_waits_for_long(keys: FetchedKeys, clock: Clock, documents: Documents) -> None:
    """An issuer that does not answer within ten seconds is given up, whoever fetches, and its request is ended."""
    ended: list[bool] = []
    documents.documents[KEYS] = Deferred(lambda _: ended.append(True))
    _, results = waiting(keys)
    clock.advance(9)
    assert results == []
    with events() as logged:
        clock.advance(1)
    assert results[0].check(Unavailable)
    assert ended == [True]
    assert logged[0]["reason"] == "no answer within 10 s"
    assert clock.getDelayedCalls() == []


def test_nobody_waits_for_an_issuer_that_did_not_answer(keys: FetchedKeys, clock: Clock, documents: Documents) -> None:
    """As long as there are keys, only the first has to wait; the others go on while the issuer is being asked."""
    assert found(keys) == ["old"]
    documents.documents[KEYS] = Deferred()
    clock.advance(3600)
    _, first = waiting(keys)
    clock.advance(10)
    assert first == [["old"]]
    answer: Deferred[bytes] = Deferred()
    documents.documents[KEYS] = answer
    clock.advance(10)
    assert [found(keys), found(keys)] == [["old"], ["old"]]
    assert documents.asked == [KEYS] * 3
    answer.callback(NEW)
    assert [found(keys), found(keys, "new")] == [[], ["new"]]


def test_what_is_being_fetched_can_be_broken_off(keys: FetchedKeys, clock: Clock, documents: Documents) -> None:
    """Whoever waits is told that the keys are not to be had, nothing is logged as an error, and no timer stays."""
    documents.documents[KEYS] = Deferred()
    _, results = waiting(keys)
    with events() as logged:
        keys.stop()
    assert results[0].check(Unavailable)
    assert (logged, clock.getDelayedCalls()) == ([], [])


def test_an_issuer_says_where_its_keys_are(clock: Clock, documents: Documents) -> None:
    """Its description is fetched, and then its keys; both again when the keys are too old."""
    keys = discovered_keys(ISSUER, documents, clock)
    assert found(keys) == ["old"]
    moved = f"{ISSUER}:443/moved"
    documents.documents |= {DISCOVERY: description(jwks_uri=moved), moved: NEW}
    clock.advance(3600)
    assert found(keys, "new") == ["new"]
    assert documents.asked == [DISCOVERY, KEYS, DISCOVERY, moved]


def test_an_issuer_may_have_a_path(clock: Clock) -> None:
    """The description is behind the issuer's path, whether or not that ends with a slash."""
    for issuer in ("https://sso.example/realms/acme", "https://sso.example/realms/acme/"):
        discovery, keys = "https://sso.example/realms/acme/.well-known/openid-configuration", "https://sso.example/k"
        documents = Documents({discovery: description(issuer=issuer, jwks_uri=keys), keys: OLD})
        assert found(discovered_keys(issuer, documents, clock)) == ["old"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (description(issuer="https://mallory.example"), "is of the issuer 'https://mallory.example', not of"),
        (description(issuer=f"{ISSUER}/"), "is of the issuer"),
        (description(jwks_uri="https://mallory.example/keys"), "'https://mallory.example/keys', which is not where"),
        (description(jwks_uri="https://ci.example:8443/keys"), "set keys-url to it"),
        (description(jwks_uri="http://ci.example/keys"), "set keys-url to it"),
        (description(jwks_uri="https://ci.example@mallory.example/keys"), "set keys-url to it"),
        (description(jwks_uri="https://ci.example.mallory.example/keys"), "set keys-url to it"),
        (description(jwks_uri="//mallory.example/keys"), "set keys-url to it"),
        (description(jwks_uri="http://127.0.0.1/keys"), "set keys-url to it"),
        (description(jwks_uri="file:///etc/passwd"), "set keys-url to it"),
        (description(jwks_uri=None), "at None"),
        (description(jwks_uri=["x"]), "at ['x']"),
        (b"<html>", "describes no issuer"),
        (b"[]", "describes no issuer: it is no JSON object"),
        (b"[" * 100_000, "describes no issuer: it is nested too deeply"),
    ],
)
def test_an_issuer_leads_nowhere_else(clock: Clock, documents: Documents, content: bytes, reason: str) -> None:
    """A description that is another's, or that leads to a host which the operator has not named, is not followed."""
    documents.documents[DISCOVERY] = content
    with events() as logged, pytest.raises(Unavailable):
        at_once(discovered_keys(ISSUER, documents, clock).find("old"))
    assert reason in logged[0]["reason"]
    assert documents.asked == [DISCOVERY]


def test_what_is_no_set_of_keys_is_no_answer(keys: FetchedKeys, clock: Clock, documents: Documents) -> None:
    """A page in the place of the keys leaves those that are known as they are."""
    assert found(keys) == ["old"]
    documents.documents[KEYS] = b"<html>we are down</html>"
    clock.advance(3600)
    with events() as logged:
        assert found(keys) == ["old"]
    assert "no set of JSON Web Keys" in logged[0]["reason"]


def test_a_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    """Keys in a file are rotated by writing another one; a broken one is complained of once, and changes nothing."""
    path = tmp_path / "keys.json"
    path.write_bytes(OLD)
    keys = FileKeys(path)
    assert found(keys) == ["old"]
    other = tmp_path / "other"
    other.write_bytes(NEW)
    other.replace(path)
    assert [found(keys), found(keys, "new")] == [[], ["new"]]
    path.write_bytes(b"broken")
    with events() as logged:
        assert [found(keys, "new"), found(keys, "new")] == [["new"], ["new"]]
    assert [(event["log_level"].name, event["path"]) for event in logged] == [("error", path)]
    path.write_bytes(rsa_signer().pem() + ec_signer().pem())
    assert found(keys, "new") == [None, None]
    path.unlink()
    with events() as logged:
        assert [found(keys, "new"), found(keys, "new")] == [[None, None], [None, None]]
    assert ["No such file" in event["reason"] for event in logged] == [True]
    keys.stop()


def test_a_file_must_be_there_at_the_start(tmp_path: Path) -> None:
    """A registry does not start with keys that cannot be read."""
    with pytest.raises(KeysUnusable, match=r"none\.pem cannot be read: No such file"):
        FileKeys(tmp_path / "none.pem")
    with pytest.raises(KeysUnusable, match="cannot be read: Is a directory"):
        FileKeys(tmp_path)
