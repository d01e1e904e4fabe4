"""How the outputs of a process are told apart."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oci_twisted.engine.containers.frames import Frames, Stream, joined
from oci_twisted.engine.errors import EngineError, StreamCorrupt
from oci_twisted.testing.engine.memory.attachments import frame

PARTS = st.lists(st.tuples(st.sampled_from(Stream), st.binary(max_size=40)), max_size=12)
CUTS = st.lists(st.integers(0, 600), max_size=20)


def pieces(content: bytes, cuts: list[int]) -> list[bytes]:
    """Cut bytes at some places."""
    places = sorted({0, *(cut for cut in cuts if cut < len(content)), len(content)})
    return [content[start:end] for start, end in itertools.pairwise(places)]


@given(PARTS, CUTS)
def test_any_split_gives_the_same_output(parts: list[tuple[Stream, bytes]], cuts: list[int]) -> None:
    """However the bytes are split, the same comes out, in the same order, and nothing is kept at the end."""
    frames = Frames()
    found = [part for piece in pieces(b"".join(frame(*part) for part in parts), cuts) for part in frames.feed(piece)]
    frames.end()
    assert joined(found) == joined([part for part in parts if part[1]])
    assert all(content for _, content in found)


@given(PARTS, CUTS)
def test_frames_may_be_kept_until_they_are_whole(parts: list[tuple[Stream, bytes]], cuts: list[int]) -> None:
    """Where frames mean something, they come out as they were sent, but for the empty ones."""
    frames = Frames(whole=True)
    found = [part for piece in pieces(b"".join(frame(*part) for part in parts), cuts) for part in frames.feed(piece)]
    frames.end()
    assert found == [part for part in parts if part[1]]


def test_a_frame_is_not_kept() -> None:
    """A frame of gigabytes is given as it comes."""
    frames = Frames()
    assert frames.feed(b"\x01\0\0\0\xff\xff\xff\xff" + b"abc") == [(Stream.STDOUT, b"abc")]
    assert frames.feed(b"def") == [(Stream.STDOUT, b"def")]


@pytest.mark.parametrize("cut", range(32))
def test_the_end_of_a_line_may_be_behind_its_frame(cut: int) -> None:
    """So Podman 4 sends what has been written before; it belongs to the stream of the frame."""
    content = frame(2, b"err") + b"\n" + frame(1, b"") + b"\n" + frame(1, b"out")
    frames = Frames()
    found = joined([*frames.feed(content[:cut]), *frames.feed(content[cut:])])
    frames.end()
    assert found == [(Stream.STDERR, b"err\n"), (Stream.STDOUT, b"\nout")]


def test_echoed_input_is_output() -> None:
    """Stream 0 belongs to standard output."""
    assert Frames().feed(frame(0, b"typed")) == [(Stream.STDOUT, b"typed")]


@pytest.mark.parametrize("size", range(1, 11))
def test_the_end_within_a_frame_is_said(size: int) -> None:
    """Output that ends within a frame's head, or before a frame is full, broke off."""
    frames = Frames()
    frames.feed(frame(1, b"abc")[:size])
    with pytest.raises(StreamCorrupt, match="broke off"):
        frames.end()


@pytest.mark.parametrize("whole", [True, False])
def test_what_is_not_in_frames_is_said(whole: bool) -> None:  # noqa: FBT001 - what a test is given
    """Bytes that are no head of a frame are `StreamCorrupt`."""
    with pytest.raises(StreamCorrupt, match="not in frames"):
        Frames(whole=whole).feed(b"hello, world")


def test_a_frame_that_would_have_to_be_kept_has_a_limit() -> None:
    """One that says that it is larger than any is refused before it is there."""
    with pytest.raises(StreamCorrupt):
        Frames(whole=True).feed(b"\x01\0\0\0\xff\xff\xff\xff")


def test_an_engine_may_give_up() -> None:
    """What the engine says in a frame of its own is an error with its words."""
    with pytest.raises(EngineError, match="disk on fire"):
        Frames().feed(frame(3, b"disk on fire\n"))
