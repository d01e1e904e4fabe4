"""SSH to an engine: a real server, and an engine in memory behind a socket there."""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, Any, cast

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from attrs import evolve
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import TCP4ServerEndpoint, UNIXServerEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.protocols.portforward import ProxyFactory

from oci_twisted.engine import EngineClient
from oci_twisted.engine.address import SshFiles
from oci_twisted.engine.errors import ConnectionFailed, EngineError, HostKeyRefused, StreamCorrupt, Unauthorized
from oci_twisted.engine.transport.endpoints import endpoint_for
from oci_twisted.engine.transport.ssh import Channels
from oci_twisted.testing.engine import EngineContract
from oci_twisted.testing.waiting import turn, until, waits
from tests.clients.tools import fails
from tests.engine.memory import OwnRegistries, with_registries
from tests.engine.sshd import SshServer, ssh_agent, ssh_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from twisted.internet.address import IPv4Address

    from oci_twisted.engine.address import Address
    from oci_twisted.testing.engine import Connect
    from oci_twisted.testing.engine.memory import MemoryEngine

pytestmark = pytest.mark.clients


@pytest_twisted.async_yield_fixture  # type: ignore[untyped-decorator]
async def engine(tmp_path: Path) -> AsyncIterator[MemoryEngine]:
    """Serve an engine at ``tmp_path / "engine"``."""
    from twisted.internet import reactor  # noqa: PLC0415 - pytest-twisted installs it

    engine = with_registries(reactor)
    listening = await UNIXServerEndpoint(reactor, str(tmp_path / "engine")).listen(engine.server)
    yield engine
    engine.close()
    await listening.stopListening()


async def connect(address: Address) -> EngineClient:
    """Answer a client of what is at an address."""
    from twisted.internet import reactor  # noqa: PLC0415 - pytest-twisted installs it

    return await EngineClient.connect(address, reactor=reactor, driver="docker")


class TestSsh(OwnRegistries, EngineContract):
    """`EngineClient` keeps its promises behind SSH."""

    @pytest.fixture
    def connect(self, sshd: SshServer, engine: MemoryEngine, tmp_path: Path) -> Connect:
        """Give what connects to the engine."""
        del engine
        return functools.partial(connect, sshd.address(str(tmp_path / "engine")))


@waits
async def test_connections_share_one_to_the_host(sshd: SshServer, engine: MemoryEngine, tmp_path: Path) -> None:
    """Calls and streams at once are channels of one connection, which is closed with the last of them."""
    log = sshd.folder / "log"
    before = log.read_text().count("Accepted publickey")
    client = await connect(sshd.address(str(tmp_path / "engine")))
    events = [await client.calls.messages("system.events") for _ in range(20)]
    await gatherResults([Deferred.fromCoroutine(client.images.list()) for _ in range(20)])
    assert len(engine.server.servers) > 20
    await client.close()
    del events
    assert log.read_text().count("Accepted publickey") == before + 1
    await until(lambda: not engine.server.servers)


@waits
async def test_a_host_whose_key_has_changed_is_refused(sshd: SshServer, tmp_path: Path) -> None:
    """The error names the file and the line, both fingerprints, and the command that removes the line."""
    path = tmp_path / "known"
    files = sshd.with_known_hosts(path, "# mine\n" + sshd.known_as(sshd.name, "other.pub"))
    async with await connect(sshd.address("/engine", files)) as client:
        with pytest.raises(HostKeyRefused, match="has changed") as caught:
            await client.system.ping()
    said = str(caught.value)
    assert f"{path}, line 2" in said
    assert said.count("ssh-ed25519 SHA256:") == 2
    assert f"ssh-keygen -R '{sshd.name}' -f {path}" in said


@waits
async def test_a_host_that_nobody_knows_is_refused(sshd: SshServer, tmp_path: Path) -> None:
    """The error has the fingerprint, and the command that adds the key."""
    path = tmp_path / "known"
    files = sshd.with_known_hosts(path, sshd.known_as("elsewhere"))
    async with await connect(sshd.address("/engine", files)) as client:
        with pytest.raises(HostKeyRefused, match="is not known") as caught:
            await client.system.ping()
    assert f"ssh-keyscan -p {sshd.port} 127.0.0.1 >> {path}" in str(caught.value)


@waits
async def test_the_key_that_is_known_is_asked_for(sshd: SshServer, engine: MemoryEngine, tmp_path: Path) -> None:
    """Of a host with several keys, the one that a file has will do, whatever its kind."""
    del engine
    files = sshd.with_known_hosts(tmp_path / "known", sshd.known_as(sshd.name, "host_rsa.pub"))
    async with await connect(sshd.address(str(tmp_path / "engine"), files)) as client:
        assert await client.images.list() == ()


@pytest.mark.parametrize("key", ["me", "me_rsa"])
@waits
async def test_keys_of_files_and_of_an_agent_are_shown(
    sshd: SshServer, engine: MemoryEngine, tmp_path: Path, key: str
) -> None:
    """A key of either kind lets one in, from a file or from an agent, and behind others that do not."""
    del engine
    folder, path = sshd.folder, str(tmp_path / "engine")
    known = SshFiles(known_hosts=(folder / "known_hosts",))
    named = evolve(known, identities=(folder / "stranger", folder / key))
    async with await connect(sshd.address(path, named)) as client:
        assert await client.images.list() == ()
    with ssh_agent(tmp_path, folder / key) as agent:
        async with await connect(sshd.address(path, evolve(known, agent=agent))) as client:
            assert await client.images.list() == ()


@waits
async def test_whom_the_host_does_not_know_is_refused(sshd: SshServer, tmp_path: Path) -> None:
    """The error says what was tried, and why some keys were not."""
    folder = sshd.folder
    files = SshFiles(
        known_hosts=(folder / "known_hosts",),
        identities=(folder / "stranger", folder / "locked", folder / "authorized"),
        agent=str(tmp_path / "nobody"),
    )
    async with await connect(sshd.address("/engine", files)) as client:
        with pytest.raises(Unauthorized, match="takes none of our keys") as caught:
            await client.system.ping()
    said = str(caught.value)
    assert f"{folder / 'locked'} has a passphrase" in said
    assert f"{folder / 'authorized'} is no private key" in said
    assert f"{tmp_path / 'nobody'} cannot be used" in said


@waits
async def test_a_socket_that_is_not_there_is_said(sshd: SshServer, tmp_path: Path) -> None:
    """The error names the path at the other end, and the connection to the host is closed."""
    async with await connect(sshd.address(str(tmp_path / "nothing"))) as client:
        with pytest.raises(ConnectionFailed, match=r"does not connect to .*nothing"):
            await client.system.ping()


@waits
async def test_a_server_that_connects_to_no_sockets_is_said(tmp_path: Path) -> None:
    """The error names what has to be allowed there."""
    with ssh_server(tmp_path, "AllowStreamLocalForwarding no\n") as strict:
        async with await connect(strict.address("/engine")) as client:
            with pytest.raises(ConnectionFailed, match="AllowStreamLocalForwarding"):
                await client.system.ping()


@waits
async def test_a_connection_that_is_lost_breaks_everything_off(
    sshd: SshServer, engine: MemoryEngine, tmp_path: Path
) -> None:
    """Whoever waits gets an error, and the next call connects again."""
    from twisted.internet import reactor  # noqa: PLC0415 - pytest-twisted installs it

    del engine
    between = _Between("127.0.0.1", sshd.port)
    listening = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(between)
    port = cast("IPv4Address", listening.getHost()).port
    files = sshd.with_known_hosts(tmp_path / "known", sshd.known_as(f"[127.0.0.1]:{port}"))
    client = await connect(evolve(sshd.address(str(tmp_path / "engine"), files), port=port))
    events = await client.calls.messages("system.events")
    waiting = Deferred.fromCoroutine(events.__anext__())
    between.break_off()
    with pytest.raises(StreamCorrupt, match="broke off"):
        await waiting
    assert await client.images.list() == ()
    await client.close()
    await listening.stopListening()


class _Between(ProxyFactory):
    """Hands bytes on, until it does not any more."""

    noisy = False

    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port)
        self._servers: list[Any] = []

    def buildProtocol(self, addr: Any) -> Any:  # noqa: ANN401 - portforward is not annotated
        self._servers.append(super().buildProtocol(addr))
        return self._servers[-1]

    def break_off(self) -> None:
        """Break off every connection."""
        for server in self._servers:
            server.transport.abortConnection()


@waits
async def test_a_load_waits_for_an_engine_that_does_not_read(
    sshd: SshServer, engine: MemoryEngine, tmp_path: Path
) -> None:
    """Of a large archive no more is taken than fits in between, until the engine goes on."""
    piece, size, taken = bytes(64 << 10), 16 << 20, 0

    async def archive() -> AsyncIterator[bytes]:
        nonlocal taken
        for one in engine.server.servers:
            cast("Any", one.transport).pauseProducing()
        while taken < size:
            taken += len(piece)
            yield piece

    async with await connect(sshd.address(str(tmp_path / "engine"))) as client:
        loading = Deferred.fromCoroutine(client.images.load(archive()))
        calm, before = 0, 0
        while calm < 300:
            await turn()
            calm, before = (calm + 1 if before and taken == before else 0), taken
        assert taken < 4 << 20
        for one in engine.server.servers:
            cast("Any", one.transport).resumeProducing()
        with pytest.raises(EngineError, match="manifest"):
            await loading
    assert taken == size


class _Silent:
    """A connection to a host that is not there any more."""

    def __init__(self) -> None:
        self.sent: list[int] = []
        self.is_aborted = False

    def sendPacket(self, number: int, content: bytes) -> None:
        assert b"keepalive" in content
        self.sent.append(number)

    def abort(self) -> None:
        self.is_aborted = True


def test_a_host_that_is_silent_is_given_up() -> None:
    """Every half a minute it is asked whether it is there; when it has not answered thrice, it is not."""
    clock, transport, started = Clock(), _Silent(), []
    channels = Channels(clock, lambda: started.append(True))
    channels.transport = transport
    channels.serviceStarted()
    assert started == [True]
    for _ in range(3):
        clock.advance(30)
    channels.ssh_REQUEST_FAILURE(b"")  # type: ignore[no-untyped-call]  # Conch is not annotated
    assert len(transport.sent) == 3
    for _ in range(3):
        clock.advance(30)
        assert not transport.is_aborted
    clock.advance(30)
    assert transport.is_aborted
    channels.serviceStopped()
    assert clock.getDelayedCalls() == []


@waits
async def test_an_attempt_can_be_cancelled(sshd: SshServer) -> None:
    """Who gives up leaves no connection behind, in whatever state it was."""
    from twisted.internet import reactor  # noqa: PLC0415 - pytest-twisted installs it
    from twisted.internet.defer import CancelledError  # noqa: PLC0415

    endpoint = endpoint_for(reactor, sshd.address("/engine"))
    for _ in range(3):
        attempts = [endpoint.connect(Factory.forProtocol(Protocol)) for _ in range(2)]
        for attempt in attempts:
            attempt.cancel()
            with pytest.raises(CancelledError):
                await attempt


def test_what_is_missing_is_said() -> None:
    """Without Conch, an address of SSH is refused with the name of what to install."""
    script = """
import sys
sys.modules["twisted.conch"] = None
from oci_twisted.engine.address import Address
from oci_twisted.engine.transport.endpoints import endpoint_for
endpoint_for(None, Address("ssh", host="box", port=22))
"""
    assert "install oci-twisted[ssh]" in fails(sys.executable, "-c", script)
