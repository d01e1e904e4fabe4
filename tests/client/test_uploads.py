"""
Upload sessions of registries that do not do as they should.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from zope.interface.verify import verifyObject

from oci_twisted.interfaces import IUploadSession
from oci_twisted.spec.digests import SHA512, digest_of
from oci_twisted.spec.errors import (
    Denied,
    DigestInvalid,
    NameUnknown,
    StorageFull,
    Unavailable,
    UploadBusy,
    UploadOutOfOrder,
    UploadUnknown,
)
from oci_twisted.spec.names import parse_name
from oci_twisted.testing.waiting import waits
from tests.client.scripts import Said, said_at, said_error, scripted

if TYPE_CHECKING:
    from tests.client.scripts import Script

NAME = parse_name("a/b")
BLOB = b"some bytes"
DIGEST = digest_of(BLOB)
BEGIN = "POST /v2/a/b/blobs/uploads/"
SESSION = "/v2/a/b/blobs/uploads/1"


def said_held(held: str) -> Said:
    """Answer how far a session is."""
    return said_at(SESSION, ("Range", held), status=204)


async def begun(*answers: Said) -> tuple[IUploadSession, Script]:
    """Begin a session of which the registry will say something."""
    registry, script = scripted(said_at(SESSION), *answers)
    return await registry.repository(NAME).begin_upload(), script


@waits
async def test_a_session_speaks_as_the_specification_has_it() -> None:
    """A chunk says which bytes it has, and the last request which digest they all have."""
    session, script = await begun(said_at(SESSION, ("Range", "0-3")), said_at(SESSION, ("Range", "0-9")), Said(201))
    assert verifyObject(IUploadSession, session)
    assert session.session_id == SESSION
    assert await session.append(BLOB[:4]) == 4
    assert await session.append(BLOB[4:]) == 10
    assert await session.commit(DIGEST) == 10
    script.check_over(BEGIN, f"PATCH {SESSION}", f"PATCH {SESSION}", f"PUT {SESSION}?digest={DIGEST}")
    chunks = script.asked[1:3]
    assert [chunk.headers["content-range"] for chunk in chunks] == ["0-3", "4-9"]
    assert [chunk.headers["content-length"] for chunk in chunks] == ["4", "6"]
    assert {chunk.headers["content-type"] for chunk in chunks} == {"application/octet-stream"}
    assert b"".join(chunk.body for chunk in chunks) == BLOB
    assert script.asked[0].headers["content-length"] == script.asked[3].headers["content-length"] == "0"


@waits
async def test_an_algorithm_is_announced() -> None:
    """A session for another algorithm than sha256 is begun for it."""
    registry, script = scripted(said_at(SESSION))
    await registry.repository(NAME).begin_upload(SHA512)
    script.check_over(f"{BEGIN}?digest-algorithm=sha512")


@waits
async def test_a_session_that_cannot_begin_is_refused() -> None:
    """What the registry says instead of beginning a session is raised."""
    registry, _ = scripted(said_error(404, "NAME_UNKNOWN"), said_error(403, "DENIED"), Said(201))
    repository = registry.repository(NAME)
    with pytest.raises(NameUnknown):
        await repository.begin_upload()
    with pytest.raises(Denied):
        await repository.begin_upload()
    with pytest.raises(Unavailable, match="answered 201 with no upload session"):
        await repository.begin_upload()


@waits
async def test_a_session_moves() -> None:
    """Every answer may say another place; the session is resumed where it was last."""
    session, script = await begun(said_at(f"{SESSION}?offset=4"), said_at("/else"), Said(201))
    await session.append(BLOB[:4])
    assert session.session_id == f"{SESSION}?offset=4"
    await session.append(BLOB[4:])
    assert session.session_id == "/else"
    await session.commit(DIGEST)
    script.check_over(BEGIN, f"PATCH {SESSION}", f"PATCH {SESSION}?offset=4", f"PUT /else?digest={DIGEST}")


@waits
async def test_a_session_need_not_move() -> None:
    """An answer that says neither where the session is nor how far leaves both as they should be."""
    session, _ = await begun(Said(202))
    assert await session.append(BLOB) == 10
    assert session.session_id == SESSION


@waits
async def test_a_chunk_that_was_kept_in_part_is_told() -> None:
    """A registry that says it has kept less of a chunk is believed."""
    session, script = await begun(said_at(SESSION, ("Range", "bytes=0-4")), said_at(SESSION, ("Range", "0-9")))
    with pytest.raises(UploadOutOfOrder) as refused:
        await session.append(BLOB)
    assert (refused.value.session_id, refused.value.offset, session.offset) == (SESSION, 5, 5)
    assert await session.append(BLOB[5:]) == 10
    assert script.asked[-1].headers["content-range"] == "5-9"


@waits
async def test_a_chunk_out_of_order_is_told_where_to_go_on() -> None:
    """When the registry refuses a chunk for its place, it is asked for the right one."""
    session, script = await begun(said_error(416, "RANGE_INVALID"), said_held("0-4"), said_at(SESSION))
    with pytest.raises(UploadOutOfOrder) as refused:
        await session.append(BLOB)
    assert refused.value.detail == {"offset": 5, "start": 0}
    assert await session.append(BLOB[5:]) == 10
    script.check_over(BEGIN, f"PATCH {SESSION}", f"GET {SESSION}", f"PATCH {SESSION}")


@pytest.mark.parametrize(
    ("probed", "held"),
    [
        (said_error(416, "BLOB_UPLOAD_INVALID"), 0),
        (said_error(400, "SIZE_INVALID"), 1),
        (said_error(409, "BLOB_UPLOAD_INVALID"), 0),
        (Said(202), 0),
    ],
)
@waits
async def test_one_byte_is_told_from_none(probed: Said, held: int) -> None:
    """``0-0`` stands for none as well as for one, so that a second byte is announced to find out, and not sent."""
    registry, script = scripted(said_held("0-0"), probed)
    assert await registry.repository(NAME).upload_offset(SESSION) == held
    script.check_over(f"GET {SESSION}", f"PATCH {SESSION}")
    assert script.asked[1].headers["content-range"] == "1-1"
    assert script.asked[1].headers["content-length"] == "0"


@pytest.mark.parametrize("headers", [(), (("Range", "0--1"),), (("Range", "1-4"),), (("Range", "bytes 0-4"),)])
@waits
async def test_an_offset_is_said(headers: tuple[tuple[str, str], ...]) -> None:
    """A registry that does not say how far a session is cannot be gone on with."""
    registry, _ = scripted(Said(204, headers, length=None))
    with pytest.raises(Unavailable, match="no Range"):
        await registry.repository(NAME).resume_upload(SESSION)


@pytest.mark.parametrize(
    "session_id",
    [
        "/v2/a/blobs/uploads/1",
        "/v2/a/b/c/blobs/uploads/1?state=x",
        "/v2/other/blobs/upload/1",
        "//elsewhere.example/1",
        "http://elsewhere.example/",
        "/a#b",
        "/a b",
    ],
)
@waits
async def test_a_session_that_is_not_of_this_repository_is_not_asked_for(session_id: str) -> None:
    """An id that cannot be of a session here is unknown without a request."""
    registry, script = scripted()
    with pytest.raises(UploadUnknown):
        await registry.repository(NAME).resume_upload(session_id)
    script.check_over()


@pytest.mark.parametrize("session_id", ["/v2/a/b/blobs/uploads/1", "/v2/a/b/blobs/upload/1?x=/v2/c", "/up/1", "/v2/1"])
@waits
async def test_a_session_may_be_anywhere(session_id: str) -> None:
    """The specification has no form for where sessions are."""
    registry, script = scripted(said_held("0-4"))
    session = await registry.repository(NAME).resume_upload(session_id)
    assert (session.session_id, session.offset) == (session_id, 5)
    script.check_over(f"GET {session_id}")


@waits
async def test_a_chunk_that_fails_is_asked_about() -> None:
    """After a chunk of which nobody knows what became the registry is asked; as it was, the session goes on."""
    session, script = await begun(
        said_error(507, "UNAVAILABLE"), said_held("0-0"), said_error(416, "BLOB_UPLOAD_INVALID"), said_at(SESSION)
    )
    with pytest.raises(StorageFull):
        await session.append(BLOB)
    assert session.offset == 0
    assert await session.append(BLOB) == 10
    script.check_over(BEGIN, f"PATCH {SESSION}", f"GET {SESSION}", f"PATCH {SESSION}", f"PATCH {SESSION}")


@waits
async def test_a_busy_session_is_told() -> None:
    """While another writes the registry says so."""
    session, _ = await begun(said_error(409, "BLOB_UPLOAD_INVALID"))
    with pytest.raises(UploadBusy):
        await session.append(BLOB)


@waits
async def test_a_commit_that_fails_can_be_repeated() -> None:
    """A session that could not be finished goes on."""
    session, script = await begun(said_at(SESSION), said_error(507, "UNAVAILABLE"), said_held("0-9"), Said(201))
    await session.append(BLOB)
    with pytest.raises(StorageFull):
        await session.commit(DIGEST)
    assert await session.commit(DIGEST) == 10
    assert [asked.method for asked in script.asked] == ["POST", "PATCH", "PUT", "GET", "PUT"]


@waits
async def test_a_session_that_has_ended_is_not_written_to() -> None:
    """After a commit, a wrong digest, a cancellation or a close nothing is sent any more."""
    ended = []
    session, _ = await begun(Said(201))
    await session.commit(digest_of(b""))
    ended.append(session)
    session, _ = await begun(said_error(400, "DIGEST_INVALID"))
    with pytest.raises(DigestInvalid):
        await session.commit(DIGEST)
    ended.append(session)
    session, _ = await begun(Said(204, length=None))
    await session.cancel()
    ended.append(session)
    session, _ = await begun()
    session.close()
    ended.append(session)
    for session in ended:
        with pytest.raises(UploadUnknown):
            await session.append(BLOB)
        with pytest.raises(UploadUnknown):
            await session.commit(DIGEST)
        with pytest.raises(UploadUnknown):
            await session.cancel()


@waits
async def test_a_session_that_the_registry_has_forgotten_is_unknown() -> None:
    """However the registry says that there is no session, it is unknown."""
    for said in (Said(404), said_error(404, "NAME_UNKNOWN"), said_error(404, "BLOB_UPLOAD_UNKNOWN")):
        session, _ = await begun(said, said)
        with pytest.raises(UploadUnknown):
            await session.append(BLOB)
        session, _ = await begun(said)
        with pytest.raises(UploadUnknown):
            await session.commit(DIGEST)
        session, _ = await begun(said)
        with pytest.raises(UploadUnknown):
            await session.cancel()
