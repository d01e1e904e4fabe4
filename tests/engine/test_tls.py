"""TLS to an engine, on loopback."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509 import load_pem_x509_certificate
from twisted.internet import ssl
from twisted.internet.endpoints import SSL4ServerEndpoint, TCP4ServerEndpoint
from twisted.internet.protocol import Factory, Protocol

from oci_twisted.engine import EngineClient
from oci_twisted.engine.address import Address, TlsFiles
from oci_twisted.engine.errors import ConnectionFailed
from oci_twisted.testing.engine import TransportContract
from oci_twisted.testing.engine.memory import MemoryEngine
from oci_twisted.testing.waiting import waits
from tests.engine.memory import OwnRegistries, with_registries
from tests.engine.tls_server import HalvesFactory
from tests.wire.certificates import Certified, certify, make_certificate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from twisted.internet.address import IPv4Address

    from oci_twisted.testing.engine import Connect


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    """Make a certificate that is its own authority, for 127.0.0.1."""
    path = tmp_path / "one.pem"
    make_certificate(path)
    return path


@pytest.fixture
def several(tmp_path: Path, pem: Path) -> Path:
    """Write a file with two authorities, of which ours is the second."""
    path = certify("other").write(tmp_path / "several.pem")
    path.write_bytes(path.read_bytes() + pem.read_bytes())
    return path


@pytest.fixture
def own(pem: Path) -> ssl.PrivateCertificate:
    """Read it."""
    certificate: ssl.PrivateCertificate = ssl.PrivateCertificate.loadPEM(pem.read_bytes())
    return certificate


@pytest_twisted.async_yield_fixture  # type: ignore[untyped-decorator]
async def port(own: ssl.PrivateCertificate) -> AsyncIterator[int]:
    """Serve an engine that asks for a certificate signed by that authority."""
    from twisted.internet import reactor  # noqa: PLC0415 - pytest-twisted installs it

    engine = with_registries(reactor)
    secured = HalvesFactory(reactor, own.options(own), engine.server)
    listening = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(secured)
    yield cast("IPv4Address", listening.getHost()).port
    engine.close()
    await listening.stopListening()


def content(path: Path) -> bytes:
    """Read a file."""
    return path.read_bytes()


async def connect(port: int, tls: TlsFiles, host: str = "127.0.0.1") -> EngineClient:
    """Answer a client of the engine."""
    from twisted.internet import reactor  # noqa: PLC0415 - pytest-twisted installs it

    return await EngineClient.connect(Address("tls", host=host, port=port, tls=tls), reactor=reactor)


class TestTls(OwnRegistries, TransportContract):
    """What a client promises of streams and processes holds behind TLS."""

    @pytest.fixture
    def connect(self, pem: Path, port: int) -> Connect:
        """Give what connects to the engine."""
        return functools.partial(connect, port, TlsFiles(pem, pem, pem))


@waits
async def test_both_sides_show_certificates(pem: Path, port: int) -> None:
    """With its authority and a certificate of our own, an engine is reached, any number of times."""
    async with await connect(port, TlsFiles(pem, pem, pem)) as client:
        for _ in range(3):
            assert (await client.system.ping()).api_version == "1.41"


@waits
async def test_an_engine_of_another_name_is_refused(pem: Path, own: ssl.PrivateCertificate) -> None:
    """A certificate that is right, but for another name, is none."""
    from twisted.internet import reactor  # noqa: PLC0415 - pytest-twisted installs it

    engine = MemoryEngine(reactor)
    listening = await SSL4ServerEndpoint(reactor, 0, own.options(), interface="127.0.0.2").listen(engine.server)
    port = cast("IPv4Address", listening.getHost()).port
    async with await connect(port, TlsFiles(pem), host="127.0.0.2") as client:
        with pytest.raises(ConnectionFailed, match="certificate"):
            await client.system.ping()
    assert engine.asked == []
    await listening.stopListening()


@waits
async def test_a_certificate_of_ours_has_to_be_signed_by_whom_the_engine_knows(
    pem: Path, port: int, tmp_path: Path
) -> None:
    """One of another authority is refused by the engine, and the error says that it is the certificate."""
    stranger = certify("stranger").sign("me").write(tmp_path / "stranger.pem")
    async with await connect(port, TlsFiles(pem, stranger, stranger)) as client:
        with pytest.raises(ConnectionFailed, match="certificate"):
            await client.system.ping()


@waits
async def test_an_engine_of_an_unknown_authority_is_refused(pem: Path, port: int) -> None:
    """Who signed the certificate has to be known, unless it is not to be verified at all."""
    async with await connect(port, TlsFiles(None, pem, pem)) as client:
        with pytest.raises(ConnectionFailed, match="certificate"):
            await client.system.ping()
    async with await connect(port, TlsFiles(None, pem, pem, verify=False)) as client:
        assert await client.system.ping()


class _Plain(Protocol):
    """Answers what it does not understand as Go's HTTP server does."""

    transport: Any

    def dataReceived(self, data: bytes) -> None:
        """Take bytes."""
        del data
        self.transport.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n400 Bad Request")
        self.transport.loseConnection()


@waits
async def test_an_engine_without_tls_is_told(pem: Path) -> None:
    """An engine that speaks plainly has nothing to do with certificates."""
    from twisted.internet import reactor  # noqa: PLC0415 - pytest-twisted installs it

    listening = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(Factory.forProtocol(_Plain))
    async with await connect(cast("IPv4Address", listening.getHost()).port, TlsFiles(pem, pem, pem)) as client:
        with pytest.raises(ConnectionFailed, match="what answers there does not speak TLS"):
            await client.system.ping()
    await listening.stopListening()


@waits
async def test_any_authority_of_a_file_will_do(several: Path, pem: Path, port: int) -> None:
    """A file may hold several, as while one takes another's place."""
    async with await connect(port, TlsFiles(several, pem, pem)) as client:
        assert await client.system.ping()


@waits
async def test_an_engine_refuses_whom_it_does_not_know(pem: Path, port: int) -> None:
    """Without a certificate of our own, an engine that asks for one closes the connection."""
    async with await connect(port, TlsFiles(pem)) as client:
        with pytest.raises(ConnectionFailed):
            await client.system.ping()


@waits
async def test_what_stands_between_us_and_an_authority_is_shown(pem: Path, port: int, tmp_path: Path) -> None:
    """A certificate that is signed by one in between, which the file has as well, is as good as any."""
    root = Certified(load_pem_private_key(content(pem), None), load_pem_x509_certificate(content(pem)))
    between = root.sign("between", authority=True)
    ours = between.sign("me")
    chain = tmp_path / "chain.pem"
    chain.write_bytes(ours.certificate_pem + between.certificate_pem)
    key = tmp_path / "key.pem"
    key.write_bytes(ours.key_pem)
    for verify in (True, False):
        async with await connect(port, TlsFiles(pem, chain, key, verify=verify)) as client:
            assert await client.system.ping()


@waits
async def test_half_of_a_certificate_is_refused(pem: Path) -> None:
    """A certificate without its key is said before anything is connected."""
    with pytest.raises(ValueError, match="needs its key"):
        await connect(1, TlsFiles(pem, certificate=pem))


@pytest.fixture
def junk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make files in the current folder that hold nothing of use."""
    monkeypatch.chdir(tmp_path)
    for name in ("junk.pem", "other.pem"):
        Path(name).write_text("junk")
    for name in ("one.pem", "strange.pem"):
        certify(name).write(Path(name))
    key = load_pem_private_key(certify("locked").key_pem, None)
    secret = BestAvailableEncryption(b"secret")
    Path("locked.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, secret))


@pytest.mark.usefixtures("junk")
@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        (TlsFiles(Path("there-is-none.pem")), r"there-is-none\.pem cannot be read: No such file"),
        (TlsFiles(Path("junk.pem")), r"junk\.pem holds no certificate in PEM"),
        (TlsFiles(None, Path("junk.pem"), Path("other.pem")), r"junk\.pem holds no certificate in PEM"),
        (TlsFiles(None, Path("one.pem"), Path("other.pem")), r"other\.pem holds no key in PEM"),
        (TlsFiles(None, Path("one.pem"), Path("strange.pem")), r"strange\.pem holds the key of another certificate"),
        (TlsFiles(None, Path("one.pem"), Path("locked.pem")), r"locked\.pem holds a key with a passphrase"),
    ],
)
@waits
async def test_a_file_that_holds_something_else_is_named(files: TlsFiles, complaint: str) -> None:
    """It is a ValueError before anything is sent, which says the name of the file."""
    with pytest.raises(ValueError, match=complaint):
        await connect(1, files)
