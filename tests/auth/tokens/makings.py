"""
A token service and its parts, in memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field
from twisted.internet.task import Clock

from oci_twisted.auth.tokens.access import AccessTokens
from oci_twisted.auth.tokens.jwts import LEEWAY, LIFETIME, JsonWebTokens
from oci_twisted.auth.tokens.keyrings import KeyRing, MemoryShelf
from oci_twisted.interfaces import TokenKind
from oci_twisted.storage.memory.tokens import MemoryTokens
from tests.http.stacks import START, at_once

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oci_twisted.interfaces import AccessToken
    from oci_twisted.spec.scopes import Scope

ISSUER = "registry.test"
SERVICE = "the registry"


def clock_at(seconds: float) -> Clock:
    """Make a clock that stands somewhere."""
    clock = Clock()
    clock.advance(seconds)
    return clock


@define
class Makings:
    """
    The parts.

    :ivar clock: the only one; it stands still until a test moves it.
    """

    clock: Clock = field(factory=lambda: clock_at(START))
    shelf: MemoryShelf = field(factory=MemoryShelf)
    store: MemoryTokens = field(factory=MemoryTokens)
    access: AccessTokens = field(init=False)
    keys: KeyRing = field(init=False)
    jwts: JsonWebTokens = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.access = AccessTokens(self.store, self.clock)
        self.keys = KeyRing(self.shelf, self.clock, lifetime=LIFETIME + LEEWAY)
        self.jwts = self.another()

    def another(self, issuer: str = ISSUER, service: str = SERVICE) -> JsonWebTokens:
        """Make another that issues tokens, with the same keys."""
        return JsonWebTokens(self.keys, self.clock, issuer=issuer, service=service, access=self.access)

    def create(
        self,
        owner: str = "ada",
        kind: TokenKind = TokenKind.PERSONAL,
        limits: Sequence[Scope] | None = None,
        lifetime: float | None = 3600.0,
    ) -> tuple[str, AccessToken]:
        """Make an access token."""
        return at_once(self.access.create(owner, "laptop", kind, limits, lifetime))
