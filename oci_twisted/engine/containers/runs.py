"""
A container for one command: made, attached to, started, waited for, and removed whatever happens.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from attrs import evolve
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

from oci_twisted.engine.containers.config import check_config
from oci_twisted.engine.containers.outputs import Collector, Output, check_input, fed
from oci_twisted.engine.errors import EngineError, NotFound

if TYPE_CHECKING:
    from twisted.python.failure import Failure

    from oci_twisted.engine.containers.config import ContainerConfig
    from oci_twisted.engine.containers.containers import Containers
    from oci_twisted.engine.requests import Body

T = TypeVar("T")

_log = Logger()


async def run(
    containers: Containers, config: ContainerConfig, content: Body, *, name: str | None, limit: int, check: bool
) -> Output:
    """Do what `Containers.run` says."""
    check_config(config)
    check_input(content)
    with_input = content is not None
    config = evolve(
        config,
        auto_remove=False,
        stdin=config.stdin or with_input,
        stdin_once=config.stdin_once or with_input,
    )
    id_ = await _created(containers, config, name)
    collector = Collector(limit)
    try:
        process = await containers.attach(id_, collector, stdin=with_input)
        try:
            await containers.start(id_)
            code = await fed(process, content)
        finally:
            process.close()
    except BaseException:
        try:
            await _remove(containers, id_)
        except EngineError:
            # Why it did not run matters more.
            _log.failure("container {id} is left behind", id=id_)
        raise
    await _remove(containers, id_)
    return collector.output(code, what=f"the container of {config.image}", check=check)


async def _created(containers: Containers, config: ContainerConfig, name: str | None) -> str:
    """Make the container.  An engine goes on to make one that nobody waits for any more, so that is waited for."""
    creating = Deferred.fromCoroutine(containers.create(config, name=name))
    try:
        return (await _unharmed(creating)).id
    except CancelledError:
        try:
            await _remove(containers, (await creating).id)
        except EngineError:
            _log.failure("a container may be left behind")
        raise


async def _remove(containers: Containers, id_: str) -> None:
    """Remove the container, which may have to wait for its turn; whoever is cancelled meanwhile waits for that."""
    removing = Deferred.fromCoroutine(_removed(containers, id_))
    try:
        await _unharmed(removing)
    except CancelledError:
        await removing
        raise


async def _removed(containers: Containers, id_: str) -> None:
    with suppress(NotFound):
        await containers.remove(id_, force=True, volumes=True)


async def _unharmed(doing: Deferred[T]) -> T:
    """Wait for something that goes on when the wait is cancelled, and can be awaited again then."""
    waiting: Deferred[T] = Deferred()

    def hand_on(result: T | Failure) -> T | Failure | None:
        if waiting.called:
            return result
        waiting.callback(result)
        return None

    doing.addBoth(hand_on)
    return await waiting
