"""
Manifest lists: one name for the images of several platforms.  Podman makes them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from oci_twisted.engine.documents import NO_LABELS, Fields
from oci_twisted.engine.errors import Invalid, PushFailed
from oci_twisted.engine.images.causes import failure
from oci_twisted.engine.images.references import ImageReference
from oci_twisted.engine.interfaces import IManifests

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from oci_twisted.engine.calls import Calls
    from oci_twisted.engine.credentials import Credentials
    from oci_twisted.engine.interfaces import IKeychain
    from oci_twisted.engine.requests import Json


@frozen
class ManifestEntry:
    """
    An image in a manifest list.

    :ivar digest: of its manifest.
    :ivar size: of its manifest, in bytes.
    """

    digest: str
    media_type: str
    size: int
    operating_system: str
    architecture: str
    variant: str = ""


@frozen
class ManifestList:
    """A manifest list."""

    media_type: str
    entries: tuple[ManifestEntry, ...] = ()


class Manifests:
    """
    The operations on manifest lists, which are named as images are.

    Images that are put into one are looked for in their registries; for those that the engine has, write
    ``containers-storage:`` before their names.

    All raise `Unsupported` where the engine has none, before anything is sent.

    Nothing bounds `add`, `annotate`, `discard` and `push`, for which the engine asks registries: that is the caller's
    to do, by cancelling or ``Deferred.addTimeout``.
    """

    def __init__(self, calls: Calls, keychain: IKeychain) -> None:
        self._calls = calls
        self._keychain = keychain

    async def create(self, name: str, images: Sequence[str] = ()) -> str:
        """
        Make a manifest list, and answer its id.

        :param images: those that are in it from the beginning.
        :raise Conflict: when the name is taken.
        """
        fields = await self._lists().fields(
            "a manifest list", "manifest.create", name=name, images=list(images) or None, config={}
        )
        return fields.text("Id")

    async def inspect(self, name: str) -> ManifestList:
        """
        Answer a manifest list; one that the engine does not have is looked for in its registry.

        :raise NotFound: when it is in neither.
        """
        fields = await self._lists().fields("a manifest list", "manifest.inspect", name=name)
        return ManifestList(fields.text("mediaType", ""), fields.several("manifests", _entry))

    async def exists(self, name: str) -> bool:
        """Answer whether the engine has such a manifest list."""
        return await self._lists().finds("manifest.exists", name=name)

    async def add(self, name: str, *images: str, every_platform: bool = False) -> None:
        """
        Put images into a manifest list.

        :param every_platform: of an image that is a manifest list itself, put all in.
        :raise Invalid: when there is no such image.
        """
        await self._modify(name, "update", images, all=every_platform)

    async def annotate(
        self,
        name: str,
        digest: str,
        *,
        operating_system: str | None = None,
        architecture: str | None = None,
        variant: str | None = None,
        annotations: Mapping[str, str] = NO_LABELS,
    ) -> None:
        """
        Say something else of an image in a manifest list.

        :param digest: of the image's manifest.
        :raise Invalid: when it is not in it.
        """
        said = {"os": operating_system, "arch": architecture, "variant": variant}
        more: dict[str, Any] = {key: value for key, value in said.items() if value is not None}
        await self._modify(name, "annotate", (digest,), annotations=dict(annotations), **more)

    async def discard(self, name: str, digest: str) -> None:
        """
        Take an image out of a manifest list.

        :param digest: of the image's manifest.
        :raise Invalid: when it is not in it.
        """
        await self._modify(name, "remove", (digest,))

    async def push(
        self,
        name: str,
        destination: str,
        *,
        images: bool = True,
        verify_tls: bool = True,
        auth: Credentials | None = None,
    ) -> str:
        """
        Push a manifest list, and answer its digest.

        There is no progress, and no bound: cancel it when it takes too long.

        :param destination: its name there, such as ``registry.example/app:v1``.
        :param images: whether the images in it go with it.
        :param verify_tls: ``False`` for a registry without TLS, or with a certificate that nobody vouches for.
        :param auth: for the registry; what the client's keychain has for it if ``None``.
        :raise NotFound: when the engine does not have the list.
        :raise PushFailed: when the registry, or the way to it, does not take it; see its ``cause``.
        """
        lists, reference = self._lists(), ImageReference.parse(destination)
        auth = auth or await self._keychain.find(reference)
        try:
            fields = await lists.fields(
                "a pushed manifest list",
                "manifest.push",
                name=name,
                destination=destination,
                all=images,
                verify_tls=verify_tls,
                auth=auth.document(reference.registry) if auth is not None else None,
            )
        except Invalid as error:
            # Podman says so whatever the registry's reason was.
            raise failure(PushFailed, error.message, request=error.request) from error
        return fields.text("Id")

    async def remove(self, name: str) -> None:
        """
        Remove a manifest list; the images in it stay.

        :raise NotFound: when the engine does not have it.
        """
        await self._lists().ask("manifest.remove", name=name)

    async def _modify(self, name: str, operation: str, images: Sequence[str], **more: Json) -> None:
        config = {"operation": operation, "images": list(images), **more}
        await self._lists().ask("manifest.modify", name=name, config=config)

    def _lists(self) -> Calls:
        return self._calls.require(IManifests)


def _entry(fields: Fields) -> ManifestEntry:
    platform = fields.inner("platform")
    return ManifestEntry(
        digest=fields.text("digest"),
        media_type=fields.text("mediaType", ""),
        size=fields.number("size", 0),
        operating_system=platform.text("os", ""),
        architecture=platform.text("architecture", ""),
        variant=platform.text("variant", ""),
    )
