"""
Images: listed, inspected, named, removed and imported.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from oci_twisted.engine.errors import Conflict, EngineError, NotFound
from oci_twisted.testing.engine.examples import busybox_archive, fresh, in_pieces
from oci_twisted.testing.waiting import waits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from oci_twisted.engine import EngineClient
    from oci_twisted.testing.engine.examples import Made

# Machines' clocks, and what a busy one needs.
_RECENT = timedelta(hours=1)


class ImageContract:
    """What an engine does with images."""

    @waits
    async def test_an_imported_image_has_its_name_and_what_was_changed(self, client: EngineClient, made: Made) -> None:
        """The lines of a Dockerfile that come with an archive are in the image's configuration."""
        name = made.image_name()
        id_ = await client.images.import_archive(
            busybox_archive(), name, changes=['ENTRYPOINT ["/bin/echo"]', "ENV COLOUR=red"]
        )
        image = await client.images.inspect(name)
        assert image.id == id_
        assert name in image.tags
        assert image.entrypoint == ("/bin/echo",)
        assert "COLOUR=red" in image.environment
        assert len(image.layers) == 1
        assert image.size > 0
        assert image.operating_system == "linux"
        assert image.created is not None
        assert abs(datetime.now(UTC) - image.created) < _RECENT

    @waits
    async def test_an_archive_can_come_in_pieces(self, client: EngineClient, made: Made) -> None:
        """An archive that is not held as a whole gives the same layer as one that is."""
        whole, pieces = made.image_name(), made.image_name()
        await client.images.import_archive(busybox_archive(), whole)
        await client.images.import_archive(in_pieces(busybox_archive(), 10_000), pieces)
        assert (await client.images.inspect(whole)).layers == (await client.images.inspect(pieces)).layers

    @waits
    async def test_what_is_no_archive_is_not_imported(self, client: EngineClient, made: Made) -> None:
        """Other bytes are an error; today's Docker leaves the name nevertheless, with nothing behind it."""
        with pytest.raises(EngineError):
            await client.images.import_archive(b"this is no archive" * 100, made.image_name())

    @waits
    async def test_a_body_that_breaks_off_is_not_imported(self, client: EngineClient) -> None:
        """What the source of an archive raises comes out of the call; there is no image, and the client goes on."""
        name = f"oci.test/{fresh()}:v1"

        class Torn(Exception):
            pass

        async def torn() -> AsyncIterator[bytes]:
            yield busybox_archive()[:100_000]
            raise Torn

        with pytest.raises(Torn):
            await client.images.import_archive(torn(), name)
        assert not await client.images.exists(name)

    @waits
    async def test_images_are_listed(self, client: EngineClient, made: Made) -> None:
        """An image is in the list with its id and its names, and alone where its name is asked for."""
        image = await client.images.inspect(made.image)
        assert image.id in {one.id for one in await client.images.list()}
        (found,) = await client.images.list(filters={"reference": made.image})
        assert found.id == image.id
        assert made.image in found.tags

    @waits
    async def test_another_name_is_the_same_image(self, client: EngineClient, made: Made) -> None:
        """A name is added to an image, and removed from it again, and the image remains."""
        name = made.image_name()
        image = await client.images.inspect(made.image)
        await client.images.tag(made.image, name)
        assert (await client.images.inspect(name)).id == image.id
        removal = await client.images.remove(name)
        assert removal.untagged == (name,)
        assert removal.deleted == ()
        assert not await client.images.exists(name)
        assert await client.images.exists(made.image)

    @waits
    async def test_the_last_name_goes_with_the_image(self, client: EngineClient, made: Made) -> None:
        """An image of which the last name was removed is deleted."""
        name = made.image_name()
        id_ = await client.images.import_archive(busybox_archive(), name, message=fresh())
        removal = await client.images.remove(name)
        assert id_ in removal.deleted
        assert not await client.images.exists(id_)

    @waits
    async def test_an_image_in_use_is_not_removed(self, client: EngineClient, made: Made) -> None:
        """The image of a container is in conflict with its removal."""
        name = made.image_name()
        await client.images.import_archive(busybox_archive(), name, message=fresh())
        made.image = name
        await made.container("/bin/sleep", "100")
        with pytest.raises(Conflict):
            await client.images.remove(name)
        assert await client.images.exists(name)

    @waits
    async def test_history_begins_with_the_last_step(self, client: EngineClient, made: Made) -> None:
        """An imported image has one step, of the size of its layer, with what was said of it."""
        name, message = made.image_name(), fresh("message")
        await client.images.import_archive(busybox_archive(), name, message=message)
        (step,) = await client.images.history(name)
        assert step.comment == message
        assert step.size > 0

    @waits
    async def test_what_is_not_there_is_not_found(self, client: EngineClient) -> None:
        """Every operation on an image that is not there says so, with the request."""
        name = f"oci.test/{fresh()}:v1"
        calls = (
            client.images.inspect(name),
            client.images.history(name),
            client.images.tag(name, "oci.test/other:v1"),
            client.images.remove(name),
        )
        for call in calls:
            with pytest.raises(NotFound, match=name) as caught:
                await call
            assert caught.value.request is not None
            assert caught.value.request.parameters["name"] == name
            assert caught.value.status == 404

    @pytest.mark.parametrize("name", ["", "oci.test/a:", "oci.test/"])
    @waits
    async def test_names_that_cannot_be_are_refused(self, client: EngineClient, made: Made, name: str) -> None:
        """A new name without a repository, or with a tag of no letters, is a `ValueError`."""
        with pytest.raises(ValueError, match="not the name of an image"):
            await client.images.tag(made.image, name)
