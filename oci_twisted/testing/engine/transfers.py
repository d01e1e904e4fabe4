"""
Images on their way: pulled, pushed, saved, loaded and built.
"""

from __future__ import annotations

import io
import os
import tarfile
from typing import TYPE_CHECKING

import pytest
from attrs import evolve
from twisted.internet.defer import CancelledError, Deferred

from oci_twisted.engine.credentials.keychains import ANONYMOUS
from oci_twisted.engine.errors import BuildFailed, EngineError, NotFound, PullCause, PullFailed, PushFailed
from oci_twisted.engine.images.progress import Phase
from oci_twisted.testing.engine.examples import fresh, in_pieces
from oci_twisted.testing.engine.registries import ADA
from oci_twisted.testing.waiting import waits

if TYPE_CHECKING:
    from oci_twisted.engine import EngineClient
    from oci_twisted.engine.images.builds import BuildMessage
    from oci_twisted.engine.images.progress import Progress
    from oci_twisted.engine.interfaces import IByteStream
    from oci_twisted.testing.engine.examples import Made
    from oci_twisted.testing.engine.registries import Place

_MIB = 1 << 20


def archive_of(**files: bytes) -> bytes:
    """Answer a tar archive of files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


async def everything(stream: IByteStream) -> bytes:
    """Read a stream to its end."""
    return b"".join([piece async for piece in stream])


async def named(client: EngineClient, made: Made, name: str) -> str:
    """Make an image that nothing has a layer of, of that name, and answer its id."""
    made.keep_in_mind(images=[name])
    return await client.images.import_archive(archive_of(noise=os.urandom(2 * _MIB)), name)


class TransferContract:
    """How an engine moves images."""

    @waits
    async def test_what_was_pushed_is_pulled(self, client: EngineClient, made: Made, registry: Place) -> None:
        """An image that was pushed, and removed, is the same when it is pulled by its tag, and by the digest."""
        name = registry.image_name()
        id_ = await named(client, made, name)
        pushed = await client.push(name)
        assert pushed.digest.startswith("sha256:")
        assert pushed.by_digest == f"{name.removesuffix(':v1')}@{pushed.digest}"
        await client.images.remove(name)
        assert not await client.images.exists(id_)
        image = await client.pull(name)
        assert image.id == id_
        assert name in image.tags
        assert pushed.by_digest in image.digests
        await client.images.remove(name)
        by_digest = await client.pull(pushed.by_digest)
        assert by_digest.id == id_
        assert name not in by_digest.tags
        await client.images.remove(id_, force=True)

    @waits
    async def test_progress_has_layers_and_their_end(self, client: EngineClient, made: Made, registry: Place) -> None:
        """A pull tells of its layers, each of which is through at the end, and its bytes never exceed their total."""
        name = registry.image_name()
        await named(client, made, name)
        pushing: list[Progress] = []
        await client.push(name, on_progress=pushing.append)
        assert pushing
        await client.images.remove(name)
        seen: list[Progress] = []
        await client.pull(name, on_progress=seen.append)
        assert seen[-1].layers
        assert all(layer.has_moved for layer in seen[-1].layers)
        assert {layer.phase for layer in seen[-1].layers} <= {Phase.DOWNLOADED, Phase.DONE, Phase.EXISTS}
        assert all(0 <= one.done <= one.total for one in seen)
        assert seen[-1].remaining == 0
        assert any(one.layer is not None and one.layer.id in {layer.id for layer in one.layers} for one in seen)

    @waits
    async def test_progress_can_be_iterated(self, client: EngineClient, made: Made, registry: Place) -> None:
        """A transfer that was begun is an iterator of its progress, and answers the same as one that was awaited."""
        name = registry.image_name()
        id_ = await named(client, made, name)
        async with await client.images.start_push(name) as push:
            told = [progress.message async for progress in push]
            assert told
            pushed = await push.result()
        await client.images.remove(name)
        async with await client.images.start_pull(name) as pull:
            async for progress in pull:
                assert progress.message
            image = await pull.result()
        assert image.id == id_
        assert pushed.by_digest in image.digests

    @waits
    async def test_what_a_registry_lacks_is_not_found(self, client: EngineClient, registry: Place) -> None:
        """The cause is in the error, and so are the image and the engine's words."""
        name = registry.image_name()
        with pytest.raises(PullFailed, match=name) as caught:
            await client.pull(name)
        assert caught.value.cause is PullCause.NOT_FOUND
        assert caught.value.message
        assert caught.value.retry_after is None

    @waits
    async def test_what_the_engine_lacks_is_not_pushed(self, client: EngineClient, registry: Place) -> None:
        """An image that is not there cannot be pushed, and the error says so."""
        name = registry.image_name()
        with pytest.raises(PushFailed, match=name) as caught:
            await client.push(name)
        assert caught.value.cause is PullCause.NOT_FOUND

    @waits
    async def test_credentials_go_with_a_transfer(self, client: EngineClient, made: Made, guarded: Place) -> None:
        """A registry that wants to know who it is lets in whom the call names, and nobody else."""
        name = guarded.image_name()
        id_ = await named(client, made, name)
        wrong = evolve(ADA, password=fresh())
        for nobody in (None, ANONYMOUS, wrong):
            with pytest.raises(PushFailed) as failed:
                await client.push(name, auth=nobody)
            assert failed.value.cause is PullCause.AUTHENTICATION_REQUIRED
        await client.push(name, auth=ADA)
        await client.images.remove(name)
        for nobody in (None, ANONYMOUS, wrong):
            with pytest.raises(PullFailed) as caught:
                await client.pull(name, auth=nobody)
            assert caught.value.cause is PullCause.AUTHENTICATION_REQUIRED
            assert wrong.password not in repr(caught.value.request)
        assert (await client.pull(name, auth=ADA)).id == id_

    @waits
    async def test_an_image_of_another_platform_is_said(
        self, client: EngineClient, made: Made, registry: Place
    ) -> None:
        """Who asks for a platform, and would get an image for another one, gets an error in its place."""
        name = registry.image_name()
        id_ = await named(client, made, name)
        await client.push(name)
        image = await client.images.inspect(id_)
        await client.images.remove(name)
        with pytest.raises(PullFailed) as caught:
            await client.pull(name, platform="linux/s390x")
        assert caught.value.cause is PullCause.PLATFORM_MISMATCH
        assert (await client.pull(name, platform=f"linux/{image.architecture}")).id == id_

    @waits
    async def test_a_pull_can_be_cancelled(self, client: EngineClient, made: Made, registry: Place) -> None:
        """Who closes a pull, or raises out of it, leaves a client that goes on."""
        name = registry.image_name()
        await named(client, made, name)
        await client.push(name)
        await client.images.remove(name)

        class Enough(Exception):
            pass

        def stop(progress: Progress) -> None:
            raise Enough(progress.message)

        with pytest.raises(Enough):
            await client.pull(name, on_progress=stop)
        async with await client.images.start_pull(name) as pull:
            await pull.__anext__()
        pull.close()
        waiting = Deferred.fromCoroutine(client.pull(name))
        waiting.cancel()
        with pytest.raises(CancelledError):
            await waiting
        assert await client.pull(name)

    @pytest.mark.parametrize("name", ["", "Upper/Case", "a:b:c", "a@sha256:12", "a" * 300, "a b", "registry.test/"])
    @waits
    async def test_references_that_cannot_be_are_refused(self, client: EngineClient, name: str) -> None:
        """What is no reference to an image is a `ValueError`, and nothing is sent."""
        with pytest.raises(ValueError, match="is not a reference"):
            await client.pull(name)
        with pytest.raises(ValueError, match="is not a reference"):
            await client.push(name)

    @waits
    async def test_what_was_saved_is_loaded(self, client: EngineClient, made: Made) -> None:
        """Several images come out as one archive, and are there with their names and ids when it is loaded."""
        first, second = made.image_name(), made.image_name()
        ids = [await named(client, made, name) for name in (first, second)]
        archive = await everything(await client.images.save(first, second))
        for name in (first, second):
            await client.images.remove(name)
            assert not await client.images.exists(name)
        loaded = await client.images.load(in_pieces(archive, 100_000))
        assert sorted(loaded.names) == sorted([first, second])
        assert loaded.ids == ()
        assert [(await client.images.inspect(name)).id for name in (first, second)] == ids

    @waits
    async def test_an_image_without_a_name_is_loaded(self, client: EngineClient, made: Made) -> None:
        """An image that was saved by its id comes back without a name, and its id is answered."""
        name = made.image_name()
        id_ = await named(client, made, name)
        archive = await everything(await client.images.save(id_))
        await client.images.remove(name)
        made.keep_in_mind(images=[id_])
        loaded = await client.images.load(archive)
        assert loaded.images == (id_,)
        assert (await client.images.inspect(id_)).tags == ()

    @waits
    async def test_what_is_not_there_is_not_saved(self, client: EngineClient, made: Made) -> None:
        """One name that is not there is enough to refuse, as is no name at all."""
        with pytest.raises(NotFound):
            await client.images.save(made.image, f"oci.test/{fresh()}:v1")
        with pytest.raises(ValueError, match="name an image"):
            await client.images.save()

    @pytest.mark.parametrize("archive", [b"this is no archive" * 1000, archive_of(nothing=b"of ours")])
    @waits
    async def test_what_is_no_archive_of_images_is_not_loaded(self, client: EngineClient, archive: bytes) -> None:
        """It is an error, even where the engine has begun with a success."""
        with pytest.raises(EngineError):
            await client.images.load(archive)

    @waits
    async def test_an_image_is_built(self, client: EngineClient, made: Made) -> None:
        """What the Dockerfile says, with arguments and labels, is in the image, which has its names."""
        name, other = made.image_name(), made.image_name()
        context = archive_of(
            **{
                "sub.Dockerfile": b'FROM scratch\nARG COLOUR=blue\nENV COLOUR=$COLOUR\nCOPY file /f\nCMD ["/f"]\n',
                "file": os.urandom(1000),
            }
        )
        told: list[BuildMessage] = []
        image = await client.images.build(
            in_pieces(context, 700),
            tags=[name, other],
            dockerfile="sub.Dockerfile",
            arguments={"COLOUR": "red"},
            labels={"a": "b"},
            on_message=told.append,
        )
        assert image.command == ("/f",)
        assert "COLOUR=red" in image.environment
        assert image.labels["a"] == "b"
        assert {name, other} <= set(image.tags)
        assert "COPY file /f" in "".join(message.output for message in told)

    @pytest.mark.parametrize(
        "dockerfile", [b"FROM scratch\nCOPY nothing /\n", b"FROM oci.test/nothing-there:v0\n", b"NONSENSE\n"]
    )
    @waits
    async def test_a_build_that_fails_says_why(self, client: EngineClient, dockerfile: bytes) -> None:
        """A step that cannot be done, and a Dockerfile that is none, are `BuildFailed`."""
        with pytest.raises(BuildFailed) as caught:
            await client.images.build(archive_of(Dockerfile=dockerfile))
        assert caught.value.message
