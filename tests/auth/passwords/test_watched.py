"""
A small file that is read again when it changes.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, cast

import pytest
from twisted.internet.task import Clock

from oci_twisted.auth.passwords.watched import FileUnusable, WatchedFile
from tests.wire.logs import events

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Watched:
    """
    A watched file of words.

    :ivar read: what was made sense of so far.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = Clock()
        self.read: list[bytes] = []
        self.file = WatchedFile(path, self._parse, self.clock)

    def _parse(self, content: bytes) -> str:
        self.read.append(content)
        if b"?" in content:
            raise ValueError("line 1: a question")
        return content.decode()

    def later(self, seconds: float = 1.0) -> str:
        """Answer what holds after a while."""
        self.clock.advance(seconds)
        return self.file.current


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    """Make one."""
    path = tmp_path / "words"
    path.write_text("one")
    return Watched(path)


def complaints(collected: list[dict[str, object]]) -> list[str]:
    """Answer the sentences of the errors among events."""
    return [str(event["sentence"]) for event in collected if event["log_level"].name == "error"]  # type: ignore[attr-defined]


def rename_over(path: Path, content: str) -> None:
    """Replace a file, as editors do."""
    other = path.with_name("other")
    other.write_text(content)
    other.replace(path)


def link_anew(path: Path, content: str) -> None:
    """Let a link lead elsewhere, as Kubernetes does with its secrets."""
    target = path.with_name(f"target-{content}")
    target.write_text(content)
    path.unlink()
    path.symlink_to(target)


def keep_the_time(path: Path, content: str) -> None:
    """Write as many bytes as there were, and set the time back to what it was."""
    before = path.stat()
    path.write_text(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def make_pipe(path: Path) -> None:
    """Put a pipe in a file's place."""
    path.unlink()
    os.mkfifo(path)


def make_folder(path: Path) -> None:
    """Put a folder in a file's place."""
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("change", [lambda path, text: path.write_text(text), rename_over, link_anew, keep_the_time])
def test_a_change_holds_within_a_second(watched: Watched, change: Callable[[Path, str], object]) -> None:
    """However a file is changed, what it says then holds a second later, and the generation is another."""
    before = watched.file.generation
    change(watched.path, "two")
    assert watched.later() == "two"
    assert watched.file.generation != before


def test_it_is_looked_at_once_a_second(watched: Watched) -> None:
    """Within a second of the last look nobody looks, so that a request costs no system call."""
    watched.later()
    watched.path.write_text("two")
    assert watched.later(0.9) == "one"
    assert watched.later(0.1) == "two"


def test_a_clock_that_is_set_back_does_not_stop_it(watched: Watched) -> None:
    """After the clock is set back the file is looked at all the same."""
    watched.later(1000.0)
    watched.path.write_text("two")
    watched.clock.rightNow = 10.0
    assert watched.file.current == "two"


def test_what_is_the_same_is_no_change(watched: Watched) -> None:
    """A file that is written anew with the same bytes is of the same generation, and a quiet one is not read."""
    before = watched.file.generation
    for _ in range(5):
        watched.later()
        rename_over(watched.path, "one")
    for _ in range(5):
        watched.later()
    assert watched.file.generation == before
    assert watched.read == [b"one"]


class Still:
    """A path to a file that always looks as it did when this was made."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = path.stat()

    def __fspath__(self) -> str:
        return str(self._path)

    def stat(self) -> os.stat_result:
        """Answer what was seen."""
        return self._seen


def test_a_file_that_was_read_half_written_is_read_once_more(tmp_path: Path) -> None:
    """A change that nothing about the file shows, because it came in the same instant as the last, is seen too."""
    path = tmp_path / "words"
    path.write_text("on")
    watched = Watched(cast("Path", Still(path)))
    path.write_text("one")
    assert watched.later() == "one"
    path.write_text("two")
    assert watched.later() == "one"


@pytest.mark.parametrize(
    ("breaks", "sentence"),
    [
        (lambda path: path.write_text("two?"), "line 1: a question"),
        (lambda path: path.unlink(), "No such file"),
        (make_folder, "is no file|Is a directory"),
        (make_pipe, "is no file"),
        (lambda path: path.write_bytes(b"x" * ((1 << 20) + 1)), "is larger than"),
    ],
)
def test_what_is_broken_does_not_hold(watched: Watched, breaks: Callable[[Path], object], sentence: str) -> None:
    """While the file is broken or missing, what it said before holds on, and the log says why, once."""
    before = watched.file.generation
    with events() as collected:
        breaks(watched.path)
        assert [watched.later() for _ in range(10)] == ["one"] * 10
    assert watched.file.generation == before
    [complaint] = complaints(collected)
    assert complaint.startswith(str(watched.path))
    assert re.search(sentence, complaint)


def test_each_change_for_the_worse_is_said(watched: Watched) -> None:
    """Another broken state is another line of the log; a mended file holds again."""
    with events() as collected:
        for content in ("two?", "three?"):
            watched.path.write_text(content)
            for _ in range(3):
                watched.later()
        watched.path.unlink()
        for _ in range(3):
            watched.later()
        watched.path.write_text("four")
        assert watched.later() == "four"
    assert len(complaints(collected)) == 3
    assert any(event["log_level"].name == "info" for event in collected)


@pytest.mark.parametrize("content", [None, "one?"])
def test_in_the_beginning_it_has_to_be_right(tmp_path: Path, content: str | None) -> None:
    """When there is nothing that could hold on, the operator is told, without anything of what was read."""
    path = tmp_path / "words"
    if content is not None:
        path.write_text(content)
    with pytest.raises(FileUnusable, match=str(path)) as unusable:
        Watched(path)
    assert unusable.value.__cause__ is None or isinstance(unusable.value.__cause__, OSError)
