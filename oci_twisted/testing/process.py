"""
Registries in a process of their own, for tests that block.

A thread would need a reactor of its own, and Twisted means there to be one a process: what is tested may have another,
and so may pytest-twisted.  Here the registry shares neither the reactor nor the interpreter's lock with the tests.  To
start the process costs a third of a second, once; each registry in it then costs a few milliseconds.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

_PATIENCE = 60.0
_LINE = 1 << 16


@frozen
class ServedRegistry:
    """
    A registry that is being served.

    :ivar host: as an image's name begins, such as ``127.0.0.1:41234``.
    """

    host: str

    @property
    def url(self) -> str:
        """Its root, such as ``http://127.0.0.1:41234``."""
        return f"http://{self.host}"


class ProcessFailed(Exception):
    """The process does not serve; what it wrote to the standard error says why."""


class RegistryProcess:
    """
    A process that serves registries, as many as are asked for, from any thread.

    What the registries log goes to the standard error, where pytest shows it beside a test that failed.  The process
    ends with this one, however that ends.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            # Nothing that lies in the current folder is meant; and Ctrl-C is for the tests, which then end it.
            [sys.executable, "-P", "-m", "oci_twisted.testing.serving"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            process_group=0,
        )
        self._turn = threading.Lock()
        self._received = b""

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process and all of its registries."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @contextmanager
    def registry(self, **policy: Any) -> Iterator[ServedRegistry]:  # noqa: ANN401 - as the policy's fields
        """
        Serve a registry that is new and empty.

        :param policy: fields of `oci_twisted.registry.policy.Policy`.
        :raise ProcessFailed: when it cannot be served.
        """
        served = self._ask({"serve": policy})
        try:
            yield ServedRegistry(f"127.0.0.1:{served['port']}")
        finally:
            self._ask({"stop": served["port"]})

    def _ask(self, request: dict[str, object]) -> dict[str, Any]:
        with self._turn:
            try:
                os.write(_descriptor(self._process.stdin), json.dumps(request).encode() + b"\n")
            except BrokenPipeError:
                # What it wrote before, if anything, is of no use any more.
                raise self._gone() from None
            answer: dict[str, Any] = json.loads(self._line())
        if "error" in answer:
            raise ProcessFailed(answer["error"])
        return answer

    def _line(self) -> bytes:
        descriptor = _descriptor(self._process.stdout)
        deadline = time.monotonic() + _PATIENCE
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            while b"\n" not in self._received:
                if not selector.select(deadline - time.monotonic()):
                    raise ProcessFailed(f"the registries' process has not answered for {_PATIENCE:g} s")
                received = os.read(descriptor, _LINE)
                if not received:
                    raise self._gone()
                self._received += received
        line, _, self._received = self._received.partition(b"\n")
        return line

    def _gone(self) -> ProcessFailed:
        return ProcessFailed(f"the registries' process ended with {self._process.wait(_PATIENCE)}")


def _descriptor(pipe: Any) -> int:  # noqa: ANN401 - a file, which is there
    descriptor: int = pipe.fileno()
    return descriptor
