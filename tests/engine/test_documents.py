"""What is read of an engine's documents."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from oci_twisted.engine.containers.frames import Stream
from oci_twisted.engine.containers.logs import LogLine
from oci_twisted.engine.containers.values import read_processes
from oci_twisted.engine.documents import Fields
from oci_twisted.engine.errors import StreamCorrupt
from oci_twisted.engine.events.values import read_event

if TYPE_CHECKING:
    from oci_twisted.engine.requests import Json


def fields(text: str) -> Fields:
    """Read a document whose one member is written as it comes."""
    return Fields(json.loads(f'{{"a": {text}}}'), "a thing")


@pytest.mark.parametrize("text", ["1e999", "-1e999", "NaN", "Infinity", "1" + "0" * 400, str(2**64), "true", "{}"])
def test_a_number_that_no_engine_counts_to(text: str) -> None:
    """What does not fit into 64 bits is no number of an engine's."""
    with pytest.raises(StreamCorrupt, match="a of a thing is"):
        fields(text).number("a")


@pytest.mark.parametrize("number", [0, -1, -(2**63), 2**64 - 1])
def test_a_number_of_64_bits(number: int) -> None:
    """With a sign, or without one."""
    assert fields(str(number)).number("a") == number


@pytest.mark.parametrize("text", ["[]", "{}", "true", "1e99", "1" + "0" * 30, '"tomorrow"', '"2026-13-01T00:00:00Z"'])
def test_a_time_that_is_none(text: str) -> None:
    """Whatever it is, it is said to be wrong."""
    with pytest.raises(StreamCorrupt, match="a of a thing is"):
        fields(text).instant("a")


@pytest.mark.parametrize("text", ["null", '""', "0", '"0001-01-01T00:00:00Z"', "-62135596800"])
def test_no_time_at_all(text: str) -> None:
    """Go has a time for it, which engines write in words or in seconds."""
    assert fields(text).instant("a") is None


@pytest.mark.parametrize("rows", [[None], [1], ["a row"], None, {}])
def test_processes_that_are_no_table(rows: Json) -> None:
    """Only a list of lists has rows; none at all is an empty one."""
    document: Json = {"Titles": ["PID"], "Processes": rows}
    if rows is None:
        assert read_processes(Fields(document, "a list of processes")).rows == ()
        return
    with pytest.raises(StreamCorrupt):
        read_processes(Fields(document, "a list of processes"))


@pytest.mark.parametrize(
    ("text", "code"), [("137", 137), ("", None), ("\N{SUPERSCRIPT TWO}", None), ("9" * 5000, None), ("-1", None)]
)
def test_an_exit_code_is_a_few_digits(text: str, code: int | None) -> None:
    """Anything else that an event has in its place is none."""
    document: Json = {"Type": "container", "Action": "die", "Actor": {"Attributes": {"exitCode": text}}}
    assert read_event(document).exit_code == code


@pytest.mark.parametrize("time", [{"time": 2**40}, {"time": -(2**40)}, {"timeNano": 2**63}, {"timeNano": -(2**63) - 1}])
def test_an_event_out_of_all_times_is_none(time: dict[str, Json]) -> None:
    """Nanoseconds of 64 bits reach from 1677 to 2262, all of which Python can tell."""
    with pytest.raises(StreamCorrupt, match=r"time\w* of an event"):
        read_event({"Type": "container", **time})
    assert read_event({"timeNano": 2**63 - 1}).instant.year == 2262


def test_a_line_whose_time_is_none() -> None:
    """Where a line begins with something else, its time is said to be wrong when it is asked for."""
    with pytest.raises(StreamCorrupt, match="nonsense"):
        _ = LogLine(Stream.STDOUT, b"", "nonsense").instant
