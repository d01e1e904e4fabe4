"""
Where an issuer's keys come from: a file, or the issuer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from twisted.internet.defer import CancelledError, Deferred, TimeoutError  # noqa: A004 - Twisted's
from twisted.logger import Logger

from oci_twisted.auth.issuers.addresses import AddressInvalid, discovery_url, is_same_origin
from oci_twisted.auth.issuers.documents import parse_document
from oci_twisted.auth.issuers.forms import shown
from oci_twisted.auth.issuers.keys import KeysUnusable, parse_key_set, parse_keys, select
from oci_twisted.spec.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from twisted.internet.interfaces import IReactorTime
    from twisted.python.failure import Failure

    from oci_twisted.auth.issuers.fetching import Fetch
    from oci_twisted.auth.issuers.keys import Key

# In seconds.  So long after an issuer has withdrawn a key, it is not taken any more ...
FRESH = 60 * 60
# ... but when the issuer cannot be reached, its keys go on being taken for so long.
OLDEST = 24 * 60 * 60
# Tokens that name unknown keys make us ask the issuer this often at most ...
PAUSE = 60
# ... and this often while it does not answer.
PAUSE_IN_TROUBLE = 10
# So long an answer may take.
PATIENCE = 10


class KeySource(Protocol):
    """Has the keys of an issuer."""

    async def find(self, kid: str | None) -> Sequence[Key]:
        """
        Answer the keys with which a token may have been signed; none when the issuer has no such key.

        :param kid: names one; ``None`` for all.
        :raise Unavailable: when nobody can say just now.
        """

    def stop(self) -> None:
        """Wait for nothing any more."""


class FileKeys:
    """
    Keys in a file, which is read again when it has changed.

    When what it has changed to cannot be used, the keys that were there go on being used and an error is logged.

    :raise KeysUnusable: when it cannot be used to begin with.
    """

    _log = Logger()

    def __init__(self, path: Path) -> None:
        self._path = path
        self._version = self._look()
        try:
            self._keys = parse_keys(path.read_bytes())
        except OSError as error:
            raise KeysUnusable(f"{path} cannot be read: {error.strerror}") from error
        except KeysUnusable as error:
            raise KeysUnusable(f"{path}: {error}") from error

    async def find(self, kid: str | None) -> Sequence[Key]:
        """Answer the keys with which a token may have been signed."""
        version = self._look()
        if version == self._version:
            return select(self._keys, kid)
        # One that is broken is complained of once.
        self._version = version
        try:
            self._keys = parse_keys(self._path.read_bytes())
        except (OSError, KeysUnusable) as error:
            self._log.error(
                "the keys in {path} cannot be used, and those before them go on being used: {reason}",
                path=self._path,
                reason=str(error),
            )
        return select(self._keys, kid)

    def stop(self) -> None:
        """Nothing is ever waited for."""

    def _look(self) -> tuple[int, int, int] | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino


class FetchedKeys:
    """
    Keys that are fetched when they are needed, and then kept for an hour (`FRESH`).

    Who needs them while they are being fetched waits, up to `PATIENCE`; nobody waits for an issuer that did not answer
    the last time, as long as its keys are not too old (`OLDEST`).

    :param issuer: whose they are, for the log.
    :param load: fetches all of them.
    """

    _log = Logger()

    def __init__(self, issuer: str, load: Callable[[], Awaitable[Sequence[Key]]], clock: IReactorTime) -> None:
        self._issuer = issuer
        self._load = load
        self._clock = clock
        self._keys: Sequence[Key] = ()
        self._fetched = float("-inf")
        self._tried = float("-inf")
        self._failed = False
        self._fetching: Deferred[Any] | None = None
        self._waiting: list[Deferred[None]] = []

    async def find(self, kid: str | None) -> Sequence[Key]:
        """Answer the keys with which a token may have been signed, fetching them if that may help."""
        found = select(self._keys, kid) if self._age() < OLDEST else []
        if found and self._age() < FRESH:
            return found
        if self._fetching is None and self._clock.seconds() - self._tried >= self._pause():
            self._fetch()
        if self._fetching is not None and not (found and self._failed):
            await self._end_of_fetch()
        found = select(self._keys, kid) if self._age() < OLDEST else []
        if not found and self._failed:
            raise Unavailable("the keys of the token's issuer cannot be fetched just now; try again")
        return found

    def stop(self) -> None:
        """Break off what is being fetched; who waits for it is told that it is not to be had."""
        if self._fetching is not None:
            self._fetching.cancel()

    def _age(self) -> float:
        return self._clock.seconds() - self._fetched

    def _pause(self) -> float:
        return PAUSE_IN_TROUBLE if self._failed else PAUSE

    def _fetch(self) -> None:
        self._tried = self._clock.seconds()
        self._fetching = loading = Deferred.fromCoroutine(self._load_all()).addTimeout(PATIENCE, self._clock)
        # These may be called at once.
        loading.addCallbacks(self._succeed, self._fail).addBoth(self._wake)

    async def _load_all(self) -> Sequence[Key]:
        return await self._load()

    def _succeed(self, keys: Sequence[Key]) -> None:
        self._keys = keys
        self._fetched = self._clock.seconds()
        self._failed = False

    def _fail(self, failure: Failure) -> None:
        self._failed = True
        if failure.check(CancelledError):
            return
        late = failure.check(TimeoutError) is not None
        self._log.error(
            "the keys of {issuer} cannot be fetched: {reason}{rest}",
            issuer=self._issuer,
            reason=f"no answer within {PATIENCE} s" if late else failure.getErrorMessage(),
            rest="; those that are known go on being used" if self._age() < OLDEST else "",
        )

    def _wake(self, _: object) -> None:
        self._fetching = None
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            waiter.callback(None)

    async def _end_of_fetch(self) -> None:
        # Each waits for one of its own, so that who stops waiting stops nobody else.
        waiter: Deferred[None] = Deferred(lambda _: self._waiting.remove(waiter))
        self._waiting.append(waiter)
        await waiter


def fetched_keys(issuer: str, url: str, fetch: Fetch, clock: IReactorTime) -> FetchedKeys:
    """Answer the keys at a URL."""

    async def load() -> Sequence[Key]:
        return parse_key_set(await fetch(url))

    return FetchedKeys(issuer, load, clock)


def discovered_keys(issuer: str, fetch: Fetch, clock: IReactorTime) -> FetchedKeys:
    """
    Answer the keys that an issuer says are its own (OpenID Connect Discovery 1.0).

    They have to be on the host of the issuer, since no other was named by the operator.
    """

    async def load() -> Sequence[Key]:
        url = discovery_url(issuer)
        try:
            description = parse_document(await fetch(url))
        except ValueError as error:
            raise KeysUnusable(f"{url} describes no issuer: {error}") from error
        named, keys = description.get("issuer"), description.get("jwks_uri")
        if named != issuer:
            raise KeysUnusable(f"{url} is of the issuer {shown(named)}, not of {issuer}")
        try:
            here = isinstance(keys, str) and is_same_origin(keys, issuer)
        except AddressInvalid:
            here = False
        if not isinstance(keys, str) or not here:
            raise KeysUnusable(
                f"{url} says that the keys are at {shown(keys)}, which is not where the issuer is; "
                "if it is to be trusted, set keys-url to it"
            )
        return parse_key_set(await fetch(keys))

    return FetchedKeys(issuer, load, clock)
