"""
Passwords, compared without bcrypt's work, which is counted instead; and checkers of every temper.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from zope.interface import implementer

if TYPE_CHECKING:
    from collections.abc import Callable

DIGESTS = {"lovelace": "LOVELACE", "babbage": "BABBAGE", "hopper": "HOPPER"}


def hashed(password: str, cost: int = 12) -> str:
    """Make what looks like a hash, and is the password's for `Rounds`."""
    return f"$2b${cost:02}$" + DIGESTS[password].ljust(53, ".")


class Rounds:
    """
    Compares as bcrypt does, at once.

    :ivar costs: of the comparisons so far.
    :ivar shown: the passwords that were compared.
    """

    def __init__(self) -> None:
        self.costs: list[int] = []
        self.shown: list[bytes] = []

    def __call__(self, password: bytes, kept: bytes) -> bool:
        """Compare."""
        assert len(password) <= 72
        self.costs.append(int(kept[4:6]))
        self.shown.append(password)
        return DIGESTS.get(password.decode(), "nobody's") == kept[7:].decode().rstrip(".")

    @property
    def total(self) -> int:
        """How many rounds all of them took."""
        return sum(1 << cost for cost in self.costs)

    def forget(self) -> None:
        """Begin anew."""
        self.costs.clear()
        self.shown.clear()


@implementer(ICredentialsChecker)
class Directory:
    """
    Knows users by asking somewhere else, which takes until a test says so.

    :ivar asked: the names and passwords that it was asked about.
    :ivar open: its answers to come.
    """

    credentialInterfaces = (IUsernamePassword,)  # noqa: N815 - Twisted's

    def __init__(self) -> None:
        self.asked: list[tuple[bytes, bytes]] = []
        self.open: list[Deferred[bytes | tuple[()]]] = []

    def requestAvatarId(self, credentials: IUsernamePassword) -> Deferred[bytes | tuple[()]]:
        """Wait for the test."""
        self.asked.append((credentials.username, credentials.password))
        answer: Deferred[bytes | tuple[()]] = Deferred()
        self.open.append(answer)
        return answer

    def accept(self) -> None:
        """Let in who has waited for longest."""
        name = self.asked[len(self.asked) - len(self.open)][0]
        self.open.pop(0).callback(name)

    def refuse(self) -> None:
        """Refuse who has waited for longest."""
        self.open.pop(0).errback(UnauthorizedLogin())


@implementer(ICredentialsChecker)
class Answering:
    """
    Answers what it is told to.

    :ivar asked: how often it was asked.
    """

    credentialInterfaces = (IUsernamePassword,)  # noqa: N815 - Twisted's

    def __init__(self, answer: Callable[[IUsernamePassword], object]) -> None:
        self._answer = answer
        self.asked = 0

    def requestAvatarId(self, credentials: IUsernamePassword) -> Deferred[bytes | tuple[()]]:
        """Answer, or raise."""
        self.asked += 1
        return self._answer(credentials)  # type: ignore[return-value]  # some answer what nobody should


def refusing() -> Answering:
    """Make a checker that knows nobody."""
    return failing(UnauthorizedLogin())


def failing(error: Exception) -> Answering:
    """Make a checker that raises."""

    def answer(credentials: IUsernamePassword) -> object:
        del credentials
        raise error

    return Answering(answer)
