"""How far a transfer is, told from what engines say."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from oci_twisted.engine.images.progress import LAYERS, LayerProgress, Phase, Progress, ProgressTracker


class Told:
    """A tracker, and what an engine says to it."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.tracker = ProgressTracker(self.clock)

    def say(
        self, status: str, id_: str | None = None, current: int | None = None, total: int | None = None
    ) -> Progress:
        """Say something of a layer, and answer the event."""
        detail = {name: value for name, value in (("current", current), ("total", total)) if value is not None}
        message: dict[str, Any] = {"status": status, "progressDetail": detail}
        if id_ is not None:
            message["id"] = id_
        progress = self.tracker.follow(message)
        assert progress is not None
        return progress


def test_a_pull_of_two_layers() -> None:
    """Bytes, totals, rate and remaining time are those of all layers together, to the end."""
    told = Told()
    assert told.say("Pulling from library/alpine", "latest").layer is None
    first = told.say("Pulling fs layer", "a")
    assert first.layer == LayerProgress("a", Phase.WAITING)
    assert (first.done, first.total, first.rate, first.remaining) == (0, 0, None, None)
    told.say("Pulling fs layer", "b")
    told.clock.advance(1)
    half = told.say("Downloading", "a", 500, 1000)
    assert (half.done, half.total, half.rate) == (500, 1000, 500)
    assert half.remaining is None, "how large b is has not been said"
    told.clock.advance(1)
    both = told.say("Downloading", "b", 500, 3000)
    assert (both.done, both.total, both.rate, both.remaining) == (1000, 4000, 500, 6)
    told.say("Verifying Checksum", "a")
    loaded = told.say("Download complete", "a")
    assert loaded.done == 1500
    assert loaded.layer == LayerProgress("a", Phase.DOWNLOADED, 1000, 1000)
    told.say("Download complete", "b")
    unpacking = told.say("Extracting", "a", 700, 1000)
    assert unpacking.layer == LayerProgress("a", Phase.EXTRACTING, 1000, 1000, 700)
    assert unpacking.done == 4000
    end = told.say("Pull complete", "b")
    assert end.layer == LayerProgress("b", Phase.DONE, 3000, 3000)
    assert end.remaining == 0
    assert [layer.id for layer in end.layers] == ["a", "b"]


def test_a_push_may_exceed_what_it_said() -> None:
    """Docker counts the archive of a layer, which is a little longer: the total goes along."""
    told = Told()
    told.say("Preparing", "a")
    told.say("Pushing", "a", 500, 1000)
    assert told.say("Pushing", "a", 1024).total == LAYERS
    assert told.say("Pushed", "a").layer == LayerProgress("a", Phase.DONE, 1024, 1024)


@pytest.mark.parametrize(
    ("status", "phase"),
    [
        ("Already exists", Phase.EXISTS),
        ("Layer already exists", Phase.EXISTS),
        ("Mounted from team/tool", Phase.EXISTS),
        ("Waiting", Phase.WAITING),
        ("Retrying in 5 seconds", Phase.RETRYING),
    ],
)
def test_other_words(status: str, phase: Phase) -> None:
    """What else engines say of a layer has its phase, and keeps the words."""
    progress = Told().say(status, "a")
    assert progress.layer == LayerProgress("a", phase)
    assert progress.message == status


def test_a_retry_begins_again() -> None:
    """The bytes of a layer that is fetched again do not count, nor does what was measured before."""
    told = Told()
    told.clock.advance(1)
    told.say("Downloading", "a", 900, 1000)
    assert told.say("Retrying in 1 second", "a").done == 0
    told.clock.advance(4)
    again = told.say("Downloading", "a", 400, 1000)
    assert again.rate == 100
    assert again.remaining == 6


def test_the_rate_is_that_of_the_last_seconds() -> None:
    """What was fast long ago does not make the remaining time short."""
    told = Told()
    told.say("Downloading", "a", 0, 2000)
    told.clock.advance(1)
    told.say("Downloading", "a", 1000, 2000)
    for done in range(1010, 1300, 10):
        told.clock.advance(1)
        progress = told.say("Downloading", "a", done, 2000)
    assert progress.rate == pytest.approx(10)


@pytest.mark.parametrize("message", [{}, {"stream": "Trying"}, {"status": ""}, {"status": 7}, {"aux": {}}])
def test_what_is_no_progress(message: dict[str, Any]) -> None:
    """A message that says nothing of progress is no event."""
    assert ProgressTracker(Clock()).follow(message) is None


_NUMBERS = st.none() | st.integers(-5, 5000) | st.text(max_size=3)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["Pulling fs layer", "Downloading", "Pushing", "Retrying in 3", "Extracting", "Pull complete"]
            ),
            st.sampled_from(["a", "b"]) | st.none() | st.integers(),
            _NUMBERS,
            _NUMBERS,
            st.floats(0, 20),
        )
    )
)
def test_whatever_an_engine_says(steps: list[tuple[str, Any, Any, Any, float]]) -> None:
    """Bytes are never more than their total, nor less than none, and neither rates nor times are negative."""
    clock = Clock()
    tracker = ProgressTracker(clock)
    for status, id_, current, total, seconds in steps:
        clock.advance(seconds)
        progress = tracker.follow({"status": status, "id": id_, "progressDetail": {"current": current, "total": total}})
        assert progress is not None
        for layer in progress.layers:
            assert layer.done >= 0
            assert layer.total is None or layer.done <= layer.total
        assert progress.rate is None or progress.rate >= 0
        assert progress.remaining is None or progress.remaining >= 0


def test_time_is_no_size() -> None:
    """Docker with containerd's images tells for how many seconds it has unpacked, in the place of bytes."""
    tracker = ProgressTracker(Clock())
    progress = tracker.follow(
        {"status": "Extracting", "id": "a", "progressDetail": {"current": 7, "units": "s"}},
    )
    assert progress is not None
    assert progress.layer == LayerProgress("a", Phase.EXTRACTING)


@pytest.mark.parametrize("number", [10**400, -1, True, 1.5, None, "1"])
def test_sizes_that_are_none(number: object) -> None:
    """What is no number of bytes is as if nothing had been said."""
    tracker = ProgressTracker(Clock())
    told: dict[str, Any] = {"current": number, "total": number}
    progress = tracker.follow({"status": "Downloading", "id": "a", "progressDetail": told})
    assert progress is not None
    assert progress.layer == LayerProgress("a", Phase.DOWNLOADING)


def test_layers_without_an_end_are_not_kept() -> None:
    """An engine that tells of ever more layers does not fill the memory; no image has as many."""
    tracker = ProgressTracker(Clock())
    for number in range(5000):
        progress = tracker.follow({"status": "Waiting", "id": f"{number}"})
        assert progress is not None
        assert progress.layer is not None
    assert progress is not None
    assert len(progress.layers) == LAYERS


def test_a_flood_of_messages_is_not_kept() -> None:
    """What the rate is told from does not grow with the number of messages."""
    clock = Clock()
    tracker = ProgressTracker(clock)
    tracemalloc.start()
    for number in range(50_000):
        clock.advance(0.0001)
        told = {"current": number * 100, "total": 10_000_000}
        progress = tracker.follow({"status": "Downloading", "id": "a", "progressDetail": told})
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert progress is not None
    assert progress.rate == pytest.approx(1_000_000, rel=0.01)
    assert kept < 100_000
