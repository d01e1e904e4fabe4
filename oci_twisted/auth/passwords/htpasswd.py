"""
Users in a file, as Apache's ``htpasswd -B`` and ``oci-registry auth hash`` write it.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import bcrypt
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from zope.interface import implementer

from oci_twisted.auth.passwords.accounts import Accounts
from oci_twisted.auth.passwords.changing import IChanging
from oci_twisted.auth.passwords.hashes import HashRefused, parse_hash
from oci_twisted.auth.passwords.turns import MOST_WAITING, Turns
from oci_twisted.auth.passwords.watched import WatchedFile

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

    from oci_twisted.auth.passwords.hashes import BcryptHash, Compare
    from oci_twisted.interfaces import IBlockingPool

_ADVICE = "make the line with: oci-registry auth hash"


@implementer(ICredentialsChecker, IChanging)
class HtpasswdFile:
    """
    Checks passwords against a file of lines ``name:hash``, where the hashes are of bcrypt.

    Empty lines, and those that begin with ``#``, say nothing.  The file is read again when it changes, within a second;
    when the new one is broken or missing, the old one holds on.

    :param pool: compares passwords.  It should have a thread of its own, which stands back (the niceness of a
        `ThreadedPool`): a comparison keeps a processor busy for a good part of a second, and pulls want it too.
    :param waiting: how many comparisons may be under way or wait; beyond it `TooManyAttempts` is raised at once.
    :param compare: as `bcrypt.checkpw`.
    :raise FileUnusable: when the file is missing or broken, with a sentence for the operator.
    """

    credentialInterfaces = (IUsernamePassword,)  # noqa: N815 - Twisted's

    def __init__(
        self,
        path: str | Path,
        pool: IBlockingPool,
        clock: IReactorTime,
        *,
        waiting: int = MOST_WAITING,
        compare: Compare = bcrypt.checkpw,
    ) -> None:
        self._pool = Turns(pool, waiting)
        self._file = WatchedFile(Path(path), partial(_read_accounts, compare), clock)

    @property
    def generation(self) -> int:
        """Another number as soon as the file says something else."""
        return self._file.generation

    def requestAvatarId(self, credentials: IUsernamePassword) -> Deferred[bytes | tuple[()]]:
        """
        Answer the user's name.

        :raise UnauthorizedLogin: when the name or the password is wrong.
        :raise TooManyAttempts: when too many comparisons wait already.
        """
        return Deferred.fromCoroutine(self._check(credentials.username, credentials.password))

    async def _check(self, user: bytes, password: bytes) -> bytes | tuple[()]:
        accounts = self._file.current

        def work() -> bool:
            # Not a partial, which would show its arguments wherever it is shown.
            return accounts.admit(user, password)

        if not await self._pool.run(work):
            raise UnauthorizedLogin
        return user


def _read_accounts(compare: Compare, content: bytes) -> Accounts:
    return Accounts(parse_htpasswd(content), compare)


def parse_htpasswd(content: bytes) -> dict[bytes, BcryptHash]:
    """
    Read the lines of a file.

    :raise ValueError: when one makes no sense; the message names it by its number and repeats nothing of it.
    """
    hashes: dict[bytes, BcryptHash] = {}
    numbers: dict[bytes, int] = {}
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        try:
            text = line.decode("utf-8").rstrip()
        except UnicodeDecodeError:
            raise ValueError(f"line {number}: this is not UTF-8") from None
        if not text or text.lstrip().startswith("#"):
            continue
        name, hashed = _read_line(number, text)
        if name in hashes:
            raise ValueError(f"line {number}: the name of line {numbers[name]} again; keep one of the two")
        hashes[name] = hashed
        numbers[name] = number
    return hashes


def _read_line(number: int, text: str) -> tuple[bytes, BcryptHash]:
    name, colon, hashed = text.partition(":")
    if not colon:
        raise ValueError(f"line {number}: there is no colon between a name and a hash; {_ADVICE}")
    if not name or name != name.strip() or not name.isprintable():
        raise ValueError(f"line {number}: a name is needed, without spaces around it and with letters that can be seen")
    try:
        return name.encode("utf-8"), parse_hash(hashed)
    except HashRefused as refused:
        raise ValueError(f"line {number}: {refused}; {_ADVICE}") from None
