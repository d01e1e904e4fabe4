"""
Byte ranges, against a judge that looks at every single byte.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from oci_twisted.spec.errors import RangeUnsatisfiable, UploadInvalid
from oci_twisted.spec.ranges import MOST_RANGES, ByteRange, parse_chunk_range, parse_ranges, upload_range
from tests.spec.grammar import CHUNK_RANGE, any_text, damaged, monotonous

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

# RFC 9110, section 14.1.1 and 14.1.2.
_INT_RANGE = re.compile("([0-9]+)-([0-9]*)")
_SUFFIX_RANGE = re.compile("-([0-9]+)")


def wanted_bytes(spec: str, size: int) -> set[int] | None:
    """Answer which bytes a ``range-spec`` selects; ``None`` when it is none."""
    if match := _INT_RANGE.fullmatch(spec):
        first, last = int(match[1]), match[2]
        return {byte for byte in range(size) if first <= byte and (not last or byte <= int(last))}
    if match := _SUFFIX_RANGE.fullmatch(spec):
        return {byte for byte in range(size) if size - byte <= int(match[1])}
    return None


def judge(header: str, size: int) -> list[set[int]] | None:
    """Answer the sets of bytes to be sent; ``[]`` when the header is ignored; ``None`` when it is unsatisfiable."""
    unit, equals, text = header.partition("=")
    specs = [spec.strip(" \t") for spec in text.split(",") if spec.strip(" \t")]
    selected = [wanted_bytes(spec, size) for spec in specs]
    if not equals or unit.strip(" \t").lower() != "bytes" or not specs or None in selected:
        return []
    if size == 0 and any(spec.startswith("-") and int(spec[1:]) for spec in specs):
        return []
    some = [one for one in selected if one]
    if len(some) > 1 and sum(map(len, some)) > size:
        return []
    return some or None


def ask(header: str, size: int) -> list[set[int]] | None:
    """Answer what `parse_ranges` does, as `judge` would put it."""
    try:
        return [set(range(part.start, part.stop)) for part in parse_ranges(header, size)]
    except RangeUnsatisfiable:
        return None


def range_headers() -> SearchStrategy[str]:
    """Give ``Range`` headers about a small blob."""
    number = st.integers(0, 14).map(str)
    first_last = st.builds(lambda first, last: f"{first}-{last}", number, number | st.just(""))
    spec = first_last | number.map("-".__add__) | st.sampled_from(("", " 1-2\t", "007-09"))
    unit = st.sampled_from(("bytes=", "Bytes=", "BYTES ="))
    return st.builds(lambda unit, specs: unit + ",".join(specs), unit, st.lists(spec, max_size=4))


@pytest.mark.parametrize(
    ("header", "start", "stop", "content_range"),
    [
        ("bytes=500-1499", 500, 1500, "bytes 500-1499/2048"),
        ("bytes=500-", 500, 2048, "bytes 500-2047/2048"),
        ("bytes=-500", 1548, 2048, "bytes 1548-2047/2048"),
        ("bytes=-5000", 0, 2048, "bytes 0-2047/2048"),
        ("bytes=2000-5000", 2000, 2048, "bytes 2000-2047/2048"),
        ("bytes=0-0", 0, 1, "bytes 0-0/2048"),
        ("bytes=2047-2047", 2047, 2048, "bytes 2047-2047/2048"),
        ("bytes=0-", 0, 2048, "bytes 0-2047/2048"),
        ("bytes=0-999999999999999999", 0, 2048, "bytes 0-2047/2048"),
        ("bytes=5000-, 1-2", 1, 3, "bytes 1-2/2048"),
    ],
)
def test_one_range(header: str, start: int, stop: int, content_range: str) -> None:
    """A range is clamped to the blob, and its ``Content-Range`` names the bytes that are sent."""
    (part,) = parse_ranges(header, 2048)
    assert part == ByteRange(start, stop)
    assert len(part) == stop - start
    assert part.content_range(2048) == content_range


@pytest.mark.parametrize("header", ["bytes=500-0", "bytes=5000-10000", "bytes=2048-", "bytes=-0", "bytes=-0,9-8"])
def test_a_range_beside_the_blob_is_unsatisfiable(header: str) -> None:
    """A range that selects no byte is refused with the blob's size; so is 500-0, as the conformance suite expects."""
    with pytest.raises(RangeUnsatisfiable) as refusal:
        parse_ranges(header, 2048)
    assert refusal.value.size == 2048


@pytest.mark.parametrize("header", ["bytes=0-", "bytes=0-0", "bytes=-0", "bytes=1-"])
def test_an_empty_blob_has_no_byte_to_begin_with(header: str) -> None:
    """Every range with a first byte is beside an empty blob."""
    with pytest.raises(RangeUnsatisfiable):
        parse_ranges(header, 0)


@pytest.mark.parametrize("header", ["bytes=-1", "bytes=5-,-500"])
def test_the_last_bytes_of_an_empty_blob_are_the_whole_of_it(header: str) -> None:
    """A suffix of an empty blob is satisfiable, and since no ``Content-Range`` can say so, it is answered whole."""
    assert parse_ranges(header, 0) == ()


def test_several_ranges_stay_in_their_order() -> None:
    """Ranges are answered in the order in which they were asked for, without those beside the blob."""
    assert parse_ranges("bytes=-2, 4-5 ,,90-, 0-0", 10) == (ByteRange(8, 10), ByteRange(4, 6), ByteRange(0, 1))


def test_ranges_that_together_are_longer_than_the_blob_are_ignored() -> None:
    """Overlapping ranges cost no more than the blob itself: it is sent instead."""
    assert parse_ranges("bytes=0-5,5-9", 10) == ()
    assert parse_ranges("bytes=0-4,5-9", 10) == (ByteRange(0, 5), ByteRange(5, 10))


def test_too_many_ranges_are_ignored() -> None:
    """A header of very many ranges is answered with the whole blob."""
    size = 10_000
    few = ",".join(f"{2 * part}-{2 * part}" for part in range(MOST_RANGES))
    assert len(parse_ranges(f"bytes={few}", size)) == MOST_RANGES
    assert parse_ranges(f"bytes={few},9000-", size) == ()


@pytest.mark.parametrize(
    "header",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=,",
        "bytes=-",
        "bytes=a-b",
        "bytes=1",
        "bytes=1-2-3",
        "bytes=--1",
        "bytes=+1-2",
        "bytes=1 - 2",
        "bytes=0x1-2",
        "bytes=1-2;3-4",
        "bytes=0-1,x",
        "bytes=\u0660-\u0661",
        "items=0-1",
        "0-1",
        "bytes 0-1",
        f"bytes=0-{'9' * 19}",
        f"bytes={'9' * 4400}-",
        f"bytes=-{'9' * 100_000}",
    ],
)
def test_what_is_no_range_is_ignored(header: str) -> None:
    """Another unit, another shape, or a number beyond any blob's size is no range, and the whole blob is sent."""
    assert parse_ranges(header, 10) == ()


@settings(deadline=None, max_examples=500)
@example("bytes=9-0", 10)
@example("bytes=-5", 0)
@example("bytes=-0,-1", 0)
@given(range_headers() | damaged(range_headers()), st.integers(0, 12))
def test_ranges_are_those_that_the_judge_finds(header: str, size: int) -> None:
    """For any header and any small blob, exactly the bytes that RFC 9110 selects are answered."""
    # Numbers that are longer than any blob's size, and Unicode's other white space, are the examples' business.
    assume(header.isascii() and header.isprintable())
    assert ask(header, size) == judge(header, size)


@settings(deadline=None)
@given(any_text() | any_text().map("bytes=".__add__) | damaged(range_headers()), st.integers(0, 2**62))
def test_any_header_gives_ranges_inside_the_blob(header: str, size: int) -> None:
    """Whatever a client sends, what is answered lies in the blob, is not empty, and is no longer than the blob."""
    parts: tuple[ByteRange, ...] = ()
    with suppress(RangeUnsatisfiable):
        parts = parse_ranges(header, size)
    assert all(0 <= part.start < part.stop <= size for part in parts)
    assert sum(map(len, parts)) <= size


@pytest.mark.parametrize("text", monotonous("0", "-", "0-", "0-0,", ",", " ", "bytes="))
def test_a_long_header_is_dealt_with_at_once(text: str) -> None:
    """However long and repetitive a header is, no expression tries it in many ways, and no long number is computed."""
    assert parse_ranges(f"bytes={text}", 10) == ()
    with pytest.raises(UploadInvalid) as refusal:
        parse_chunk_range(text)
    assert len(refusal.value.message) < 4096


@pytest.mark.parametrize(
    ("header", "start", "stop"),
    [("0-0", 0, 1), ("0-1023", 0, 1024), ("1024-2047", 1024, 2048), (" 7-9 ", 7, 10), ("007-0009", 7, 10)],
)
def test_a_chunk_says_its_first_and_its_last_byte(header: str, start: int, stop: int) -> None:
    """The ``Content-Range`` of a chunk has no unit and no total, and both ends are in it."""
    assert parse_chunk_range(header) == ByteRange(start, stop)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "0",
        "-",
        "0-",
        "-9",
        "0--1",
        "bytes 0-9",
        "bytes=0-9",
        "0-9/10",
        "0-9/*",
        "0-9,10-19",
        "0 - 9",
        "+0-9",
        "a-b",
        "\u0660-\u0661",
        f"0-{'9' * 19}",
        f"{'9' * 100_000}-{'9' * 100_001}",
    ],
)
def test_another_shape_of_a_chunk_is_refused(header: str) -> None:
    """A ``Content-Range`` of HTTP's own form, or anything else, is refused with the form that is meant."""
    with pytest.raises(UploadInvalid, match="is not <first>-<last>, such as 0-1023") as refusal:
        parse_chunk_range(header)
    assert len(refusal.value.message) < 4096


def test_a_chunk_that_ends_before_it_begins_is_refused() -> None:
    """The last byte of a chunk is not before its first."""
    with pytest.raises(UploadInvalid, match="'5-4' ends before it begins"):
        parse_chunk_range("5-4")


@settings(deadline=None)
@given(st.integers(0, 10**18 - 1), st.integers(0, 10**18 - 1))
def test_every_chunk_range_is_read(first: int, last: int) -> None:
    """Any two numbers in order are a chunk's range; out of order they are refused."""
    header = f"{first}-{last}"
    assert CHUNK_RANGE.fullmatch(header)
    if first <= last:
        assert len(parse_chunk_range(header)) == last - first + 1
    else:
        with pytest.raises(UploadInvalid):
            parse_chunk_range(header)


@settings(deadline=None)
@given(any_text() | damaged(st.just("0-1023")))
def test_only_what_the_specification_matches_is_a_chunk_range(header: str) -> None:
    """Any text is read if and only if the specification's expression matches it; otherwise it is an `UploadInvalid`."""
    text = header.strip()
    first, _, last = text.partition("-")
    if CHUNK_RANGE.fullmatch(text) and len(first) < 19 and len(last) < 19 and int(first) <= int(last):
        assert parse_chunk_range(header) == ByteRange(int(first), int(last) + 1)
    else:
        with pytest.raises(UploadInvalid):
            parse_chunk_range(header)


@pytest.mark.parametrize(("offset", "header"), [(0, "0-0"), (1, "0-0"), (2, "0-1"), (1024, "0-1023")])
def test_a_session_says_its_last_byte(offset: int, header: str) -> None:
    """The ``Range`` of a session ends with its last byte, and never below its start, which docker could not read."""
    assert upload_range(offset) == header
