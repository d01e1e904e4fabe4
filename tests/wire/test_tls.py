"""
TLS: what was encrypted by Twisted, read by other people's clients.
"""

from __future__ import annotations

import os
import shutil
import socket
import ssl
from typing import TYPE_CHECKING, TypeVar

import pytest
from twisted.internet.endpoints import serverFromString
from twisted.internet.threads import deferToThread
from twisted.internet.utils import getProcessOutputAndValue

from oci_twisted.http.limits import Limits
from oci_twisted.stream.senders import PIECE
from oci_twisted.testing.waiting import soon, waits
from tests.wire.certificates import make_certificate
from tests.wire.logs import errors
from tests.wire.messages import get, message, read_answers
from tests.wire.peers import ScriptedAPI, Wire
from tests.wire.sockets import PATIENCE, connections, eventually, listening, real_reactor, sent
from tests.wire.test_broken_blobs import BreakingReader, serve

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from tests.wire.messages import Answer
    from tests.wire.sockets import Served

T = TypeVar("T")

SOON = 2


class Secure:
    """A registry in memory behind TLS."""

    def __init__(self, folder: Path) -> None:
        self.wire = Wire()
        self.certificate = folder / "certificate.pem"
        make_certificate(self.certificate)
        self.content = os.urandom(3 << 20)
        self.target = f"/v2/a/blobs/{self.wire.stack.add_blob('a', self.content)}"
        assert isinstance(self.wire.stack.api, ScriptedAPI)

    def listening(self) -> AbstractAsyncContextManager[Served]:
        """Listen, as an operator's endpoint description says."""
        description = f"ssl:0:interface=127.0.0.1:privateKey={self.certificate}:certKey={self.certificate}"
        return listening(self.wire.site, serverFromString(real_reactor(), description))

    def connect(self, served: Served, *protocols: str) -> ssl.SSLSocket:
        """
        Connect a client of the standard library, which blocks.

        :param protocols: what it offers by ALPN.
        """
        context = ssl.create_default_context(cafile=str(self.certificate))
        if protocols:
            context.set_alpn_protocols(list(protocols))
        plain = socket.create_connection(("127.0.0.1", served.port), timeout=PATIENCE)
        return context.wrap_socket(plain, server_hostname="127.0.0.1", suppress_ragged_eofs=False)


@pytest.fixture
def secure(tmp_path: Path) -> Secure:
    """Make a registry with a blob."""
    return Secure(tmp_path)


def ask(stream: ssl.SSLSocket, request: bytes, count: int, *methods: str) -> list[Answer]:
    """Send requests and read so many answers."""
    stream.sendall(request)
    received = b""
    while True:
        answers, rest = read_answers(received, methods)
        if len(answers) >= count:
            assert rest == b""
            return answers
        pieces = [stream.recv(1 << 16)]
        while pieces[-1] and stream.pending():
            pieces.append(stream.recv(1 << 16))
        assert pieces[0], "it was closed"
        received += b"".join(pieces)


def is_closed(stream: ssl.SSLSocket) -> bool:
    """Wait until the server ends the connection, and answer whether it does that as TLS wants it."""
    try:
        return stream.recv(1) == b""
    except (ssl.SSLEOFError, ConnectionError):
        return False


@pytest.mark.parametrize(
    ("offered", "chosen"), [((), None), (("http/1.1",), "http/1.1"), (("h2", "http/1.1"), "http/1.1")]
)
@waits
async def test_clients_that_offer_protocols_are_served(
    secure: Secure, offered: tuple[str, ...], chosen: str | None
) -> None:
    """Whatever a client offers, HTTP/1.1 is what is spoken, and blobs arrive whole on a connection that is kept."""

    def client(served: Served) -> tuple[str | None, list[Answer]]:
        with secure.connect(served, *offered) as stream:
            answers = ask(stream, get(secure.target) + get() + message("HEAD", secure.target), 3, "GET", "GET", "HEAD")
            return stream.selected_alpn_protocol(), answers

    async with secure.listening() as served:
        negotiated, (blob, ping, head) = await soon(_in_thread(client, served))
    assert negotiated == chosen
    assert blob.body == secure.content
    assert (ping.status, head.status, head.header("Content-Length")) == (200, 200, str(len(secure.content)))


async def _in_thread(client: Callable[[Served], T], served: Served) -> T:
    return await deferToThread(client, served)


@waits
async def test_bytes_go_in(secure: Secure) -> None:
    """An upload of many records is put together again."""
    session = f"/v2/b/blobs/uploads/{secure.wire.stack.begin_upload('b')}"
    digest = secure.target.rpartition("/")[2]

    def client(served: Served) -> list[int]:
        with secure.connect(served) as stream:
            put = message("PUT", f"{session}?digest={digest}", "Expect: 100-continue", body=secure.content)
            return [answer.status for answer in ask(stream, put + get(f"/v2/b/blobs/{digest}"), 2)]

    async with secure.listening() as served:
        assert await soon(_in_thread(client, served)) == [201, 200]


@waits
async def test_an_early_refusal_can_be_read(secure: Secure) -> None:
    """An answer before the body, on a connection that ends, is followed by the word of TLS for an end."""

    def client(served: Served) -> tuple[Answer, bool]:
        with secure.connect(served) as stream:
            (answer,) = ask(stream, message("PUT", "/nowhere", "Content-Length: 100000000") + b"x" * 1000, 1)
            return answer, is_closed(stream)

    async with secure.listening() as served:
        answer, closed = await soon(_in_thread(client, served))
    assert (answer.status, answer.closes, closed) == (404, True, True)


@waits
async def test_the_last_answer_can_be_read(secure: Secure) -> None:
    """So is a large answer that ends its connection, and a small one."""

    def client(served: Served) -> list[tuple[Answer, bool]]:
        found = []
        for target in (secure.target, "/v2/"):
            with secure.connect(served) as stream:
                (answer,) = ask(stream, get(target, "Connection: close"), 1)
                found.append((answer, is_closed(stream)))
        return found

    async with secure.listening() as served:
        (blob, blob_closed), (ping, ping_closed) = await soon(_in_thread(client, served))
    assert (blob.body == secure.content, blob.closes, blob_closed) == (True, True, True)
    assert (ping.status, ping.closes, ping_closed) == (200, True, True)


@waits
async def test_a_blob_that_breaks_off_ends_the_connection(secure: Secure) -> None:
    """A client sees that bytes are missing, and nothing in their place."""
    reader = BreakingReader(1000, OSError("torn"))
    serve(secure.wire, reader)

    def client(served: Served) -> bytes:
        received = b""
        with secure.connect(served) as stream:
            stream.sendall(get("/blob"))
            try:
                while piece := stream.recv(1 << 16):
                    received += piece
                    if received.endswith(b"x" * 1000):
                        real_reactor().callFromThread(reader.gate.callback, None)
            except OSError:
                pass
        return received

    with errors() as logged:
        async with secure.listening() as served:
            received = await soon(_in_thread(client, served))
    assert received.partition(b"\r\n\r\n")[2] == b"x" * 1000
    assert reader.closed
    assert len(logged) == 1


@waits
async def test_a_peer_that_does_not_read_is_waited_for_and_cut_off(secure: Secure) -> None:
    """Behind the encryption no more is held than without it, and a dead peer does not hold it for ever."""
    limits = Limits()
    content = os.urandom(16 << 20)
    target = f"/v2/a/blobs/{secure.wire.stack.add_blob('a', content)}"
    async with secure.listening() as served:
        stream = await deferToThread(secure.connect, served)
        try:
            await deferToThread(stream.sendall, get(target))
            channel = await served.channel()
            await soon(eventually(lambda: 0 < sent(channel) < len(content)))
            tcp = channel.transport.transport  # type: ignore[attr-defined]  # TLS wraps it
            await soon(eventually(lambda: tcp.dataBuffer))
            assert len(tcp.dataBuffer) < 2 * (PIECE + tcp.bufferSize)

            def a_minute_later() -> bool:
                secure.wire.stack.clock.advance(limits.stall_time + SOON)
                return not connections(secure.wire.site)

            await soon(eventually(a_minute_later))
        finally:
            stream.close()


@waits
async def test_a_resting_connection_is_closed_in_words(secure: Secure) -> None:
    """The idle time holds here too."""

    def client(served: Served) -> bool:
        with secure.connect(served) as stream:
            ask(stream, get(), 1)
            real_reactor().callFromThread(secure.wire.stack.clock.advance, Limits().idle_time + SOON)
            return is_closed(stream)

    async with secure.listening() as served:
        assert await soon(_in_thread(client, served)) is True


@waits
async def test_curl_is_served(secure: Secure) -> None:
    """A client that offers HTTP/2, and waits for an interim answer, is content with what it gets."""
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("there is no curl here")
    session = f"/v2/b/blobs/uploads/{secure.wire.stack.begin_upload('b')}"
    body = secure.certificate.with_name("body")
    body.write_bytes(secure.content)
    async with secure.listening() as served:
        arguments = ["--silent", "--show-error", "--fail", "--http2", "--cacert", str(secure.certificate)]
        arguments += ["--max-time", str(PATIENCE), "--header", "Expect: 100-continue", "--request", "PATCH"]
        arguments += ["--write-out", "%{http_version} %{response_code}"]
        arguments += ["--data-binary", f"@{body}", f"https://127.0.0.1:{served.port}{session}"]
        output, error, code = await getProcessOutputAndValue(curl, arguments, env=dict(os.environ, no_proxy="*"))
    assert (output, error, code) == (b"1.1 202", b"", 0)
    status = secure.wire.send(get(session)).answer()
    assert status.header("Range") == f"0-{len(secure.content) - 1}"
