"""
Access tokens: made once, shown once, and good until they expire or are revoked.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import implementer

from oci_twisted.auth.tokens.texts import PERSONAL_PREFIX, REFRESH_PREFIX, hash_of, is_text, make_text
from oci_twisted.interfaces import AccessToken, IAccessTokens, ITokens, Principal, TokenKind, WrongCredentials

if TYPE_CHECKING:
    from collections.abc import Sequence

    from twisted.internet.interfaces import IReactorTime

    from oci_twisted.spec.scopes import Scope

# What a robot's name begins with.  No repository's name has a plus sign, so that no rule for {user} is about a robot.
ROBOT = "robot+"
# The time of the last use is as exact as this many seconds.
_NOTED_EVERY = 60.0
_WRONG = "this access token was revoked, or never was one; make a new one with oci-registry token create"


@implementer(ITokens)
class AccessTokens:
    """
    Knows principals by their access tokens.

    Nothing is remembered of a token between two requests: the store is asked each time, so that one which is revoked
    is refused from the next request on.

    :param store: what is known of them.
    """

    _log = Logger()

    def __init__(self, store: IAccessTokens, clock: IReactorTime) -> None:
        self._store = IAccessTokens(store)
        self._clock = clock
        self._noted: OrderedDict[str, float] = OrderedDict()

    async def create(
        self, owner: str, name: str, kind: TokenKind, limits: Sequence[Scope] | None, lifetime: float | None
    ) -> tuple[str, AccessToken]:
        """
        Make a token; answer its text, which nobody can find out later, and what is known of it.

        :param lifetime: in seconds; ``None`` for ever.
        :raise StorageFull: when it cannot be kept.
        """
        now = self._clock.seconds()
        text = make_text(REFRESH_PREFIX if kind is TokenKind.REFRESH else PERSONAL_PREFIX)
        # It begins with the time, so that lists are in the order in which their tokens were made.
        token_id = f"{int(now):08x}{secrets.token_hex(4)}"
        expires = None if lifetime is None else now + lifetime
        kept = None if limits is None else tuple(limits)
        token = AccessToken(token_id, owner, name, kind, kept, now, expires)
        await self._store.add_token(token, hash_of(text))
        return text, token

    def recognises(self, token: str) -> bool:
        """Look at the prefix and the checksum."""
        return is_text(token)

    async def verify(self, token: str) -> Principal:
        """
        Answer whose token it is.

        :raise WrongCredentials: when it is unknown, revoked or expired, or a refresh token, which only the token
            service takes.
        """
        found = await self._find(token)
        if found.kind is TokenKind.REFRESH:
            raise WrongCredentials("this is a refresh token: only the token service takes it, to give out another")
        return self._principal(found)

    async def verify_refresh(self, token: str) -> Principal:
        """
        Answer whose refresh token it is.

        :raise WrongCredentials: when it is unknown, revoked or expired, or none.
        """
        found = await self._find(token)
        if found.kind is not TokenKind.REFRESH:
            raise WrongCredentials("this is no refresh token: send it as the password, or as a bearer token")
        return self._principal(found)

    async def current(self, token_id: str) -> AccessToken:
        """
        Answer a token that something else rests on.

        :raise WrongCredentials: when it is not good any more.
        """
        found = await self._store.token_by_id(token_id)
        if found is None or found.is_expired(self._clock.seconds()):
            raise WrongCredentials("the access token for which this token was issued is not good any more")
        return found

    async def _find(self, token: str) -> AccessToken:
        found = await self._store.token_by_hash(hash_of(token))
        if found is None:
            raise WrongCredentials(_WRONG)
        if found.is_expired(self._clock.seconds()):
            raise WrongCredentials("this access token has expired; make a new one with oci-registry token create")
        return found

    def _principal(self, token: AccessToken) -> Principal:
        self._note_use(token)
        return Principal(token.owner, limits=token.limits, token_id=token.token_id)

    def _note_use(self, token: AccessToken) -> None:
        """Let the store note the use, if it has not lately; nobody waits for that, but the store's `close`."""
        now = self._clock.seconds()
        last = self._noted.get(token.token_id, token.used)
        if last is not None and now < last + _NOTED_EVERY:
            return
        self._noted[token.token_id] = now
        self._noted.move_to_end(token.token_id)
        while next(iter(self._noted.values())) + _NOTED_EVERY <= now:
            self._noted.popitem(last=False)
        noting = Deferred.fromCoroutine(self._store.note_use(token.token_id, now))
        noting.addErrback(lambda failure: self._log.failure("the use of an access token could not be noted", failure))
