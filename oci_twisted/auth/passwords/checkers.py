"""
Whoever knows users, asked one after the other.
"""

from __future__ import annotations

import os
from pathlib import Path
from traceback import extract_tb
from typing import TYPE_CHECKING

from attrs import frozen
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword, UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import maybeDeferred
from twisted.logger import Logger

from oci_twisted.auth.passwords.changing import IChanging
from oci_twisted.interfaces import ANONYMOUS, Principal
from oci_twisted.spec.errors import RegistryError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from twisted.internet.interfaces import IReactorTime

# A directory that has not answered by then will not.
PATIENCE = 30.0


@frozen
class Verdict:
    """
    What the checkers say of a name and a password.

    :ivar principal: whose they are, or ``None``.
    :ivar refused: whether one of those that could say has said that they are wrong.
    :ivar trouble: why one of them could not say, if there was one and nobody else knew them.
    """

    principal: Principal | None = None
    refused: bool = False
    trouble: RegistryError | None = None


class Checkers:
    """
    Asks several `ICredentialsChecker`s in order, until one knows the name and the password.

    :param clock: a checker that says nothing for ``patience`` seconds counts as out of order.
    :raise ValueError: when one of them does not take a name and a password.
    """

    _log = Logger()

    def __init__(
        self, checkers: Sequence[ICredentialsChecker], clock: IReactorTime, patience: float = PATIENCE
    ) -> None:
        self._checkers = [ICredentialsChecker(checker) for checker in checkers]
        self._changing = [IChanging(checker) for checker in checkers if IChanging.providedBy(checker)]
        self._clock = clock
        self._patience = patience
        for checker in self._checkers:
            if not any(kind.isOrExtends(IUsernamePassword) for kind in checker.credentialInterfaces):
                raise ValueError(f"{_name(type(checker))} does not take a user name and a password")

    @property
    def are_changing(self) -> bool:
        """Whether every one of them can say when something has changed."""
        return len(self._changing) == len(self._checkers)

    @property
    def generation(self) -> tuple[Hashable, ...]:
        """Another value whenever a success from before need not hold any more."""
        return tuple(checker.generation for checker in self._changing)

    async def ask(self, user: bytes, password: bytes) -> Verdict:
        """
        Answer what they say.

        One that is out of order keeps nobody out whom another one knows; but when nobody else knows them, it is not
        said that they are wrong.
        """
        refused, trouble = False, None
        for checker in self._checkers:
            try:
                return Verdict(await self._ask(checker, UsernamePassword(user, password)))
            except UnauthorizedLogin:
                refused = True
            except RegistryError as error:
                trouble = error
            except Exception as error:  # noqa: BLE001 - a checker may be anybody's
                # One that was cancelled too: by itself then, since nobody cancels us.
                self._tell(checker, error)
                trouble = Unavailable("whoever knows the users of this registry cannot be asked now; try again later")
        return Verdict(None, refused, trouble)

    async def _ask(self, checker: ICredentialsChecker, credentials: UsernamePassword) -> Principal:
        asked = maybeDeferred(checker.requestAvatarId, credentials)
        avatar = await asked.addTimeout(self._patience, self._clock)
        if avatar == ():
            # twisted.cred's way to say that somebody may come in and is nobody in particular.
            return ANONYMOUS
        name = avatar.decode("utf-8") if isinstance(avatar, bytes) else avatar
        if not isinstance(name, str) or not name:
            raise TypeError("an avatar's id is a name, as bytes")
        return Principal(name)

    def _tell(self, checker: ICredentialsChecker, error: Exception) -> None:
        """Say in the log what failed and where, but not the message: it is not ours, and may repeat the password."""
        places = [f"{Path(place.filename).name}:{place.lineno}" for place in extract_tb(error.__traceback__)]
        number = error.errno if isinstance(error, OSError) else None
        self._log.error(
            "{checker} failed: {kind}{reason}, at {places}",
            checker=_name(type(checker)),
            kind=_name(type(error)),
            reason="" if number is None else f" ({os.strerror(number)})",
            places=", ".join(places),
        )


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
