"""
Work that is done once for everyone who wants it.
"""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from oci_twisted.auth.passwords.shared import Shared
from tests.http.stacks import at_once
from tests.storage.metadata_pools import begin
from tests.wire.logs import errors


class Work:
    """
    Work that ends when a test says so.

    :ivar begun: how often it was begun.
    """

    def __init__(self) -> None:
        self.begun = 0
        self.end: Deferred[int] = Deferred()

    async def run(self) -> int:
        """Wait."""
        self.begun += 1
        return await self.end


def test_all_hear_of_one_outcome() -> None:
    """The work begins with the first who waits, once, and all are answered when it ends."""
    work = Work()
    shared = Shared(work.run())
    assert work.begun == 0
    outcomes = [begin(shared.outcome())[1] for _ in range(3)]
    assert work.begun == 1
    work.end.callback(42)
    assert outcomes == [[42]] * 3


def test_all_hear_of_one_failure() -> None:
    """What the work raises, everyone raises."""
    work = Work()
    shared = Shared(work.run())
    outcomes = [begin(shared.outcome())[1] for _ in range(2)]
    work.end.errback(LookupError("a defect"))
    for outcome in outcomes:
        [failure] = outcome
        assert isinstance(failure, Failure)
        assert failure.check(LookupError)


def test_work_that_ends_at_once() -> None:
    """Work that has nothing to wait for is answered at once."""
    work = Work()
    work.end.callback(42)
    assert at_once(Shared(work.run()).outcome()) == 42


@pytest.mark.parametrize("leaves", [0, 1])
def test_who_leaves_takes_nothing_along(leaves: int) -> None:
    """One who is cancelled hears so; the other, be it the first or not, is answered."""
    work = Work()
    shared = Shared(work.run())
    waiting = [begin(shared.outcome()) for _ in range(2)]
    waiting[leaves][0].cancel()
    [failure] = waiting[leaves][1]
    assert isinstance(failure, Failure)
    assert failure.check(CancelledError)
    assert waiting[1 - leaves][1] == []
    work.end.callback(42)
    assert waiting[1 - leaves][1] == [42]


def test_when_all_have_left_it_goes_on() -> None:
    """Work that nobody waits for runs to its end; a defect of it is in the log."""
    work = Work()
    waiting, _ = begin(Shared(work.run()).outcome())
    waiting.cancel()
    assert not work.end.called
    with errors() as logged:
        work.end.errback(LookupError("a defect"))
    [failure] = logged
    assert failure is not None
    assert failure.check(LookupError)
