"""
Whose name and password these are: remembered, counted, and asked once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from attrs import define, field
from zope.interface import implementer

from oci_twisted.auth.passwords.attempts import Attempt, AttemptLimits, Attempts, address_of
from oci_twisted.auth.passwords.checkers import PATIENCE, Checkers, Verdict
from oci_twisted.auth.passwords.remembered import LIFETIME, Remembered
from oci_twisted.auth.passwords.shared import Shared
from oci_twisted.interfaces import IPasswords, Principal, WrongCredentials

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from twisted.cred.checkers import ICredentialsChecker
    from twisted.internet.interfaces import IReactorTime

    Place: TypeAlias = tuple[bytes, Hashable]

_WRONG = "the user name or the password is wrong"


@define
class _Login:
    """
    A verification that is under way.

    :ivar attempts: by the addresses of those who wait for it, each of which it counts against.
    """

    verdict: Shared[Verdict]
    attempts: dict[str, Attempt] = field(repr=False)


@implementer(IPasswords)
class Passwords:
    """
    Knows users by asking `ICredentialsChecker`s of twisted.cred, in order, until one knows the name and the password.

    The checker's avatar id is the user's name; groups come from elsewhere.  A name that two checkers know has two
    passwords.

    What was right a moment ago is not asked again, and passes whatever else comes from its address.  What is asked at
    the same time by several, from wherever, is asked once.  What fails is counted by address, and by account and
    address.  An empty password is nobody's: to a directory it would be a login as nobody, which succeeds (RFC 4513,
    section 5.1.2).

    :param remember: for how many seconds a success is remembered.  A checker that is `IChanging` ends that as soon as
        something changes, and where all are, the time is counted from the last use.  With one that is not, a user who
        was removed is let in for that much longer.  With 0 nothing is remembered, and every request is asked about.
    :param patience: how many seconds a checker has to answer.
    :raise ValueError: when a checker does not take a name and a password.
    """

    def __init__(
        self,
        checkers: Sequence[ICredentialsChecker],
        clock: IReactorTime,
        *,
        limits: AttemptLimits | None = None,
        remember: float = LIFETIME,
        patience: float = PATIENCE,
    ) -> None:
        self._checkers = Checkers(checkers, clock, patience)
        self._attempts = Attempts(clock, limits or AttemptLimits())
        self._remembered = Remembered(clock, remember, renewed=self._checkers.are_changing)
        self._logins: dict[Place, _Login] = {}

    async def verify(self, user: str, password: str, peer: str) -> Principal:
        """
        Answer whose name and password these are.

        If cancelled, the verification still runs to its end, and counts.

        :raise WrongCredentials: when they are nobody's, in the same words for everyone.
        :raise TooManyAttempts: when too many from there were wrong, or too many others wait to be looked at.
        :raise Unavailable: when those who could say cannot be asked; it is not said that they are wrong.
        """
        try:
            name, secret = user.encode("utf-8"), password.encode("utf-8")
        except UnicodeEncodeError:
            name = secret = b""
        if not name or not secret:
            raise WrongCredentials(_WRONG)
        place = self._remembered.key(name, secret), self._checkers.generation
        remembered = self._remembered.find(*place)
        if remembered is not None:
            return remembered
        verdict = await self._login(place, name, secret, address_of(peer)).verdict.outcome()
        if verdict.principal is not None:
            return verdict.principal
        if verdict.trouble is not None:
            # Every waiter raises it, and each would add its own frames.
            raise verdict.trouble.with_traceback(None)
        raise WrongCredentials(_WRONG)

    def _login(self, place: Place, name: bytes, secret: bytes, address: str) -> _Login:
        login = self._logins.get(place)
        if login is None:
            attempts = {address: self._attempts.begin(name, address)}
            login = _Login(Shared(self._ask(place, name, secret, attempts)), attempts)
            self._logins[place] = login
        elif address not in login.attempts:
            login.attempts[address] = self._attempts.begin(name, address)
        return login

    async def _ask(self, place: Place, name: bytes, secret: bytes, attempts: dict[str, Attempt]) -> Verdict:
        try:
            verdict = await self._checkers.ask(name, secret)
        finally:
            del self._logins[place]
        if verdict.principal is not None:
            self._remembered.add(*place, verdict.principal)
        if not verdict.refused or verdict.principal is not None:
            # Nothing was learnt about the password by guessing.
            for attempt in attempts.values():
                attempt.forgive()
        return verdict
