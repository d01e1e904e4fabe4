"""
How many may wait for a pool.
"""

from __future__ import annotations

from functools import partial

import pytest
from zope.interface.verify import verifyObject

from oci_twisted.auth.passwords.turns import Turns
from oci_twisted.interfaces import IBlockingPool
from oci_twisted.spec.errors import TooManyAttempts
from oci_twisted.stream.pools import InlinePool
from tests.http.stacks import at_once
from tests.storage.metadata_pools import BrokenPool, HeldPool, begin


def test_it_is_what_it_says() -> None:
    """It provides its interface, and leaves the pool that it was handed to whoever stops it."""
    turns = Turns(InlinePool())
    verifyObject(IBlockingPool, turns)
    assert at_once(turns.run(lambda: 6 * 7)) == 42
    at_once(turns.stop())
    assert at_once(turns.run(lambda: 6 * 7)) == 42


def test_beyond_the_bound_there_is_no_waiting() -> None:
    """What comes when enough waits already is refused at once, for a second, and is never done."""
    pool = HeldPool()
    turns = Turns(pool, 3)
    done: list[int] = []
    outcomes = [begin(turns.run(partial(done.append, number)))[1] for number in range(3)]
    with pytest.raises(TooManyAttempts) as refused:
        at_once(turns.run(lambda: done.append(99)))
    assert refused.value.retry_after == 1
    pool.release()
    assert outcomes == [[None], [], []]
    _, late = begin(turns.run(lambda: done.append(3)))
    while pool.held:
        pool.release()
    assert late == [None]
    assert done == [0, 1, 2, 3]


def test_who_leaves_keeps_the_place_until_the_work_is_done() -> None:
    """A thread that works for a client who has gone is not free, so clients who leave cannot make others wait."""
    pool = HeldPool()
    turns = Turns(pool, 1)
    leaving, _ = begin(turns.run(lambda: 1))
    leaving.cancel()
    with pytest.raises(TooManyAttempts):
        at_once(turns.run(lambda: 2))
    pool.release()
    _, next_one = begin(turns.run(lambda: 3))
    pool.release()
    assert next_one == [3]


def test_work_that_fails_gives_its_place_back() -> None:
    """Neither work that raises nor a pool that is broken uses the places up."""
    failing = Turns(InlinePool(), 1)
    broken = Turns(BrokenPool(), 1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            at_once(failing.run(lambda: 1 // 0))
        with pytest.raises(RuntimeError, match="no thread"):
            at_once(broken.run(lambda: 1))
