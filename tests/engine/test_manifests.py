"""Manifest lists that Podman pushes to a registry of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import treq

from oci_twisted.engine import EngineClient
from oci_twisted.engine.credentials import ANONYMOUS
from oci_twisted.engine.errors import PullCause, PushFailed
from oci_twisted.testing.engine.examples import busybox_archive, fresh
from oci_twisted.testing.engine.registries import ADA, guarded_registry
from oci_twisted.testing.waiting import waits

if TYPE_CHECKING:
    from oci_twisted.testing.process import ServedRegistry

pytestmark = pytest.mark.clients


@waits
async def test_a_manifest_list_is_pushed(podman_address: str, oci_registry: ServedRegistry) -> None:
    """It arrives together with its images, under the digest that is answered."""
    from twisted.internet import reactor  # noqa: PLC0415 - pytest-twisted installs it

    image, manifest = f"oci.test/{fresh('image')}:v1", f"oci.test/{fresh('list')}:v1"
    async with await EngineClient.connect(podman_address, reactor=reactor, driver="podman") as client:
        await client.images.import_archive(busybox_archive(), image)
        await client.manifests.create(manifest, [f"containers-storage:{image}"])
        digest = await client.manifests.push(manifest, f"{oci_registry.host}/list:v1", verify_tls=False)
        (entry,) = (await client.manifests.inspect(manifest)).entries
        with pytest.raises(PushFailed, match="connection refused") as caught:
            await client.manifests.push(manifest, "127.0.0.1:1/list:v1", verify_tls=False)
        assert caught.value.cause is PullCause.UNREACHABLE
        async with guarded_registry(ADA) as place:
            with pytest.raises(PushFailed) as refused:
                await client.manifests.push(manifest, f"{place.host}/list:v1", verify_tls=False, auth=ANONYMOUS)
            assert refused.value.cause is PullCause.AUTHENTICATION_REQUIRED
            pushed = await client.manifests.push(manifest, f"{place.host}/list:v1", verify_tls=False, auth=ADA)
            assert pushed == digest
        await client.manifests.remove(manifest)
        await client.images.remove(image)
    answer = await treq.get(f"http://{oci_registry.host}/v2/list/manifests/{digest}")
    assert answer.code == 200
    document = await answer.json()
    (descriptor,) = document["manifests"]
    assert descriptor["platform"]["os"] == "linux"
    pushed = await treq.get(f"http://{oci_registry.host}/v2/list/manifests/{descriptor['digest']}")
    assert pushed.code == 200
    assert entry.digest.startswith("sha256:")
