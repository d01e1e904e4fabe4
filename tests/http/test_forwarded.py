"""
Whose word is taken for who has sent a request, and what is made of it.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from zope.interface import implementer

from oci_twisted.auth.authentication import Authentication
from oci_twisted.auth.challenges import BearerChallenge
from oci_twisted.http.forwarded import UNKNOWN, ProxyHeaders, TrustedProxies
from oci_twisted.http.replies import json_reply
from oci_twisted.interfaces import Decision, IAuthorizer
from tests.http.fronts import ADDRESS, Mounted
from tests.http.stacks import Stack
from tests.http.test_calls import make_call
from tests.wire.logs import access_lines
from tests.wire.messages import HOST, get
from tests.wire.peers import ScriptedAPI, Wire

if TYPE_CHECKING:
    from collections.abc import Callable

    from oci_twisted.http.calls import Call
    from oci_twisted.http.replies import Reply
    from oci_twisted.interfaces import Action, Principal
    from oci_twisted.spec.names import RepositoryName

PROXY = "10.0.0.1"
TRUSTED = ("10.0.0.0/8", "2001:db8:ffff::/48")
CLIENT = "198.51.100.7"

ADDRESSES = st.ip_addresses().map(str)
TOKENS = st.text("abcxyz-_", min_size=1, max_size=6)


def sent(peer: str = PROXY, trusted: tuple[str, ...] = TRUSTED, /, **headers: str) -> tuple[str, bool, str]:
    """
    Answer the client, whether its connection is secure, and the host that it asked for, as they are understood.

    :param headers: without ``X-Forwarded-``; ``forwarded`` is the other one, and then the one that is looked at.
    """
    kind = ProxyHeaders.FORWARDED if "forwarded" in headers else ProxyHeaders.X_FORWARDED
    return attributed(peer, TrustedProxies(trusted, kind), headers)


def attributed(peer: str, proxies: TrustedProxies, headers: dict[str, str]) -> tuple[str, bool, str]:
    """Answer what is made of a request over plain HTTP for ``registry.test``."""
    call = make_call(host=HOST.encode())
    call.peer, call.secure = peer, False
    fields = {b"host": HOST.encode()}
    for name, value in headers.items():
        full = name if name == "forwarded" else f"x-forwarded-{name}"
        fields[full.encode()] = value.encode("latin-1")
    call.headers = fields
    proxies.attribute(call)
    credentials = call.credentials()
    return credentials.peer, credentials.secure, credentials.host


def forwarded(value: str, peer: str = PROXY) -> tuple[str, bool, str]:
    """Answer what is made of one ``Forwarded``."""
    return sent(peer, forwarded=value)


def test_without_trust_nothing_is_believed() -> None:
    """Whoever is not listed may write what they like."""
    for peer in (CLIENT, "2001:db8::1", "unix", UNKNOWN):
        assert sent(peer, **{"for": "127.0.0.1", "proto": "https", "host": "evil.test"}) == (peer, False, HOST)
        assert forwarded("for=127.0.0.1;proto=https;host=evil.test", peer) == (peer, False, HOST)


def test_a_proxy_that_says_nothing_is_a_client() -> None:
    """What comes from it without a word is its own."""
    assert sent() == (PROXY, False, HOST)
    assert forwarded("") == (PROXY, False, HOST)


@pytest.mark.parametrize(
    ("value", "client"),
    [
        (CLIENT, CLIENT),
        (f"{CLIENT}:4711", CLIENT),
        ("2001:db8::7", "2001:db8::7"),
        ("[2001:DB8::7]", "2001:db8::7"),
        ("[2001:db8::7]:4711", "2001:db8::7"),
        ("::ffff:198.51.100.7", CLIENT),
        (f"127.0.0.1, {CLIENT}", CLIENT),
        (f"127.0.0.1,{CLIENT} ,10.0.0.9,  10.0.0.8", CLIENT),
        (f"{CLIENT}, 203.0.113.5, 10.0.0.9", "203.0.113.5"),
        ("10.0.0.7, 10.0.0.8", "10.0.0.7"),
        (f"{CLIENT}, 2001:db8:ffff::1", CLIENT),
        (f"{CLIENT}, ::ffff:10.0.0.5", CLIENT),
        (f"garbage, {CLIENT}", CLIENT),
        ("garbage", UNKNOWN),
        (f"{CLIENT}, garbage, 10.0.0.9", UNKNOWN),
        (f"{CLIENT},", UNKNOWN),
        (f"{CLIENT}, unknown", UNKNOWN),
        ("198.51.100.256", UNKNOWN),
        ("0x7f.1", UNKNOWN),
        ("127.0.0.1\x00", UNKNOWN),
        ("[127.0.0.1", UNKNOWN),
        ("unix", UNKNOWN),
    ],
)
def test_the_client_is_the_last_who_is_not_trusted(value: str, client: str) -> None:
    """From the right, proxy after proxy, to the first address that is none of theirs; beyond it all may be made up."""
    assert sent(**{"for": value}) == (client, False, HOST)


def test_a_chain_has_an_end() -> None:
    """So many hops are looked at as there can be, and no more."""
    chain = ", ".join([CLIENT, *["10.0.0.9"] * 10_000])
    assert sent(**{"for": chain})[0] == "10.0.0.9"


@pytest.mark.parametrize(
    ("headers", "secure", "host"),
    [
        ({"proto": "https"}, True, HOST),
        ({"proto": "HTTPS"}, True, HOST),
        ({"proto": "http"}, False, HOST),
        ({"proto": "ftp"}, False, HOST),
        ({"proto": "http, https"}, True, HOST),
        ({"proto": "https, http"}, False, HOST),
        ({"proto": "https", "for": f"{CLIENT}, 10.0.0.9"}, True, HOST),
        ({"proto": "https, http", "for": f"{CLIENT}, 10.0.0.9"}, True, HOST),
        ({"proto": "https, http, http", "for": f"{CLIENT}, 10.0.0.9"}, False, HOST),
        ({"host": "a.test:8443"}, False, "a.test:8443"),
        ({"host": "[2001:db8::1]:8443"}, False, "[2001:db8::1]:8443"),
        ({"host": "evil.test, a.test"}, False, "a.test"),
        ({"host": 'a.test"'}, False, HOST),
        ({"host": "a.test/path"}, False, HOST),
        ({"host": "user@a.test"}, False, HOST),
        ({"host": "a.test:port"}, False, HOST),
        ({"host": ""}, False, HOST),
        ({"host": "a.test", "port": "8443", "proto": "https"}, True, "a.test:8443"),
        ({"host": "a.test:1", "port": "8443", "proto": "https"}, True, "a.test:1"),
        ({"host": "a.test", "port": "443", "proto": "https"}, True, "a.test"),
        ({"host": "a.test", "port": "80"}, False, "a.test"),
        ({"host": "a.test", "port": "443"}, False, "a.test:443"),
        ({"host": "a.test", "port": "65536"}, False, "a.test"),
        ({"host": "a.test", "port": "0"}, False, "a.test"),
        ({"host": "a.test", "port": "\xb2"}, False, "a.test"),
        ({"port": "8443", "proto": "https"}, True, f"{HOST}:8443"),
        ({"port": "443", "proto": "https"}, True, HOST),
    ],
)
def test_scheme_and_host(headers: dict[str, str], secure: bool, host: str) -> None:  # noqa: FBT001 - what a test is given
    """They are what the outermost trusted proxy says, if it makes sense; a port goes to a host that has none."""
    peer = CLIENT if "for" in headers else PROXY
    assert sent(**headers) == (peer, secure, host)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (f"for={CLIENT}", (CLIENT, False, HOST)),
        (f"For={CLIENT};Proto=HTTPS;Host=a.test", (CLIENT, True, "a.test")),
        (f'for="{CLIENT}:4711" ; proto="https";host="a.test:8443"', (CLIENT, True, "a.test:8443")),
        ('for="[2001:db8::7]:4711";by=10.0.0.1', ("2001:db8::7", False, HOST)),
        ('for="[2001:db8::7]:_port"', ("2001:db8::7", False, HOST)),
        ("for=unknown;proto=https", (UNKNOWN, True, HOST)),
        ("for=_hidden;proto=https", (UNKNOWN, True, HOST)),
        ("proto=https", (PROXY, True, HOST)),
        (f"for={CLIENT};proto=https, for=10.0.0.9;proto=http;host=a.test", (CLIENT, True, "a.test")),
        (f"for={CLIENT};host=b.test, for=10.0.0.9;proto=https;host=a.test", (CLIENT, False, "b.test")),
        (f"for=127.0.0.1;proto=https;host=evil.test, for={CLIENT}", (CLIENT, False, HOST)),
        (f'for="10.0.0.3, for={CLIENT};proto=https', (CLIENT, True, HOST)),
        (f'for={CLIENT};host="a.test, for=127.0.0.1;proto=https;a=\\""', (UNKNOWN, False, HOST)),
        (f"for={CLIENT};for=127.0.0.1", (UNKNOWN, False, HOST)),
        (f"for= {CLIENT}", (UNKNOWN, False, HOST)),
        (f"for={CLIENT} proto=https", (UNKNOWN, False, HOST)),
        (CLIENT, (UNKNOWN, False, HOST)),
        (f"for={CLIENT};;proto=https", (CLIENT, True, HOST)),
        (f'for={CLIENT};host="a b"', (CLIENT, False, HOST)),
    ],
)
def test_rfc_7239(value: str, expected: tuple[str, bool, str]) -> None:
    """The same in the standard's form; an element that cannot be read is not guessed at."""
    assert forwarded(value) == expected


def test_only_one_kind_of_headers_counts() -> None:
    """A proxy that writes the one kind passes on the other as the client has sent it, and so that is not read."""
    lies = {"forwarded": "for=127.0.0.1;proto=https;host=evil.test"}
    assert attributed(PROXY, TrustedProxies(TRUSTED), {**lies, "for": CLIENT}) == (CLIENT, False, HOST)
    assert attributed(PROXY, TrustedProxies(TRUSTED), lies) == (PROXY, False, HOST)
    lies = {"for": "127.0.0.1", "proto": "https", "host": "evil.test", "port": "1"}
    standard = TrustedProxies(TRUSTED, ProxyHeaders.FORWARDED)
    assert attributed(PROXY, standard, {**lies, "forwarded": f"for={CLIENT}"}) == (CLIENT, False, HOST)
    assert attributed(PROXY, standard, lies) == (PROXY, False, HOST)


def test_what_the_proxy_leaves_out_is_the_connections() -> None:
    """A connection that is encrypted stays so unless the proxy says that the client's is not."""
    for headers, secure in (({b"x-forwarded-for": b"198.51.100.7"}, True), ({b"x-forwarded-proto": b"http"}, False)):
        call = make_call()
        call.peer, call.headers = PROXY, headers
        TrustedProxies(TRUSTED).attribute(call)
        assert call.secure is secure


def test_a_socket_may_be_trusted() -> None:
    """A proxy that connects through a socket in the file system has a name of its own in the list."""
    assert sent("unix", ("unix",), **{"for": CLIENT}) == (CLIENT, False, HOST)
    assert sent("unix", ("127.0.0.1",), **{"for": CLIENT}) == ("unix", False, HOST)
    assert sent(PROXY, ("unix", PROXY), **{"for": "127.0.0.1, unix"})[0] == UNKNOWN


@pytest.mark.parametrize("peer", ["127.0.0.1", "::ffff:127.0.0.1"])
def test_an_older_address_is_known_in_the_newer_form(peer: str) -> None:
    """A socket for both versions shows an IPv4 proxy as an IPv6 address."""
    assert peer in TrustedProxies(["127.0.0.1"])
    assert sent(peer, ("127.0.0.1",), **{"for": CLIENT})[0] == CLIENT
    assert "fe80::1%eth0" in TrustedProxies(["fe80::/10"])


@pytest.mark.parametrize("address", ["", "10.0.0.1/8", "10.0.0.0/33", "proxy.test", "*", "127.0.0.1:80"])
def test_what_is_no_address_cannot_be_trusted(address: str) -> None:
    """It is refused where it is configured."""
    with pytest.raises(ValueError, match=r"does not appear|has host bits"):
        TrustedProxies([address])


def is_sane(found: tuple[str, bool, str]) -> bool:
    """Answer whether a client is an address, or known not to be, and a host cannot break out of a URL."""
    client, secure, host = found
    if client != UNKNOWN:
        ip_address(client)
    return isinstance(secure, bool) and not set(host) & set(' "\\/\r\n,;@?#')


@given(st.text(st.characters(max_codepoint=255)))
@example('for="')
@example("for=[::1%x]")
def test_any_text_is_survived(text: str) -> None:
    """Whatever stands in the headers, what is made of it is an address or unknown, and a host or none."""
    assert is_sane(forwarded(text))
    for name in ("for", "proto", "host", "port"):
        assert is_sane(sent(**{name: text}))


@given(st.text(st.characters(max_codepoint=255, blacklist_characters="\r\n")), ADDRESSES)
@example('for="', CLIENT)
@example("for=10.0.0.1;proto=https,", CLIENT)
def test_nothing_that_a_client_sends_hides_it(made_up: str, client: str) -> None:
    """Whatever stands to the left of what the proxy has added, the client is whom the proxy has seen."""
    proxies = TrustedProxies([PROXY])
    expected = str(getattr(ip_address(client), "ipv4_mapped", None) or ip_address(client))
    node = f'"[{client}]"' if ":" in client else client
    standard = TrustedProxies([PROXY], ProxyHeaders.FORWARDED)
    if expected != PROXY:
        assert attributed(PROXY, proxies, {"for": f"{made_up}, {client}"})[0] == expected
        added = f"{made_up}, for={node};proto=https;host=a.test"
        assert attributed(PROXY, standard, {"forwarded": added}) == (expected, True, "a.test")


@given(st.lists(st.tuples(ADDRESSES, st.sampled_from(["http", "https"]), TOKENS), min_size=1, max_size=5))
def test_both_kinds_say_the_same(hops: list[tuple[str, str, str]]) -> None:
    """A chain of proxies is understood alike, whichever headers they write."""
    elements = [
        ";".join([f'for="[{node}]"' if ":" in node else f"for={node}", f"proto={proto}", f'host="{host}"'])
        for node, proto, host in hops
    ]
    lists = dict(zip(("for", "proto", "host"), (", ".join(column) for column in zip(*hops, strict=True)), strict=True))
    assert forwarded(", ".join(elements)) == sent(**lists)


@implementer(IAuthorizer)
class Door:
    """Lets nobody in who does not log in."""

    async def decide(self, principal: Principal, action: Action, name: RepositoryName | None) -> Decision:
        """Refuse."""
        del principal, action, name
        return Decision(permitted=False, by="door")


def streamed(stack: Stack) -> Wire:
    """Put our own front before a registry."""
    return Wire(stack=stack)


FRONTS = pytest.mark.parametrize("front", [streamed, Mounted], ids=["streamed", "mounted"])


@FRONTS
def test_both_fronts_know_who_has_sent_it(front: Callable[[Stack], Wire]) -> None:
    """What a trusted proxy says reaches the endpoints, and the access line names the client."""
    calls: list[Call] = []

    async def note(call: Call) -> Reply:
        calls.append(call)
        return json_reply(200, {})

    wire = front(Stack(api=ScriptedAPI, proxies=TrustedProxies([ADDRESS.host])))
    wire.scripts[b"/v2/"] = note
    lines_of = [f"X-Forwarded-For: 127.0.0.1, {CLIENT}", "X-Forwarded-Proto: https", "X-Forwarded-Host: a.test:8443"]
    with access_lines() as lines:
        wire.send(get("/v2/", *lines_of), get()).pass_time(1)
    told, silent = (call.credentials() for call in calls)
    assert (told.peer, told.secure, told.host) == (CLIENT, True, "a.test:8443")
    assert (silent.peer, silent.secure, silent.host) == (ADDRESS.host, False, HOST)
    assert [line["client"] for line in lines] == [CLIENT, ADDRESS.host]


@FRONTS
def test_by_default_no_front_believes_anybody(front: Callable[[Stack], Wire]) -> None:
    """Without trusted proxies the headers are not looked at."""
    wire = front(Stack(api=ScriptedAPI))
    with access_lines() as lines:
        wire.send(get("/v2/", f"X-Forwarded-For: {CLIENT}", f"Forwarded: for={CLIENT}")).pass_time(1)
    assert [line["client"] for line in lines] == [ADDRESS.host]


@FRONTS
@pytest.mark.parametrize(
    ("headers", "realm"),
    [
        (["X-Forwarded-Proto: https"], f"https://{HOST}/token"),
        (["X-Forwarded-Proto: https", "X-Forwarded-Host: a.test:8443"], "https://a.test:8443/token"),
        (["X-Forwarded-Proto: https", "X-Forwarded-Port: 8443"], f"https://{HOST}:8443/token"),
    ],
)
def test_a_realm_is_where_the_client_has_been(front: Callable[[Stack], Wire], headers: list[str], realm: str) -> None:
    """Behind a proxy that ends TLS, the token service is named as the client sees the registry."""
    authenticator = Authentication(BearerChallenge("registry"))
    stack = Stack(authenticator=authenticator, authorizer=Door(), proxies=TrustedProxies([ADDRESS.host]))
    answer = front(stack).send(get("/v2/", f"X-Forwarded-For: {CLIENT}", *headers)).answer()
    assert (answer.status, answer.header("WWW-Authenticate")) == (401, f'Bearer realm="{realm}",service="registry"')


@FRONTS
def test_a_proxy_that_does_not_end_tls_is_no_excuse(front: Callable[[Stack], Wire]) -> None:
    """When the client's own connection is plain, it is asked for no credentials, wherever the proxy is."""
    stack = Stack(
        authenticator=Authentication(BearerChallenge("registry")),
        authorizer=Door(),
        proxies=TrustedProxies([ADDRESS.host]),
    )
    for headers in ([], ["X-Forwarded-Proto: http"]):
        answer = front(stack).send(get("/v2/", f"X-Forwarded-For: {CLIENT}", *headers)).answer()
        assert (answer.status, answer.codes, answer.header("WWW-Authenticate")) == (403, ["DENIED"], None)
