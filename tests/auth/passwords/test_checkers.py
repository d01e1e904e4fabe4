"""
Whoever knows users, asked one after the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from twisted.cred.checkers import (
    AllowAnonymousAccess,
    FilePasswordDB,
    ICredentialsChecker,
    InMemoryUsernamePasswordDatabaseDontUse,
)
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import LoginDenied, UnhandledCredentials
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from zope.interface import implementer

from oci_twisted.auth.passwords.changing import IChanging
from oci_twisted.auth.passwords.checkers import Checkers, Verdict
from oci_twisted.auth.passwords.users import InMemoryUsers
from oci_twisted.interfaces import ANONYMOUS, Principal
from oci_twisted.spec.errors import TooManyAttempts, Unavailable
from tests.auth.passwords.doubles import Answering, Directory, failing, refusing
from tests.http.stacks import at_once
from tests.storage.metadata_pools import begin
from tests.wire.logs import events

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ADA = Principal("ada")


def ask(*checkers: ICredentialsChecker, user: str = "ada", password: str = "lovelace") -> Verdict:  # noqa: S107
    """Answer what checkers say that have nothing to wait for."""
    return at_once(Checkers(checkers, Clock()).ask(user.encode(), password.encode()))


def answering(avatar: object) -> Answering:
    """Make a checker that takes everyone for one."""
    return Answering(lambda _: avatar)


def test_the_first_that_knows_them_decides() -> None:
    """They are asked in order; behind the one that knows name and password nobody is asked."""
    first, last = refusing(), refusing()
    assert ask(first, InMemoryUsers({"ada": "lovelace"}), last) == Verdict(ADA)
    assert (first.asked, last.asked) == (1, 0)


def test_when_nobody_knows_them_all_were_asked() -> None:
    """Who is wrong is wrong with everyone, so that it takes the same work wherever a user is known."""
    checkers = [refusing(), refusing()]
    assert ask(*checkers) == Verdict(refused=True)
    assert [checker.asked for checker in checkers] == [1, 1]


def test_without_checkers_nobody_is_known() -> None:
    """There may be none; then nobody has said that a password is wrong."""
    assert ask() == Verdict()


def test_twisteds_own_checkers(tmp_path: Path) -> None:
    """What a Twisted program has already is taken as it is."""
    path = tmp_path / "passwords"
    path.write_text("grace:hopper\n")
    theirs = InMemoryUsernamePasswordDatabaseDontUse(ada=b"lovelace"), FilePasswordDB(str(path))
    assert ask(*theirs) == Verdict(ADA)
    assert ask(*theirs, user="grace", password="hopper") == Verdict(Principal("grace"))
    assert ask(*theirs, password="hopper") == Verdict(refused=True)


def test_credentials_are_bytes() -> None:
    """A checker is shown name and password as UTF-8; the avatar's id, not what was typed, is the user's name."""
    seen: list[IUsernamePassword] = []

    def canonical(credentials: IUsernamePassword) -> bytes:
        seen.append(credentials)
        return credentials.username.lower()

    assert ask(Answering(canonical), user="LöV", password="pä") == Verdict(Principal("löv"))
    [credentials] = seen
    assert IUsernamePassword.providedBy(credentials)
    assert (credentials.username, credentials.password) == ("LöV".encode(), "pä".encode())


def test_somebody_who_is_nobody() -> None:
    """An empty tuple is twisted.cred's word for somebody without a name."""
    assert ask(answering(())) == Verdict(ANONYMOUS)


def test_a_name_as_text() -> None:
    """Checkers from before Python 3 answer text."""
    assert ask(answering("ada")) == Verdict(ADA)


@pytest.mark.parametrize("avatar", [b"", "", None, 7, b"\xff", ("ada",)])
def test_an_avatar_that_is_no_name(avatar: object) -> None:
    """An answer that is no name is a defect of the checker, and lets nobody in."""
    with events() as collected:
        verdict = ask(answering(avatar))
    assert (verdict.principal, verdict.refused) == (None, False)
    assert isinstance(verdict.trouble, Unavailable)
    assert [event["log_level"].name for event in collected] == ["error"]


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (ConnectionRefusedError(111, "canary"), "builtins.ConnectionRefusedError (Connection refused)"),
        (KeyError("canary"), "builtins.KeyError"),
        (LoginDenied("canary"), "twisted.cred.error.LoginDenied"),
        (UnhandledCredentials("canary"), "twisted.cred.error.UnhandledCredentials"),
        (CancelledError("canary"), "twisted.internet.defer.CancelledError"),
    ],
)
@pytest.mark.parametrize("asynchronous", [True, False])
def test_a_checker_that_fails(error: Exception, shown: str, asynchronous: bool) -> None:  # noqa: FBT001
    """It is not said that a password is wrong; the log has what failed and where, and not the message."""

    def later(credentials: IUsernamePassword) -> object:
        del credentials
        failed: Deferred[object] = Deferred()
        failed.errback(error)
        return failed

    with events() as collected:
        verdict = ask(Answering(later) if asynchronous else failing(error))
    assert (verdict.principal, verdict.refused) == (None, False)
    assert isinstance(verdict.trouble, Unavailable)
    [event] = collected
    sentence = event["log_format"].format(**event)
    assert sentence.startswith("tests.auth.passwords.doubles.Answering failed: " + shown)
    assert ("doubles.py:" in sentence) or asynchronous
    assert "canary" not in repr(event)
    assert "canary" not in str(verdict.trouble)


def test_one_that_fails_keeps_nobody_out_whom_another_knows() -> None:
    """When the directory is down, the users of the file log in, wherever it stands in the order."""
    known = InMemoryUsers({"ada": "lovelace"})
    for checkers in ([failing(OSError(5, "x")), known], [known, failing(OSError(5, "x"))]):
        assert ask(*checkers) == Verdict(ADA)


def test_one_that_fails_beside_one_that_refuses() -> None:
    """When one cannot say, nobody is told that they are wrong; but a guess at the other one was made."""
    for checkers in ([failing(KeyError()), refusing()], [refusing(), failing(KeyError())]):
        verdict = ask(*checkers)
        assert isinstance(verdict.trouble, Unavailable)
        assert verdict.refused


def test_a_refusal_of_the_registrys_own() -> None:
    """What a checker raises of our own errors reaches the client as it is, and is not logged."""
    busy = TooManyAttempts(1)
    with events() as collected:
        assert ask(failing(busy)) == Verdict(trouble=busy)
    assert collected == []


def test_a_checker_that_does_not_answer() -> None:
    """After half a minute it is given up, and its Deferred is cancelled."""
    clock, directory = Clock(), Directory()
    _, outcome = begin(Checkers([directory], clock).ask(b"ada", b"lovelace"))
    clock.advance(29.0)
    assert outcome == []
    with events() as collected:
        clock.advance(1.0)
    [verdict] = outcome
    assert isinstance(verdict, Verdict)
    assert isinstance(verdict.trouble, Unavailable)
    assert directory.open[0].called
    assert len(collected) == 1
    assert not clock.getDelayedCalls()


def test_a_checker_that_answers_leaves_no_timer() -> None:
    """Nothing is left on the clock."""
    clock = Clock()
    at_once(Checkers([refusing(), InMemoryUsers({"ada": "lovelace"})], clock).ask(b"ada", b"lovelace"))
    assert not clock.getDelayedCalls()


@pytest.mark.parametrize("checkers", [[AllowAnonymousAccess()], [refusing(), AllowAnonymousAccess()]])
def test_a_checker_of_something_else(checkers: Sequence[ICredentialsChecker]) -> None:
    """One that takes no name and password is refused when it is given."""
    with pytest.raises(ValueError, match=r"AllowAnonymousAccess does not take a user name and a password"):
        Checkers(checkers, Clock())


@pytest.mark.parametrize("nonsense", [object(), "ada:lovelace"])
def test_something_that_is_no_checker(nonsense: ICredentialsChecker) -> None:
    """What does not provide the interface is refused when it is given."""
    with pytest.raises(TypeError, match="Could not adapt"):
        Checkers([nonsense], Clock())


def test_a_change_of_one_is_a_change() -> None:
    """The generation is another when that of any of the checkers is; one that cannot say is always the same."""

    @implementer(IChanging)
    class Changing(Answering):
        """Changes when a test says so."""

        generation = 0

    first, last = Changing(lambda _: b"x"), Changing(lambda _: b"x")
    checkers = Checkers([first, refusing(), last], Clock())
    seen = {checkers.generation}
    for one in (first, last):
        one.generation += 1
        seen.add(checkers.generation)
    assert len(seen) == 3
