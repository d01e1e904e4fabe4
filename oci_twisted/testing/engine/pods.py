"""
Pods and manifest lists, which not every engine has.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
import pytest_twisted  # type: ignore[import-untyped]

from oci_twisted.engine.errors import Conflict, Invalid, NotFound, Unsupported
from oci_twisted.engine.interfaces import IManifests, IPods
from oci_twisted.testing.engine.examples import fresh
from oci_twisted.testing.waiting import waits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from oci_twisted.engine import EngineClient
    from oci_twisted.engine.requests import Json
    from oci_twisted.testing.engine.examples import Made

SLEEP = ("/bin/sleep", "1000")
# Podman gives containers more than root has in some machines.
_LIMITS = [{"type": name, "soft": 1024, "hard": 1024} for name in ("nofile", "nproc")]


class PodContract:
    """What an engine does with pods, or says when it has none."""

    @pytest.fixture
    def having_pods(self, client: EngineClient) -> None:
        """Leave the test out where there are none."""
        if not IPods.providedBy(client.connection):
            pytest.skip("this engine has no pods")

    @pytest_twisted.async_yield_fixture  # type: ignore[untyped-decorator]
    async def pod(self, client: EngineClient, having_pods: None) -> AsyncIterator[str]:
        """Lend the name of a pod without containers."""
        del having_pods
        name = fresh("pod")
        await client.pods.create(name, infra=False, labels={"test": name})
        yield name
        if await client.pods.exists(name):
            await client.pods.remove(name, force=True)

    async def _added(self, client: EngineClient, made: Made, pod: str) -> str:
        # The first process of a container passes a gentler signal by, for which its engine waits ten seconds.
        extra: dict[str, Json] = {"netns": {"nsmode": "none"}, "r_limits": _LIMITS, "stop_signal": int(signal.SIGKILL)}
        return (await client.pods.add(pod, made.image, SLEEP, name=fresh("box"), extra=extra)).id

    @waits
    async def test_an_engine_without_pods_says_so(self, client: EngineClient) -> None:
        """Where there are none, nothing is sent; where there are, none is found that is not there."""
        calls = (
            client.pods.inspect(fresh()),
            client.pods.start(fresh()),
            client.pods.stop(fresh()),
            client.pods.restart(fresh()),
            client.pods.kill(fresh()),
            client.pods.pause(fresh()),
            client.pods.unpause(fresh()),
            client.pods.top(fresh()),
            client.pods.remove(fresh()),
        )
        expected = NotFound if IPods.providedBy(client.connection) else Unsupported
        for call in calls:
            with pytest.raises(expected) as caught:
                await call
            assert (caught.value.status is None) == (expected is Unsupported)

    @waits
    async def test_a_pod_is_what_it_was_created_as(self, client: EngineClient, pod: str) -> None:
        """It is found by its name and id, is listed, and has its name alone."""
        found = await client.pods.inspect(pod)
        assert (found.name, found.status, found.members) == (pod, "Created", ())
        assert found.labels["test"] == pod
        assert await client.pods.inspect(found.id) == found
        (listed,) = await client.pods.list(filters={"label": f"test={pod}"})
        assert listed == found
        with pytest.raises(Conflict):
            await client.pods.create(pod, infra=False)
        with pytest.raises(Conflict):
            await client.pods.start(pod)

    @waits
    async def test_a_pods_containers_run_together(self, client: EngineClient, made: Made, pod: str) -> None:
        """They are started, paused, restarted, stopped and removed as one; to do it again changes nothing."""
        ids = {await self._added(client, made, pod) for _ in range(2)}
        assert {member.id for member in (await client.pods.inspect(pod)).members} == ids
        assert await client.pods.start(pod)
        assert not await client.pods.start(pod)
        assert (await client.pods.inspect(pod)).status == "Running"
        processes = await client.pods.top(pod)
        assert sum("sleep" in " ".join(row) for row in processes.rows) == len(ids)
        await client.pods.pause(pod)
        assert (await client.pods.inspect(pod)).status == "Paused"
        await client.pods.unpause(pod)
        await client.pods.restart(pod)
        assert {member.status for member in (await client.pods.inspect(pod)).members} == {"running"}
        with pytest.raises(Conflict):
            await client.pods.remove(pod)
        assert await client.pods.stop(pod, timeout=0)
        assert not await client.pods.stop(pod, timeout=0)
        await client.pods.remove(pod)
        assert not await client.pods.exists(pod)
        for id_ in ids:
            assert not await client.containers.exists(id_)

    @waits
    async def test_a_pod_is_killed(self, client: EngineClient, made: Made, pod: str) -> None:
        """All of its containers get the signal; there has to be one that runs."""
        id_ = await self._added(client, made, pod)
        with pytest.raises(Conflict):
            await client.pods.kill(pod)
        await client.pods.start(pod)
        await client.pods.kill(pod)
        assert (await client.containers.wait(id_)).code == 137


class ManifestContract:
    """What an engine does with manifest lists, or says when it makes none."""

    @pytest.fixture
    def having_manifests(self, client: EngineClient) -> None:
        """Leave the test out where there are none."""
        if not IManifests.providedBy(client.connection):
            pytest.skip("this engine makes no manifest lists")

    @pytest_twisted.async_yield_fixture  # type: ignore[untyped-decorator]
    async def manifest(self, client: EngineClient, having_manifests: None) -> AsyncIterator[str]:
        """Lend the name of an empty manifest list."""
        del having_manifests
        name = f"oci.test/{fresh('list')}:v1"
        await client.manifests.create(name)
        yield name
        if await client.manifests.exists(name):
            await client.manifests.remove(name)

    @waits
    async def test_an_engine_without_manifest_lists_says_so(self, client: EngineClient) -> None:
        """Where it makes none, nothing is sent; where it does, none is found that is not there."""
        name = f"oci.test/{fresh()}:v1"
        expected = NotFound if IManifests.providedBy(client.connection) else Unsupported
        with pytest.raises(expected):
            await client.manifests.remove(name)
        if expected is Unsupported:
            for call in (
                client.manifests.create(name),
                client.manifests.inspect(name),
                client.manifests.exists(name),
                client.manifests.add(name, name),
                client.manifests.push(name, name),
            ):
                with pytest.raises(Unsupported, match="no manifests"):
                    await call

    @waits
    async def test_images_are_put_into_a_manifest_list(self, client: EngineClient, made: Made, manifest: str) -> None:
        """Each has its platform, of which something else can be said, and is taken out again."""
        assert (await client.manifests.inspect(manifest)).entries == ()
        await client.manifests.add(manifest, f"containers-storage:{made.image}")
        (entry,) = (await client.manifests.inspect(manifest)).entries
        assert entry.digest.startswith("sha256:")
        assert entry.size > 0
        assert entry.operating_system == "linux"
        await client.manifests.annotate(manifest, entry.digest, architecture="arm64", variant="v8")
        (changed,) = (await client.manifests.inspect(manifest)).entries
        assert (changed.digest, changed.architecture, changed.variant) == (entry.digest, "arm64", "v8")
        await client.manifests.discard(manifest, entry.digest)
        assert (await client.manifests.inspect(manifest)).entries == ()
        with pytest.raises(Invalid, match=entry.digest):
            await client.manifests.discard(manifest, entry.digest)

    @waits
    async def test_a_manifest_list_has_its_name_alone(self, client: EngineClient, manifest: str) -> None:
        """Its name is taken until it is removed."""
        with pytest.raises(Conflict):
            await client.manifests.create(manifest)
        await client.manifests.remove(manifest)
        assert not await client.manifests.exists(manifest)

    @waits
    async def test_an_image_that_is_not_there_is_not_put_in(self, client: EngineClient, manifest: str) -> None:
        """The error names it."""
        name = fresh("nothing")
        with pytest.raises(Invalid, match=name):
            await client.manifests.add(manifest, f"containers-storage:oci.test/{name}:v1")
