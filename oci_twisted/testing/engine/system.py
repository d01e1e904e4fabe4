"""
The engine itself, and what holds for all of its operations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from twisted.internet.defer import CancelledError, Deferred, gatherResults

from oci_twisted.engine.errors import ConnectionFailed, Unsupported
from oci_twisted.testing.waiting import waits

if TYPE_CHECKING:
    from oci_twisted.engine import EngineClient
    from oci_twisted.engine.interfaces import IHandler
    from oci_twisted.engine.requests import Request, Response
    from oci_twisted.testing.engine.contract import Connect


class SystemContract:
    """What an engine says of itself, and how it is talked to."""

    @waits
    async def test_it_answers_a_ping_with_its_version(self, client: EngineClient) -> None:
        """The version of the API in a ping is the one that the engine states."""
        ping, version = await client.system.ping(), await client.system.version()
        assert ping.api_version == version.api_version
        assert version.version

    @waits
    async def test_it_says_what_it_is(self, client: EngineClient) -> None:
        """The engine knows its machine, and counts its containers by what they do."""
        info = await client.system.info()
        assert info.name
        assert info.cpus > 0
        assert info.containers >= info.running + info.paused
        assert info.document["Name"] == info.name

    @waits
    async def test_it_says_how_much_it_keeps(self, client: EngineClient) -> None:
        """The usage of the disk is in bytes, of which there are not less than none."""
        usage = await client.system.usage()
        assert min(usage.images, usage.containers, usage.volumes, usage.layers) >= 0

    @waits
    async def test_many_calls_are_in_progress_at_once(self, client: EngineClient) -> None:
        """More calls than the pool has connections all get their answers."""
        pings = await gatherResults([Deferred.fromCoroutine(client.system.ping()) for _ in range(60)])
        assert len({ping.api_version for ping in pings}) == 1

    @waits
    async def test_a_method_that_it_lacks_is_refused_before_anything_is_sent(self, client: EngineClient) -> None:
        """What no engine has is `Unsupported` as soon as its handler is asked for."""
        with pytest.raises(Unsupported, match=r"image\.paint"):
            client.connection.handler("image.paint")

    @pytest.mark.parametrize("parameters", [{"colour": "red"}, {"name": ""}, {"name": "../containers/json"}])
    @waits
    async def test_parameters_that_cannot_be_are_refused(
        self, client: EngineClient, parameters: dict[str, str]
    ) -> None:
        """A parameter that an operation does not have, or a name that would be another path, is not sent."""
        with pytest.raises(ValueError, match=r"colour|name"):
            await client.calls.ask("image.inspect", **parameters)

    @waits
    async def test_a_call_can_be_cancelled(self, client: EngineClient) -> None:
        """Who cancels a call gets `CancelledError`, and the client goes on."""
        asked = Deferred.fromCoroutine(client.system.info())
        asked.cancel()
        with pytest.raises(CancelledError):
            await asked
        assert await client.system.ping()

    @waits
    async def test_a_closed_client_refuses_calls(self, connect: Connect) -> None:
        """After it was closed, which can be done twice, a client says so."""
        client = await connect()
        await client.system.ping()
        await client.close()
        await client.close()
        with pytest.raises(ConnectionFailed, match="closed"):
            await client.system.ping()

    @waits
    async def test_closing_breaks_off_what_is_in_progress(self, connect: Connect) -> None:
        """Who still waits for an answer when the client is closed is told so."""
        client = await connect()
        await client.system.ping()
        events = await client.calls.messages("system.events")
        waiting = Deferred.fromCoroutine(events.__anext__())
        await client.close()
        with pytest.raises(ConnectionFailed, match="closed"):
            await waiting

    @waits
    async def test_a_handler_can_be_wrapped(self, client: EngineClient) -> None:
        """What is put around every operation sees requests on their way in and responses on their way out."""
        seen: list[str] = []

        class Noting:
            def __init__(self, handler: IHandler) -> None:
                self.handler = handler

            async def handle(self, request: Request) -> Response:
                seen.append(f"{request}")
                response = await self.handler.handle(request)
                seen.append(type(response.document).__name__)
                return response

        await client.wrapped(Noting).system.version()  # type: ignore[arg-type]
        assert seen == ["system.version", "dict"]
        await client.system.version()
        assert len(seen) == 2
