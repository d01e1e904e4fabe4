"""
Mounts, and what registries do instead.
"""

from __future__ import annotations

import pytest

from oci_twisted.spec.digests import digest_of, parse_digest
from oci_twisted.spec.errors import Denied
from oci_twisted.spec.names import parse_name
from oci_twisted.testing.waiting import waits
from tests.client.scripts import Said, said_at, said_error, scripted

NAME = parse_name("a/b")
OTHER = parse_name("c")
DIGEST = digest_of(b"some bytes")
BEGIN = "POST /v2/a/b/blobs/uploads/"
SESSION = "/v2/a/b/blobs/uploads/1"


@waits
async def test_a_mount_is_asked_for() -> None:
    """A mount names the blob and its source."""
    registry, script = scripted(Said(201))
    assert await registry.repository(NAME).mount_blob(DIGEST, OTHER)
    script.check_over(f"{BEGIN}?mount={DIGEST}&from=c")


@pytest.mark.parametrize("said", [Said(204, length=None), said_error(404, "BLOB_UPLOAD_UNKNOWN"), Said(500)])
@waits
async def test_a_mount_that_cannot_be_leaves_no_session(said: Said) -> None:
    """A registry that awaits the bytes instead is told that they do not come, whether it listens or not."""
    registry, script = scripted(said_at(SESSION), said)
    assert not await registry.repository(NAME).mount_blob(DIGEST, OTHER)
    script.check_over(f"{BEGIN}?mount={DIGEST}&from=c", f"DELETE {SESSION}")


@waits
async def test_a_mount_that_cannot_be_may_leave_no_trace() -> None:
    """Nothing is cancelled where it cannot be found, or is on another host."""
    for said in (Said(202), said_at("http://elsewhere.example/1")):
        registry, script = scripted(said)
        assert not await registry.repository(NAME).mount_blob(DIGEST, OTHER)
        assert len(script.asked) == 1


@waits
async def test_a_mount_may_be_refused() -> None:
    """A digest that no blob can have is mounted from nowhere; any other refusal is raised."""
    registry, _ = scripted(said_error(400, "DIGEST_INVALID"), said_error(403, "DENIED"))
    repository = registry.repository(NAME)
    assert not await repository.mount_blob(parse_digest(f"blake3:{'0' * 64}"), OTHER)
    with pytest.raises(Denied):
        await repository.mount_blob(DIGEST, OTHER)
