"""
Loading images from archives.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attrs import frozen

from oci_twisted.engine.errors import EngineError
from oci_twisted.engine.images.causes import complaint_of
from oci_twisted.engine.requests import Request

if TYPE_CHECKING:
    from oci_twisted.engine.calls import Calls
    from oci_twisted.engine.requests import Body

_METHOD = "image.load"
_LOADED = re.compile(r"^Loaded image(?P<by_id> ID)?(?:\(s\))?: *(?P<names>.+)$", re.MULTILINE)


@frozen
class Loaded:
    """
    What was in an archive of images.

    :ivar names: those that the images have now.
    :ivar ids: of the images that came without a name.
    """

    names: tuple[str, ...]
    ids: tuple[str, ...]

    @property
    def images(self) -> tuple[str, ...]:
        """All, by what they can be inspected by."""
        return self.names + self.ids


async def load(calls: Calls, archive: Body) -> Loaded:
    """
    Load the images in an archive.

    :raise EngineError: when it is none, or the engine cannot keep what is in it.
    """
    messages = await calls.messages(_METHOD, archive, quiet=True)
    names: list[str] = []
    ids: list[str] = []
    try:
        async for message in messages:
            complaint = complaint_of(message)
            if complaint is not None:
                # Docker has begun with a success before it looks.
                raise EngineError(complaint, request=Request(_METHOD))
            for found in _LOADED.finditer(str(message.get("stream", ""))):
                # Podman lists all in one line.
                listed = [name.strip() for name in found["names"].split(",")]
                (ids if found["by_id"] else names).extend(listed)
    finally:
        messages.close()
    # Podman has an id in the place of a name where there is none.
    unnamed = [name for name in names if _is_id(name)]
    return Loaded(tuple(name for name in names if name not in unnamed), tuple(map(_full, [*ids, *unnamed])))


def _is_id(name: str) -> bool:
    return re.fullmatch(r"(?:sha256:)?[0-9a-f]{64}", name) is not None


def _full(id_: str) -> str:
    return id_ if id_.startswith("sha256:") else f"sha256:{id_}"
