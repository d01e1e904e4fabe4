"""
Containers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from oci_twisted.engine.containers.archives import ContainerFiles
from oci_twisted.engine.containers.config import ContainerConfig, check_config
from oci_twisted.engine.containers.execs import ContainerExecs
from oci_twisted.engine.containers.exits import Ending
from oci_twisted.engine.containers.logs import ContainerLogs
from oci_twisted.engine.containers.outputs import OUTPUT_LIMIT, Output
from oci_twisted.engine.containers.runs import run
from oci_twisted.engine.containers.stats import ContainerStats
from oci_twisted.engine.containers.values import (
    Container,
    ContainersPruned,
    ContainerSummary,
    Created,
    Exit,
    Processes,
    read_container,
    read_processes,
    read_summary,
)
from oci_twisted.engine.filters import Filters, encode_filters
from oci_twisted.engine.images.names import split_tag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oci_twisted.engine.calls import Calls
    from oci_twisted.engine.requests import Body


class Containers(ContainerExecs, ContainerLogs, ContainerStats, ContainerFiles):
    """
    The operations on containers.

    Those that connect to processes are in `ContainerExecs`, those that read logs in `ContainerLogs`, those that measure
    in `ContainerStats`, and those that copy files in `ContainerFiles`.

    A container is named by its id, an unambiguous beginning of it, or its name.  All raise `NotFound` when there is no
    such container, and `Conflict` when it is in a state in which the operation cannot be done.

    Nothing bounds how long an engine takes to `start`, `stop`, `restart`, `wait` for, `remove`, `prune` or `commit`
    one, or one takes that is `run`: that is the caller's to do, by cancelling or ``Deferred.addTimeout``.
    """

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def list(
        self,
        *,
        all: bool = False,  # noqa: A002 - the engines' word
        limit: int | None = None,
        filters: Filters | None = None,
    ) -> tuple[ContainerSummary, ...]:
        """
        List containers, the youngest first.

        :param all: those, too, that do not run.
        :param limit: no more than so many, the youngest, whether they run or not.
        :param filters: such as ``{"label": "a=b", "status": ["exited"]}``.
        """
        return await self._calls.each(
            "a container", read_summary, "container.list", all=all, limit=limit, filters=encode_filters(filters)
        )

    async def create(self, config: ContainerConfig, *, name: str | None = None, platform: str | None = None) -> Created:
        """
        Make a container, which does not run yet.

        :param name: the engine's choice if ``None``.
        :param platform: such as ``linux/arm64``.
        :raise NotFound: when the image is not there; it is not pulled.
        :raise Conflict: when the name is taken.
        :raise TypeError: when ``config`` is none, but the name of an image for instance.
        """
        check_config(config)
        fields = await self._calls.fields(
            "a container", "container.create", name=name, platform=platform, config=config.document()
        )
        return Created(fields.text("Id"), fields.texts("Warnings"))

    async def inspect(self, container: str) -> Container:
        """Answer what there is to know of a container."""
        return read_container(await self._calls.fields("a container", "container.inspect", id=container))

    async def exists(self, container: str) -> bool:
        """Answer whether there is such a container."""
        return await self._calls.finds("container.inspect", id=container)

    async def start(self, container: str) -> bool:
        """
        Start it; answer whether it did not run before.

        :raise Invalid: when its command is not there, or cannot be run.
        """
        return await self._calls.changes("container.start", id=container)

    async def run(
        self,
        config: ContainerConfig,
        *,
        name: str | None = None,
        input: Body = None,  # noqa: A002 - subprocess's word
        limit: int = OUTPUT_LIMIT,
        check: bool = False,
    ) -> Output:
        """
        Make a container, run it to its end, remove it, and answer what it wrote.

        It is removed whatever happens, also when this is cancelled, which waits for that.

        :param input: its standard input, which it does not have if ``None``.
        :param limit: so many bytes of each of its outputs are kept; the rest is thrown away.
        :param check: whether another exit code than 0 is an error.
        :raise ContainerFailed: if so.
        :raise NotFound: when the image is not there; it is not pulled.
        """
        return await run(self, config, input, name=name, limit=limit, check=check)

    async def stop(self, container: str, *, timeout: int | None = None) -> bool:  # noqa: ASYNC109 - the engine's
        """
        Ask its process to end, and end it if it does not; answer whether it ran.

        :param timeout: how many seconds it is given; the container's own, or 10, if ``None``.
        """
        return await self._calls.changes("container.stop", id=container, timeout=timeout)

    async def restart(self, container: str, *, timeout: int | None = None) -> None:  # noqa: ASYNC109 - the engine's
        """Stop it if it runs, as `stop` does, and start it."""
        await self._calls.ask("container.restart", id=container, timeout=timeout)

    async def kill(self, container: str, *, signal: str | None = None) -> None:
        """
        Send its process a signal, ``SIGKILL`` if none is named.

        :raise Conflict: when it does not run.
        """
        await self._calls.ask("container.kill", id=container, signal=signal)

    async def pause(self, container: str) -> None:
        """Let all of its processes stand still."""
        await self._calls.ask("container.pause", id=container)

    async def unpause(self, container: str) -> None:
        """Let them go on."""
        await self._calls.ask("container.unpause", id=container)

    async def wait(self, container: str, *, condition: str | None = None) -> Exit:
        """
        Wait until it has ended, as long as that takes; at once if it does not run.

        :param condition: ``not-running``, ``next-exit`` (although it does not run yet) or ``removed``.
        """
        return await (await Ending.awaited(self._calls, container, condition)).exit()

    async def remove(self, container: str, *, force: bool = False, volumes: bool = False) -> None:
        """
        Remove it.

        :param force: although it runs.
        :param volumes: together with its volumes that have no names.
        :raise Conflict: when it runs.
        """
        await self._calls.ask("container.remove", id=container, force=force, volumes=volumes)

    async def prune(self, *, filters: Filters | None = None) -> ContainersPruned:
        """
        Remove the containers that do not run.

        :param filters: such as ``{"label": "a=b", "until": "24h"}``.
        """
        fields = await self._calls.fields("what was pruned", "container.prune", filters=encode_filters(filters))
        return ContainersPruned(fields.texts("ContainersDeleted"), fields.number("SpaceReclaimed", 0))

    async def rename(self, container: str, name: str) -> None:
        """
        Give it another name.

        :raise Conflict: when that is taken.
        """
        await self._calls.ask("container.rename", id=container, name=name)

    async def top(self, container: str, *, arguments: str | None = None) -> Processes:
        """
        List its processes.

        :param arguments: of ``ps``.
        :raise Conflict: when it does not run.
        """
        return read_processes(
            await self._calls.fields("a list of processes", "container.top", id=container, ps_args=arguments)
        )

    async def commit(
        self,
        container: str,
        name: str | None = None,
        *,
        message: str | None = None,
        author: str | None = None,
        pause: bool = True,
        changes: Sequence[str] = (),
    ) -> str:
        """
        Make an image of its files and configuration, and answer the image's id.

        :param name: of the image.
        :param pause: whether its processes stand still meanwhile.
        :param changes: lines of a Dockerfile, such as ``CMD ["/bin/sh"]``.
        """
        repository, tag = split_tag(name) if name is not None else (None, None)
        fields = await self._calls.fields(
            "an image",
            "container.commit",
            container=container,
            repo=repository,
            tag=tag,
            comment=message,
            author=author,
            pause=pause,
            changes=changes,
        )
        id_ = fields.text("Id")
        return id_ if id_.startswith("sha256:") else f"sha256:{id_}"
