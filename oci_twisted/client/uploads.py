"""
Upload sessions (end-4, end-5, end-6, end-11, end-13, end-14).
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import quote

from zope.interface import implementer

from oci_twisted.client.errors import refusal
from oci_twisted.interfaces import IUploadSession
from oci_twisted.spec.digests import SHA256
from oci_twisted.spec.errors import (
    DigestInvalid,
    RegistryError,
    SizeInvalid,
    UploadOutOfOrder,
    UploadUnknown,
)
from oci_twisted.spec.mediatypes import OCTETS

if TYPE_CHECKING:
    from oci_twisted.client.answers import Answer
    from oci_twisted.client.origin import Origin
    from oci_twisted.spec.digests import Digest
    from oci_twisted.spec.names import RepositoryName

_CREATED = 201
_ACCEPTED = 202
_OUT_OF_ORDER = 416
# Path-absolute; two slashes would begin with a host.
_SESSION = re.compile(r"/(?!/)[\x21-\x22\x24-\x7e]*")
# Where registries usually keep sessions; what is elsewhere does not say whose it is.
_OWNED = re.compile(r"/v2/(.+)/blobs/uploads?/[^/]*")
# Some put a unit in front.
_HELD = re.compile(r"(?:bytes=)?0-([0-9]{1,18})")


@implementer(IUploadSession)
class RemoteUpload:
    """
    A blob on its way into a repository at the other end of HTTP.

    There a session has a writer only while a request is in progress; two that write in turn find out by the offset, as
    `UploadOutOfOrder`.  So does a writer whose request broke off, of which the registry may have kept any part: the
    next call asks for the offset, which is the registry's from then on.
    """

    def __init__(self, origin: Origin, session_id: str, offset: int) -> None:
        self.session_id = session_id
        self.offset = offset
        self._origin = origin
        # Whether nothing has gone wrong since the registry last said so.
        self._certain = True
        self._closed = False

    async def append(self, chunk: bytes) -> int:
        """Add ``chunk`` at the end and answer the new offset."""
        await self._be_certain()
        if not chunk:
            return self.offset
        start = self.offset
        stop = start + len(chunk)
        headers = {"Content-Type": OCTETS, "Content-Range": f"{start}-{stop - 1}"}
        self._certain = False
        answer = await self._origin.ask("PATCH", self.session_id, headers, chunk)
        if answer.status == _OUT_OF_ORDER:
            self.offset = await _held(self._origin, self.session_id)
            self._certain = True
            raise UploadOutOfOrder(self.session_id, self.offset, start)
        if not answer.succeeded:
            raise refusal(answer, UploadUnknown.of(self.session_id))
        self._move(answer, stop)
        return self.offset

    async def commit(self, digest: Digest) -> int:
        """Make the bytes the blob ``digest`` and end the session.  Answer its size."""
        await self._be_certain()
        separator = "&" if "?" in self.session_id else "?"
        target = f"{self.session_id}{separator}digest={quote(str(digest), safe=':')}"
        self._certain = False
        answer = await self._origin.ask("PUT", target)
        if not answer.succeeded:
            error = refusal(answer, UploadUnknown.of(self.session_id))
            self._closed = isinstance(error, DigestInvalid)
            raise error
        self._closed = True
        return self.offset

    async def cancel(self) -> None:
        """Forget the bytes and end the session."""
        self._refuse_if_closed()
        await _delete(self._origin, self.session_id)
        self._closed = True

    def close(self) -> None:
        """Write no more; the session goes on unless it has ended."""
        self._closed = True

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise UploadUnknown.of(self.session_id)

    async def _be_certain(self) -> None:
        self._refuse_if_closed()
        if self._certain:
            return
        believed = self.offset
        self.offset = await _held(self._origin, self.session_id)
        self._certain = True
        if self.offset != believed:
            raise UploadOutOfOrder(self.session_id, self.offset, believed)

    def _move(self, answer: Answer, stop: int) -> None:
        """Take note of where the session is and how far, which should be ``stop``."""
        if answer.header("Location") is not None:
            self.session_id = self._origin.resolve(answer, answer.header("Location"))
        held = _read_range(answer)
        self.offset = stop if held is None else held
        self._certain = True
        if self.offset != stop:
            raise UploadOutOfOrder(self.session_id, self.offset, stop)


async def begin(origin: Origin, name: RepositoryName, algorithm: str) -> RemoteUpload:
    """Begin a session."""
    # Older registries may refuse what they do not know, so nothing is said that goes without saying.
    query = "" if algorithm == SHA256 else f"?digest-algorithm={quote(algorithm, safe='')}"
    answer = await origin.ask("POST", f"/v2/{name}/blobs/uploads/{query}")
    if answer.status != _ACCEPTED:
        raise answer.unusable("no upload session") if answer.succeeded else refusal(answer)
    return RemoteUpload(origin, origin.resolve(answer, answer.header("Location")), 0)


async def resume(origin: Origin, name: RepositoryName, session_id: str) -> RemoteUpload:
    """
    Go on with a session.

    :raise UploadUnknown: when the repository has no such session.
    """
    return RemoteUpload(origin, session_id, await offset(origin, name, session_id))


async def offset(origin: Origin, name: RepositoryName, session_id: str) -> int:
    """
    Answer how many bytes a session holds.

    :raise UploadUnknown: when the repository has no such session.
    """
    owner = _OWNED.fullmatch(session_id.partition("?")[0])
    if _SESSION.fullmatch(session_id) is None or (owner is not None and owner[1] != name.text):
        raise UploadUnknown.of(session_id)
    return await _held(origin, session_id)


async def mount(origin: Origin, name: RepositoryName, digest: Digest, source: RepositoryName) -> bool:
    """Hold a blob that ``source`` holds; answer whether that could be."""
    query = f"mount={quote(str(digest), safe=':')}&from={quote(source.text)}"
    answer = await origin.ask("POST", f"/v2/{name}/blobs/uploads/?{query}")
    if answer.status == _CREATED:
        return True
    if answer.succeeded:
        # The registry awaits the bytes instead.  They do not come, and if it cannot be told, it finds out by itself.
        with suppress(RegistryError):
            await _delete(origin, origin.resolve(answer, answer.header("Location")))
        return False
    error = refusal(answer)
    if isinstance(error, DigestInvalid):
        # Such a blob nobody can hold.
        return False
    raise error


async def _held(origin: Origin, session_id: str) -> int:
    answer = await origin.ask("GET", session_id)
    if not answer.succeeded:
        raise refusal(answer, UploadUnknown.of(session_id))
    held = _read_range(answer)
    if held is None:
        raise answer.unusable("no Range, so that nobody can tell the session's offset")
    if held == 1 and not await _has_byte(origin, session_id):
        return 0
    return held


async def _has_byte(origin: Origin, session_id: str) -> bool:
    """
    Find out whether ``0-0`` stands for one byte or for none.

    A second byte is announced and not sent.  That is out of order if there is no first, and else too short.
    """
    headers = {"Content-Type": OCTETS, "Content-Range": "1-1"}
    answer = await origin.ask("PATCH", session_id, {**headers, "Content-Length": "0"})
    return not answer.succeeded and isinstance(refusal(answer), SizeInvalid)


async def _delete(origin: Origin, session_id: str) -> None:
    answer = await origin.ask("DELETE", session_id)
    if not answer.succeeded:
        raise refusal(answer, UploadUnknown.of(session_id))


def _read_range(answer: Answer) -> int | None:
    match = _HELD.fullmatch(answer.header("Range") or "")
    return None if match is None else int(match[1]) + 1
