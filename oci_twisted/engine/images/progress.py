"""
How far a transfer is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

from attrs import evolve, frozen

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

    from oci_twisted.engine.requests import Json

# Long enough to even out an engine that tells in bursts, short enough to notice a network that slows down.
_WINDOW = 10.0
# Samples that are closer to each other than this are one: engines may tell of every packet.
_GRAIN = 0.05
# No more are told of: images of Docker's have 127 at the most.
LAYERS = 1024
# Nobody moves more bytes.
_MOST = 1 << 63


class Phase(Enum):
    """What happens to a layer."""

    WAITING = "waiting"
    DOWNLOADING = "downloading"
    VERIFYING = "verifying"
    DOWNLOADED = "downloaded"
    EXTRACTING = "extracting"
    UPLOADING = "uploading"
    RETRYING = "retrying"
    DONE = "done"
    EXISTS = "exists"


_PHASES = {
    "pulling fs layer": Phase.WAITING,
    "waiting": Phase.WAITING,
    "preparing": Phase.WAITING,
    "downloading": Phase.DOWNLOADING,
    "verifying checksum": Phase.VERIFYING,
    "download complete": Phase.DOWNLOADED,
    "extracting": Phase.EXTRACTING,
    "pull complete": Phase.DONE,
    "pushing": Phase.UPLOADING,
    "pushed": Phase.DONE,
    "already exists": Phase.EXISTS,
    "layer already exists": Phase.EXISTS,
    "mounted from": Phase.EXISTS,
    "retrying in": Phase.RETRYING,
}
_MOVED = frozenset({Phase.VERIFYING, Phase.DOWNLOADED, Phase.EXTRACTING, Phase.DONE, Phase.EXISTS})
_MOVING = frozenset({Phase.DOWNLOADING, Phase.UPLOADING})


@frozen
class LayerProgress:
    """
    How far a layer is.

    :ivar id: the beginning of its digest, as the engine shows it.
    :ivar done: bytes that have gone over the network.
    :ivar total: bytes that have to; ``None`` while the engine has not said so, as it never does for small layers.
    :ivar extracted: bytes of those that the engine has unpacked.
    """

    id: str
    phase: Phase
    done: int = 0
    total: int | None = None
    extracted: int = 0

    @property
    def has_moved(self) -> bool:
        """Whether no more of it has to go over the network."""
        return self.phase in _MOVED


@frozen
class Progress:
    """
    How far a transfer is: one of the events while it lasts.

    :ivar message: what the engine said, such as ``Downloading``.
    :ivar layer: the layer that it said that of; ``None`` when it was of the whole.
    :ivar layers: all that are known so far, in the order in which they became known.
    :ivar done: bytes that have gone over the network.
    :ivar total: bytes that have to, of the layers of which that is known; more may become known.
    :ivar rate: bytes in a second, over the last ten; ``None`` while there is nothing to tell it from.
    :ivar remaining: seconds until all bytes have gone over the network, if it goes on like this; ``None`` while a
        layer's size is not known, or nothing moves.
    """

    message: str
    layer: LayerProgress | None
    layers: tuple[LayerProgress, ...]
    done: int
    total: int
    rate: float | None
    remaining: float | None


OnProgress: TypeAlias = Callable[[Progress], object]
"""Called with each event.  What it raises ends the transfer, and comes out of the call."""


class ProgressTracker:
    """
    Makes events of an engine's messages.

    :param clock: of rates and remaining times.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._layers: dict[str, LayerProgress] = {}
        self._samples: deque[tuple[float, int]] = deque([(clock.seconds(), 0)])

    def follow(self, message: dict[str, Json]) -> Progress | None:
        """Answer the event that a message is; ``None`` for one that says nothing of progress."""
        said = message.get("status")
        if not isinstance(said, str) or not said.strip():
            return None
        said = said.strip()
        layer = self._layer(message, said)
        if layer is not None and (layer.id in self._layers or len(self._layers) < LAYERS):
            self._layers[layer.id] = layer
        layers = tuple(self._layers.values())
        done = sum(one.done for one in layers)
        rate = self._rate(done)
        total = sum(one.total for one in layers if one.total is not None)
        return Progress(said, layer, layers, done, total, rate, _remaining(layers, total - done, rate))

    def _layer(self, message: dict[str, Json], said: str) -> LayerProgress | None:
        id_ = message.get("id")
        phase = next((phase for words, phase in _PHASES.items() if said.lower().startswith(words)), None)
        if not isinstance(id_, str) or phase is None:
            # Of the whole: "Pulling from library/alpine" has the tag for an id.
            return None
        before = self._layers.get(id_, LayerProgress(id_, phase))
        current, total = _sizes(message.get("progressDetail"))
        layer = evolve(before, phase=phase)
        if total and phase in _MOVING:
            layer = evolve(layer, total=total)
        if current is not None:
            layer = evolve(layer, extracted=current) if phase is Phase.EXTRACTING else evolve(layer, done=current)
        if phase is Phase.RETRYING:
            # It begins again where it was or at the start: the next message says which.
            layer = evolve(layer, done=0)
        if layer.total is None or (layer.done <= layer.total and not layer.has_moved):
            return layer
        if phase in _MOVING:
            # A push counts the bytes of the archive, which has a little more to it than its layer.
            return evolve(layer, total=layer.done)
        return evolve(layer, done=layer.total)

    def _rate(self, done: int) -> float | None:
        now = self._clock.seconds()
        samples = self._samples
        if done < samples[-1][1]:
            # A layer is fetched again: what was measured so far says nothing.
            samples.clear()
        elif len(samples) > 1 and now - samples[-2][0] < _GRAIN:
            samples.pop()
        samples.append((now, done))
        while len(samples) > 2 and samples[1][0] <= now - _WINDOW:  # noqa: PLR2004 - a span has two ends
            samples.popleft()
        (since, before) = samples[0]
        return (done - before) / (now - since) if now > since and done else None


def _sizes(detail: Json) -> tuple[int | None, int | None]:
    """Answer how many bytes are done, and of how many."""
    # With units, it is seconds: so long has Docker unpacked an image that is containerd's to keep.
    if not isinstance(detail, dict) or detail.get("units"):
        return None, None
    return _size(detail.get("current")), _size(detail.get("total"))


def _size(value: Json) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MOST else None


def _remaining(layers: tuple[LayerProgress, ...], left: int, rate: float | None) -> float | None:
    if any(one.total is None and not one.has_moved for one in layers) or not layers:
        return None
    if left <= 0:
        return 0.0
    return left / rate if rate else None
