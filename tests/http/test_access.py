"""
The access log.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet.task import Clock

from oci_twisted.http.access import WINDOW, AccessFormat, AccessLog
from oci_twisted.interfaces import Decision, Principal
from tests.http.corpus import CONTENT
from tests.http.stacks import Stack
from tests.http.test_calls import SECRET, make_call
from tests.wire.logs import access_lines, events
from tests.wire.messages import get
from tests.wire.peers import Wire

if TYPE_CHECKING:
    from twisted.logger import LogEvent


def texts(collected: list[LogEvent]) -> list[str]:
    """Answer what each event of the access log reads."""
    return [event["access"] for event in collected if event["log_namespace"] == "oci_twisted.access"]


def test_a_request_that_comes_alone_is_told_at_once() -> None:
    """Nobody waits for the line of a quiet registry."""
    with events() as collected:
        AccessLog(Clock()).write(make_call(), 200, 2, 0.25)
    assert texts(collected) == ['192.0.2.7 - "GET /v2/" 200 2 0.250000 a-1 "-"']


def test_requests_in_crowds_share_an_event() -> None:
    """What follows within the window comes at its end; behind it a request comes alone again."""
    clock = Clock()
    log = AccessLog(clock)
    with events() as collected:
        for status in (200, 201, 202):
            log.write(make_call(), status, 0, 0.0)
        assert len(texts(collected)) == 1
        clock.advance(WINDOW)
        log.write(make_call(), 203, 0, 0.0)
    assert [text.count("\n") for text in texts(collected)] == [0, 1, 0]


def test_no_event_grows_without_bound() -> None:
    """A crowd that is very large has more than one event, and none of its lines is lost."""
    clock = Clock()
    log = AccessLog(clock)
    with access_lines() as lines, events() as collected:
        for number in range(1000):
            log.write(make_call(), number, 0, 0.0)
        clock.advance(WINDOW)
    assert [line["status"] for line in lines] == list(range(1000))
    assert 3 < len(texts(collected)) < 10


def test_the_last_lines_are_not_lost() -> None:
    """The end of the process does not wait for the window."""
    clock = Clock()
    log = AccessLog(clock)
    with access_lines() as lines:
        log.write(make_call(), 200, 0, 0.0)
        log.write(make_call(), 201, 0, 0.0)
        log.flush()
        log.flush()
    assert [line["status"] for line in lines] == [200, 201]
    assert clock.getDelayedCalls() == []


def test_a_line_may_be_json() -> None:
    """Every line is then a document of its own."""
    with events() as collected:
        AccessLog(Clock(), AccessFormat.JSON).write(make_call(), 206, 5, 1.5)
    (text,) = texts(collected)
    assert json.loads(text) == {
        "client": "192.0.2.7",
        "user": "-",
        "method": "GET",
        "path": "/v2/",
        "status": 206,
        "bytes": 5,
        "seconds": 1.5,
        "decision": "-",
        "request_id": "a-1",
    }


def test_a_line_says_who_and_why() -> None:
    """It names the user and what decided, and a user's name cannot break out of its place."""
    call = make_call()
    call.principal, call.decision = Principal('ada "0"\nx'), Decision(permitted=True, by="rule 2")
    with events() as collected:
        AccessLog(Clock()).write(call, 200, 2, 0.5)
    assert texts(collected) == ['192.0.2.7 ada??0??x "GET /v2/" 200 2 0.500000 a-1 "rule 2"']


def test_there_may_be_no_lines() -> None:
    """An operator who does not want them has none."""
    clock = Clock()
    with events() as collected:
        AccessLog(clock, AccessFormat.OFF).write(make_call(), 200, 0, 0.0)
    assert (texts(collected), clock.getDelayedCalls()) == ([], [])


def test_a_line_has_no_secrets() -> None:
    """Neither headers nor the query are in it (P10)."""
    with events() as collected:
        AccessLog(Clock()).write(make_call(b"digest=hush", authorization=SECRET.encode()), 200, 0, 0.0)
    assert "hush" not in repr(collected)
    assert SECRET not in repr(collected)


@pytest.mark.parametrize(
    ("requests", "expected"),
    [
        ([get()], [("GET", "/v2/", 200, 2)]),
        ([b"nonsense\r\n"], [("-", "-", 400, 0)]),
        ([get('/v2/"a"/tags/list')], [("GET", "/v2/%22a%22/tags/list", 400, 0)]),
        ([b"HEAD /v2/ HTTP/1.0\r\n\r\n"], [("HEAD", "/v2/", 200, 0)]),
    ],
)
def test_every_request_has_a_line(requests: list[bytes], expected: list[tuple[str, str, int, int]]) -> None:
    """Also what could not be read as one; nothing that a client sends breaks out of its place."""
    with access_lines() as lines:
        Wire().send(*requests).pass_time(1)
    found: list[tuple[Any, ...]] = [(line["method"], line["path"], line["status"]) for line in lines]
    assert found == [one[:3] for one in expected]
    assert [line["bytes"] for line in lines if line["status"] == 200] == [one[3] for one in expected if one[2] == 200]


def test_the_bytes_of_a_blob_are_counted() -> None:
    """The line says how much of it was sent."""
    wire = Wire(stack=Stack())
    digest = wire.stack.add_blob("a", CONTENT * 1000)
    with access_lines() as lines:
        wire.send(get(f"/v2/a/blobs/{digest}"), get(f"/v2/a/blobs/{digest}", "Range: bytes=0-9")).pass_time(1)
    assert [line["bytes"] for line in lines] == [len(CONTENT) * 1000, 10]
