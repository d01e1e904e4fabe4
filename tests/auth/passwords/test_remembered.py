"""
Logins that were right a moment ago.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from oci_twisted.auth.passwords.remembered import Remembered
from oci_twisted.interfaces import Principal

ADA = Principal("ada")
LOGINS = st.tuples(st.binary(max_size=8), st.binary(max_size=8))


def remember(remembered: Remembered, user: bytes, generation: object = ()) -> bytes:
    """Let a success be remembered, and answer its key."""
    key = remembered.key(user, b"secret")
    remembered.find(key, generation)
    remembered.add(key, generation, Principal(user.decode()))
    return key


def test_for_a_while() -> None:
    """A success is good for its time, counted from the verification however often it is used, and not longer."""
    clock = Clock()
    remembered = Remembered(clock, 60.0)
    key = remember(remembered, b"ada")
    clock.advance(59.0)
    assert remembered.find(key, ()) == ADA
    assert remembered.find(remembered.key(b"ada", b"other"), ()) is None
    clock.advance(1.0)
    assert remembered.find(key, ()) is None
    assert len(remembered) == 0


def test_from_the_last_use() -> None:
    """Where every change is told, a success is good as long as it is used, and for its time behind that."""
    clock = Clock()
    remembered = Remembered(clock, 60.0, renewed=True)
    key = remember(remembered, b"ada")
    for _ in range(100):
        clock.advance(59.0)
        assert remembered.find(key, ()) == ADA
    clock.advance(60.0)
    assert remembered.find(key, ()) is None


def test_a_clock_that_is_set_back_makes_it_no_longer() -> None:
    """A success from the future is none."""
    clock = Clock()
    clock.advance(1000.0)
    remembered = Remembered(clock, 60.0)
    key = remember(remembered, b"ada")
    clock.rightNow = 900.0
    assert remembered.find(key, ()) is None


def test_a_change_ends_all() -> None:
    """Once something has changed nothing from before is good, even when it changes back."""
    remembered = Remembered(Clock())
    key = remember(remembered, b"ada", (1,))
    assert remembered.find(key, (1,)) == ADA
    assert remembered.find(key, (2,)) is None
    assert remembered.find(key, (1,)) is None


def test_what_was_verified_before_a_change_is_not_remembered_behind_it() -> None:
    """A verification that ends when something has changed meanwhile is not remembered."""
    remembered = Remembered(Clock())
    key = remembered.key(b"ada", b"secret")
    assert remembered.find(key, (1,)) is None
    assert remembered.find(remembered.key(b"grace", b"secret"), (2,)) is None
    remembered.add(key, (1,), ADA)
    assert len(remembered) == 0


def test_there_is_a_bound() -> None:
    """Of too many, that which was used longest ago is forgotten."""
    remembered = Remembered(Clock(), most=2)
    ada, grace = remember(remembered, b"ada"), remember(remembered, b"grace")
    assert remembered.find(ada, ()) == ADA
    alan = remember(remembered, b"alan")
    assert len(remembered) == 2
    assert remembered.find(grace, ()) is None
    assert [remembered.find(key, ()) is not None for key in (ada, alan)] == [True, True]


def test_for_no_time() -> None:
    """With no time to be remembered for, nothing is."""
    remembered = Remembered(Clock(), 0.0)
    assert remembered.find(remember(remembered, b"ada"), ()) is None


@given(one=LOGINS, other=LOGINS)
def test_no_two_logins_have_one_key(one: tuple[bytes, bytes], other: tuple[bytes, bytes]) -> None:
    """Two logins have the same key only when name and password are the same, whatever bytes are in them."""
    remembered = Remembered(Clock())
    assert (remembered.key(*one) == remembered.key(*other)) == (one == other)


def test_a_name_and_a_password_are_told_apart() -> None:
    """Bytes that move from the name to the password, with digits or a NUL between them, make another login."""
    remembered = Remembered(Clock())
    logins = [(b"1", b":a"), (b"", b"1:a"), (b"a\0b", b"c"), (b"a", b"b\0c"), (b"a", b"\0b\0c"), (b"1:", b"a")]
    assert len({remembered.key(*login) for login in logins}) == len(logins)


def test_another_process_has_other_keys() -> None:
    """The keys are of use to nobody who gets hold of them: the next process has others."""
    first, second = Remembered(Clock()), Remembered(Clock())
    assert first.key(b"ada", b"lovelace") != second.key(b"ada", b"lovelace")
