"""
Documents that are there without a network.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.auth.issuers.signers import ISSUER

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

DISCOVERY = f"{ISSUER}/.well-known/openid-configuration"
KEYS = f"{ISSUER}/keys"


def description(**changed: object) -> bytes:
    """Write what the issuer says of itself."""
    return json.dumps({"issuer": ISSUER, "jwks_uri": KEYS, **changed}).encode()


class Documents:
    """
    Answers what a test says, by URL: bytes, an error, or what the test has still to decide.

    :ivar asked: the URLs, in order.
    """

    def __init__(self, documents: dict[str, bytes | Exception | Deferred[bytes]]) -> None:
        self.documents: dict[str, Any] = documents
        self.asked: list[str] = []

    async def __call__(self, url: str) -> bytes:
        """Answer a document."""
        self.asked.append(url)
        document = self.documents[url]
        if isinstance(document, Exception):
            raise document
        content: bytes = document if isinstance(document, bytes) else await document
        return content
