"""
Where registries say that an upload session is.
"""

from __future__ import annotations

import pytest

from oci_twisted.spec.digests import digest_of
from oci_twisted.spec.errors import Unavailable
from oci_twisted.spec.names import parse_name
from oci_twisted.testing.waiting import waits
from tests.client.scripts import Said, said_at, scripted

NAME = parse_name("a/b")
BLOB = b"some bytes"
DIGEST = digest_of(BLOB)
SESSION = "/v2/a/b/blobs/uploads/1"


@pytest.mark.parametrize(
    ("location", "session_id"),
    [
        ("http://registry.example/v2/a/b/blobs/uploads/1", SESSION),
        ("http://REGISTRY.example:80/v2/a/b/blobs/uploads/1?state=A-_%2B%3D=", f"{SESSION}?state=A-_%2B%3D="),
        ("/somewhere/else;x=y?z#fragment", "/somewhere/else;x=y?z"),
        ("1", SESSION),
        ("?state", "/v2/a/b/blobs/uploads/?state"),
        ("//registry.example/x", "/x"),
        ("http://registry.example", "/"),
    ],
)
@waits
async def test_a_location_on_this_host_is_followed(location: str, session_id: str) -> None:
    """However a registry writes where the session is, the client goes there, with the query as it came."""
    registry, script = scripted(said_at(location), said_at(location), Said(201))
    session = await registry.repository(NAME).begin_upload()
    assert session.session_id == session_id
    await session.append(BLOB)
    await session.commit(DIGEST)
    separator = "&" if "?" in session.session_id else "?"
    assert str(script.asked[1]) == f"PATCH {session_id}"
    assert str(script.asked[2]) == f"PUT {session.session_id}{separator}digest={DIGEST}"


@pytest.mark.parametrize(
    "location",
    [
        "http://elsewhere.example/v2/a/b/blobs/uploads/1",
        "https://registry.example/v2/a/b/blobs/uploads/1",
        "http://registry.example:5000/v2/a/b/blobs/uploads/1",
        "//elsewhere.example/v2/a/b/blobs/uploads/1",
        "http://registry.example@elsewhere.example/1",
        "http://elsewhere.example\\@registry.example.evil/1",
    ],
)
@waits
async def test_a_location_on_another_host_is_refused(location: str) -> None:
    """No byte of a blob goes to a host that the user has not named (CVE-2026-50151)."""
    registry, script = scripted(said_at(location))
    with pytest.raises(Unavailable, match="on another host, which was refused"):
        await registry.repository(NAME).begin_upload()
    moving, other = scripted(said_at(SESSION), said_at(location))
    session = await moving.repository(NAME).begin_upload()
    with pytest.raises(Unavailable, match="on another host, which was refused"):
        await session.append(BLOB)
    assert {asked.headers["host"] for asked in (*script.asked, *other.asked)} == {"registry.example"}


@pytest.mark.parametrize("headers", [(), (("Location", "a b"),), (("Location", "/1"), ("Location", "/2"))])
@waits
async def test_a_session_is_somewhere(headers: tuple[tuple[str, str], ...]) -> None:
    """A registry that does not say where the session is, or says it twice, has not begun one."""
    registry, _ = scripted(Said(202, headers))
    with pytest.raises(Unavailable, match="no Location or Link that can be read"):
        await registry.repository(NAME).begin_upload()
