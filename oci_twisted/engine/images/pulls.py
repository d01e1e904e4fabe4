"""
Pulling images.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from oci_twisted.engine.errors import NotFound, PullCause, PullFailed, Unsupported
from oci_twisted.engine.images.causes import cause_of, refusals_as
from oci_twisted.engine.images.transfers import Transfer, check_tls_choice
from oci_twisted.engine.images.values import Image, read_image
from oci_twisted.engine.requests import Json, Request

if TYPE_CHECKING:
    from oci_twisted.engine.calls import Calls
    from oci_twisted.engine.credentials.keychains import Credentials
    from oci_twisted.engine.documents import Fields
    from oci_twisted.engine.images.references import ImageReference
    from oci_twisted.engine.interfaces import IMessageStream

_METHOD = "image.pull"
# What machines call themselves, and Go's names for it.
_ARCHITECTURES = {"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64", "i386": "386"}
_SYSTEMS = frozenset({"linux", "windows", "darwin", "freebsd"})


class Pull(Transfer[Image]):
    """An image on its way to an engine; its result is the image."""

    failed = PullFailed

    def __init__(
        self,
        calls: Calls,
        messages: IMessageStream,
        request: Request,
        *,
        reference: ImageReference,
        platform: str | None,
    ) -> None:
        super().__init__(calls, messages, request)
        self._reference = reference
        self._platform = platform

    def _observe(self, message: dict[str, Json]) -> None:
        """Know that the image itself has all there is to say."""

    async def _finish(self) -> Image:
        try:
            fields = await self._inspected()
        except NotFound as error:
            # Nothing was said to be wrong, and the image is not there all the same.
            is_another = cause_of(error.message) is PullCause.PLATFORM_MISMATCH
            raise PullFailed(
                f"the engine said of no error, but it does not have the image: {error.message}",
                cause=PullCause.PLATFORM_MISMATCH if is_another else PullCause.OTHER,
                request=self._request,
            ) from error
        image = read_image(fields)
        if self._platform is not None and not _is_for(image, self._platform):
            # Engines are content with an image that is there for one platform only, whichever was asked for.
            raise PullFailed(
                f"the image is for {image.operating_system}/{image.architecture}, not for {self._platform}",
                cause=PullCause.PLATFORM_MISMATCH,
                request=self._request,
            )
        return image

    async def _inspected(self) -> Fields:
        name, platform = self._reference.local, _parts_of(self._platform)
        if platform is not None:
            try:
                return await self._calls.fields("an image", "image.inspect", name=name, platform=platform)
            except Unsupported:
                # An engine that cannot be asked has one at the most, but for Docker from 25 to 28.1 with containerd's
                # images, which answers with its own platform's.
                pass
        return await self._calls.fields("an image", "image.inspect", name=name)


async def start_pull(
    calls: Calls,
    reference: ImageReference,
    *,
    platform: str | None,
    auth: Credentials | None,
    verify_tls: bool | None,
) -> Pull:
    """
    Begin to pull.

    :raise PullFailed: when the engine refuses at once.
    """
    check_tls_choice(calls, verify_tls)
    optional = {} if verify_tls is None else {"verify_tls": verify_tls}
    request = Request(_METHOD, {"image": str(reference)})
    with refusals_as(PullFailed, request):
        messages = await calls.messages(
            _METHOD,
            image=reference.name,
            tag=reference.version,
            platform=platform,
            auth=None if auth is None else auth.document(reference.registry),
            **optional,
        )
    return Pull(calls, messages, request, reference=reference, platform=platform)


def _parts_of(platform: str | None) -> Json:
    """Answer a platform as OCI has it; ``None`` where it is not whole."""
    system, architecture, variant = f"{(platform or '').lower()}//".split("/", 3)[:3]
    if not system or not architecture:
        return None
    parts: dict[str, Json] = {"os": system, "architecture": _ARCHITECTURES.get(architecture, architecture)}
    return {**parts, "variant": variant} if variant else parts


def _is_for(image: Image, platform: str) -> bool:
    system, slash, rest = platform.lower().partition("/")
    if not slash and system not in _SYSTEMS:
        system, rest = "", system
    architecture = rest.partition("/")[0]
    return system in {"", image.operating_system} and architecture in {
        "",
        image.architecture,
        *(theirs for theirs, ours in _ARCHITECTURES.items() if ours == image.architecture),
    }
