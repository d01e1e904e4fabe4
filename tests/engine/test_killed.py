"""A real daemon that is killed in the middle of something, and started again."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.protocol import ProcessProtocol

from oci_twisted.engine.errors import ConnectionFailed, EngineError, StreamCorrupt
from oci_twisted.engine.events.values import Event, Gap, GapCause
from oci_twisted.testing.engine.examples import busybox_archive, config, fresh
from oci_twisted.testing.waiting import soon, turn, waits
from tests.engine.killable import client_of, the_reactor
from tests.engine.scripted_registry import scripted_registry

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from twisted.python.failure import Failure

    from oci_twisted.engine import EngineClient
    from oci_twisted.engine.containers.config import ContainerConfig
    from oci_twisted.engine.events.subscription import EventSubscription
    from tests.engine.killable import Killable

pytestmark = pytest.mark.clients

IMAGE = "oci.test/faults/busybox:v1"
# The daemon is gone at once; what is left is to hear of it.
_BOUND = 10.0


@asynccontextmanager
async def attached(engine: Killable) -> AsyncIterator[EngineClient]:
    """Lend a client of an engine that has an image to run; nothing of the client is left afterwards."""
    # A test that failed may have left it as it was.
    await engine.start()
    async with client_of(engine.address, engine.name) as client:
        if not await client.images.exists(IMAGE):
            await client.images.import_archive(busybox_archive(), IMAGE)
        yield client


async def runs(client: EngineClient) -> bool:
    """Answer whether the client goes on: it asks, runs a container, and looks what that has written."""
    await client.system.ping()
    output = await client.containers.run(config(IMAGE, "echo", "again"))
    return output.stdout == b"again\n"


def sleeping(*command: str) -> ContainerConfig:
    """Answer what a container is that a daemon need not ask twice to end, when it finds it after a restart."""
    return config(IMAGE, *command, stop_signal="SIGKILL")


async def removed(client: EngineClient, container: str) -> None:
    """Remove a container, whatever the restart has made of it."""
    await client.containers.remove(container, force=True)


@waits
async def test_in_the_middle_of_a_pull(killable: Killable) -> None:
    """A pull that breaks off is an error at once; nothing is there half, and the same client pulls afterwards."""
    async with scripted_registry(the_reactor()) as (host, registry), attached(killable) as client:
        pulling = Deferred.fromCoroutine(client.pull(f"{host}/slow/tool:v1"))
        await registry.begun
        killable.kill()
        with pytest.raises((StreamCorrupt, ConnectionFailed)) as caught:
            await pulling.addTimeout(_BOUND, the_reactor())
        assert str(caught.value).startswith(f"image.pull {host}/slow/tool: ")
        # Neither does the registry go on to send.
        await registry.gone.addTimeout(_BOUND, the_reactor())
        with pytest.raises(ConnectionFailed, match="cannot be reached"):
            await client.system.ping()
        await killable.start()
        assert not await client.images.exists(f"{host}/slow/tool:v1")
        image = await client.pull(f"{host}/fine/tool:v1")
        assert f"{host}/fine/tool:v1" in image.tags
        await client.images.remove(image.id, force=True)


async def _next(events: EventSubscription, name: str, gaps: list[Gap]) -> Event:
    """Answer the event that a container of that name was made."""
    async for happening in events:
        if isinstance(happening, Gap):
            gaps.append(happening)
        elif happening.attributes.get("name") == name:
            return happening
    raise AssertionError("the events have ended")


@waits
async def test_in_the_middle_of_events(killable: Killable) -> None:
    """A subscription finds the engine again by itself, and says that it may have missed something if it may."""
    gaps: list[Gap] = []
    async with attached(killable) as client:
        events = await client.events(filters={"type": "container", "event": ["create"]})
        before, after = fresh("box"), fresh("box")
        for name in (before, after):
            created = await client.containers.create(config(IMAGE, "true"), name=name)
            event = await soon(_next(events, name, gaps), _BOUND)
            assert event.id == created.id
            if name == before:
                assert gaps == []
                killable.kill()
                await killable.start()
        events.close()
        # Docker forgets what has happened, and Podman does not: its events are in a file.
        assert [gap.cause for gap in gaps] == ([GapCause.NOT_REPLAYED] if killable.name == "docker" else [])
        for name in (before, after):
            await removed(client, name)


class Heard(ProcessProtocol):
    """Notes what comes from a process, and how it ends."""

    def __init__(self) -> None:
        self.answered: Deferred[bytes] = Deferred()
        self.ended: Deferred[None] = Deferred()
        self.reason: Failure | None = None

    def outReceived(self, data: bytes) -> None:
        """Know that it runs."""
        if not self.answered.called:
            self.answered.callback(data)

    def processEnded(self, reason: Failure) -> None:
        """Know that it does not."""
        self.reason = reason
        self.ended.callback(None)


@waits
async def test_in_the_middle_of_an_exec(killable: Killable) -> None:
    """Whoever is connected to a process, or waits for it, hears that its end will not be known."""
    async with attached(killable) as client:
        box = await client.containers.create(sleeping("sleep", "600"), name=fresh("box"))
        await client.containers.start(box.id)
        heard = Heard()
        process = await client.containers.exec(box.id, ["cat"], heard, stdin=True)
        process.write(b"hello\n")
        assert await heard.answered == b"hello\n"
        waiting = Deferred.fromCoroutine(process.wait())
        killable.kill()
        with pytest.raises(EngineError):
            await waiting.addTimeout(_BOUND, the_reactor())
        await heard.ended.addTimeout(_BOUND, the_reactor())
        assert heard.reason is not None
        assert heard.reason.check(EngineError)
        await killable.start()
        assert await runs(client)
        await removed(client, box.id)


@waits
async def test_in_the_middle_of_everything_else(killable: Killable) -> None:
    """Whoever waits for an end, follows a log or reads measurements gets an error; nobody waits for ever."""
    async with attached(killable) as client:
        box = await client.containers.create(sleeping("sh", "-c", "echo ready; sleep 600"), name=fresh("box"))
        await client.containers.start(box.id)
        log = (await client.containers.logs(box.id, follow=True)).lines()
        assert (await log.__anext__()).content == b"ready"
        waiting: list[Deferred[object]] = [
            Deferred.fromCoroutine(client.containers.wait(box.id)),
            Deferred.fromCoroutine(log.__anext__()),
            Deferred.fromCoroutine(client.containers.run(sleeping("sleep", "600"), name=fresh("box"))),
        ]
        while len(await client.containers.list()) < len({"box", "run"}):
            await turn()
        killable.kill()
        for one in waiting:
            with pytest.raises((StreamCorrupt, ConnectionFailed)):
                await one.addTimeout(_BOUND, the_reactor())
        await killable.start()
        assert await runs(client)
        for left in await client.containers.list(all=True):
            await removed(client, left.id)
