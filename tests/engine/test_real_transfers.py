"""What goes wrong between real engines and registries, and what becomes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from attrs import evolve, frozen
from twisted.internet.defer import CancelledError, Deferred

from oci_twisted.engine import EngineClient
from oci_twisted.engine.credentials.keychains import NoKeychain
from oci_twisted.engine.errors import PullCause, PullFailed, PushFailed, Unauthorized
from oci_twisted.testing.engine.examples import fresh
from oci_twisted.testing.engine.registries import ADA, guarded_registry, open_registry
from oci_twisted.testing.engine.transfers import archive_of
from oci_twisted.testing.waiting import waits
from tests.docs.running import free_port
from tests.engine.scripted_registry import ScriptedRegistry, scripted_registry

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.clients

WHY = PullCause


@pytest_twisted.async_yield_fixture(params=["docker", "current_docker", "podman"])  # type: ignore[untyped-decorator]
async def client(request: pytest.FixtureRequest) -> AsyncIterator[EngineClient]:
    """Lend a client of each engine."""
    address, driver = request.getfixturevalue(f"{request.param}_address"), request.param.removeprefix("current_")
    client = await EngineClient.connect(address, reactor=_reactor(), driver=driver, keychain=NoKeychain())
    yield client
    await client.close()


@frozen
class Scripted:
    """A registry that does wrong, and its host."""

    host: str
    registry: ScriptedRegistry


@pytest_twisted.async_yield_fixture  # type: ignore[untyped-decorator]
async def scripted() -> AsyncIterator[Scripted]:
    """Lend a registry that does wrong."""
    async with scripted_registry(_reactor()) as (host, registry):
        yield Scripted(host, registry)


def _reactor() -> Any:  # noqa: ANN401 - every kind of reactor
    from twisted.internet import reactor  # noqa: PLC0415 - pytest-twisted installs it

    return reactor


@pytest.mark.parametrize(
    ("repository", "cause"),
    [
        ("foreign", WHY.PLATFORM_MISMATCH),
        ("damaged", WHY.OTHER),
        ("empty", WHY.NOT_FOUND),
    ],
)
@waits
async def test_a_registry_that_does_wrong(
    client: EngineClient, scripted: Scripted, repository: str, cause: PullCause
) -> None:
    """What a registry refuses or spoils has its cause, and leaves no image."""
    name = f"{scripted.host}/{repository}/tool:v1"
    with pytest.raises(PullFailed) as caught:
        await client.pull(name)
    assert caught.value.cause is cause
    assert name in str(caught.value)
    assert not await client.images.exists(name)


@pytest.mark.parametrize("docker", ["docker", "current_docker"])
@waits
async def test_a_rate_limit_and_its_delay(request: pytest.FixtureRequest, docker: str, scripted: Scripted) -> None:
    """
    A delay that a registry says in words comes out in seconds, where the engine repeats them, as today's does not.

    Podman tries again by itself for a minute, so that nobody waits for it here.
    """
    address = request.getfixturevalue(f"{docker}_address")
    client = await EngineClient.connect(address, reactor=_reactor(), driver="docker", keychain=NoKeychain())
    async with client:
        with pytest.raises(PullFailed) as caught:
            await client.pull(f"{scripted.host}/limited/tool:v1")
    assert caught.value.cause is WHY.RATE_LIMITED
    assert caught.value.retry_after == (7 if docker == "docker" else None)


@waits
async def test_a_registry_that_is_not_there(client: EngineClient) -> None:
    """Where nothing listens, the registry cannot be reached."""
    with pytest.raises(PullFailed) as caught:
        await client.pull(f"127.0.0.1:{free_port()}/team/tool:v1")
    assert caught.value.cause is WHY.UNREACHABLE


@waits
async def test_a_registry_that_takes_nothing(podman_address: str, scripted: Scripted) -> None:
    """
    A registry that lets nobody push has that for a cause.

    Docker tries again by itself for a minute, so that nobody waits for it here.
    """
    client = await EngineClient.connect(podman_address, reactor=_reactor(), driver="podman", keychain=NoKeychain())
    name = f"{scripted.host}/closed/tool:v1"
    async with client:
        id_ = await client.images.import_archive(archive_of(a=fresh().encode()), name)
        with pytest.raises(PushFailed) as caught:
            await client.push(name)
        await client.images.remove(id_, force=True)
    assert caught.value.cause is WHY.AUTHENTICATION_REQUIRED


@waits
async def test_a_cancelled_pull_lets_go_of_the_registry(client: EngineClient, scripted: Scripted) -> None:
    """The engine closes its connection to the registry in the middle of a layer, and has no image."""
    name = f"{scripted.host}/slow/tool:v1"
    pulling = Deferred.fromCoroutine(client.pull(name))
    await scripted.registry.begun
    assert not scripted.registry.gone.called
    pulling.cancel()
    with pytest.raises(CancelledError):
        await pulling
    await scripted.registry.gone
    assert not await client.images.exists(name)
    # The configuration may be asked for beside it, a little later.
    assert scripted.registry.layers_asked == 1


@waits
async def test_a_closed_pull_lets_go_of_the_registry(client: EngineClient, scripted: Scripted) -> None:
    """So does a pull whose events nobody wants any more."""
    async with await client.images.start_pull(f"{scripted.host}/slow/tool:v1") as pull:
        async for progress in pull:
            if progress.done:
                assert progress.total == len(scripted.registry.layer)
                break
    await scripted.registry.gone


@waits
async def test_a_login(client: EngineClient) -> None:
    """Docker tries credentials at a registry that is there; Podman 4 wants TLS of it, whatever its configuration."""
    async with guarded_registry(ADA) as place:
        if (await client.system.version()).is_podman:
            with pytest.raises(Exception, match="HTTP response to HTTPS client"):
                await client.system.login(place.host, ADA)
            return
        assert (await client.system.login(place.host, ADA)).status == "Login Succeeded"
        with pytest.raises(Unauthorized):
            await client.system.login(place.host, evolve(ADA, password=fresh()))


@waits
async def test_podman_takes_a_word_for_tls(podman_address: str) -> None:
    """A registry that nobody has said to be without TLS is reached when the call says so, and only then."""
    client = await EngineClient.connect(podman_address, reactor=_reactor(), driver="podman", keychain=NoKeychain())
    async with client, open_registry() as place:
        # The configuration of these tests is content with 127.0.0.1 alone.
        name = place.image_name().replace("127.0.0.1", "localhost")
        id_ = await client.images.import_archive(archive_of(a=fresh().encode()), name)
        with pytest.raises(PushFailed) as refused:
            await client.images.push(name)
        assert refused.value.cause is WHY.UNREACHABLE
        pushed = await client.images.push(name, verify_tls=False)
        await client.images.remove(name)
        with pytest.raises(PullFailed) as caught:
            await client.images.pull(name)
        assert caught.value.cause is WHY.UNREACHABLE
        told: list[str] = []
        for reference in (name, pushed.by_digest):
            image = await client.images.pull(
                reference, verify_tls=False, on_progress=lambda progress: told.append(progress.message)
            )
            assert image.id == id_
            await client.images.remove(reference)
        assert told
        with pytest.raises(PullFailed) as absent:
            await client.images.pull(f"{name}-not", verify_tls=False, platform="linux/amd64")
        assert absent.value.cause is WHY.NOT_FOUND
