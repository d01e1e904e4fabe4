"""
Users in memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from oci_twisted.auth.passwords.accounts import Accounts
from oci_twisted.auth.passwords.changing import IChanging
from oci_twisted.auth.passwords.hashes import LEAST_COST, hash_password, parse_hash

if TYPE_CHECKING:
    from collections.abc import Mapping


@implementer(ICredentialsChecker, IChanging)
class InMemoryUsers:
    """
    A handful of users that a program brings itself, or a test.

    The passwords are kept as bcrypt hashes of the least cost there is, 4, which takes a millisecond.  That is enough
    against their showing up where memory is shown, and little against somebody who gets hold of the hashes; but these
    are in no file, and whoever can read the program's memory finds the passwords where the program has them from.  In
    return no thread is needed, and a program with such users starts at once.

    :param users: passwords by user name, such as ``{"ada": "lovelace"}``.
    :raise HashRefused: when a password is empty, or longer than bcrypt's 72 bytes.
    """

    credentialInterfaces = (IUsernamePassword,)  # noqa: N815 - Twisted's
    generation = 0

    def __init__(self, users: Mapping[str, str]) -> None:
        self._accounts = Accounts(
            {name.encode("utf-8"): parse_hash(hash_password(password, LEAST_COST)) for name, password in users.items()}
        )

    def requestAvatarId(self, credentials: IUsernamePassword) -> Deferred[bytes | tuple[()]]:
        """
        Answer the user's name.

        :raise UnauthorizedLogin: when the name or the password is wrong.
        """
        if self._accounts.admit(credentials.username, credentials.password):
            return succeed(credentials.username)
        return fail(UnauthorizedLogin())
