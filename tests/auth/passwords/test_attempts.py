"""
How often a login may fail.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from oci_twisted.auth.passwords.attempts import Allowance, AttemptLimits, Attempts, Buckets, address_of
from oci_twisted.spec.errors import TooManyAttempts

HERE, THERE = "192.0.2.1", "192.0.2.2"


def fail(attempts: Attempts, user: str, address: str, times: int = 1) -> int:
    """Begin attempts that fail, and answer how many of them were taken."""
    taken = 0
    for _ in range(times):
        try:
            attempts.begin(user.encode(), address)
        except TooManyAttempts:
            continue
        taken += 1
    return taken


def wait(attempts: Attempts, user: str, address: str) -> int:
    """Answer what a refused attempt is told."""
    with pytest.raises(TooManyAttempts) as refused:
        attempts.begin(user.encode(), address)
    return refused.value.retry_after


@pytest.fixture
def clock() -> Clock:
    """Make a clock that a test moves."""
    return Clock()


@pytest.fixture
def attempts(clock: Clock) -> Attempts:
    """Make a counter with the limits that hold by default."""
    return Attempts(clock, AttemptLimits())


def test_of_one_account_at_one_address(attempts: Attempts, clock: Clock) -> None:
    """Ten fail in a row; from then on it is one in ten seconds, and the refusal says when."""
    assert fail(attempts, "ada", HERE, 1000) == 10
    assert wait(attempts, "ada", HERE) == 10
    clock.advance(9.5)
    assert wait(attempts, "ada", HERE) == 1
    clock.advance(0.5)
    assert fail(attempts, "ada", HERE, 1000) == 1
    clock.advance(100.0)
    assert fail(attempts, "ada", HERE, 1000) == 10


def test_of_all_accounts_at_one_address(attempts: Attempts, clock: Clock) -> None:
    """A hundred fail in a row, whoever they name; from then on it is one a second."""
    assert sum(fail(attempts, f"user{number}", HERE) for number in range(1000)) == 100
    assert wait(attempts, "another", HERE) == 1
    clock.advance(3.0)
    assert sum(fail(attempts, f"user{number}", HERE) for number in range(1000)) == 3


def test_nobody_is_locked_out_from_elsewhere(attempts: Attempts) -> None:
    """However many addresses fail on an account, its user at another address has every attempt."""
    for number in range(1000):
        fail(attempts, "ada", f"198.51.100.{number}", 100)
    assert fail(attempts, "ada", HERE, 1000) == 10


def test_asking_again_does_not_make_the_wait_longer(attempts: Attempts, clock: Clock) -> None:
    """What is refused is not counted, so a client that knocks all the time is looked at as soon as one that waits."""
    fail(attempts, "ada", HERE, 10)
    for _ in range(20):
        clock.advance(0.4)
        assert fail(attempts, "ada", HERE, 50) == 0
    clock.advance(2.0)
    assert fail(attempts, "ada", HERE, 50) == 1


def test_what_one_account_is_refused_the_address_is_not_charged_for(attempts: Attempts) -> None:
    """A machine that keeps trying one old password does not use up what its neighbours at the address have."""
    fail(attempts, "robot", HERE, 10_000)
    assert sum(fail(attempts, f"user{number}", HERE) for number in range(1000)) == 90


def test_what_was_right_is_forgiven(attempts: Attempts) -> None:
    """A login that turns out right was no attempt, however many of them there are."""
    for _ in range(1000):
        attempts.begin(b"ada", HERE).forgive()
    assert fail(attempts, "ada", HERE, 1000) == 10


def test_a_right_one_does_not_pay_for_the_wrong_ones(attempts: Attempts) -> None:
    """Somebody with an account of their own gets no more guesses at another's by logging in between them."""
    taken = 0
    for _ in range(100):
        taken += fail(attempts, "ada", HERE)
        attempts.begin(b"mine", HERE).forgive()
    assert taken == 10


def test_a_clock_that_is_set_back_locks_nobody_out(attempts: Attempts, clock: Clock) -> None:
    """After a clock is set back by a day, a wait is no longer than the longest there is."""
    clock.advance(86_400.0)
    fail(attempts, "ada", HERE, 10)
    clock.rightNow = 0.0
    assert wait(attempts, "ada", HERE) <= 10
    clock.advance(10.0)
    assert fail(attempts, "ada", HERE, 50) == 1


def test_memory_is_bounded() -> None:
    """Of too many, the one that was at rest for longest is forgotten, and names of any length take the same room."""
    buckets = Buckets(Allowance(2, 10.0), most=3)
    for key in (b"a", b"b", b"c", b"a", b"d"):
        buckets.take(key, 0.0)
    assert len(buckets) == 3
    assert [buckets.wait(key, 0.0) > 0 for key in (b"a", b"b")] == [True, False]


def test_a_full_bucket_is_not_kept() -> None:
    """What was given back leaves nothing behind, even if it was forgotten meanwhile."""
    buckets = Buckets(Allowance(2, 10.0), most=3)
    buckets.take(b"a", 0.0)
    buckets.give_back(b"a", 0.0)
    buckets.give_back(b"never", 0.0)
    assert len(buckets) == 0


@given(
    burst=st.integers(1, 5),
    interval=st.integers(1, 20),
    steps=st.lists(st.tuples(st.integers(0, 30), st.booleans()), max_size=60),
)
def test_a_bucket_is_a_bucket(burst: int, interval: int, steps: list[tuple[int, bool]]) -> None:
    """A bucket lets through what a plain count of its content would, whatever comes when, and says the right wait."""
    buckets = Buckets(Allowance(burst, interval), most=1)
    now, content = 0, float(burst)
    for pause, right in steps:
        now += pause
        content = min(float(burst), content + pause / interval)
        left = buckets.wait(b"key", float(now))
        assert (left == 0) == (content > 1 - 1e-9)
        assert left == pytest.approx(max(0.0, (1 - content) * interval), abs=1e-6)
        if left == 0:
            buckets.take(b"key", float(now))
            content -= 1
            if right:
                buckets.give_back(b"key", float(now))
                content += 1


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::"),
        ("2001:db8:1:3::6", "2001:db8:1:3::"),
        ("fe80::1%eth0", "fe80::"),
        ("unix", "unix"),
        ("", ""),
    ],
)
def test_addresses(peer: str, address: str) -> None:
    """An IPv6 network of 64 bits counts as one address, an IPv4 address in the form of the other as itself."""
    assert address_of(peer) == address


def test_an_attempt_shows_nothing(attempts: Attempts) -> None:
    """What is counted does not show whom it is about, since people type passwords where names belong."""
    assert "canary" not in repr(attempts.begin(b"canary", HERE))
    assert fail(attempts, "canary", THERE) == 1
