"""
Registries that send the client elsewhere.
"""

from __future__ import annotations

import pytest

from oci_twisted.client import RemoteRegistry
from oci_twisted.spec.digests import digest_of
from oci_twisted.spec.errors import Unavailable
from oci_twisted.spec.names import parse_name
from oci_twisted.testing.consumers import CheckingConsumer
from oci_twisted.testing.waiting import waits
from tests.client.fronts import http_client
from tests.client.scripts import Said, said_blob, scripted

NAME = parse_name("a/b")
BLOB = b"some bytes"
DIGEST = digest_of(BLOB)
TARGET = f"/v2/a/b/blobs/{DIGEST}"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@waits
async def test_a_redirected_blob_is_fetched_elsewhere(status: int) -> None:
    """A registry may keep its blobs on another host; there nothing is said but what is wanted."""
    elsewhere = ("Location", "https://blobs.example:8443/some/where?signature=%2Fabc")
    registry, script = scripted(
        said_blob(BLOB),
        Said(status, (elsewhere,), b"see there"),
        Said(206, (("Content-Range", "bytes 2-4/10"),), b"me "),
    )
    reader = await registry.repository(NAME).open_blob(DIGEST)
    consumer = CheckingConsumer()
    await reader.send(consumer, 2, 5)
    assert consumer.content == b"me "
    script.check_over(f"HEAD {TARGET}", f"GET {TARGET}", "GET /some/where?signature=%2Fabc")
    assert script.asked[-1].headers == {
        "connection": "close",
        "host": "blobs.example:8443",
        "range": "bytes=2-4",
        "accept-encoding": "gzip",
    }


@waits
async def test_a_redirect_may_stay_here() -> None:
    """A relative redirect leads to the same host, one behind the other, also for HEAD."""
    registry, script = scripted(
        Said(307, (("Location", "../other/./one"),)),
        Said(307, (("Location", "?two"),)),
        said_blob(BLOB),
    )
    assert await registry.repository(NAME).stat_blob(DIGEST) == len(BLOB)
    script.check_over(f"HEAD {TARGET}", "HEAD /v2/a/b/other/one", "HEAD /v2/a/b/other/one?two")


@waits
async def test_redirects_come_to_an_end() -> None:
    """A registry that sends the client round in circles is given up."""
    registry, script = scripted(*[Said(307, (("Location", TARGET),))] * 6)
    with pytest.raises(Unavailable, match="redirected more than 5 times"):
        await registry.repository(NAME).stat_blob(DIGEST)
    assert len(script.asked) == 6


@pytest.mark.parametrize(
    "location",
    [
        None,
        "",
        "https://user:secret@blobs.example/",
        "ftp://blobs.example/",
        "http://blobs.example:port/",
        "/a b",
        "file:///etc/passwd",
    ],
)
@waits
async def test_a_redirect_to_nowhere_is_refused(location: str | None) -> None:
    """A redirect that cannot be followed, or that would have the client log in elsewhere, is an error."""
    registry, _ = scripted(Said(307, () if location is None else (("Location", location),)))
    with pytest.raises(Unavailable, match="answered 307 with no Location that can be read"):
        await registry.repository(NAME).stat_blob(DIGEST)


@waits
async def test_a_redirect_stays_encrypted() -> None:
    """What was asked for over TLS is not fetched without."""
    _, script = scripted(Said(307, (("Location", "http://registry.example/blob"),)))
    encrypted = RemoteRegistry(http_client(script), "https://registry.example")
    with pytest.raises(Unavailable, match="not encrypted, which was refused"):
        await encrypted.repository(NAME).stat_blob(DIGEST)


@waits
async def test_what_changes_something_is_not_redirected() -> None:
    """A push or a delete goes where it was sent, or nowhere."""
    registry, script = scripted(Said(307, (("Location", "https://elsewhere.example/"),)))
    with pytest.raises(Unavailable, match=r"DELETE .* was answered 307 with nothing more"):
        await registry.repository(NAME).delete_blob(DIGEST)
    script.check_over(f"DELETE {TARGET}")
