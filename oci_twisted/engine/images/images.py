"""
Images.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from oci_twisted.engine.documents import NO_LABELS
from oci_twisted.engine.errors import EngineError, StreamCorrupt
from oci_twisted.engine.filters import Filters, encode_filters
from oci_twisted.engine.images.builds import build
from oci_twisted.engine.images.causes import complaint_of
from oci_twisted.engine.images.loads import Loaded, load
from oci_twisted.engine.images.names import split_tag
from oci_twisted.engine.images.pulls import Pull, start_pull
from oci_twisted.engine.images.pushes import Push, Pushed, start_push
from oci_twisted.engine.images.references import ImageReference
from oci_twisted.engine.images.values import (
    HistoryEntry,
    Image,
    ImageSummary,
    Removal,
    read_entry,
    read_image,
    read_removal,
    read_summary,
)
from oci_twisted.engine.requests import Request

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from oci_twisted.engine.calls import Calls
    from oci_twisted.engine.credentials.keychains import Credentials
    from oci_twisted.engine.images.builds import OnBuildMessage
    from oci_twisted.engine.images.progress import OnProgress
    from oci_twisted.engine.interfaces import IByteStream, IKeychain
    from oci_twisted.engine.requests import Body


class Images:
    """
    The operations on images.

    An image is named by a name (``alpine``, ``alpine:latest``, ``registry.example:5000/a/b:t``), by a name and a
    digest, or by its id or an unambiguous beginning of it.

    Nothing bounds `pull`, `start_pull`, `push`, `start_push`, `save`, `load`, `import_archive`, `build`, `remove` and
    `prune`, during which an engine may be silent for as long as it works: that is the caller's to do, by cancelling or
    ``Deferred.addTimeout``.
    """

    def __init__(self, calls: Calls, keychain: IKeychain) -> None:
        self._calls = calls
        self._keychain = keychain

    async def list(self, *, all: bool = False, filters: Filters | None = None) -> tuple[ImageSummary, ...]:  # noqa: A002 - the engines' word
        """
        List images.

        :param all: those, too, that are only steps in the making of others.
        :param filters: such as ``{"reference": ["alpine:*"]}`` or ``{"dangling": True}``.
        """
        return await self._calls.each("an image", read_summary, "image.list", all=all, filters=encode_filters(filters))

    async def inspect(self, name: str) -> Image:
        """
        Answer what there is to know of an image.

        :raise NotFound: when there is no such image.
        """
        return read_image(await self._calls.fields("an image", "image.inspect", name=name))

    async def exists(self, name: str) -> bool:
        """Answer whether there is such an image."""
        return await self._calls.finds("image.inspect", name=name)

    async def history(self, name: str) -> tuple[HistoryEntry, ...]:
        """
        Answer how an image was made, the last step first.

        :raise NotFound: when there is no such image.
        """
        return await self._calls.each("a step of an image", read_entry, "image.history", name=name)

    async def tag(self, name: str, new_name: str) -> None:
        """
        Give an image another name, taking it from the one that has it.

        :param new_name: with a tag; ``latest`` if it has none.
        :raise NotFound: when there is no such image.
        """
        repository, tag = split_tag(new_name)
        await self._calls.ask("image.tag", name=name, repo=repository, tag=tag or "latest")

    async def remove(self, name: str, *, force: bool = False, prune: bool = True) -> Removal:
        """
        Remove a name of an image, and with the last one the image.

        :param force: although a stopped container uses it, or, by its id, although it has several names.
        :param prune: together with the images that only it was made from.
        :raise NotFound: when there is no such image.
        :raise Conflict: when it is in use.
        """
        removed = await self._calls.each(
            "what was removed", lambda one: one, "image.remove", name=name, force=force, noprune=not prune
        )
        return read_removal(removed)

    async def prune(self, *, all: bool = False, filters: Filters | None = None) -> Removal:  # noqa: A002 - the engines' word
        """
        Remove the images without a name that nothing uses.

        :param all: and those with names.
        :param filters: such as ``{"until": "24h"}``.
        """
        chosen = {**(filters or {}), "dangling": not all}
        fields = await self._calls.fields("what was pruned", "image.prune", filters=encode_filters(chosen))
        removal = read_removal(fields.several("ImagesDeleted", lambda one: one))
        return Removal(removal.untagged, removal.deleted, fields.number("SpaceReclaimed", 0))

    async def pull(
        self,
        name: str,
        *,
        platform: str | None = None,
        auth: Credentials | None = None,
        on_progress: OnProgress | None = None,
        verify_tls: bool | None = None,
    ) -> Image:
        """
        Pull an image from its registry.

        Cancelling it closes its connection, by which the engine knows, and ends the pull.

        :param name: such as ``alpine``, ``registry.example:5000/a/b:t`` or ``a@sha256:...``; see `ImageReference`.
        :param platform: such as ``linux/arm64``; the engine's own if ``None``.
        :param auth: as whom; if ``None``, whom the client's keychain knows for this registry, or nobody.
        :param on_progress: called with each `Progress`.
        :param verify_tls: whether the registry has to prove who it is; as the engine is configured if ``None``.  Only
            Podman takes something else, and has no progress of layers then.
        :raise PullFailed: when it cannot be pulled, with the cause.
        :raise CredentialsFailed: when there ought to be credentials, and they cannot be had.
        :raise Unsupported: when ``verify_tls`` is given to an engine that does not take it.
        :raise ValueError: when the name cannot be one.
        """
        pull = await self.start_pull(name, platform=platform, auth=auth, verify_tls=verify_tls)
        return await pull.result(on_progress)

    async def start_pull(
        self,
        name: str,
        *,
        platform: str | None = None,
        auth: Credentials | None = None,
        verify_tls: bool | None = None,
    ) -> Pull:
        """
        Begin to pull an image, and answer an asynchronous iterator of its progress: see `pull`, and `Transfer`.
        """
        reference = ImageReference.parse(name)
        auth = auth or await self._keychain.find(reference)
        return await start_pull(self._calls, reference, platform=platform, auth=auth, verify_tls=verify_tls)

    async def push(
        self,
        name: str,
        *,
        auth: Credentials | None = None,
        on_progress: OnProgress | None = None,
        verify_tls: bool | None = None,
    ) -> Pushed:
        """
        Push an image to the registry that it is named for, and answer its digest there.

        Parameters and errors are those of `pull`, with `PushFailed` in the place of `PullFailed`.

        :param name: with the registry and a tag, which is ``latest`` if there is none; see `tag`.
        """
        push = await self.start_push(name, auth=auth, verify_tls=verify_tls)
        return await push.result(on_progress)

    async def start_push(self, name: str, *, auth: Credentials | None = None, verify_tls: bool | None = None) -> Push:
        """
        Begin to push an image, and answer an asynchronous iterator of its progress: see `push`, and `Transfer`.
        """
        reference = ImageReference.parse(name)
        auth = auth or await self._keychain.find(reference)
        return await start_push(self._calls, reference, auth=auth, verify_tls=verify_tls)

    async def save(self, *names: str) -> IByteStream:
        """
        Answer a tar archive of images, which another engine can `load`; it is the caller's to read or close.

        :param names: of one image or several; what they have in common is in it once.
        :raise NotFound: when there is no such image.
        """
        if not names:
            raise ValueError("name an image to be saved")
        return await self._calls.stream("image.save", names=names)

    async def load(self, archive: Body) -> Loaded:
        """
        Load the images of an archive that `save` has answered.

        :param archive: bytes, or pieces of them as fast as they are taken; `oci_twisted.engine.files` reads files.
        :raise EngineError: when it is no such archive.
        """
        return await load(self._calls, archive)

    async def build(
        self,
        context: Body,
        *,
        tags: Sequence[str] = (),
        dockerfile: str = "Dockerfile",
        arguments: Mapping[str, str] = NO_LABELS,
        labels: Mapping[str, str] = NO_LABELS,
        target: str | None = None,
        platform: str | None = None,
        cache: bool = True,
        pull: bool = False,
        auth: Mapping[str, Credentials] | None = None,
        on_message: OnBuildMessage | None = None,
    ) -> Image:
        """
        Build an image with the engine's own builder, the classic one, and answer it.

        :param context: a tar archive of the files that the build may use; `oci_twisted.engine.files.pieces_of_context`
            makes one of a folder as fast as the engine reads it, without what its ``.dockerignore`` names.
        :param tags: names for the image.
        :param dockerfile: its path in the context.
        :param arguments: for the ``ARG`` of the Dockerfile.
        :param target: the stage at which to stop.
        :param cache: whether steps that were done before are taken from there.
        :param pull: whether the image that it begins with is pulled even if it is there.
        :param auth: by registry, for the images that it begins with; the client's keychain is not asked.
        :param on_message: called with each `BuildMessage`.
        :raise BuildFailed: when it cannot be built.
        """
        return await build(
            self._calls,
            context,
            tags=tags,
            dockerfile=dockerfile,
            arguments=arguments,
            labels=labels,
            target=target,
            platform=platform,
            cache=cache,
            pull=pull,
            auth=auth or {},
            on_message=on_message,
        )

    async def import_archive(
        self, archive: Body, name: str | None = None, *, changes: Sequence[str] = (), message: str | None = None
    ) -> str:
        """
        Make an image of one layer from an archive of its files, and answer its id.

        :param archive: a tar archive, perhaps compressed.
        :param name: of the image.
        :param changes: lines of a Dockerfile, such as ``ENTRYPOINT ["/bin/busybox"]``.
        :raise EngineError: when it is no archive.
        """
        repository, tag = split_tag(name) if name is not None else (None, None)
        imported, request = None, Request("image.import", {"name": name})
        messages = await self._calls.messages(
            request.method, archive, repo=repository, tag=tag, changes=changes, message=message
        )
        try:
            async for one in messages:
                complaint = complaint_of(one)
                if complaint is not None:
                    raise EngineError(complaint, request=request)
                imported = one.get("status", imported)
        finally:
            messages.close()
        if not isinstance(imported, str):
            raise StreamCorrupt("the engine did not say what it imported", request=request)
        return imported if imported.startswith("sha256:") else f"sha256:{imported}"
