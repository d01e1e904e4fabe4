"""
Byte ranges: those that a reader asks for (RFC 9110, section 14) and those of a chunk (distribution-spec, end-5).
"""

from __future__ import annotations

import re

from attrs import frozen

from oci_twisted.spec.errors import RangeUnsatisfiable, UploadInvalid

# More ranges than this in one request are answered with the whole blob, which RFC 9110 14.2 allows.
MOST_RANGES = 256

_CHUNK = re.compile(r"([0-9]{1,18})-([0-9]{1,18})")
_RANGE = re.compile(r"([0-9]{0,18})-([0-9]{0,18})")


@frozen
class ByteRange:
    """
    Some of a blob's bytes: from ``start``, up to but not including ``stop``.
    """

    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    def content_range(self, size: int) -> str:
        """
        Answer the value of ``Content-Range``.

        :param size: of the whole blob.
        """
        return f"bytes {self.start}-{self.stop - 1}/{size}"


def parse_ranges(header: str, size: int) -> tuple[ByteRange, ...]:
    """
    Read a ``Range`` header against a blob of ``size`` bytes.

    Answer the ranges in the order in which they were asked for, clamped to the blob; none when the header is to be
    ignored: another unit, no list of ranges, too many of them, or so overlapping that the whole blob is shorter; also
    for the last bytes of an empty blob, which no ``Content-Range`` can name.

    :raise RangeUnsatisfiable: when no range touches the blob.  Also for ``9-0``, which RFC 9110 would ignore,
        because the conformance suite expects it.
    """
    unit, separator, text = header.partition("=")
    if not separator or unit.strip().lower() != "bytes":
        return ()
    wanted = [part.strip() for part in text.split(",") if part.strip()]
    matches = [_RANGE.fullmatch(part) for part in wanted]
    if not matches or len(matches) > MOST_RANGES:
        return ()
    ranges = []
    for match in matches:
        if match is None or match.group() == "-":
            return ()
        first, last = match.groups()
        if first:
            start = int(first)
            stop = min(int(last) + 1, size) if last else size
        else:
            if size == 0 and int(last) > 0:
                return ()
            start = max(size - int(last), 0)
            stop = size
        if start < stop:
            ranges.append(ByteRange(start, stop))
    if not ranges:
        raise RangeUnsatisfiable(size)
    if len(ranges) > 1 and sum(map(len, ranges)) > size:
        return ()
    return tuple(ranges)


def parse_chunk_range(header: str) -> ByteRange:
    """
    Read the ``Content-Range`` of a chunk: ``<first>-<last>``, both inclusive, without a unit.

    :raise UploadInvalid: for anything else.
    """
    match = _CHUNK.fullmatch(header.strip())
    if match is None:
        raise UploadInvalid(f"Content-Range {header[:64]!a} is not <first>-<last>, such as 0-1023 (no unit, no total)")
    first, last = map(int, match.groups())
    if first > last:
        raise UploadInvalid(f"Content-Range {header[:64]!a} ends before it begins")
    return ByteRange(first, last + 1)


def upload_range(offset: int) -> str:
    """
    Answer the ``Range`` of an upload session that holds ``offset`` bytes.

    ``0-0`` stands for none as well as for one: a client parses two numbers, and docker refuses an end below the start.
    """
    return f"0-{max(offset - 1, 0)}"
