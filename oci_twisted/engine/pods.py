"""
Pods: containers that are started and stopped together.  Podman has them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from oci_twisted.engine.containers.values import Created, Processes, read_processes
from oci_twisted.engine.documents import NO_LABELS, Fields
from oci_twisted.engine.errors import EngineError
from oci_twisted.engine.filters import Filters, encode_filters
from oci_twisted.engine.interfaces import IPods

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from oci_twisted.engine.calls import Calls
    from oci_twisted.engine.requests import Json


@frozen
class PodMember:
    """
    A container in a pod.

    :ivar status: in Podman's words, such as ``running``.
    """

    id: str
    name: str
    status: str


@frozen
class Pod:
    """
    A pod.

    :ivar status: in Podman's words: ``Created``, ``Running``, ``Degraded`` if only some of its containers run,
        ``Paused``, ``Stopped``, ``Exited``.
    :ivar infra_id: the container that keeps what the others share; empty if there is none.
    :ivar members: that one included.
    """

    id: str
    name: str
    status: str
    created: datetime | None
    infra_id: str
    members: tuple[PodMember, ...] = ()
    labels: Mapping[str, str] = NO_LABELS


class Pods:
    """
    The operations on pods.

    A pod is named by its id, an unambiguous beginning of it, or its name.  All raise `Unsupported` where the engine has
    no pods, before anything is sent; `NotFound` when there is no such pod; and `Conflict` when it, or one of its
    containers, is in a state in which the operation cannot be done.

    Nothing bounds how long the engine takes to `start`, `stop`, `restart`, `remove` or `prune` them: that is the
    caller's to do, by cancelling or ``Deferred.addTimeout``.
    """

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def list(self, *, filters: Filters | None = None) -> tuple[Pod, ...]:
        """
        List pods.

        :param filters: such as ``{"label": "a=b", "status": ["running"]}``.
        """
        return await self._pods().each("a pod", _pod, "pod.list", filters=encode_filters(filters))

    async def create(
        self,
        name: str | None = None,
        *,
        infra: bool = True,
        hostname: str | None = None,
        labels: Mapping[str, str] = NO_LABELS,
        extra: Mapping[str, Json] = NO_LABELS,
    ) -> str:
        """
        Make a pod without containers, and answer its id.

        :param name: the engine's choice if ``None``.
        :param infra: whether there is a container that keeps what the others share, such as their network.
        :param extra: members of Podman's ``PodSpecGenerator`` that have no name here.
        :raise Conflict: when the name is taken.
        """
        config: dict[str, Any] = {"labels": dict(labels), "no_infra": not infra, **extra}
        config |= {key: value for key, value in (("name", name), ("hostname", hostname)) if value is not None}
        return (await self._pods().fields("a pod", "pod.create", config=config)).text("Id")

    async def add(
        self,
        pod: str,
        image: str,
        command: Sequence[str] | None = None,
        *,
        name: str | None = None,
        environment: Mapping[str, str] = NO_LABELS,
        labels: Mapping[str, str] = NO_LABELS,
        extra: Mapping[str, Json] = NO_LABELS,
    ) -> Created:
        """
        Make a container in a pod, which does not run yet.

        Docker's API has no word for it, so that it is not `Containers.create`.

        :param command: words; the image's if ``None``.
        :param extra: members of Podman's ``SpecGenerator`` that have no name here.
        :raise NotFound: when the image is not there; it is not pulled.
        """
        config: dict[str, Any] = {
            "pod": pod,
            "image": image,
            "env": dict(environment),
            "labels": dict(labels),
            **extra,
        }
        if command is not None:
            config["command"] = list(command)
        if name is not None:
            config["name"] = name
        fields = await self._pods().fields("a container", "pod.add", config=config)
        return Created(fields.text("Id"), fields.texts("Warnings"))

    async def inspect(self, pod: str) -> Pod:
        """Answer what there is to know of a pod."""
        return _pod(await self._pods().fields("a pod", "pod.inspect", name=pod))

    async def exists(self, pod: str) -> bool:
        """Answer whether there is such a pod."""
        return await self._pods().finds("pod.exists", name=pod)

    async def start(self, pod: str) -> bool:
        """Start its containers, and answer whether one did not run; a pod without containers cannot be started."""
        return await self._pods().changes("pod.start", name=pod)

    async def stop(self, pod: str, *, timeout: int | None = None) -> bool:  # noqa: ASYNC109 - the engine's, not ours
        """
        Ask its containers to end, end those that do not, and answer whether one ran.

        :param timeout: seconds until they are ended.
        """
        return await self._pods().changes("pod.stop", name=pod, timeout=timeout)

    async def restart(self, pod: str) -> None:
        """Stop and start its containers."""
        await self._pods().ask("pod.restart", name=pod)

    async def kill(self, pod: str, signal: str = "SIGKILL") -> None:
        """Send a signal to its containers."""
        await self._pods().ask("pod.kill", name=pod, signal=signal)

    async def pause(self, pod: str) -> None:
        """Let its containers stand still."""
        await self._pods().ask("pod.pause", name=pod)

    async def unpause(self, pod: str) -> None:
        """Let its containers go on."""
        await self._pods().ask("pod.unpause", name=pod)

    async def top(self, pod: str) -> Processes:
        """List what runs in its containers."""
        return read_processes(await self._pods().fields("a list of processes", "pod.top", name=pod))

    async def remove(self, pod: str, *, force: bool = False) -> None:
        """
        Remove a pod and its containers.

        :param force: although they run.
        """
        await self._pods().ask("pod.remove", name=pod, force=force)

    async def prune(self) -> tuple[str, ...]:
        """
        Remove the pods that do not run, with their containers, and answer their ids.

        :raise EngineError: when one of them could not be removed; others may have been.
        """
        return await self._pods().each("a pod", _pruned, "pod.prune")

    def _pods(self) -> Calls:
        return self._calls.require(IPods)


def _pruned(fields: Fields) -> str:
    id_, complaint = fields.text("Id"), fields.whole.get("Err")
    if complaint:
        raise EngineError(f"the pod {id_} could not be removed: {complaint}")
    return id_


def _pod(fields: Fields) -> Pod:
    # A list and an inspection have other words for the same.
    return Pod(
        id=fields.text("Id"),
        name=fields.text("Name"),
        status=fields.text("Status", "") or fields.text("State", ""),
        created=fields.instant("Created"),
        infra_id=fields.text("InfraId", "") or fields.text("InfraContainerID", ""),
        members=fields.several("Containers", _member),
        labels=fields.labels("Labels"),
    )


def _member(fields: Fields) -> PodMember:
    return PodMember(
        id=fields.text("Id"),
        name=fields.text("Names", "") or fields.text("Name", ""),
        status=fields.text("Status", "") or fields.text("State", ""),
    )
