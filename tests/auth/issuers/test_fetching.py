"""
Documents are fetched from where they are said to be, and from nowhere else.
"""

from __future__ import annotations

import gzip
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import serverFromString

from oci_twisted.auth.issuers.fetching import LARGEST, FetchFailed, fetch_by
from oci_twisted.testing.waiting import turn, waits
from tests.auth.issuers.servers import SILENCE, Answer, serving
from tests.docs.running import free_port
from tests.wire.certificates import make_certificate
from tests.wire.sockets import eventually, real_reactor

if TYPE_CHECKING:
    from pathlib import Path


async def fetch(url: str) -> bytes:
    """Fetch over the real network."""
    return await fetch_by(real_reactor())(url)


@waits
async def test_a_document_is_fetched() -> None:
    """A body may have a length, come in chunks, or end with the connection."""
    chunked = Answer(b"2\r\n{}\r\n0\r\n\r\n", headers={"Transfer-Encoding": "chunked"}, complete=False)
    measured = Answer(b"{}", headers={"Content-Length": "2"}, complete=False)
    packed = Answer(gzip.compress(b"{}"), headers={"Content-Encoding": "gzip"})
    async with serving() as server:
        for answer in (chunked, measured, packed, Answer(b"{}")):
            server.answers["/keys?v=1"] = answer
            assert await fetch(f"{server.url}/keys?v=1") == b"{}"
        await eventually(lambda: not server.open)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(b"", 302, {"Location": "/keys"}), "redirects elsewhere, which is not followed"),
        (Answer(b"x" * 100, 307, {"Location": "http://mallory.example/keys"}), "redirects elsewhere"),
        (Answer(b"", 404), "answers with status 404"),
        (Answer(b"{}", 500, {"Content-Length": "2"}, complete=False), "answers with status 500"),
        (Answer(b"x" * (LARGEST + 1)), "has more than 1048576 bytes"),
        (Answer(b"x" * (LARGEST + 1), complete=False), "has more than 1048576 bytes"),
        (Answer(gzip.compress(b"x" * (LARGEST + 1)), headers={"Content-Encoding": "gzip"}), "has more than 1048576"),
    ],
)
@waits
async def test_what_is_no_document_is_said(answer: Answer, reason: str) -> None:
    """A redirect is not followed, an error is one, a long body is broken off; and no connection stays open."""
    async with serving() as server:
        server.answers |= {"/asked": answer, "/keys": Answer(b"{}")}
        with pytest.raises(FetchFailed, match=reason):
            await fetch(f"{server.url}/asked")
        assert server.asked == ["/asked"]
        await eventually(lambda: not server.open)


@waits
async def test_a_server_out_of_reach_is_named() -> None:
    """Where nobody listens, or what answers is no HTTP, the operator is told which URL that was."""
    url = f"http://127.0.0.1:{free_port()}/keys"
    with pytest.raises(FetchFailed, match=f"{url} cannot be fetched: .*refused"):
        await fetch(url)
    async with serving() as server:
        server.answers["/keys"] = Answer(b"", headers={"Content-Length": "x"})
        with pytest.raises(FetchFailed, match=f"{server.url}/keys cannot be fetched: "):
            await fetch(f"{server.url}/keys")


@pytest.mark.parametrize("target", ["/head", "/body"])
@waits
async def test_a_fetch_can_be_given_up(target: str) -> None:
    """Who cancels it ends its connection, before the answer or in the middle of its body."""
    async with serving() as server:
        server.answers["/body"] = Answer(b"{", headers={"Content-Length": "2"}, complete=False)
        server.answers["/head"] = SILENCE
        fetching = Deferred.fromCoroutine(fetch(server.url + target))
        await eventually(lambda: server.asked and server.open)
        fetching.cancel()
        with pytest.raises(CancelledError):
            await fetching
        await eventually(lambda: not server.open)


@waits
async def test_a_connection_can_be_given_up() -> None:
    """Who cancels a fetch that is still being connected ends it as well."""
    with ExitStack() as sockets:
        full = sockets.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        # With one connection waiting to be taken, no other is made.
        sockets.enter_context(socket.create_connection(full.getsockname()))
        fetching = Deferred.fromCoroutine(fetch(f"http://127.0.0.1:{full.getsockname()[1]}/keys"))
        await turn()
        fetching.cancel()
        with pytest.raises(CancelledError):
            await fetching


@waits
async def test_certificates_are_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An issuer whose certificate nobody vouches for is not asked, until the machine is told to trust it."""
    certificate = tmp_path / "certificate.pem"
    make_certificate(certificate)
    description = f"ssl:0:interface=127.0.0.1:privateKey={certificate}:certKey={certificate}"
    async with serving(serverFromString(real_reactor(), description)) as server:
        server.answers["/keys"] = Answer(b"{}")
        with pytest.raises(FetchFailed, match="certificate verify failed"):
            await fetch(f"{server.url}/keys")
        assert server.asked == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert await fetch(f"{server.url}/keys") == b"{}"
