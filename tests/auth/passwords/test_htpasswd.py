"""
Users in a file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.cred.credentials import UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from oci_twisted.auth.passwords.hashes import hash_password
from oci_twisted.auth.passwords.htpasswd import HtpasswdFile, parse_htpasswd
from oci_twisted.auth.passwords.watched import FileUnusable
from oci_twisted.spec.errors import TooManyAttempts
from oci_twisted.stream.pools import InlinePool
from tests.auth.passwords.doubles import Rounds, hashed
from tests.http.stacks import at_once
from tests.storage.metadata_pools import HeldPool, begin
from tests.wire.logs import errors

if TYPE_CHECKING:
    from pathlib import Path

    from oci_twisted.interfaces import IBlockingPool

ADA = f"ada:{hashed('lovelace')}\n"
CHARLES = f"charles:{hashed('babbage')}\n"


class Users:
    """A file with users, and a checker on it."""

    def __init__(self, path: Path, pool: IBlockingPool | None = None, waiting: int = 32) -> None:
        path.write_text(ADA)
        self.path = path
        self.clock = Clock()
        self.rounds = Rounds()
        self.checker = HtpasswdFile(path, pool or InlinePool(), self.clock, waiting=waiting, compare=self.rounds)

    async def check(self, user: str, password: str) -> bytes | tuple[()]:
        """Ask the checker."""
        return await self.checker.requestAvatarId(UsernamePassword(user.encode(), password.encode()))

    def admits(self, user: str, password: str) -> bool:
        """Answer whether the checker knows a user."""
        try:
            return at_once(self.check(user, password)) == user.encode()
        except UnauthorizedLogin:
            return False

    def change(self, content: str) -> None:
        """Write another file, and let a second pass."""
        self.path.write_text(content)
        self.clock.advance(1.0)


@pytest.fixture
def users(tmp_path: Path) -> Users:
    """Make some."""
    return Users(tmp_path / "users.htpasswd")


def test_a_file_as_people_write_them() -> None:
    """Comments, empty lines, spaces behind a line and the ends of lines of every system are understood."""
    text = f"\ufeff# ours\r\n\r\n{ADA.strip()}  \r\n   \n  # theirs\nlövelace:{hashed('babbage', 5)}"
    assert {name.decode(): kept.cost for name, kept in parse_htpasswd(text.encode()).items()} == {
        "ada": 12,
        "lövelace": 5,
    }
    assert parse_htpasswd(b"") == {}


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (f"{ADA}bob", "line 2: there is no colon.*oci-registry auth hash"),
        (f"{ADA}\n# x\nbob:$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/", "line 4: the hash is MD5.*oci-registry auth hash"),
        (f"{ADA}bob:canary", "line 2: this is no bcrypt hash; make the line with: oci-registry auth hash"),
        (f"bob:{hashed('lovelace', 16)}", "line 1: the hash has the cost 16"),
        (f"{ADA}{CHARLES}\n{ADA}", "line 4: the name of line 1 again"),
        (f"{ADA}{CHARLES}:{hashed('hopper')}", "line 3: a name is needed"),
        (f"ada :{hashed('hopper')}", "line 1: a name is needed, without spaces around it"),
        (f"a\x07da:{hashed('hopper')}", "line 1: a name is needed"),
        (f"{ADA.strip()}:more", "line 1: the hash is damaged"),
    ],
)
def test_a_broken_file(tmp_path: Path, lines: str, reason: str) -> None:
    """A file is refused as a whole; the sentence names the line, says what to do, and repeats nothing secret."""
    path = tmp_path / "users.htpasswd"
    path.write_text(lines)
    with pytest.raises(FileUnusable, match=reason) as unusable:
        HtpasswdFile(path, InlinePool(), Clock())
    assert str(path) in str(unusable.value)
    assert not [part for part in ("canary", "HqJZ", "LOVELACE", "$2b$") if part in str(unusable.value)]


def test_not_utf_8(tmp_path: Path) -> None:
    """A file in another encoding is refused, and the line is named."""
    path = tmp_path / "users.htpasswd"
    path.write_bytes(ADA.encode() + b"l\xf6velace:x\n")
    with pytest.raises(FileUnusable, match="line 2: this is not UTF-8"):
        HtpasswdFile(path, InlinePool(), Clock())


def test_a_missing_file(tmp_path: Path) -> None:
    """A registry does not start with a file that is not there."""
    with pytest.raises(FileUnusable, match=r"nowhere cannot be read: No such file"):
        HtpasswdFile(tmp_path / "nowhere", InlinePool(), Clock())


@given(
    st.dictionaries(st.text("abcdeöß_-. ", min_size=1).filter(lambda name: name == name.strip()), st.integers(4, 15))
)
def test_what_is_written_is_read(costs: dict[str, int]) -> None:
    """Whatever users are written into a file, one a line, are those that are read from it."""
    text = "".join(f"{name}:{hashed('lovelace', cost)}\n" for name, cost in costs.items())
    assert {name.decode(): kept.cost for name, kept in parse_htpasswd(text.encode()).items()} == costs


@given(st.one_of(st.binary(), st.text("ab:#$2y.\n\r ").map(str.encode)))
def test_whatever_the_bytes(content: bytes) -> None:
    """Any bytes are either read or refused with a line's number."""
    try:
        parse_htpasswd(content)
    except ValueError as error:
        assert str(error).startswith("line ")  # noqa: PT017 - that it is refused is no must


def test_real_hashes(tmp_path: Path) -> None:
    """With bcrypt itself the right password is known and a wrong one is not."""
    path = tmp_path / "users.htpasswd"
    path.write_text(f"ada:{hash_password('lövelace:1815', 4)}\n")
    checker = HtpasswdFile(path, InlinePool(), Clock())
    for password, outcome in (("lövelace:1815", True), ("lovelace:1815", False)):
        answers: list[object] = []
        asked = checker.requestAvatarId(UsernamePassword(b"ada", password.encode()))
        asked.addBoth(answers.append)
        assert (answers == [b"ada"]) is outcome


def test_a_change_holds(users: Users) -> None:
    """A changed password, a removed user and a new one hold within a second, and the generation says so."""
    assert users.admits("ada", "lovelace")
    before = users.checker.generation
    users.change(f"ada:{hashed('hopper')}\n{CHARLES}")
    assert users.checker.generation != before
    assert [users.admits("ada", password) for password in ("lovelace", "hopper")] == [False, True]
    assert users.admits("charles", "babbage")
    users.change(CHARLES)
    assert not users.admits("ada", "hopper")


@pytest.mark.parametrize("broken", ["ada:canary\n", f"{ADA}{ADA}", None])
def test_a_change_for_the_worse_does_not_hold(users: Users, broken: str | None) -> None:
    """With a broken or missing file users log in as before, and the log has one error."""
    before = users.checker.generation
    with errors() as logged:
        if broken is None:
            users.path.unlink()
        else:
            users.path.write_text(broken)
        for _ in range(5):
            users.clock.advance(1.0)
            assert users.admits("ada", "lovelace")
            assert not users.admits("ada", "canary")
    assert logged == [None]
    assert users.checker.generation == before


def test_a_change_while_somebody_waits(tmp_path: Path) -> None:
    """A login that waits for a thread is judged by the file as it was when it came."""
    pool = HeldPool()
    users = Users(tmp_path / "users.htpasswd", pool)
    _, outcome = begin(users.check("ada", "lovelace"))
    users.change(CHARLES)
    pool.release()
    assert outcome == [b"ada"]


def test_names_that_are_nobodys_cost_as_much(users: Users) -> None:
    """A name that is in the file and one that is not take the rounds of the dearest hash, and fail with one error."""
    users.change(f"{ADA}charles:{hashed('babbage', 5)}\n")
    texts = set()
    for user, password in (("ada", "wrong"), ("charles", "wrong"), ("nobody", "wrong"), ("ada", "x" * 100)):
        users.rounds.forget()
        with pytest.raises(UnauthorizedLogin) as refused:
            at_once(users.check(user, password))
        assert users.rounds.total == 1 << 12
        texts.add(str(refused.value))
    assert len(texts) == 1


def test_no_more_than_the_bound_wait(tmp_path: Path) -> None:
    """When as many wait as may, the next is refused at once; those who left still count until the work is done."""
    pool = HeldPool()
    users = Users(tmp_path / "users.htpasswd", pool, waiting=2)
    leaving, _ = begin(users.check("ada", "lovelace"))
    _, staying = begin(users.check("ada", "wrong"))
    leaving.cancel()
    with pytest.raises(TooManyAttempts):
        at_once(users.check("ada", "lovelace"))
    assert len(pool.held) == 2
    pool.release()
    pool.release()
    assert len(staying) == 1
    _, late = begin(users.check("ada", "lovelace"))
    pool.release()
    assert late == [b"ada"]


def test_it_answers_a_deferred(users: Users) -> None:
    """Twisted's interface is met to the letter, and so the checker serves a Portal too."""
    assert isinstance(users.checker.requestAvatarId(UsernamePassword(b"ada", b"lovelace")), Deferred)
