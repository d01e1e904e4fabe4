"""
Who we are to an SSH server: keys of files and of an agent.

Conch signs with SHA-1 what RSA keys sign, which servers refuse since OpenSSH 8.8; so which algorithm is used is chosen
here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen
from twisted.conch.ssh.agent import SSHAgentClient
from twisted.conch.ssh.common import NS, getNS
from twisted.conch.ssh.keys import BadKeyError, EncryptedKeyError, Key
from twisted.conch.ssh.userauth import MSG_USERAUTH_REQUEST, SSHUserAuthClient
from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.internet.protocol import Factory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from twisted.conch.ssh.service import SSHService

_RSA, _RSA_SHA2 = b"ssh-rsa", b"rsa-sha2-512"
_SIGN, _SIGNED = 13, 14
_SHA2_512 = (4).to_bytes(4, "big")
_PUBLIC_KEY = b"publickey"


@frozen
class Identity:
    """
    A key of ours.

    :ivar blob: its public half, as SSH has it.
    :ivar sign: answers a signature with ``algorithm``, as SSH has it.
    """

    algorithm: bytes
    blob: bytes
    sign: Callable[[bytes], Deferred[bytes]]


def identities_of(paths: Iterable[Path]) -> tuple[list[Identity], list[str]]:
    """Answer the keys of files, and why some have none; files that are not there say nothing."""
    found, reasons = [], []
    for path in paths:
        if not path.is_file():
            continue
        try:
            key = Key.fromString(path.read_bytes())
        except EncryptedKeyError:
            reasons.append(f"{path} has a passphrase: add it to an agent, with ssh-add")
        except (BadKeyError, ValueError, OSError) as error:
            reasons.append(f"{path} is no private key that can be read: {error}")
        else:
            if key.isPublic():
                reasons.append(f"{path} is no private key, but the public half of one")
            else:
                found.append(_of_key(key))
    return found, reasons


class Agent:
    """
    An SSH agent, and the keys that it has.
    """

    def __init__(self, reactor: Any, path: str) -> None:  # noqa: ANN401 - every kind of reactor
        self._endpoint = UNIXClientEndpoint(reactor, path, timeout=None)
        self._client: Any = None

    async def identities(self) -> list[Identity]:
        """Ask for its keys; whoever does so bounds it, and closes the agent."""
        self._client = await self._endpoint.connect(Factory.forProtocol(SSHAgentClient))
        return [
            Identity(_algorithm(blob), blob, self._signer(blob)) for blob, _ in await self._client.requestIdentities()
        ]

    def close(self) -> None:
        """Close the connection to it.  May be called again, and always."""
        if self._client is not None:
            self._client.transport.abortConnection()

    def _signer(self, blob: bytes) -> Callable[[bytes], Deferred[bytes]]:
        flags = _SHA2_512 if _algorithm(blob) == _RSA_SHA2 else bytes(4)

        def sign(content: bytes) -> Deferred[bytes]:
            signed: Deferred[bytes] = self._client.sendRequest(_SIGN, NS(blob) + NS(content) + flags)
            return signed.addCallback(_signature)

        return sign


def _signature(answer: bytes) -> bytes:
    if answer[:1] != bytes((_SIGNED,)):
        raise ValueError("the agent did not sign")
    signature: bytes = getNS(answer[1:])[0]
    return signature


def _of_key(key: Key) -> Identity:
    blob = key.blob()
    algorithm = _algorithm(blob)
    return Identity(algorithm, blob, lambda content: succeed(key.sign(content, signatureType=algorithm)))


def _algorithm(blob: bytes) -> bytes:
    kind: bytes = getNS(blob)[0]
    return _RSA_SHA2 if kind == _RSA else kind


class PublicKeyAuth(SSHUserAuthClient):
    """
    Shows one key after the other, and nothing else: there is nobody to ask for a password.
    """

    preferredOrder = [_PUBLIC_KEY]  # noqa: RUF012, N815 - Conch's

    transport: Any

    def __init__(self, user: str, instance: SSHService, identities: list[Identity]) -> None:
        super().__init__(user.encode(), instance)
        self._identities = iter(identities)
        self._identity: Identity | None = None

    def tryAuth(self, kind: bytes) -> Any:  # noqa: ANN401 - Conch's
        """Try a method: with the next key, if there is one."""
        if kind != _PUBLIC_KEY:
            return False
        self._identity = next(self._identities, None)
        if self._identity is None:
            return False
        self.askForAuth(_PUBLIC_KEY, b"\x00" + self._shown(self._identity))
        return True

    def ssh_USERAUTH_PK_OK_publickey(self, packet: bytes) -> None:
        """The server would take this key: show that it is ours."""
        del packet
        identity = self._identity
        if identity is None:
            return
        asked = b"\x01" + self._shown(identity)
        name, request = self.instance.name, bytes((MSG_USERAUTH_REQUEST,))
        content = NS(self.transport.sessionID) + request + NS(self.user) + NS(name) + NS(_PUBLIC_KEY) + asked
        signed = identity.sign(content)
        signed.addCallback(lambda signature: self.askForAuth(_PUBLIC_KEY, asked + NS(signature)))
        # An agent may refuse; the next key follows.
        signed.addErrback(lambda _: self.askForAuth(b"none", b""))

    @staticmethod
    def _shown(identity: Identity) -> bytes:
        return NS(identity.algorithm) + NS(identity.blob)
