"""
SSH to an engine, by Twisted's Conch.  Needs the extra ``ssh``.

One connection to the host carries a channel for each connection to the engine's socket there.  The server connects to
that socket itself, as OpenSSH does since 6.7, so that no program has to be installed there, and nothing but the number
of channels is bounded.  The connection is made when there is the first channel, and closed with the last.
"""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Any, cast

from twisted.conch.ssh.connection import SSHConnection
from twisted.conch.ssh.transport import DISCONNECT_NO_MORE_AUTH_METHODS_AVAILABLE, SSHClientTransport
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory, connectionDone
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure
from zope.interface import implementer

from oci_twisted.engine.address import SshFiles
from oci_twisted.engine.errors import ConnectionFailed, HostKeyRefused, Unauthorized
from oci_twisted.engine.transport.known_hosts import KnownHosts
from oci_twisted.engine.transport.ssh_auth import Agent, PublicKeyAuth, identities_of
from oci_twisted.engine.transport.ssh_channels import SocketChannel

if TYPE_CHECKING:
    from twisted.internet.interfaces import IProtocol, IProtocolFactory

    from oci_twisted.engine.address import Address

_ALIVE_EVERY = 30.0
_ALIVE_MISSED = 3
_RSA_ALGORITHMS = frozenset({b"rsa-sha2-512", b"rsa-sha2-256"})


@implementer(IStreamClientEndpoint)
class SshEndpoint:
    """
    Connects to a socket at the other end of SSH.

    :param address: with a host, a port and the path of the socket.
    """

    def __init__(self, reactor: Any, address: Address) -> None:  # noqa: ANN401 - every kind of reactor
        self._reactor = reactor
        self._address = address
        self._files = address.ssh or SshFiles.of_process()
        self._host = HostnameEndpoint(reactor, address.host, address.port)
        self._transport: SshTransport | None = None
        self._attempt: Deferred[SshTransport] | None = None
        self._waiting: list[Deferred[SshTransport]] = []

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:  # noqa: N803 - Twisted's name
        """Connect a protocol; the SSH connection is shared, and made if there is none."""
        return Deferred.fromCoroutine(self._connect(protocolFactory))

    async def _connect(self, factory: IProtocolFactory) -> IProtocol:
        transport = self._transport or await self._turn()
        return await transport.open(self._address.path, factory)

    async def _turn(self) -> SshTransport:
        turn: Deferred[SshTransport] = Deferred(self._give_up)
        self._waiting.append(turn)
        if self._attempt is None:
            self._attempt = Deferred.fromCoroutine(self._establish())
            self._attempt.addBoth(self._established)
        return await turn

    def _give_up(self, turn: Deferred[SshTransport]) -> None:
        self._waiting.remove(turn)
        if not self._waiting and self._attempt is not None:
            self._attempt.cancel()

    async def _establish(self) -> SshTransport:
        known = KnownHosts.read(self._files.known_hosts, self._address.host, self._address.port)
        user = self._address.user or getpass.getuser()

        def build() -> SshTransport:
            return SshTransport(self._reactor, user, self._files, known, self._forget)

        try:
            transport = cast("SshTransport", await self._host.connect(_BuildingFactory(build)))
        except ConnectError as error:
            raise ConnectionFailed(f"the host {self._address.host} cannot be reached: {error}") from error
        try:
            await transport.ready
        except BaseException:
            transport.abort()
            raise
        return transport

    def _established(self, result: SshTransport | Failure) -> None:
        self._attempt = None
        waiting, self._waiting = self._waiting, []
        if isinstance(result, Failure):
            for turn in waiting:
                turn.errback(result)
            return
        self._transport = result
        for turn in waiting:
            turn.callback(result)
        result.close_if_idle()

    def _forget(self, transport: SshTransport) -> None:
        if self._transport is transport:
            self._transport = None


class _BuildingFactory(Factory):
    noisy = False

    def __init__(self, build: Any) -> None:  # noqa: ANN401 - a function without parameters
        self._build = build

    def buildProtocol(self, addr: Any) -> SshTransport:  # noqa: ANN401 - Twisted's
        del addr
        transport: SshTransport = self._build()
        return transport


class SshTransport(SSHClientTransport):
    """
    A connection to an SSH server, from its host's key to its last channel.

    :ivar ready: fires when channels can be opened.
    :ivar is_lost: whether the connection is gone.
    :param forget: called when no more channels can be opened.
    """

    transport: Any

    def __init__(self, reactor: Any, user: str, files: SshFiles, known: KnownHosts, forget: Any) -> None:  # noqa: ANN401
        self.ready: Deferred[None] = Deferred()
        self.is_lost = False
        self._reactor = reactor
        self._user = user
        self._files = files
        self._known = known
        self._forget = forget
        self._error: BaseException | None = None
        self._reasons: list[str] = []
        self._agent: Agent | None = None
        self._channels: set[SocketChannel] = set()
        self._service = Channels(reactor, self._is_ready)
        # A server shows the first kind of key that both sides have: it should be one that is known.
        self.supportedPublicKeys = sorted(
            SSHClientTransport.supportedPublicKeys, key=lambda kind: _key_kind(kind) not in known.kinds
        )

    async def open(self, path: str, factory: IProtocolFactory) -> IProtocol:
        """Open a channel to a socket, and connect a protocol to it."""
        channel = SocketChannel(self._reactor, path, self._has_ended)
        self._channels.add(channel)
        self._service.openChannel(channel, channel.request())
        await channel.opened
        protocol = factory.buildProtocol(self.transport.getPeer())
        if protocol is None:
            channel.abortConnection()
            raise ConnectionFailed("nobody is there for the connection")
        channel.protocol = protocol
        protocol.makeConnection(channel)
        return protocol

    def close_if_idle(self) -> None:
        """Close the connection if there is no channel."""
        if not self._channels:
            self.abort()

    def abort(self) -> None:
        """Close the connection, and every channel with it."""
        self._forget(self)
        if self.transport is not None:
            self.transport.abortConnection()

    def _has_ended(self, channel: SocketChannel) -> None:
        self._channels.discard(channel)
        self.close_if_idle()

    def _is_ready(self) -> None:
        self._close_agent()
        if not self.ready.called:
            self.ready.callback(None)

    # Conch calls:

    def connectionMade(self) -> None:
        """The host is there."""
        self.transport.setTcpNoDelay(True)
        # What is written to channels waits here when the host does not read.
        self.transport.registerProducer(_Writers(self._channels), True)
        super().connectionMade()

    def verifyHostKey(self, hostKey: bytes, fingerprint: bytes) -> Deferred[bool]:  # noqa: N803 - Conch's names
        """Make sure that it is the host."""
        del fingerprint
        try:
            self._known.verify(hostKey)
        except HostKeyRefused as refused:
            self._error = refused
            return fail(refused)
        return succeed(True)

    def connectionSecure(self) -> None:
        """Say who we are."""
        authenticating = Deferred.fromCoroutine(self._authenticate())
        authenticating.addErrback(self._failed)

    async def _authenticate(self) -> None:
        named, reasons = identities_of(self._files.identities)
        self._reasons += reasons
        if self._files.agent:
            self._agent = Agent(self._reactor, self._files.agent)
            try:
                named += await self._agent.identities()
            except Exception as error:  # noqa: BLE001 - of whatever kind: the other keys may do
                self._reasons.append(f"the agent at {self._files.agent} cannot be used: {error}")
        defaults, reasons = identities_of(self._files.default_identities)
        self._reasons += reasons
        different = {identity.blob: identity for identity in reversed([*named, *defaults])}
        if not different:
            self._reasons.append("there is no key: neither in an agent nor in a file")
        if not self.is_lost:
            self.requestService(PublicKeyAuth(self._user, self._service, [*reversed(different.values())]))

    def _failed(self, failure: Failure) -> None:
        self._error = self._error or failure.value
        self.abort()

    def sendDisconnect(self, reason: int, desc: bytes) -> None:
        """Close the connection, for a reason."""
        if reason == DISCONNECT_NO_MORE_AUTH_METHODS_AVAILABLE:
            self._refuse_authentication()
        # Whoever writes would keep the connection open, by going on.
        self.transport.unregisterProducer()
        super().sendDisconnect(reason, desc)

    def receiveError(self, reasonCode: int, description: bytes) -> None:  # noqa: N803 - Conch's name
        """The host closes the connection, for a reason."""
        said = description.decode("utf-8", "replace")
        if b"uthentication" in description:
            self._refuse_authentication(said)
        self._error = self._error or ConnectionFailed(f"the SSH server ended the connection: {said} ({reasonCode})")

    def _refuse_authentication(self, said: str = "it takes none of our keys") -> None:
        more = "".join(f"; {reason}" for reason in self._reasons)
        self._error = self._error or Unauthorized(f"the SSH server does not let {self._user} in: {said}{more}")

    def connectionLost(self, reason: Failure | None = None) -> None:
        """Tell everybody."""
        self.is_lost = True
        self._forget(self)
        self._close_agent()
        super().connectionLost(reason)
        if not self.ready.called:
            why = (reason or connectionDone).getErrorMessage()
            self.ready.errback(self._error or ConnectionFailed(f"the SSH server closed the connection: {why}"))

    def _close_agent(self) -> None:
        if self._agent is not None:
            self._agent.close()


class Channels(SSHConnection):
    """
    The service of channels.  It finds out whether the host is still there, for nothing else would.
    """

    transport: Any

    def __init__(self, reactor: Any, started: Any) -> None:  # noqa: ANN401
        super().__init__()
        self._started = started
        self._missed = 0
        self._alive = LoopingCall(self._ask)
        self._alive.clock = reactor

    def serviceStarted(self) -> None:
        """We are let in."""
        super().serviceStarted()
        self._alive.start(_ALIVE_EVERY, now=False)
        self._started()

    def serviceStopped(self) -> None:
        """The connection is lost."""
        if self._alive.running:
            self._alive.stop()
        super().serviceStopped()

    def adjustWindow(self, channel: SocketChannel, bytesToAdd: int) -> None:  # noqa: N803 - Conch's name
        """Let the other end send more, unless nobody reads."""
        if not channel.paused:
            super().adjustWindow(channel, bytesToAdd)

    def _ask(self) -> None:
        if self._missed >= _ALIVE_MISSED:
            self.transport.abort()
            return
        self._missed += 1
        # Servers refuse it, by which one knows that they are there.
        answered = self.sendGlobalRequest(b"keepalive@openssh.com", b"", wantReply=1)
        answered.addBoth(self._is_alive)

    def _is_alive(self, _: object) -> None:
        self._missed = 0


class _Writers:
    """Whoever writes to the channels of a connection, to which they are one."""

    def __init__(self, channels: set[SocketChannel]) -> None:
        self._channels = channels

    def pauseProducing(self) -> None:
        for channel in [*self._channels]:
            channel.stopWriting()

    def resumeProducing(self) -> None:
        for channel in [*self._channels]:
            channel.startWriting()

    def stopProducing(self) -> None:
        """The connection is lost, of which channels are told otherwise."""


def _key_kind(algorithm: bytes) -> str:
    return "ssh-rsa" if algorithm in _RSA_ALGORITHMS else algorithm.decode("ascii")
