"""
Nothing that could be kept or shown holds a password, or the hash of one.
"""

from __future__ import annotations

import gc
import io
from base64 import b64encode
from typing import TYPE_CHECKING

import pytest
from twisted.internet.task import Clock
from twisted.logger import Logger, eventAsText, jsonFileLogObserver
from twisted.python.failure import Failure

from oci_twisted.auth.passwords import FileUnusable, HtpasswdFile, InMemoryUsers, Passwords
from oci_twisted.auth.passwords.hashes import hash_password
from oci_twisted.interfaces import WrongCredentials
from oci_twisted.spec.errors import RegistryError
from oci_twisted.stream.pools import InlinePool
from tests.auth.passwords.doubles import Answering
from tests.storage.metadata_pools import BrokenPool, HeldPool, begin
from tests.wire.logs import events

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from twisted.cred.checkers import ICredentialsChecker
    from twisted.cred.credentials import IUsernamePassword
    from twisted.logger import LogEvent

RIGHT, WRONG = "right-canary-71", "wrong-canary-93"
HASH = hash_password(RIGHT, 4)
HERE = "192.0.2.1"

# In every form in which one of them might get about.
CANARIES = [
    RIGHT,
    WRONG,
    HASH[7:],
    HASH[-20:],
    *(b64encode(text.encode()).decode().rstrip("=")[:-1] for text in (RIGHT, WRONG, f"ada:{RIGHT}", f"ada:{WRONG}")),
    *(text.encode().hex() for text in (RIGHT, WRONG)),
]


def found_in(texts: Iterable[str]) -> list[str]:
    """Answer which canaries are in some texts."""
    whole = "\n".join(texts)
    return [canary for canary in CANARIES if canary in whole]


def shown(collected: list[LogEvent]) -> list[str]:
    """Answer events in every way in which an observer writes them."""
    texts = []
    for event in collected:
        stream = io.StringIO()
        jsonFileLogObserver(stream)(event)
        texts += [stream.getvalue(), eventAsText(event), repr(event)]
        if "log_failure" in event:
            texts.append(event["log_failure"].getTraceback(detail="verbose"))
    return texts


def raised(error: BaseException) -> list[str]:
    """Answer all that an exception, and those behind it, say."""
    texts = []
    while error is not None:
        texts += [repr(error), str(error), Failure(error).getTraceback()]
        error = error.__cause__ or error.__context__  # type: ignore[assignment]  # it ends with None
    return texts


@pytest.fixture
def htpasswd(tmp_path: Path) -> Path:
    """Write a file in which ada is."""
    path = tmp_path / "users.htpasswd"
    path.write_text(f"ada:{HASH}\n")
    return path


def repeating(credentials: IUsernamePassword) -> object:
    """Raise what says more than it should, as drivers of directories do."""
    raise LookupError(f"bind as {credentials.username!r} with {credentials.password!r} and {HASH} failed")


def fail_with(password: str) -> None:
    """Raise one exception behind another."""
    try:
        int(password)
    except ValueError as error:
        raise LookupError("it failed") from error


def test_a_canary_would_be_found() -> None:
    """The search finds what it looks for: in a field of an event, in a failure, in an exception behind another."""
    with pytest.raises(LookupError) as raising:
        fail_with(RIGHT)
    with events() as collected:
        Logger().info("nothing to see", field=[HASH])
    assert HASH[7:] in found_in(shown(collected))
    assert found_in(raised(raising.value)) == [RIGHT]
    with events() as collected:
        Logger().failure("it failed", Failure(raising.value.__cause__))
    assert found_in(shown(collected)) == [RIGHT]


@pytest.mark.parametrize("password", [RIGHT, WRONG, RIGHT * 10, f"{WRONG}\0"])
@pytest.mark.parametrize("kind", ["file", "memory", "repeating", "broken pool", "file and repeating"])
def test_no_event_and_no_exception_holds_one(htpasswd: Path, kind: str, password: str) -> None:
    """Whatever a login meets, neither the log, at any level, nor what the client is told repeats what was sent."""
    clock = Clock()
    known = HtpasswdFile(htpasswd, InlinePool(), clock)
    checkers: dict[str, list[ICredentialsChecker]] = {
        "file": [known],
        "memory": [InMemoryUsers({"ada": RIGHT})],
        "repeating": [Answering(repeating)],
        "broken pool": [HtpasswdFile(htpasswd, BrokenPool(), clock)],
        "file and repeating": [Answering(repeating), known],
    }
    passwords = Passwords(checkers[kind], clock)
    texts: list[str] = []
    with events() as collected:
        for _ in range(12):
            for user in ("ada", password):
                [outcome] = begin(passwords.verify(user, password, HERE))[1]
                if isinstance(outcome, Failure):
                    assert isinstance(outcome.value, WrongCredentials | RegistryError)
                    texts += raised(outcome.value)
                elif user == "ada":
                    texts.append(repr(outcome))
        gc.collect()
    assert texts
    assert found_in([*texts, *shown(collected)]) == []


@pytest.mark.parametrize(
    "content",
    [f"{RIGHT}\n", f"ada:{RIGHT}\n", f"ada:{HASH}\nada:{HASH}\n", f"ada:{HASH[:-1]}\n", f":{HASH}\n", f"{HASH}:ada"],
)
def test_a_broken_file_is_not_repeated(htpasswd: Path, content: str) -> None:
    """Neither the error at the start nor that in the log has a part of the file, whatever stands where."""
    clock = Clock()
    checker = HtpasswdFile(htpasswd, InlinePool(), clock)
    with events() as collected:
        htpasswd.write_text(content)
        clock.advance(1.0)
        assert checker.generation == 0
    assert len(collected) == 1
    with pytest.raises(FileUnusable) as unusable:
        HtpasswdFile(htpasswd, InlinePool(), clock)
    assert found_in([*shown(collected), *raised(unusable.value)]) == []


def test_no_object_shows_one(htpasswd: Path) -> None:
    """No object of ours that is alive during and behind a login has a repr that holds a secret."""
    clock, pool = Clock(), HeldPool()
    passwords = Passwords([HtpasswdFile(htpasswd, pool, clock), InMemoryUsers({"grace": RIGHT})], clock)
    _, outcome = begin(passwords.verify("ada", RIGHT, HERE))
    begin(passwords.verify("ada", WRONG, HERE))
    assert found_in(_reprs()) == []
    while pool.held:
        assert found_in([repr(work) for work in pool.held]) == []
        pool.release()
    assert found_in([repr(outcome), *_reprs()]) == []


def test_no_password_is_kept(htpasswd: Path) -> None:
    """Behind a login that was right neither the password nor a plain hash of it is among what is remembered."""
    clock = Clock()
    passwords = Passwords([HtpasswdFile(htpasswd, InlinePool(), clock)], clock)
    begin(passwords.verify("ada", RIGHT, HERE))
    remembered = passwords._remembered._successes  # noqa: SLF001 - what is in it is the point
    [(key, success)] = remembered.items()
    assert len(key) == 32
    assert found_in([repr(key), key.hex(), repr(success)]) == []


def _reprs() -> list[str]:
    ours = "oci_twisted.auth.passwords"
    return [repr(thing) for thing in gc.get_objects() if str(type(thing).__module__).startswith(ours)]
