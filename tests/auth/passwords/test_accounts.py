"""
Whatever is wrong with a login takes the same work.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oci_twisted.auth.passwords.accounts import Accounts
from oci_twisted.auth.passwords.hashes import hash_password, parse_hash
from tests.auth.passwords.doubles import DIGESTS, Rounds, hashed

COSTS = st.integers(4, 15)


def accounts(rounds: Rounds, **kept: str) -> Accounts:
    """Make some."""
    return Accounts({name.encode(): parse_hash(text) for name, text in kept.items()}, rounds)


def test_right_and_wrong() -> None:
    """A user's own password admits them; another's does not, and names are compared to the letter."""
    rounds = Rounds()
    two = accounts(rounds, ada=hashed("lovelace"), charles=hashed("babbage"))
    assert len(two) == 2
    assert two.admit(b"ada", b"lovelace")
    assert two.admit(b"charles", b"babbage")
    assert not two.admit(b"ada", b"babbage")
    assert not two.admit(b"Ada", b"lovelace")
    assert not two.admit(b"ada ", b"lovelace")
    assert not two.admit(b"grace", b"hopper")


def test_a_name_that_is_nobodys_takes_the_same_comparison() -> None:
    """A wrong password and an unknown name each cost one comparison of the same cost (distribution 7ed654e)."""
    rounds = Rounds()
    one = accounts(rounds, ada=hashed("lovelace", 11))
    for user, password in ((b"ada", b"wrong"), (b"grace", b"wrong"), (b"", b""), (b"ada", b"x" * 73), (b"ada", b"\0")):
        rounds.forget()
        assert not one.admit(user, password)
        assert rounds.costs == [11]


@given(costs=st.lists(COSTS, min_size=1, max_size=5), data=st.data())
def test_whatever_is_wrong_takes_the_same_rounds(costs: list[int], data: st.DataObject) -> None:
    """Whatever costs the hashes in a file have, every wrong login takes the rounds of the dearest of them."""
    rounds = Rounds()
    some = accounts(rounds, **{f"user{number}": hashed("lovelace", cost) for number, cost in enumerate(costs)})
    user = data.draw(st.sampled_from([*(f"user{number}" for number in range(len(costs))), "nobody"]))
    password = data.draw(st.sampled_from([b"babbage", b"", b"lovelace" * 10, b"lovelace\0"]))
    assert not some.admit(user.encode(), password)
    assert rounds.total == 1 << max(costs)


def test_a_long_password_is_never_cut_off() -> None:
    """A password whose first 72 bytes are right is wrong, and so is one that is right up to a NUL."""
    password = "x" * 72
    one = Accounts({b"ada": parse_hash(hash_password(password, 4))})
    assert one.admit(b"ada", password.encode())
    assert not one.admit(b"ada", f"{password}y".encode())
    assert not one.admit(b"ada", f"{password[:71]}\0".encode())


def test_where_there_is_nobody_there_is_nothing_to_hide() -> None:
    """Without users nobody is admitted, and no work is done."""
    rounds = Rounds()
    assert not accounts(rounds).admit(b"ada", b"lovelace")
    assert rounds.costs == []


@pytest.mark.parametrize("password", sorted(DIGESTS))
def test_nothing_is_shown(password: str) -> None:
    """Neither the accounts nor a hash show what they hold."""
    kept = parse_hash(hashed(password))
    assert not [text for text in (repr(kept), repr(Accounts({b"ada": kept}))) if DIGESTS[password] in text]
