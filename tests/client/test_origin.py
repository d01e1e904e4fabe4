"""
Requests go to the registry, and come back or fail clearly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from treq.client import HTTPClient
from twisted.internet.address import IPv4Address
from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.error import ConnectingCancelledError, DNSLookupError
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.interfaces import IProtocol, IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.web.client import Agent
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from oci_twisted.client import RemoteRegistry
from oci_twisted.spec.errors import Unavailable
from oci_twisted.spec.names import parse_name
from oci_twisted.spec.pages import Page, PageRequest
from oci_twisted.testing.pipes import pipe_agent
from oci_twisted.testing.waiting import turn, waits
from tests.client.fronts import URL, connect
from tests.client.scripts import Said, said_error, said_json, scripted

if TYPE_CHECKING:
    from twisted.internet.interfaces import IAddress, IProtocolFactory
    from twisted.web.client import URI

NAME = parse_name("a/b")
ALL = PageRequest(10)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "registry.example",
        "registry.example:5000",
        "ftp://registry.example",
        "https://",
        "https://registry.example/v2/",
        "https://registry.example?x=y",
        "https://registry.example#x",
        "https://user:secret@registry.example",
        "https://registry.example:port",
        "https://[registry.example",
    ],
)
def test_a_url_is_a_registry_s(url: str) -> None:
    """A registry is named by scheme, host and port; credentials have no place there, and are not repeated."""
    with pytest.raises(ValueError, match="nothing else") as refused:
        connect_to(url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["http://registry.example", "https://registry.example:5000/", "HTTP://Registry.Example", "http://[::1]:5000"]
)
def test_a_url_may_be_spelled_in_many_ways(url: str) -> None:
    """A registry may have a port, a slash behind it, capitals, or no name at all."""
    assert connect_to(url).repository(NAME).name == NAME


def connect_to(url: str) -> RemoteRegistry:
    """Make a client that must not be used."""
    return RemoteRegistry(HTTPClient(pipe_agent(None, Factory())), url)


@implementer(IAgentEndpointFactory, IStreamClientEndpoint)
class Nowhere:
    """
    Where no connection can be made.

    :param connected: what becomes of the attempt.
    """

    def __init__(self, connected: Deferred[IProtocol]) -> None:
        self.connected = connected

    def endpointForURI(self, uri: URI) -> Nowhere:
        """Answer the same for every host."""
        del uri
        return self

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:  # noqa: N803 - Twisted's name
        """Try."""
        del protocolFactory
        return self.connected

    def registry(self) -> RemoteRegistry:
        """Make a client of a registry there."""
        from twisted.internet import reactor  # noqa: PLC0415 - pytest-twisted installs it

        return RemoteRegistry(HTTPClient(Agent.usingEndpointFactory(reactor, self)), URL)


class Silence(Factory):
    """
    A server that says nothing.

    :ivar lost: how many of its connections have ended.
    """

    noisy = False

    def __init__(self) -> None:
        self.made = self.lost = 0

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        """Make a connection's protocol."""
        del addr
        self.made += 1
        return _Silent(self)


class _Silent(Protocol):
    def __init__(self, silence: Silence) -> None:
        self._silence = silence

    def connectionLost(self, reason: object = None) -> None:
        del reason
        self._silence.lost += 1


@pytest.mark.parametrize("error", [Refused(), DNSLookupError("no such host")])
@waits
async def test_a_registry_that_cannot_be_reached_is_unavailable(error: Exception) -> None:
    """When no connection can be made, the client says which registry, and why."""
    with pytest.raises(Unavailable) as refused:
        await Nowhere(fail(error)).registry().repositories(ALL)
    assert refused.value.message == f"{URL} cannot be reached: {error}"


@pytest.mark.parametrize(
    "raw",
    [
        Said(200, (), b"", length=None, cut=True),
        Said(200, (("Content-Length", "1"), ("Content-Length", "2")), b"", cut=True, length=3),
        Said(200, (("Transfer-Encoding", "rot13"),), b"", length=None),
    ],
)
@waits
async def test_an_answer_that_is_no_http_is_unavailable(raw: Said) -> None:
    """What cannot be understood as an answer at all is no answer."""
    registry, _ = scripted(raw)
    with pytest.raises(Unavailable):
        await registry.repositories(ALL)


@waits
async def test_a_connection_that_breaks_is_unavailable() -> None:
    """When the server closes without an answer, or in the middle of one, the client says so."""
    for said in (Said(200, (), b'{"repos', length=100, cut=True), Said(200, (("X", "Y"),), b"", length=2, cut=True)):
        registry, _ = scripted(said)
        with pytest.raises(Unavailable, match=r"broke off|cannot be reached"):
            await registry.repositories(ALL)


@waits
async def test_a_cancelled_call_ends_its_request() -> None:
    """Whoever waits too long can cancel; then the connection is closed."""
    silence = Silence()
    waiting = Deferred.fromCoroutine(connect(silence).repositories(ALL))
    await turn()
    assert (silence.made, silence.lost) == (1, 0)
    waiting.cancel()
    with pytest.raises(CancelledError):
        await waiting
    await turn()
    assert silence.lost == 1


@waits
async def test_a_call_can_be_cancelled_before_it_is_connected() -> None:
    """A connection that is not there yet is given up, however its endpoint says so."""
    given_up = ConnectingCancelledError(IPv4Address("TCP", "127.0.0.1", 80))
    for connected in (Deferred[IProtocol](), Deferred[IProtocol](lambda waiter: waiter.errback(given_up))):
        waiting = Deferred.fromCoroutine(Nowhere(connected).registry().repositories(ALL))
        waiting.cancel()
        with pytest.raises(CancelledError):
            await waiting


@waits
async def test_a_call_can_be_cancelled_while_its_answer_comes() -> None:
    """A body that nobody waits for any more is broken off."""
    registry, _ = scripted(Said(200, (), b'{"repos', length=100))
    waiting = Deferred.fromCoroutine(registry.repositories(ALL))
    for _ in range(5):
        await turn()
    waiting.cancel()
    with pytest.raises(CancelledError):
        await waiting


@waits
async def test_an_answer_has_a_limit() -> None:
    """A listing that is longer than any listing is not taken into memory; an error document is taken for none."""
    registry, _ = scripted(Said(200, (), b" " * (4 << 20) + b"{}"), Said(500, (), b" " * (4 << 20) + b"{}"))
    with pytest.raises(Unavailable, match="with more than 4194304 bytes"):
        await registry.repositories(ALL)
    with pytest.raises(Unavailable, match="answered 500 with nothing more"):
        await registry.repositories(ALL)


@waits
async def test_an_answer_in_chunks_has_a_limit() -> None:
    """An answer that says no length, and goes on, is broken off."""
    chunk = b"%x\r\n" % (1 << 20) + b" " * (1 << 20) + b"\r\n"
    registry, _ = scripted(Said(200, (("Transfer-Encoding", "chunked"),), chunk * 10, length=None))
    with pytest.raises(Unavailable, match="with more than 4194304 bytes"):
        await registry.repositories(ALL)


@waits
async def test_an_answer_without_a_length_ends_with_the_connection() -> None:
    """A server that says no length is understood."""
    registry, _ = scripted(Said(200, (), b'{"repositories": ["a/b"]}', length=None))
    assert await registry.repositories(ALL) == Page((NAME,))


@waits
async def test_a_refusal_is_raised() -> None:
    """An answer that is none of the expected is what the registry says."""
    registry, _ = scripted(said_error(503, "UNAVAILABLE"), said_json({"repositories": []}))
    with pytest.raises(Unavailable, match="UNAVAILABLE!"):
        await registry.repositories(ALL)
    assert await registry.repositories(ALL) == Page(())
