"""Time, processor time and memory of this process."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from attrs import asdict, define, field

from tests.bench.processes import peak_resident_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator


@define
class Meter:
    """
    What a piece of work took.

    :ivar amount: of whatever the row counts.
    :ivar seconds: between its beginning and its end.
    :ivar cpu: seconds of processor time, of all threads.
    :ivar peak: the most memory that the process has had, the interpreter and all that it has imported with it.
    """

    amount: int = 0
    seconds: float = field(default=0.0, init=False)
    cpu: float = field(default=0.0, init=False)
    peak: int = field(default=0, init=False)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Measure what happens meanwhile."""
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.seconds, self.cpu = time.perf_counter() - wall, time.process_time() - cpu
        self.peak = peak_resident_bytes(os.getpid())

    def document(self) -> dict[str, float]:
        """Answer it as it goes to the parent."""
        return asdict(self)
