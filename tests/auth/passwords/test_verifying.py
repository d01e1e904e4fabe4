"""
Whose name and password these are: remembered, counted, and asked once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from oci_twisted.auth.passwords import Allowance, AttemptLimits, HtpasswdFile, InMemoryUsers, Passwords
from oci_twisted.interfaces import IPasswords, Principal, WrongCredentials
from oci_twisted.spec.errors import RegistryError, TooManyAttempts, Unavailable
from oci_twisted.stream.pools import InlinePool
from tests.auth.passwords.doubles import Answering, Directory, Rounds, failing, hashed, refusing
from tests.http.stacks import at_once
from tests.storage.metadata_pools import HeldPool, begin
from tests.wire.logs import errors

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from twisted.internet.defer import Deferred

    from oci_twisted.interfaces import IBlockingPool

HERE, THERE = "192.0.2.1", "192.0.2.2"
ADA = Principal("ada")


class Registry:
    """
    An htpasswd file with ada in it, and what is asked about her.

    :ivar rounds: counts comparisons.
    """

    def __init__(self, path: Path, pool: IBlockingPool | None = None, limits: AttemptLimits | None = None) -> None:
        self.path = path
        self.path.write_text(f"ada:{hashed('lovelace')}\n")
        self.clock = Clock()
        self.rounds = Rounds()
        checker = HtpasswdFile(path, pool or InlinePool(), self.clock, compare=self.rounds)
        self.passwords = Passwords([checker], self.clock, limits=limits)

    def login(self, password: str = "lovelace", user: str = "ada", peer: str = HERE) -> str:  # noqa: S107
        """Answer how a login goes that has nothing to wait for."""
        return outcome_of(begin(self.passwords.verify(user, password, peer))[1])


def outcome_of(outcomes: list[object]) -> str:
    """Answer how a login went."""
    [outcome] = outcomes
    if isinstance(outcome, Principal):
        return outcome.name or "nobody in particular"
    assert isinstance(outcome, Failure)
    kinds = {WrongCredentials: "wrong", TooManyAttempts: "too many", Unavailable: "unavailable"}
    assert isinstance(outcome.value, CancelledError | WrongCredentials | RegistryError), outcome
    return kinds.get(type(outcome.value), "cancelled")


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """Make one."""
    return Registry(tmp_path / "users.htpasswd")


def test_it_is_what_it_says() -> None:
    """It provides its interface."""
    verifyObject(IPasswords, Passwords([refusing()], Clock()))


def test_who_it_is(registry: Registry) -> None:
    """A right login answers the user, without groups or limits; others are wrong in the same words."""
    assert at_once(registry.passwords.verify("ada", "lovelace", HERE)) == ADA
    words = set()
    for user, password in (("ada", "wrong"), ("nobody", "lovelace"), ("ada", "x" * 73), ("ada", ""), ("", "x")):
        with pytest.raises(WrongCredentials) as refused:
            at_once(registry.passwords.verify(user, password, HERE))
        words.add(str(refused.value))
    assert words == {"the user name or the password is wrong"}


@pytest.mark.parametrize(("user", "password"), [("ada", ""), ("", "lovelace"), ("ada", "\ud800"), ("\ud800", "x")])
def test_what_is_nobodys_by_its_form_is_not_asked(user: str, password: str) -> None:
    """An empty password would be a login as nobody to a directory, which succeeds; so nobody is asked about one."""
    everyone = Answering(lambda _: b"ada")
    passwords = Passwords([everyone], Clock())
    for _ in range(1000):
        with pytest.raises(WrongCredentials):
            at_once(passwords.verify(user, password, HERE))
    assert everyone.asked == 0


def test_an_unknown_name_costs_what_a_wrong_password_costs(registry: Registry) -> None:
    """Each is one comparison of the cost that the file's hashes have."""
    costs = []
    for user, password in (("ada", "wrong"), ("nobody", "wrong"), ("ada", "x" * 73)):
        registry.rounds.forget()
        assert registry.login(password, user) == "wrong"
        costs.append(registry.rounds.costs[:])
    assert costs == [[12]] * 3


def test_what_was_right_is_remembered(registry: Registry) -> None:
    """For a minute a right login costs no comparison, from wherever it comes; what was wrong is compared each time."""
    assert [registry.login(peer=peer) for peer in (HERE, THERE, HERE)] == ["ada"] * 3
    assert len(registry.rounds.costs) == 1
    registry.clock.advance(60.0)
    assert registry.login() == "ada"
    assert len(registry.rounds.costs) == 2
    assert [registry.login("wrong") for _ in range(3)] == ["wrong"] * 3
    assert len(registry.rounds.costs) == 5


def test_who_pulls_all_the_time_does_not_stand_in_line(tmp_path: Path) -> None:
    """While a flood from everywhere fills the line for hours, a user of the file who keeps pulling is let in."""
    pool = HeldPool()
    registry = Registry(tmp_path / "users.htpasswd", pool)
    begin(registry.passwords.verify("ada", "lovelace", HERE))
    pool.release()
    for number in range(40):
        begin(registry.passwords.verify("ada", f"guess {number}", f"198.51.100.{number}"))
    assert len(pool.held) == 32
    for _ in range(1000):
        registry.clock.advance(29.0)
        assert registry.login() == "ada"


def test_where_changes_are_not_told_the_time_is_short() -> None:
    """A user whom a directory has removed is let in for a minute at most, however often they come."""
    names = [b"ada"]
    passwords = Passwords([Answering(lambda _: names[0])], clock := Clock())
    assert at_once(passwords.verify("ada", "lovelace", HERE)) == ADA
    names[0] = b"removed"
    for _ in range(59):
        clock.advance(1.0)
        assert at_once(passwords.verify("ada", "lovelace", HERE)) == ADA
    clock.advance(1.0)
    assert at_once(passwords.verify("ada", "lovelace", HERE)) == Principal("removed")


@pytest.mark.parametrize("changed", [f"ada:{hashed('hopper')}\n", f"grace:{hashed('lovelace')}\n", ""])
def test_a_changed_file_ends_what_was_remembered(registry: Registry, changed: str) -> None:
    """A changed password and a removed user are wrong at the first request a second later, remembered or not."""
    assert registry.login() == "ada"
    registry.path.write_text(changed)
    registry.clock.advance(1.0)
    assert registry.login() == "wrong"


def test_a_broken_file_keeps_what_was_remembered(registry: Registry) -> None:
    """When the old file holds on, so does what was right by it."""
    assert registry.login() == "ada"
    with errors() as logged:
        registry.path.write_text("nonsense")
        registry.clock.advance(1.0)
        assert registry.login() == "ada"
    assert len(logged) == 1
    assert len(registry.rounds.costs) == 1


def test_a_login_behind_a_change_does_not_join_one_from_before(tmp_path: Path) -> None:
    """A request that comes when the password has changed is judged by the new file, though the old is being asked."""
    pool = HeldPool()
    registry = Registry(tmp_path / "users.htpasswd", pool)
    _, before = begin(registry.passwords.verify("ada", "lovelace", HERE))
    registry.path.write_text(f"ada:{hashed('hopper')}\n")
    registry.clock.advance(1.0)
    _, behind = begin(registry.passwords.verify("ada", "lovelace", HERE))
    pool.release()
    pool.release()
    assert (outcome_of(before), outcome_of(behind)) == ("ada", "wrong")
    _, again = begin(registry.passwords.verify("ada", "lovelace", HERE))
    pool.release()
    assert outcome_of(again) == "wrong"


def test_a_flood_of_one_wrong_login_costs_the_bound(registry: Registry) -> None:
    """Of a thousand wrong logins in a row ten are compared; the rest are refused without work."""
    outcomes = [registry.login("wrong") for _ in range(1000)]
    assert outcomes == ["wrong"] * 10 + ["too many"] * 990
    assert len(registry.rounds.costs) == 10


def test_a_flood_at_once_costs_one(tmp_path: Path) -> None:
    """A thousand equal wrong logins at once are one comparison and one failure."""
    pool = HeldPool()
    registry = Registry(tmp_path / "users.htpasswd", pool)
    flood = [begin(registry.passwords.verify("ada", "wrong", HERE))[1] for _ in range(1000)]
    assert len(pool.held) == 1
    pool.release()
    assert [outcome_of(outcomes) for outcomes in flood] == ["wrong"] * 1000
    assert registry.rounds.costs == [12]
    assert not pool.held


def test_a_flood_of_different_ones_at_once_costs_the_bound(tmp_path: Path) -> None:
    """A thousand different guesses at once are counted when they come, not when they have failed."""
    pool = HeldPool()
    registry = Registry(tmp_path / "users.htpasswd", pool)
    flood = [begin(registry.passwords.verify("ada", f"guess {number}", HERE))[1] for number in range(1000)]
    assert len(pool.held) == 10
    while pool.held:
        pool.release()
    assert sorted(map(outcome_of, flood)) == ["too many"] * 990 + ["wrong"] * 10


def test_a_flood_from_everywhere_waits_in_a_short_line(tmp_path: Path) -> None:
    """From a thousand addresses at once no more than 32 comparisons wait; the others may try again in a second."""
    pool = HeldPool()
    registry = Registry(tmp_path / "users.htpasswd", pool)
    flood = [
        begin(registry.passwords.verify("ada", f"guess {number}", f"198.51.100.{number}"))[1] for number in range(1000)
    ]
    assert len(pool.held) == 32
    refused = [outcomes[0] for outcomes in flood if outcomes]
    assert len(refused) == 968
    assert [str(one.value) for one in refused if isinstance(one, Failure)] == [str(TooManyAttempts(1))] * 968
    while pool.held:
        pool.release()
    # What was not looked at was not counted.
    again = [begin(registry.passwords.verify("ada", f"{number}", "198.51.100.999"))[1] for number in range(1000)]
    assert len(pool.held) == 10
    while pool.held:
        pool.release()
    assert sorted(map(outcome_of, again)) == ["too many"] * 990 + ["wrong"] * 10


def test_equal_right_logins_share_a_comparison(tmp_path: Path) -> None:
    """What a client asks for side by side, and what a hundred nodes do, is compared once."""
    pool = HeldPool()
    registry = Registry(tmp_path / "users.htpasswd", pool)
    logins = [
        begin(registry.passwords.verify("ada", "lovelace", f"198.51.100.{number % 50}"))[1] for number in range(100)
    ]
    pool.release()
    assert [outcome_of(outcomes) for outcomes in logins] == ["ada"] * 100
    assert registry.rounds.costs == [12]


@pytest.mark.parametrize("leaving", [0, 1])
def test_who_leaves_does_not_take_others_along(tmp_path: Path, leaving: int) -> None:
    """Of two that share a comparison either can be cancelled; the other is answered, and the success remembered."""
    pool = HeldPool()
    registry = Registry(tmp_path / "users.htpasswd", pool)
    logins: list[tuple[Deferred[object], list[object]]] = [
        begin(registry.passwords.verify("ada", "lovelace", HERE)) for _ in range(2)
    ]
    logins[leaving][0].cancel()
    assert outcome_of(logins[leaving][1]) == "cancelled"
    pool.release()
    assert outcome_of(logins[1 - leaving][1]) == "ada"
    assert registry.login() == "ada"
    assert not pool.held


def test_who_leaves_is_counted(tmp_path: Path) -> None:
    """To hang up does not save a guess: it is compared, and counts."""
    pool = HeldPool()
    registry = Registry(tmp_path / "users.htpasswd", pool)
    with errors() as logged:
        for number in range(1000):
            leaving, _ = begin(registry.passwords.verify("ada", f"guess {number}", HERE))
            leaving.cancel()
        assert len(pool.held) == 10
        while pool.held:
            pool.release()
    assert registry.login("guess") == "too many"
    assert logged == []


def test_where_others_failed_a_remembered_login_passes(registry: Registry) -> None:
    """An address that is limited is open to whoever was right there a moment ago."""
    assert registry.login() == "ada"
    for number in range(200):
        registry.login("wrong", f"user{number}")
    assert registry.login("wrong", "another") == "too many"
    assert registry.login() == "ada"
    assert registry.login(peer=THERE) == "ada"


def test_while_limited_nothing_is_compared(registry: Registry) -> None:
    """While an account is limited at an address not even its right password is looked at there."""
    for number in range(10):
        registry.login(f"guess {number}")
    registry.rounds.forget()
    assert registry.login() == "too many"
    assert registry.rounds.costs == []
    registry.clock.advance(10.0)
    assert registry.login() == "ada"


def test_nobody_is_locked_out_from_elsewhere(registry: Registry) -> None:
    """However many fail as ada from wherever, ada logs in from where she is."""
    for address in range(200):
        for number in range(20):
            registry.login(f"guess {number}", peer=f"198.51.100.{address}")
    assert registry.login() == "ada"


def test_an_ipv6_network_is_one_address(registry: Registry) -> None:
    """Whoever has a network of 64 bits has no more guesses than one who has an address."""
    outcomes = [registry.login(f"guess {number}", peer=f"2001:db8::{number:x}") for number in range(100)]
    assert outcomes.count("wrong") == 10
    assert registry.login(peer="2001:db8:0:1::1") == "ada"


def test_right_logins_are_not_counted(tmp_path: Path) -> None:
    """Users who share an address may log in as often as they like."""
    registry = Registry(tmp_path / "users.htpasswd", limits=AttemptLimits(Allowance(1, 1000.0), Allowance(1, 1000.0)))
    for _ in range(100):
        registry.clock.advance(60.0)
        assert registry.login() == "ada"
    assert [registry.login("wrong") for _ in range(2)] == ["wrong", "too many"]


def test_each_address_that_joins_a_wrong_login_is_counted(tmp_path: Path) -> None:
    """A guess that is shared by two addresses is a failure of both, and one that is right is one of neither."""
    limits = AttemptLimits(Allowance(1, 1000.0), Allowance(100, 1.0))
    for password, then in (("wrong", "too many"), ("lovelace", "wrong")):
        pool = HeldPool()
        registry = Registry(tmp_path / "users.htpasswd", pool, limits)
        both = [begin(registry.passwords.verify("ada", password, peer))[1] for peer in (HERE, THERE, HERE)]
        pool.release()
        assert len({outcome_of(outcomes) for outcomes in both}) == 1
        for peer in (HERE, THERE):
            _, outcome = begin(registry.passwords.verify("ada", "another", peer))
            if pool.held:
                pool.release()
            assert outcome_of(outcome) == then


def test_a_limited_address_does_not_join(tmp_path: Path) -> None:
    """Whoever is limited hears nothing of what another address is asking about."""
    pool = HeldPool()
    registry = Registry(tmp_path / "users.htpasswd", pool, AttemptLimits(Allowance(1, 1000.0), Allowance(1, 1000.0)))
    begin(registry.passwords.verify("ada", "wrong", THERE))
    pool.release()
    _, here = begin(registry.passwords.verify("ada", "lovelace", HERE))
    assert registry.login(peer=THERE) == "too many"
    pool.release()
    assert outcome_of(here) == "ada"


def test_when_the_directory_is_down_nobody_is_wrong() -> None:
    """A checker that fails is a 503, which no client takes for a wrong password, and counts against nobody."""
    passwords = Passwords([failing(OSError(111, "down"))], Clock())
    with errors() as logged:
        for _ in range(200):
            with pytest.raises(Unavailable, match="cannot be asked now"):
                at_once(passwords.verify("ada", "lovelace", HERE))
    assert len(logged) == 200


def test_when_one_of_two_is_down_guesses_at_the_other_count() -> None:
    """While the directory is down, passwords of the file cannot be guessed without a limit."""
    users = InMemoryUsers({"ada": "lovelace"})
    passwords = Passwords([failing(OSError(111, "down")), users], Clock())
    with errors():
        outcomes = [outcome_of(begin(passwords.verify("ada", f"guess {number}", HERE))[1]) for number in range(100)]
        assert outcomes == ["unavailable"] * 10 + ["too many"] * 90
        assert at_once(passwords.verify("ada", "lovelace", THERE)) == ADA


def test_a_directory_that_does_not_answer() -> None:
    """After the patience all who wait hear that it cannot be asked."""
    clock, directory = Clock(), Directory()
    passwords = Passwords([directory], clock, patience=5.0)
    waiting = [begin(passwords.verify("ada", "lovelace", HERE))[1] for _ in range(3)]
    assert len(directory.asked) == 1
    with errors():
        clock.advance(5.0)
    assert [outcome_of(outcomes) for outcomes in waiting] == ["unavailable"] * 3
    _, outcome = begin(passwords.verify("ada", "lovelace", HERE))
    directory.open.pop(0)
    directory.open.pop(0).callback(b"ada")
    assert outcome_of(outcome) == "ada"


def test_with_nothing_remembered_each_is_asked() -> None:
    """With a time of 0 every request is asked about, once what is asked already has been answered."""
    everyone = Answering(lambda credentials: credentials.username)
    passwords = Passwords([everyone], Clock(), remember=0.0)
    for _ in range(3):
        assert at_once(passwords.verify("ada", "lovelace", HERE)) == ADA
    assert everyone.asked == 3


class Story:
    """
    Logins that come, share, leave and are answered, while the password changes.

    :ivar logins: what was shown, what has been the password meanwhile, and the outcome.
    """

    def __init__(self) -> None:
        self.directory = Directory()
        self.passwords = Passwords([self.directory], Clock(), remember=0.0)
        self.password = "lovelace"
        self.logins: list[tuple[str, set[str], Deferred[object], list[object]]] = []

    def begin(self, shown: str, peer: str) -> None:
        """Let a login come."""
        self.logins.append((shown, {self.password}, *begin(self.passwords.verify("ada", shown, peer))))

    def leave(self, shown: str, peer: str) -> None:
        """Let one leave."""
        del peer
        for login in self.logins:
            if login[0] == shown:
                login[2].cancel()
                break

    def answer(self, shown: str = "", peer: str = "") -> None:
        """Let the directory answer what it was asked first, if anything."""
        del shown, peer
        if self.directory.open:
            asked = self.directory.asked[len(self.directory.asked) - len(self.directory.open)]
            (self.directory.accept if asked[1].decode() == self.password else self.directory.refuse)()

    def change(self, shown: str, peer: str) -> None:
        """Let the password be another one; the logins that wait have seen both."""
        del peer
        self.password = shown
        for _, held, _, outcomes in self.logins:
            if not outcomes:
                held.add(shown)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([Story.begin, Story.begin, Story.leave, Story.answer, Story.change]),
            st.sampled_from(["lovelace", "hopper", "babbage"]),
            st.sampled_from([HERE, THERE]),
        ),
        max_size=40,
    )
)
def test_only_the_right_password_is_let_in(steps: list[tuple[Callable[[Story, str, str], None], str, str]]) -> None:
    """Whatever happens, every login ends, and is judged by what was the password while it was under way."""
    story = Story()
    for step, shown, peer in steps:
        step(story, shown, peer)
    while story.directory.open:
        story.answer()
    for shown, held, _, outcomes in story.logins:
        outcome = outcome_of(outcomes)
        assert outcome in {"ada", "wrong", "too many", "cancelled"}
        assert outcome != "ada" or shown in held
        assert outcome != "wrong" or held != {shown}
