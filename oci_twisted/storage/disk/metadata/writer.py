"""
The one writer of the file in this process.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple

from attrs import frozen
from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from oci_twisted.storage.disk.metadata.failures import refusal
from oci_twisted.stream.shielding import shielded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from oci_twisted.interfaces import IBlockingPool

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

# Bounds how long the first of them waits for the last.
_MOST_AT_ONCE = 128


@frozen
class _Write:
    change: Callable[[sqlite3.Connection], object]
    waiter: Deferred[Any]


class Writer:
    """
    Makes changes durable, several with one sync.

    Changes that arrive while others are being written wait for them and then become one transaction together, so
    that many clients pay for one sync between them.  Each has a savepoint of its own: one that is refused takes
    nothing else back.  A change gets its answer when the transaction is durable, not before.

    :param connection: nobody else's.
    :param pool: of one thread; it is not stopped here.
    """

    def __init__(self, connection: sqlite3.Connection, pool: IBlockingPool) -> None:
        self._connection = connection
        self._pool = pool
        self._waiting: deque[_Write] = deque()
        self._drained: Deferred[None] = succeed(None)

    async def write(self, change: Callable[[sqlite3.Connection, *Ts], T], *arguments: *Ts) -> T:
        """
        Call ``change`` with the connection and ``arguments``, in a transaction, and answer what it answers.

        It may be called a second time, after a rollback.  If it raises, nothing is changed.  If cancelled, the change
        happens all the same.

        :raise StorageFull: and nothing is changed.
        :raise Unavailable: and nothing is changed.
        """
        waiter: Deferred[T] = Deferred()
        self._waiting.append(_Write(lambda connection: change(connection, *arguments), waiter))
        if self._drained.called:
            self._drained = Deferred.fromCoroutine(self._drain())
        try:
            return await waiter
        except sqlite3.OperationalError as error:
            raise refusal(error) from error

    async def close(self) -> None:
        """
        Wait for what is still being written for callers that have gone away, then let go of the file.

        If cancelled, it happens all the same.
        """
        await shielded(self._finish())

    async def _finish(self) -> None:
        await self._drained
        await self._pool.run(self._close)

    def _close(self) -> None:
        # The last process to close does away with the log in any case.  One of several leaves it empty if it can at
        # once; all that was promised is in the log, and that it is long harms nobody.
        with suppress(sqlite3.OperationalError):
            self._connection.execute("PRAGMA busy_timeout = 0")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._connection.close()

    async def _drain(self) -> None:
        while self._waiting:
            writes = [self._waiting.popleft() for _ in range(min(len(self._waiting), _MOST_AT_ONCE))]
            outcomes: Sequence[object]
            try:
                outcomes = await self._pool.run(partial(self._settle, [write.change for write in writes]))
            except Exception:  # noqa: BLE001 - whatever befell the pool, nobody may wait for ever
                outcomes = [Failure()] * len(writes)
            for write, outcome in zip(writes, outcomes, strict=True):
                write.waiter.callback(outcome)

    def _settle(self, changes: Sequence[Callable[[sqlite3.Connection], object]]) -> list[object]:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error:
            return [Failure()] * len(changes)
        try:
            outcomes = [self._attempt(change) for change in changes]
            self._connection.execute("COMMIT")
        except sqlite3.Error:
            failure = Failure()
            self._connection.rollback()
            if len(changes) == 1:
                return [failure]
            # What has no room for one may have room for another.
            return [outcome for change in changes for outcome in self._settle([change])]
        return outcomes

    def _attempt(self, change: Callable[[sqlite3.Connection], object]) -> object:
        self._connection.execute("SAVEPOINT change")
        outcome: object
        try:
            outcome = change(self._connection)
        except sqlite3.OperationalError:
            # SQLite may have rolled back all of the transaction.
            raise
        except Exception:  # noqa: BLE001 - the caller's to judge
            outcome = Failure()
            self._connection.execute("ROLLBACK TO change")
        self._connection.execute("RELEASE change")
        return outcome
