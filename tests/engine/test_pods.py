"""What Podman says of pods, read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from attrs import frozen
from twisted.internet.task import Clock
from zope.interface import implementer

from oci_twisted.engine import EngineClient
from oci_twisted.engine.calls import Calls
from oci_twisted.engine.errors import EngineError
from oci_twisted.engine.interfaces import IConnection, IHandler, IPods
from oci_twisted.engine.requests import Response
from tests.engine.memory import Bench

if TYPE_CHECKING:
    from oci_twisted.engine.requests import Json, Request


@implementer(IConnection, IPods, IHandler)
@frozen
class Saying:
    """An engine that always answers the same."""

    document: Json

    def handler(self, method: str) -> IHandler:
        """Answer what does an operation."""
        del method
        return self

    async def handle(self, request: Request) -> Response:
        """Do it."""
        del request
        return Response(self.document)

    async def close(self) -> None:
        """Have nothing to close."""


def test_a_pod_that_could_not_be_removed_is_no_success() -> None:
    """What is wrong with one of those that are pruned is an error that names it."""
    good, bad = {"Id": "good", "Err": None}, {"Id": "bad", "Err": "it is busy"}
    client = EngineClient(Calls(Saying([good, bad]), Clock()))
    with pytest.raises(EngineError, match="the pod bad could not be removed: it is busy"):
        Bench().result(client.pods.prune())
    assert Bench().result(EngineClient(Calls(Saying([good]), Clock())).pods.prune()) == ("good",)
