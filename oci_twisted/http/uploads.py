"""
Upload sessions (end-4, end-5, end-6, end-11, end-13, end-14).
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from oci_twisted.http.errors import render
from oci_twisted.http.replies import Reply, no_content
from oci_twisted.spec.digests import SHA256, parse_algorithm, parse_verifiable_digest
from oci_twisted.spec.errors import DigestInvalid, NameInvalid, SizeInvalid, UploadOutOfOrder, UploadUnknown
from oci_twisted.spec.names import parse_name
from oci_twisted.spec.pages import PageRequest
from oci_twisted.spec.ranges import parse_chunk_range, upload_range

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oci_twisted.http.authorize import Gate
    from oci_twisted.http.calls import Call
    from oci_twisted.http.replies import Headers
    from oci_twisted.interfaces import IRepository, IUploadSession
    from oci_twisted.registry.registry import StoredRegistry
    from oci_twisted.spec.digests import Digest
    from oci_twisted.spec.names import RepositoryName

# Where a mount that names no source looks, before it asks for the bytes instead.
_MOST_HOLDERS = 100


async def begin(registry: StoredRegistry, gate: Gate, call: Call, name: RepositoryName) -> Reply:
    """Mount a blob, take one in a single request, or begin a session."""
    repository = registry.repository(name)
    mount = call.parameter("mount")
    if mount is not None:
        digest = parse_verifiable_digest(mount)
        for source in await _sources(registry, gate, call, name, digest):
            if await repository.mount_blob(digest, source):
                return _created(name, digest)
        # "If a registry does not support mounting or cannot, it SHOULD return 202": the client sends the bytes.
        return await _begun(repository, SHA256)
    single = call.parameter("digest")
    if single is not None:
        return await _single(repository, call, parse_verifiable_digest(single))
    return await _begun(repository, parse_algorithm(call.parameter("digest-algorithm") or SHA256))


async def append(repository: IRepository, call: Call, session_id: str) -> Reply:
    """Add a chunk, or a stream of any length, to a session."""
    session = await repository.resume_upload(session_id)
    try:
        await _receive(call, session)
    except UploadOutOfOrder as error:
        return render(error, _progress(repository.name, session_id, session.offset))
    finally:
        session.close()
    return Reply(202, _progress(repository.name, session_id, session.offset))


async def finish(repository: IRepository, call: Call, session_id: str) -> Reply:
    """Take the last chunk, if there is one, and make the session's bytes a blob."""
    text = call.parameter("digest")
    if text is None:
        raise DigestInvalid("close an upload with ?digest=<the blob's digest>")
    digest = parse_verifiable_digest(text)
    session = await repository.resume_upload(session_id)
    try:
        await _receive(call, session)
        await session.commit(digest)
    except UploadOutOfOrder as error:
        return render(error, _progress(repository.name, session_id, session.offset))
    finally:
        session.close()
    return _created(repository.name, digest)


async def status(repository: IRepository, session_id: str) -> Reply:
    """Say how far a session is."""
    offset = await repository.upload_offset(session_id)
    return no_content(_progress(repository.name, session_id, offset))


async def cancel(repository: IRepository, session_id: str) -> Reply:
    """End a session and forget its bytes."""
    session = await repository.resume_upload(session_id)
    try:
        await session.cancel()
    finally:
        session.close()
    return no_content()


async def _sources(
    registry: StoredRegistry, gate: Gate, call: Call, target: RepositoryName, digest: Digest
) -> list[RepositoryName]:
    """Answer the repositories to mount from, all of which the caller may pull."""
    text = call.parameter("from")
    candidates: Sequence[RepositoryName]
    if text is None:
        candidates = (await registry.blob_holders(digest, PageRequest(_MOST_HOLDERS))).items
    else:
        try:
            candidates = [parse_name(text)]
        except NameInvalid:
            return []
    return await gate.sources(call, target, candidates)


async def _single(repository: IRepository, call: Call, digest: Digest) -> Reply:
    session = await repository.begin_upload(digest.algorithm)
    try:
        await _receive(call, session)
        await session.commit(digest)
    except DigestInvalid:
        raise
    except BaseException:
        # The client was never told of this session, so nobody could go on with it, if the commit has not ended it.
        with suppress(UploadUnknown):
            await session.cancel()
        raise
    finally:
        session.close()
    return _created(repository.name, digest)


async def _begun(repository: IRepository, algorithm: str) -> Reply:
    session = await repository.begin_upload(algorithm)
    session.close()
    return Reply(202, _progress(repository.name, session.session_id, 0))


async def _receive(call: Call, session: IUploadSession) -> None:
    """
    Move the request's body into the session, as it arrives.

    :raise UploadOutOfOrder: when the chunk does not begin at the session's end.
    :raise SizeInvalid: when the body is not as long as ``Content-Range`` says.
    """
    header = call.header(b"content-range")
    expected = None
    if header is not None:
        chunk = parse_chunk_range(header)
        expected = len(chunk)
        if chunk.start != session.offset:
            raise UploadOutOfOrder(session.session_id, session.offset, chunk.start)
        if call.body.length is not None and call.body.length != expected:
            raise SizeInvalid(f"Content-Range announces {expected} bytes and Content-Length {call.body.length}")
    received = 0
    while piece := await call.body.read():
        received += len(piece)
        if expected is not None and received > expected:
            raise SizeInvalid(f"the chunk is longer than the {expected} bytes of its Content-Range")
        await session.append(piece)
    if expected is not None and received < expected:
        raise SizeInvalid(f"the chunk has {received} of the {expected} bytes of its Content-Range")


def _location(name: RepositoryName, session_id: str) -> str:
    return f"/v2/{name}/blobs/uploads/{session_id}"


def _progress(name: RepositoryName, session_id: str, offset: int) -> Headers:
    return (
        ("Location", _location(name, session_id)),
        ("Range", upload_range(offset)),
        ("Docker-Upload-UUID", session_id),
    )


def _created(name: RepositoryName, digest: Digest) -> Reply:
    return Reply(
        201,
        (("Location", f"/v2/{name}/blobs/{digest}"), ("Docker-Content-Digest", str(digest))),
    )
