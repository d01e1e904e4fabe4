"""
Containers: from their creation to their removal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from twisted.internet.defer import CancelledError, Deferred

from oci_twisted.engine.containers.values import Status
from oci_twisted.engine.errors import Conflict, EngineError, NotFound
from oci_twisted.testing.engine.examples import config, fresh
from oci_twisted.testing.waiting import waits

if TYPE_CHECKING:
    from oci_twisted.engine import EngineClient
    from oci_twisted.testing.engine.examples import Made

SLEEP = ("/bin/sleep", "1000")


class ContainerContract:
    """What an engine does with containers."""

    @waits
    async def test_a_container_is_what_it_was_created_as(self, client: EngineClient, made: Made) -> None:
        """Its configuration comes back, and it does not run before it is started."""
        id_ = await made.container(
            *SLEEP, start=False, environment={"COLOUR": "red"}, labels={"a": "b"}, working_directory="/bin"
        )
        container = await client.containers.inspect(id_)
        assert container.id == id_
        assert container.image == made.image
        assert container.image_id == (await client.images.inspect(made.image)).id
        assert container.command == SLEEP
        assert "COLOUR=red" in container.environment
        assert container.labels["a"] == "b"
        assert container.working_directory == "/bin"
        assert container.state.status is Status.CREATED
        assert not container.state.is_running
        assert container.network_mode == "none"

    @waits
    async def test_a_container_runs_until_it_is_stopped(self, client: EngineClient, made: Made) -> None:
        """It is started once and stopped once; to do either again changes nothing."""
        id_ = await made.container(*SLEEP, start=False)
        assert await client.containers.start(id_)
        assert not await client.containers.start(id_)
        state = (await client.containers.inspect(id_)).state
        assert state.status is Status.RUNNING
        assert state.pid > 0
        assert state.started is not None
        assert await client.containers.stop(id_, timeout=0)
        assert not await client.containers.stop(id_, timeout=0)
        state = (await client.containers.inspect(id_)).state
        assert state.status is Status.EXITED
        assert state.exit_code == 137
        assert state.finished is not None

    @pytest.mark.parametrize(("program", "code"), [("true", 0), ("false", 1)])
    @waits
    async def test_its_exit_code_is_waited_for(self, client: EngineClient, made: Made, program: str, code: int) -> None:
        """Whoever waits gets the process's exit code, at once when it has ended already."""
        id_ = await made.container(f"/bin/{program}", start=False)
        waiting = Deferred.fromCoroutine(client.containers.wait(id_, condition="next-exit"))
        await client.system.ping()
        await client.containers.start(id_)
        assert (await waiting).code == code
        assert (await client.containers.wait(id_)).code == code

    @waits
    async def test_a_wait_can_be_cancelled(self, client: EngineClient, made: Made) -> None:
        """Who gives up waiting leaves the container alone."""
        id_ = await made.container(*SLEEP)
        waiting = Deferred.fromCoroutine(client.containers.wait(id_))
        await client.system.ping()
        waiting.cancel()
        with pytest.raises(CancelledError):
            await waiting
        assert (await client.containers.inspect(id_)).state.is_running

    @waits
    async def test_a_signal_is_sent(self, client: EngineClient, made: Made) -> None:
        """A process that is killed has ended with 128 and the signal's number; what has ended cannot be killed."""
        id_ = await made.container(*SLEEP)
        await client.containers.kill(id_)
        assert (await client.containers.wait(id_)).code == 137
        with pytest.raises(Conflict):
            await client.containers.kill(id_)

    @waits
    async def test_a_container_is_paused(self, client: EngineClient, made: Made) -> None:
        """A paused container is there and does nothing until it goes on."""
        id_ = await made.container(*SLEEP)
        await client.containers.pause(id_)
        assert (await client.containers.inspect(id_)).state.status is Status.PAUSED
        await client.containers.unpause(id_)
        assert (await client.containers.inspect(id_)).state.status is Status.RUNNING

    @waits
    async def test_a_container_is_restarted(self, client: EngineClient, made: Made) -> None:
        """It has another process afterwards."""
        id_ = await made.container(*SLEEP)
        before = (await client.containers.inspect(id_)).state
        await client.containers.restart(id_, timeout=0)
        after = (await client.containers.inspect(id_)).state
        assert after.is_running
        assert after.pid != before.pid

    @waits
    async def test_a_container_has_one_name_at_a_time(self, client: EngineClient, made: Made) -> None:
        """It is found by its new name, not by the old one, and no other can have it."""
        id_, other = await made.container(*SLEEP, start=False), await made.container(*SLEEP, start=False)
        before, name = (await client.containers.inspect(id_)).name, fresh("box")
        await client.containers.rename(id_, name)
        assert (await client.containers.inspect(name)).id == id_
        assert not await client.containers.exists(before)
        with pytest.raises(Conflict):
            await client.containers.rename(other, name)
        with pytest.raises(Conflict):
            await client.containers.create(config(made.image, *SLEEP), name=name)

    @waits
    async def test_containers_are_listed(self, client: EngineClient, made: Made) -> None:
        """Those that run are listed, the others if asked for; filters choose."""
        label = fresh("label")
        running = await made.container(*SLEEP, labels={"test": label})
        created = await made.container(*SLEEP, labels={"test": label}, start=False)
        chosen = {"label": f"test={label}"}
        (listed,) = await client.containers.list(filters=chosen)
        assert listed.id == running
        assert listed.status is Status.RUNNING
        assert listed.image == made.image
        assert listed.command.split() == [*SLEEP]
        assert listed.labels["test"] == label
        every = await client.containers.list(all=True, filters=chosen)
        assert {one.id for one in every} == {running, created}
        (ended,) = await client.containers.list(all=True, filters={**chosen, "status": "created"})
        assert ended.id == created

    @waits
    async def test_its_processes_are_listed(self, client: EngineClient, made: Made) -> None:
        """What runs in a container is listed in rows, with a title for each column."""
        processes = await client.containers.top(await made.container(*SLEEP))
        assert "PID" in processes.titles
        assert all(len(row) == len(processes.titles) for row in processes.rows)
        assert any("sleep" in cell for row in processes.rows for cell in row)

    @waits
    async def test_a_running_container_is_removed_by_force_only(self, client: EngineClient, made: Made) -> None:
        """Its removal is refused while it runs."""
        id_ = await made.container(*SLEEP)
        with pytest.raises(Conflict):
            await client.containers.remove(id_)
        await client.containers.remove(id_, force=True)
        assert not await client.containers.exists(id_)

    @waits
    async def test_a_container_becomes_an_image(self, client: EngineClient, made: Made) -> None:
        """An image of a container has its configuration, but for what was changed."""
        id_ = await made.container(*SLEEP, environment={"COLOUR": "red"})
        name = made.image_name()
        image_id = await client.containers.commit(
            id_, name, author="me", changes=['CMD ["/bin/true"]', "LABEL size=small"]
        )
        image = await client.images.inspect(name)
        assert image.id == image_id
        assert image.author == "me"
        assert image.command == ("/bin/true",)
        assert image.labels["size"] == "small"
        assert "COLOUR=red" in image.environment

    @waits
    async def test_containers_that_do_not_run_are_pruned(self, client: EngineClient, made: Made) -> None:
        """Those that filters choose and that do not run are removed, and named."""
        label = fresh("label")
        idle, busy = [await made.container(*SLEEP, start=start, labels={"test": label}) for start in (False, True)]
        pruned = await client.containers.prune(filters={"label": f"test={label}"})
        assert pruned.ids == (idle,)
        assert pruned.reclaimed >= 0
        assert not await client.containers.exists(idle)
        assert await client.containers.exists(busy)

    @waits
    async def test_what_is_not_there_is_not_found(self, client: EngineClient) -> None:
        """Every operation on a container that is not there says so."""
        name = fresh("nobody")
        containers = client.containers
        calls = (
            containers.inspect(name),
            containers.start(name),
            containers.stop(name),
            containers.restart(name),
            containers.kill(name),
            containers.pause(name),
            containers.unpause(name),
            containers.wait(name),
            containers.rename(name, fresh()),
            containers.top(name),
            containers.commit(name),
            containers.remove(name),
        )
        for call in calls:
            with pytest.raises(NotFound, match=name):
                await call

    @waits
    async def test_an_image_that_is_not_there_makes_no_container(self, client: EngineClient) -> None:
        """It is not pulled either."""
        with pytest.raises(NotFound):
            await client.containers.create(config(f"oci.test/{fresh()}:v1", *SLEEP))

    @waits
    async def test_a_program_that_is_not_there_does_not_start(self, client: EngineClient, made: Made) -> None:
        """A command that the image does not have is an error that names it."""
        id_ = await made.container("/bin/nonsense", start=False)
        with pytest.raises(EngineError, match="nonsense"):
            await client.containers.start(id_)
        assert not (await client.containers.inspect(id_)).state.is_running
