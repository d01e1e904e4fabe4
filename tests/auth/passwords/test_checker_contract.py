"""
What every ICredentialsChecker of ours promises to twisted.cred.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword, UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import IRealm, Portal
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from zope.interface import Interface, implementer
from zope.interface.verify import verifyObject

from oci_twisted.auth.passwords import HtpasswdFile, IChanging, InMemoryUsers
from oci_twisted.auth.passwords.hashes import HashRefused, hash_password
from oci_twisted.stream.pools import InlinePool
from tests.http.stacks import at_once

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TypeAlias

    Avatar: TypeAlias = tuple[type[Interface], object, Callable[[], None]]

USERS = {"ada": "lovelace", "lövelace": "pässwörd: with a colon", "long": "x" * 72}


def in_file(folder: Path) -> ICredentialsChecker:
    """Write a file and make a checker of it."""
    path = folder / "users.htpasswd"
    path.write_text("".join(f"{name}:{hash_password(password, 4)}\n" for name, password in USERS.items()))
    return HtpasswdFile(path, InlinePool(), Clock())


def in_memory(folder: Path) -> ICredentialsChecker:
    """Make a checker of the users themselves."""
    del folder
    return InMemoryUsers(USERS)


@pytest.fixture(params=[in_file, in_memory])
def checker(request: pytest.FixtureRequest, tmp_path: Path) -> ICredentialsChecker:
    """Make one of each kind."""
    make: Callable[[Path], ICredentialsChecker] = request.param
    return make(tmp_path)


async def ask(checker: ICredentialsChecker, user: str, password: str) -> bytes | tuple[()]:
    """Ask as twisted.cred does."""
    asked = checker.requestAvatarId(UsernamePassword(user.encode(), password.encode()))
    assert isinstance(asked, Deferred)
    return await asked


def test_it_is_what_it_says(checker: ICredentialsChecker) -> None:
    """It provides its interface, for names with passwords, and says when it has changed."""
    verifyObject(ICredentialsChecker, checker)
    assert list(checker.credentialInterfaces) == [IUsernamePassword]
    assert IChanging.providedBy(checker)
    assert IChanging(checker).generation == 0


@pytest.mark.parametrize("user", USERS)
def test_who_is_right_is_answered_by_name(checker: ICredentialsChecker, user: str) -> None:
    """The avatar's id is the user's name, as bytes, whatever letters and length name and password have."""
    assert at_once(ask(checker, user, USERS[user])) == user.encode()


@pytest.mark.parametrize(
    ("user", "password"),
    [
        ("ada", "Lovelace"),
        ("ada", ""),
        ("ada", "lovelace\0"),
        ("ada", "lovelace "),
        ("Ada", "lovelace"),
        ("nobody", "lovelace"),
        ("", ""),
        ("long", "x" * 71),
        ("long", "x" * 73),
    ],
)
def test_who_is_wrong_is_refused(checker: ICredentialsChecker, user: str, password: str) -> None:
    """Everyone who is wrong fails with the same error, which says nothing."""
    with pytest.raises(UnauthorizedLogin) as refused:
        at_once(ask(checker, user, password))
    assert refused.value.args == ()


def test_it_serves_a_portal(checker: ICredentialsChecker) -> None:
    """A Twisted program can use it for its other services too."""

    @implementer(IRealm)
    class Names:
        """Gives everyone their name."""

        def requestAvatar(self, avatar_id: object, mind: object, *interfaces: type[Interface]) -> Avatar:
            """Answer the name."""
            del mind
            return interfaces[0], avatar_id, lambda: None

    async def login() -> object:
        portal = Portal(Names(), [checker])
        return (await portal.login(UsernamePassword(b"ada", b"lovelace"), None, Interface))[1]

    assert at_once(login()) == b"ada"


@pytest.mark.parametrize(("password", "reason"), [("", "empty"), ("canary" * 13, "at most 72 bytes")])
def test_in_memory_what_cannot_be_hashed_is_refused(password: str, reason: str) -> None:
    """A password that bcrypt cannot keep is refused when it is given, not when somebody logs in; nor is it repeated."""
    with pytest.raises(HashRefused, match=reason) as refused:
        InMemoryUsers({"ada": password})
    assert "canary" not in str(refused.value)
