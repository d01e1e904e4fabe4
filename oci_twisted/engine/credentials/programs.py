"""
Programs that keep credentials: ``docker-credential-pass``, ``docker-credential-secretservice`` and so on.
"""

from __future__ import annotations

import json
import re
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.defer import TimeoutError as WaitedTooLong
from twisted.internet.error import ProcessDone, ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol, connectionDone

from oci_twisted.engine.errors import CredentialsFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from twisted.python.failure import Failure

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_OUTPUT_LIMIT = 64 << 10
_NOTHING = "credentials not found in native keychain"


class Kept(NamedTuple):
    """What a helper keeps for a registry."""

    username: str
    secret: str

    def __repr__(self) -> str:
        # Representations end up in logs.
        return f"Kept({self.username!r}, ...)"


async def ask_helper(
    reactor: Any,  # noqa: ANN401 - one that spawns processes
    name: str,
    server: str,
    *,
    environment: Mapping[str, str],
    seconds: float,
) -> Kept | None:
    """
    Ask ``docker-credential-NAME`` for what it keeps for a registry.

    The registry's name goes to its standard input, and the secret comes from its standard output: neither is ever an
    argument, which everybody on the machine could read.  When the wait is cancelled, the program is killed.

    :param environment: of the program, which is searched for along the ``PATH`` in it.
    :param seconds: after which it is killed.
    :return: ``None`` when it keeps nothing for this registry.
    :raise CredentialsFailed: when there is no such program, or it fails, does not end or answers something else.
    """
    program = f"docker-credential-{name}"
    path = shutil.which(program, path=environment.get("PATH")) if _NAME.fullmatch(name) else None
    if path is None:
        raise CredentialsFailed(f"{program}, which the configuration names, is not there")
    running = _Helper(server.encode())
    reactor.spawnProcess(running, path, [program, "get"], env=dict(environment))
    try:
        output, code = await running.ended.addTimeout(seconds, reactor)
    except CancelledError:
        running.kill()
        raise
    except WaitedTooLong as error:
        running.kill()
        raise CredentialsFailed(f"{program} did not answer within {seconds:g} s") from error
    if code != 0:
        if _NOTHING in output.decode("utf-8", "replace"):
            return None
        # What it printed may be anything, even a secret.
        raise CredentialsFailed(f"{program} failed with status {code} when it was asked for {server}")
    return _parse(program, output)


def _parse(program: str, output: bytes) -> Kept:
    try:
        document = json.loads(output)
        username, secret = document["Username"], document["Secret"]
    except (ValueError, TypeError, KeyError, RecursionError):
        username = secret = None
    if not isinstance(username, str) or not isinstance(secret, str):
        # Without the cause: its message quotes what was printed.
        raise CredentialsFailed(f"{program} did not answer with a user's name and a secret") from None
    return Kept(username, secret)


class _Helper(ProcessProtocol):
    """
    One run.

    :ivar ended: fires with its output and its exit status, which is negative for a signal.
    """

    def __init__(self, question: bytes) -> None:
        self._question = question
        self._output = bytearray()
        self.ended: Deferred[tuple[bytes, int]] = Deferred()

    def connectionMade(self) -> None:
        """Ask."""
        self._process.write(self._question)
        self._process.closeStdin()

    def outReceived(self, data: bytes) -> None:
        """Take a part of the answer."""
        self._output += data
        if len(self._output) > _OUTPUT_LIMIT:
            self._output.clear()
            self.kill()

    def kill(self) -> None:
        """End it at once, unless it has ended."""
        with suppress(ProcessExitedAlready):
            self._process.signalProcess("KILL")
        # Its own children, if it has any, lose whom they write to.
        self._process.loseConnection()

    def processEnded(self, reason: Failure = connectionDone) -> None:
        """Tell whoever waits."""
        code = 0 if reason.check(ProcessDone) else getattr(reason.value, "exitCode", None)
        if not self.ended.called:
            self.ended.callback((bytes(self._output), -1 if code is None else code))

    @property
    def _process(self) -> Any:  # noqa: ANN401 - IProcessTransport, and a pipe's
        return self.transport
