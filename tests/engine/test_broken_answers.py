"""Answers that no engine should give, over a real socket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet.defer import Deferred, TimeoutError  # noqa: A004 - Twisted's own

from oci_twisted.engine.drivers.docker import DockerDriver
from oci_twisted.engine.errors import ConnectionFailed, EngineError, StreamCorrupt, TimedOut
from oci_twisted.engine.transport.limits import Limits, Timeouts
from oci_twisted.testing.waiting import soon, turn, waits
from tests.engine.killable import client_of, the_reactor
from tests.engine.scripted_sockets import Script, saying

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from oci_twisted.engine import EngineClient

# Long enough for a busy machine, and short enough to wait for.
_SHORT = Timeouts(connect=5, first_byte=0.3, idle=0.3, kept=5)
_BOUND = 10.0


def head(status: int = 200, *lines: str) -> bytes:
    """Answer the beginning of an answer."""
    return "\r\n".join([f"HTTP/1.1 {status} Something", *lines, "", ""]).encode()


def document(content: bytes, status: int = 200, media_type: str = "application/json") -> bytes:
    """Answer a whole answer."""
    return head(status, f"Content-Type: {media_type}", f"Content-Length: {len(content)}") + content


CHUNKED = head(200, "Transfer-Encoding: chunked")
PAGE = b"<!DOCTYPE html><html><head><style>p {color: red}</style></head><body><p>Bad   Gateway</p></body></html>"
# What the next call is told: the client goes on.
GOOD = document(b"[]")

BROKEN = {
    "half a head": (b"HTTP/1.1 200 OK\r\nContent-Le", "broke off"),
    "half a document": (head(200, "Content-Length: 100") + b'[{"Id": ', "broke off"),
    "half a chunk": (CHUNKED + b"40\r\n[{", "broke off"),
    "no last chunk": (CHUNKED + b"2\r\n[]\r\n", "broke off"),
    "a chunk whose size is none": (CHUNKED + b"zz\r\n[]\r\n0\r\n\r\n", "not HTTP"),
    "two lengths": (head(200, "Content-Length: 2", "Content-Length: 3") + b"[]", "not HTTP"),
    "a length and chunks": (
        head(200, "Content-Length: 2", "Transfer-Encoding: chunked") + b"2\r\n[]\r\n0\r\n\r\n",
        "HTTP",
    ),
    "an alert of TLS": (b"\x15\x03\x01\x00\x02\x02\x16", "not HTTP"),
    "another protocol": (b"SSH-2.0-OpenSSH_9.2p1\r\n", "not HTTP"),
    "a head without an end": (head(200, *(f"X-{n}: {'x' * 1000}" for n in range(100))), "endless head"),
    "half of JSON": (document(b'[{"Id": "sha'), "not JSON"),
    "a page instead of JSON": (document(PAGE, media_type="text/html"), "not JSON"),
    "brackets without an end": (document(b"[" * 100_000), "not JSON"),
    "an object instead of a list": (document(b'{"message": "hello"}'), "a list|an image"),
    "numbers instead of images": (document(b"[1, 2]"), "an image"),
    "an image without an id": (document(b'[{"RepoTags": []}]'), "has no Id"),
}


async def fails(work: Coroutine[Deferred[Any], Any, Any], kind: type[EngineError], match: str) -> EngineError:
    """Answer the error of some work, which comes soon."""
    with pytest.raises(kind, match=match) as caught:
        await soon(work, _BOUND)
    return caught.value


async def all_closed(script: Script) -> None:
    """Wait until the server has no connection any more."""
    while script.open:
        await turn()


@pytest.mark.parametrize("what", BROKEN)
@waits
async def test_a_list_that_is_broken(what: str) -> None:
    """Whatever comes instead of a list of images is said to be broken, and the next call works on a new connection."""
    reply, match = BROKEN[what]
    script = Script(reply, GOOD)
    async with saying(script) as address:
        async with client_of(address, DockerDriver()) as client:
            error = await fails(client.images.list(), StreamCorrupt, match)
            assert ".." not in str(error)
            assert await client.images.list() == ()
        await soon(all_closed(script), _BOUND)


@waits
async def test_a_connection_that_is_closed_without_an_answer() -> None:
    """One that was kept is replaced, once, for nothing can have been done; a new one is an error."""
    script = Script(b"", GOOD, b"")
    async with saying(script) as address:
        async with client_of(address, DockerDriver()) as client:
            assert await client.images.list() == ()
            await fails(client.images.list(), ConnectionFailed, "closed the connection and did not answer")
        await soon(all_closed(script), _BOUND)


@pytest.mark.parametrize("length", ["Content-Length: 103", "Connection: close"])
@pytest.mark.parametrize("status", [500, 502, 503])
@waits
async def test_a_page_that_a_proxy_made(status: int, length: str) -> None:
    """The words of a page of HTML are the message, and its status is the error's."""
    assert len(PAGE) == 103
    script = Script(head(status, "Content-Type: text/html", length) + PAGE, GOOD)
    async with saying(script) as address:
        async with client_of(address, DockerDriver()) as client:
            error = await fails(client.images.list(), EngineError, "Bad Gateway")
            assert (error.status, error.message) == (status, "Bad Gateway")
            assert await client.images.list() == ()
        await soon(all_closed(script), _BOUND)


async def _all_events(client: EngineClient) -> None:
    async for _ in await client.calls.messages("system.events"):
        pass


async def _all_of_a_log(client: EngineClient) -> None:
    async for _ in await client.containers.logs("box"):
        pass


async def _all_of_an_image(client: EngineClient) -> None:
    async for _ in await client.images.save("a"):
        pass


BOX = document(b'{"Config": {"Tty": false}}')
EVENT = b'{"Type": "container"}\n'
STREAMS: dict[str, tuple[Callable[[EngineClient], Coroutine[Deferred[Any], Any, None]], list[bytes], str]] = {
    "half an event": (_all_events, [CHUNKED + b"16\r\n" + EVENT + b'\r\n5\r\n{"a":\r\n0\r\n\r\n'], "cut off|not JSON"),
    "an event that is none": (_all_events, [CHUNKED + b"6\r\n<html>\r\n0\r\n\r\n"], "not JSON|no JSON"),
    "events that break off": (_all_events, [CHUNKED + b"16\r\n" + EVENT + b"\r\n"], "broke off"),
    "half a frame": (_all_of_a_log, [BOX, CHUNKED + b"9\r\n\1\0\0\0\0\0\0\5h\r\n0\r\n\r\n"], "frame|broke off|cut off"),
    "half a frame's head": (_all_of_a_log, [BOX, CHUNKED + b"3\r\n\1\0\0\r\n0\r\n\r\n"], "frame|broke off|cut off"),
    "a frame of no stream": (_all_of_a_log, [BOX, CHUNKED + b"9\r\n\7\0\0\0\0\0\0\1h\r\n0\r\n\r\n"], "frame|stream"),
    "a log that breaks off": (_all_of_a_log, [BOX, CHUNKED + b"d\r\n\1\0\0\0\0\0\0\5hello\r\n"], "broke off"),
    "half an image": (_all_of_an_image, [head(200, "Content-Length: 9") + b"half"], "broke off"),
}


@pytest.mark.parametrize("what", STREAMS)
@waits
async def test_a_stream_that_is_broken(what: str) -> None:
    """A stream that is cut off or is no such stream says so when that is read, and closes its connection."""
    read, replies, match = STREAMS[what]
    script = Script(*replies, GOOD)
    async with saying(script) as address:
        async with client_of(address, DockerDriver()) as client:
            await fails(read(client), StreamCorrupt, match)
            assert await client.images.list() == ()
        await soon(all_closed(script), _BOUND)


@waits
async def test_a_file_of_which_nothing_can_be_known() -> None:
    """An archive whose head does not say of what it is closes its connection, although more of it would come."""
    script = Script(b"", b"", b"", GOOD, closes=False)
    async with saying(script) as address:
        async with client_of(address, DockerDriver(limits=Limits(streams=1))) as client:
            for match in ("base64", "not JSON", "is not what there is at a path"):
                about = {"base64": "a", "not JSON": "YQ=="}.get(match, "W10=")
                script.replies[0] = head(200, f"X-Docker-Container-Path-Stat: {about}", "Content-Length: 9") + b"half"
                await fails(client.containers.get_archive("box", "/a"), StreamCorrupt, match)
            assert await client.images.list() == ()
        await soon(all_closed(script), _BOUND)


@waits
async def test_a_complaint_in_the_middle_of_an_import() -> None:
    """What the engine says to be wrong is the error, and the connection is closed, although more would come."""
    for line in (b'{"errorDetail": {"message": "disk full"}}\n', b'{"error": "disk full"}\n'):
        script = Script(CHUNKED + b"%x\r\n%b\r\n" % (len(line), line), GOOD, closes=False)
        driver = DockerDriver(limits=Limits(streams=1))
        async with saying(script) as address, client_of(address, driver) as client:
            await fails(client.images.import_archive(b""), EngineError, "image.import: disk full")
            await soon(all_closed(script), _BOUND)
            assert await client.images.list() == ()


@waits
async def test_a_socket_that_accepts_and_never_answers() -> None:
    """The first call is given up after its time, whatever it was, and so is each that follows."""
    script = Script(None, greets=False)
    async with saying(script) as address:
        async with client_of(address, DockerDriver(timeouts=_SHORT)) as client:
            for work in (client.images.list(), client.system.ping(), client.containers.wait("box")):
                await fails(work, TimedOut, "did not begin to answer for 0.3 s")
        await soon(all_closed(script), _BOUND)


@waits
async def test_an_engine_that_falls_silent() -> None:
    """One that has answered before and pauses for good, before an answer or within it, is given up as well."""
    script = Script(GOOD, None)
    async with saying(script) as address:
        async with client_of(address, DockerDriver(timeouts=_SHORT)) as client:
            assert await client.images.list() == ()
            await fails(client.images.list(), TimedOut, "did not begin to answer")
            # A wait has no bound but its owner's.
            waiting = Deferred.fromCoroutine(client.containers.wait("box"))
            with pytest.raises(TimeoutError):
                await waiting.addTimeout(1.0, the_reactor())
        await soon(all_closed(script), _BOUND)
