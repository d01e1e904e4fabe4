"""
Pushing images.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attrs import frozen

from oci_twisted.engine.errors import PushFailed, StreamCorrupt
from oci_twisted.engine.images.causes import refusals_as
from oci_twisted.engine.images.transfers import Transfer, check_tls_choice
from oci_twisted.engine.requests import Json, Request

if TYPE_CHECKING:
    from oci_twisted.engine.calls import Calls
    from oci_twisted.engine.credentials.keychains import Credentials
    from oci_twisted.engine.images.references import ImageReference
    from oci_twisted.engine.interfaces import IMessageStream

_METHOD = "image.push"
# Podman 4 says it in words only: "v1: digest: sha256:... size: 445".
_SENTENCE = re.compile(r"digest: (?P<digest>[a-z0-9]+:[0-9a-f]{32,})(?: size: (?P<size>\d+))?")


@frozen
class Pushed:
    """
    What was pushed.

    :ivar digest: of the manifest that the registry has now.
    :ivar size: of that manifest, in bytes; ``None`` when the engine did not say.
    """

    reference: ImageReference
    digest: str
    size: int | None

    @property
    def by_digest(self) -> str:
        """The name by which nothing else can ever be pulled."""
        return f"{self.reference.name}@{self.digest}"


class Push(Transfer[Pushed]):
    """An image on its way to a registry; its result is the manifest's digest."""

    failed = PushFailed

    def __init__(self, calls: Calls, messages: IMessageStream, request: Request, *, reference: ImageReference) -> None:
        super().__init__(calls, messages, request)
        self._reference = reference
        self._digest: str | None = None
        self._size: int | None = None

    def _observe(self, message: dict[str, Json]) -> None:
        aux, status = message.get("aux"), message.get("status")
        if isinstance(aux, dict) and isinstance(aux.get("Digest"), str):
            self._digest = aux["Digest"]
            self._size = aux["Size"] if isinstance(aux.get("Size"), int) else None
        elif isinstance(status, str) and (found := _SENTENCE.search(status)):
            self._digest = found["digest"]
            self._size = int(found["size"]) if found["size"] else None

    async def _finish(self) -> Pushed:
        if self._digest is None:
            raise StreamCorrupt("the engine did not say what it pushed", request=self._request)
        return Pushed(self._reference, self._digest, self._size)


async def start_push(
    calls: Calls, reference: ImageReference, *, auth: Credentials | None, verify_tls: bool | None
) -> Push:
    """
    Begin to push.

    :raise PushFailed: when the engine refuses at once.
    :raise ValueError: when the image is named by a digest.
    """
    if reference.tag is None:
        raise ValueError(f"{reference} has no tag to push it under")
    check_tls_choice(calls, verify_tls)
    optional = {} if verify_tls is None else {"verify_tls": verify_tls}
    request = Request(_METHOD, {"image": str(reference)})
    with refusals_as(PushFailed, request):
        messages = await calls.messages(
            _METHOD,
            name=reference.name,
            tag=reference.tag,
            # Docker wants the header, even if nobody is in it.
            auth={} if auth is None else auth.document(reference.registry),
            **optional,
        )
    return Push(calls, messages, request, reference=reference)
