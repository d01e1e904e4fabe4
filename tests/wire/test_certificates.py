"""
Certificates over real connections: the registry's, exchanged while it serves, and those of clients.
"""

from __future__ import annotations

import os
import shutil
import socket
import ssl
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from twisted.internet.endpoints import serverFromString
from twisted.internet.threads import deferToThread
from twisted.internet.utils import getProcessOutputAndValue
from twisted.logger import formatEvent

from oci_twisted.app.tls import CertificateFiles, Certificates, TLSEndpoint, common_name
from oci_twisted.http.limits import Limits
from oci_twisted.http.replies import json_reply
from oci_twisted.testing.waiting import soon, waits
from tests.wire.certificates import FUTURE, PAST, Certified, certify
from tests.wire.logs import events
from tests.wire.messages import get
from tests.wire.peers import Wire
from tests.wire.sockets import PATIENCE, connections, eventually, listening, real_reactor, sent
from tests.wire.test_tls import ask

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from twisted.internet.interfaces import ISSLTransport
    from twisted.logger import LogEvent

    from oci_twisted.http.calls import Call
    from oci_twisted.http.replies import Reply
    from tests.wire.sockets import Served

T = TypeVar("T")

AUTHORITY = certify("Authority")
CLIENTS = certify("Authority of clients")
SOON = 2


class Guarded:
    """
    A registry that asks clients for a certificate.

    :ivar seen: what its endpoint was told of each request's sender.
    """

    def __init__(self, folder: Path, *, client_ca: bool = True) -> None:
        self.folder = folder
        self.seen: list[str | None] = []
        self.asked = 0
        self.wire = Wire(identify=self._identify if client_ca else None)
        self.wire.scripts[b"/v2/"] = self._note
        pair = AUTHORITY.sign("registry.test").write(folder / "pair.pem")
        (folder / "ca.pem").write_bytes(AUTHORITY.certificate_pem)
        (folder / "clients.pem").write_bytes(CLIENTS.certificate_pem)
        files = CertificateFiles(pair, pair, folder / "clients.pem" if client_ca else None)
        self.certificates = Certificates(files, real_reactor())

    def _identify(self, transport: ISSLTransport) -> str | None:
        self.asked += 1
        return common_name(transport)

    async def _note(self, call: Call) -> Reply:
        self.seen.append(call.credentials().certificate)
        return json_reply(200, {})

    def exchange(self) -> Certified:
        """Put another pair in the place of the one that is there, and have it read."""
        pair = AUTHORITY.sign("registry.test")
        pair.write(self.folder / "pair.pem")
        self.certificates.reload()
        return pair

    def listening(self) -> AbstractAsyncContextManager[Served]:
        """Listen."""
        inner = serverFromString(real_reactor(), "tcp:0:interface=127.0.0.1")
        return listening(self.wire.site, TLSEndpoint(inner, self.certificates, real_reactor()))

    def context(self, shown: Certified | None = None) -> ssl.SSLContext:
        """Make a client's context, which shows a certificate if it has one."""
        context = ssl.create_default_context(cafile=str(self.folder / "ca.pem"))
        if shown is not None:
            context.load_cert_chain(shown.write(self.folder / "client.pem"))
        return context

    def connect(self, served: Served, context: ssl.SSLContext) -> ssl.SSLSocket:
        """Connect a client, which blocks."""
        plain = socket.create_connection(("127.0.0.1", served.port), timeout=PATIENCE)
        return context.wrap_socket(plain, server_hostname="127.0.0.1")

    def asked_twice(self, served: Served, shown: Certified | None, **limits: ssl.TLSVersion) -> list[int]:
        """Connect a client that asks twice, and answer the status of the answers; raises when it is turned away."""
        context = self.context(shown)
        for name, version in limits.items():
            setattr(context, name, version)
        with self.connect(served, context) as stream:
            return [answer.status for answer in ask(stream, get() + get(), 2)]


@pytest.fixture
def guarded(tmp_path: Path) -> Guarded:
    """Make a registry that asks for certificates."""
    return Guarded(tmp_path)


async def in_thread(call: Callable[..., T], *arguments: Any, **keywords: Any) -> T:  # noqa: ANN401 - as the call's own
    """Do what blocks somewhere else."""
    return await soon(_waited(call, *arguments, **keywords))


async def _waited(call: Callable[..., T], *arguments: Any, **keywords: Any) -> T:  # noqa: ANN401 - as the call's own
    return await deferToThread(call, *arguments, **keywords)


def lines(collected: list[LogEvent], level: str = "info") -> list[str]:
    """Answer what the front has said on a level."""
    ours = (event for event in collected if event["log_namespace"].startswith("oci_twisted.http"))
    return [formatEvent(event) for event in ours if event["log_level"].name == level]


@waits
async def test_new_connections_get_the_new_certificate(guarded: Guarded) -> None:
    """Those that are there go on, in the middle of an answer too; nobody is disconnected."""
    content = os.urandom(16 << 20)
    target = f"/v2/a/blobs/{guarded.wire.stack.add_blob('a', content)}"
    async with guarded.listening() as served:
        old = await in_thread(guarded.connect, served, guarded.context())
        before = old.getpeercert(binary_form=True)
        await in_thread(old.sendall, get(target))
        channel = await served.channel()
        await soon(eventually(lambda: 0 < sent(channel) < len(content)))
        pair = guarded.exchange()
        [blob] = await in_thread(ask, old, b"", 1)
        assert blob.body == content
        new = await in_thread(guarded.connect, served, guarded.context())
        assert new.getpeercert(binary_form=True) == ssl.PEM_cert_to_DER_cert(pair.certificate_pem.decode())
        assert new.getpeercert(binary_form=True) != before
        for stream in (old, new):
            assert [answer.status for answer in await in_thread(ask, stream, get(), 1)] == [200]
            stream.close()


@waits
async def test_a_broken_pair_disturbs_nobody(guarded: Guarded) -> None:
    """When what lies there is of no use, new connections get what there was."""
    async with guarded.listening() as served:
        (guarded.folder / "pair.pem").write_text("nonsense")
        guarded.certificates.reload()
        assert await in_thread(guarded.asked_twice, served, None) == [200, 200]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@waits
async def test_a_certificate_is_an_identity(guarded: Guarded, version: ssl.TLSVersion) -> None:
    """Its common name is known to every request of the connection, and is looked at once."""
    async with guarded.listening() as served:
        shown = CLIENTS.sign("ada")
        statuses = await in_thread(guarded.asked_twice, served, shown, minimum_version=version, maximum_version=version)
    assert (statuses, guarded.seen, guarded.asked) == ([200, 200], ["ada", "ada"], 1)


@waits
async def test_a_certificate_is_not_required(guarded: Guarded) -> None:
    """Who shows none is served, and is nobody."""
    async with guarded.listening() as served:
        assert await in_thread(guarded.asked_twice, served, None) == [200, 200]
    assert guarded.seen == [None, None]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize(
    "shown",
    [
        certify("ada"),
        certify("Authority of clients").sign("ada"),
        AUTHORITY.sign("ada"),
        CLIENTS.sign("ada", valid=PAST),
        CLIENTS.sign("ada", valid=FUTURE),
        CLIENTS.sign("ada").sign("ada"),
    ],
    ids=["of itself", "of a namesake", "of another authority", "expired", "not yet valid", "of a client"],
)
@waits
async def test_a_certificate_that_proves_nothing_is_turned_away(
    guarded: Guarded, shown: Certified, version: ssl.TLSVersion
) -> None:
    """A client is not taken for anonymous when what it shows is not valid: there is no connection at all."""
    with events() as collected:
        async with guarded.listening() as served:
            with pytest.raises((ssl.SSLError, ConnectionError, AssertionError)):
                await in_thread(guarded.asked_twice, served, shown, minimum_version=version, maximum_version=version)
    assert guarded.seen == []
    [line] = lines(collected)
    assert line.startswith("no TLS with 127.0.0.1: ")
    assert line.endswith("certificate verify failed")
    assert lines(collected, "error") == []


@waits
async def test_the_authority_may_be_exchanged(guarded: Guarded) -> None:
    """Whose certificates count is read again as well."""
    others = certify("Others")
    async with guarded.listening() as served:
        (guarded.folder / "clients.pem").write_bytes(others.certificate_pem)
        guarded.exchange()
        with pytest.raises((ssl.SSLError, ConnectionError, AssertionError)):
            await in_thread(guarded.asked_twice, served, CLIENTS.sign("ada"))
        await in_thread(guarded.asked_twice, served, others.sign("bob"))
    assert guarded.seen == ["bob", "bob"]


@waits
async def test_where_none_is_asked_for_none_counts(tmp_path: Path) -> None:
    """Without an authority for clients, no certificate is asked for or looked at."""
    guarded = Guarded(tmp_path, client_ca=False)
    async with guarded.listening() as served:
        assert await in_thread(guarded.asked_twice, served, CLIENTS.sign("ada")) == [200, 200]
    assert (guarded.seen, guarded.asked) == ([None, None], 0)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@waits
async def test_old_versions_are_not_spoken(guarded: Guarded) -> None:
    """Nothing older than TLS 1.2 is."""
    async with guarded.listening() as served:
        for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await in_thread(
                    guarded.asked_twice, served, None, minimum_version=ssl.TLSVersion.TLSv1, maximum_version=version
                )
    assert guarded.seen == []


@pytest.mark.parametrize(
    ("sent", "line"),
    [
        (get(), "no TLS with 127.0.0.1: http request"),
        (b"\x05\x01\x00" + bytes(100), "no TLS with 127.0.0.1: "),
        (b"", None),
    ],
)
@waits
async def test_what_is_no_tls_is_closed(guarded: Guarded, sent: bytes, line: str | None) -> None:
    """A request in the clear, nonsense, and nothing at all end the connection; the log has a line at most."""
    with events() as collected:
        async with guarded.listening() as served:
            client = await served.connect()
            if sent:
                client.transport.write(sent)
            else:
                client.transport.loseConnection()
            await soon(eventually(lambda: client.closed))
            await soon(eventually(lambda: not connections(guarded.wire.site)))
    assert not bytes(client.received).startswith(b"HTTP/")
    assert [told[: len(line or "")] for told in lines(collected)] == ([] if line is None else [line])
    assert [event for event in collected if event["log_level"].name in {"warn", "error", "critical"}] == []


@waits
async def test_a_handshake_does_not_take_for_ever(guarded: Guarded) -> None:
    """Who connects and does not go on is disconnected."""
    async with guarded.listening() as served:
        client = await served.connect()
        client.transport.write(b"\x16\x03\x01")
        await served.channel()
        guarded.wire.stack.clock.advance(Limits().idle_time + SOON)
        await soon(eventually(lambda: client.closed))
    assert bytes(client.received) == b""


@waits
async def test_tls_on_a_plain_port_is_refused(guarded: Guarded) -> None:
    """A client that tries TLS first, as docker does, gets an answer that is none, at once, and no traceback."""

    def client(served: Served) -> None:
        with pytest.raises(ssl.SSLError, match=r"(?i)wrong.version.number"):
            guarded.connect(served, guarded.context())

    with events() as collected:
        async with listening(guarded.wire.site) as served:
            await in_thread(client, served)
            await soon(eventually(lambda: not connections(guarded.wire.site)))
    assert [event for event in collected if event["log_level"].name in {"warn", "error", "critical"}] == []


@waits
async def test_curl_shows_its_certificate(guarded: Guarded) -> None:
    """A client that is not ours proves who it is, and negotiates HTTP/1.1."""
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("there is no curl here")
    shown = CLIENTS.sign("ada").write(guarded.folder / "client.pem")
    arguments = ["--silent", "--show-error", "--fail", "--http2", "--cacert", str(guarded.folder / "ca.pem")]
    arguments += ["--cert", str(shown), "--max-time", str(PATIENCE), "--write-out", "%{http_version} %{response_code}"]
    async with guarded.listening() as served:
        url = f"https://127.0.0.1:{served.port}/v2/"
        output, error, code = await getProcessOutputAndValue(
            curl, [*arguments, url], env=dict(os.environ, no_proxy="*")
        )
    assert (output, error, code) == (b"{}1.1 200", b"", 0)
    assert guarded.seen == ["ada"]
