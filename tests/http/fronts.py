"""
Both fronts before registries that are alike, in memory.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from twisted.internet.address import IPv4Address
from twisted.web.resource import Resource
from twisted.web.server import Site

from oci_twisted.http.mounted import MountedAPI
from tests.http.stacks import Stack
from tests.wire.peers import Peer, ScriptedAPI, Wire

if TYPE_CHECKING:
    from oci_twisted.registry.policy import Policy
    from tests.wire.messages import Answer

_FRONTS_OWN = {"server", "date", "x-request-id", "connection"}
_NAMED_AT_RANDOM = re.compile(
    rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])"
)
ADDRESS = IPv4Address("TCP", "192.0.2.7", 54321)


class Mounted(Wire):
    """
    A registry in memory under somebody else's site, with endpoints of a test's own.

    :param child: mounted as this child of the site's root, instead of as the root.
    """

    def __init__(self, stack: Stack | None = None, child: bytes | None = None) -> None:
        super().__init__(stack=stack)
        api = MountedAPI(self.stack.api)
        root = Resource()
        if child is not None:
            root.putChild(child, api)
        self._theirs = Site(api if child is None else root, reactor=self.stack.clock, parsePOSTFormSubmission=False)
        self._theirs.displayTracebacks = False
        self._theirs.startFactory()

    def connect(self) -> Peer:
        """Connect a client."""
        protocol = self._theirs.buildProtocol(ADDRESS)
        return Peer(protocol, self.stack.clock)


def streamed(policy: Policy | None = None) -> Wire:
    """Make a registry behind our own front."""
    return Wire(stack=Stack(policy, api=ScriptedAPI))


def mounted(policy: Policy | None = None) -> Wire:
    """Make a registry behind the other."""
    return Mounted(Stack(policy, api=ScriptedAPI))


def normal(answer: Answer) -> tuple[int, list[tuple[str, bytes]], bytes]:
    """
    Answer what must not differ of an answer.

    What may differ, and why:

    - ``Server``: their site names itself.
    - ``Date`` and ``X-Request-Id``: belong to one answer.
    - ``Connection``: our front says what it will do; under their site that is theirs to decide.
    - The order of headers, and the case of their names: Twisted keeps them in a dictionary and spells them its own way.
    - Upload sessions, boundaries and incidents are named at random.
    """
    headers = sorted(
        (name.lower(), _NAMED_AT_RANDOM.sub(b"*", value.encode("latin-1")))
        for name, value in answer.headers
        if name.lower() not in _FRONTS_OWN
    )
    return answer.status, headers, _NAMED_AT_RANDOM.sub(b"*", answer.body)
