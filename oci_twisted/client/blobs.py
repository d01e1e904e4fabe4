"""
Blobs (end-2, end-10).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from zope.interface import implementer

from oci_twisted.client.answers import Answer, header_of
from oci_twisted.client.bodies import collect, deliver
from oci_twisted.client.errors import refusal
from oci_twisted.client.origin import ANSWER_LIMIT
from oci_twisted.interfaces import IBlobReader
from oci_twisted.spec.errors import BlobUnknown, Unavailable

if TYPE_CHECKING:
    from twisted.internet.interfaces import IConsumer
    from twisted.web.iweb import IResponse

    from oci_twisted.client.origin import Origin
    from oci_twisted.spec.digests import Digest
    from oci_twisted.spec.names import RepositoryName

_OK = 200
_PARTIAL = 206
_LENGTH = re.compile(r"[0-9]{1,18}")
_EXTENT = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/(?:[0-9]{1,18}|\*)")


@implementer(IBlobReader)
class RemoteReader:
    """
    A blob of a registry at the other end of HTTP.

    It holds nothing, so a blob that is deleted meanwhile is `Unavailable`.  Every `send` is a request of its own.  The
    digest is checked when the whole blob is sent at once; who reads it in parts has to check it.
    """

    def __init__(self, origin: Origin, target: str, digest: Digest, size: int) -> None:
        self._origin = origin
        self._target = target
        self._digest = digest
        self.size = size

    async def send(self, consumer: IConsumer, start: int, stop: int) -> None:
        """Write some of the blob's bytes to ``consumer``."""
        if start == stop:
            return
        whole = (start, stop) == (0, self.size)
        headers = {} if whole else {"Range": f"bytes={start}-{stop - 1}"}
        response = await self._origin.open("GET", self._target, headers)
        if response.code == _OK:
            # Perhaps the registry does not know ranges, and sends the whole blob.
            skip = start
        elif response.code == _PARTIAL and _extent(response) == (start, stop):
            skip = 0
        else:
            raise await self._broken(response)
        await deliver(response, consumer, skip, stop - start, self._digest if whole else None)

    def close(self) -> None:
        """There is nothing to let go of."""

    async def _broken(self, response: IResponse) -> Unavailable:
        body = await collect(response, ANSWER_LIMIT) or b""
        answer = Answer("GET", self._target, response.code, response.headers, body)
        if answer.succeeded:
            return answer.unusable("other bytes than were asked for")
        error = refusal(answer)
        return error if isinstance(error, Unavailable) else Unavailable(f"{answer}: {error.message}")


async def stat(origin: Origin, name: RepositoryName, digest: Digest) -> int:
    """
    Answer a blob's size in bytes.

    :raise BlobUnknown: when the repository does not hold it.
    """
    answer = await origin.ask("HEAD", _target(name, digest))
    if answer.status != _OK:
        raise refusal(answer, BlobUnknown.of(digest))
    length = answer.header("Content-Length") or ""
    if _LENGTH.fullmatch(length) is None:
        raise answer.unusable("no Content-Length, so that nobody can tell the blob's size")
    return int(length)


async def open_blob(origin: Origin, name: RepositoryName, digest: Digest) -> RemoteReader:
    """
    Open a blob.

    :raise BlobUnknown: when the repository does not hold it.
    """
    return RemoteReader(origin, _target(name, digest), digest, await stat(origin, name, digest))


async def delete(origin: Origin, name: RepositoryName, digest: Digest) -> None:
    """
    Let the repository hold a blob no longer.

    :raise BlobUnknown: when it did not.
    """
    answer = await origin.ask("DELETE", _target(name, digest))
    if not answer.succeeded:
        raise refusal(answer, BlobUnknown.of(digest))


def _target(name: RepositoryName, digest: Digest) -> str:
    return f"/v2/{name}/blobs/{digest}"


def _extent(response: IResponse) -> tuple[int, int] | None:
    match = _EXTENT.fullmatch(header_of(response.headers, "Content-Range") or "")
    return None if match is None else (int(match[1]), int(match[2]) + 1)
