"""
What a client that has to log in is told (RFC 7617, RFC 6750, and distribution's token protocol).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oci_twisted.interfaces import Credentials
    from oci_twisted.spec.scopes import Scope

TOKEN_PATH = "/token"  # noqa: S105 - a path


@frozen
class BasicChallenge:
    """
    Asks for a user name and a password with every request.

    :ivar realm: what the client may show to a person.
    """

    realm: str

    def __call__(self, credentials: Credentials, scopes: Sequence[Scope], error: str | None = None) -> str:
        """Answer the ``WWW-Authenticate``."""
        del credentials, scopes, error
        return f'Basic realm="{_quoted(self.realm)}", charset="UTF-8"'


@frozen
class BearerChallenge:
    """
    Asks for a token.

    :ivar service: what the token has to be for.
    :ivar url: of the token service; ``None`` for the one of this registry, which is where the client has just been:
        some clients send their password to no other host, and refuse a realm that is less safe than the registry.
    """

    service: str
    url: str | None = None

    def __call__(self, credentials: Credentials, scopes: Sequence[Scope], error: str | None = None) -> str:
        """Answer the ``WWW-Authenticate``: one challenge, all of it in quotes, with a realm that has no query."""
        scheme = "https" if credentials.secure else "http"
        realm = self.url or f"{scheme}://{credentials.host}{TOKEN_PATH}"
        parts = [("realm", realm), ("service", self.service)]
        if scopes:
            parts.append(("scope", " ".join(map(str, scopes))))
        if error is not None:
            parts.append(("error", error))
        return "Bearer " + ",".join(f'{key}="{_quoted(value)}"' for key, value in parts)


def _quoted(text: str) -> str:
    """Write what may have come from a client, such as a host, so that it stays within its quotes and its line."""
    return "".join(character for character in text if " " <= character <= "~" and character not in '"\\')
