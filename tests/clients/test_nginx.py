"""nginx before the registry, configured as the documents say: it ends TLS, at a port that is not 443."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from attrs import frozen
from twisted.internet import threads
from zope.interface import implementer

from oci_twisted.app import Registry as EmbeddedRegistry
from oci_twisted.auth.authentication import Authentication
from oci_twisted.auth.challenges import BearerChallenge
from oci_twisted.http.forwarded import TrustedProxies
from oci_twisted.interfaces import Decision, IAuthorizer
from oci_twisted.testing.waiting import waits
from tests.app.checkouts import ROOT
from tests.clients.images import Descriptor, Layout, everything
from tests.clients.processes import Daemon
from tests.clients.tools import require, run
from tests.docs.blocks import find_in
from tests.docs.running import free_port
from tests.wire.certificates import certify
from tests.wire.sockets import real_reactor

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from oci_twisted.interfaces import Action, Principal
    from oci_twisted.spec.names import RepositoryName
    from tests.clients.servers import Registry, StartRegistry

pytestmark = pytest.mark.clients

PROXY = "127.0.0.1"
CLIENT = "127.0.0.2"

FRAME = """
daemon off;
{user}
pid {folder}/nginx.pid;
error_log {folder}/errors.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/bodies;
    proxy_temp_path {folder}/answers;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {server}
}}
"""


def documented(backend: str, port: int, certificate: Path) -> str:
    """Answer what the documents say that nginx has to be told, for this registry, port and certificate."""
    [server] = [block.text for block in find_in(ROOT / "docs" / "operating.md") if block.text.startswith("server {")]
    for pattern, replacement in (
        (r"listen 443 ssl", f"listen {PROXY}:{port} ssl"),
        (r"/etc/ssl/registry\.(pem|key)", str(certificate)),
        (r"http://127\.0\.0\.1:5000", f"http://{backend}"),
    ):
        server, count = re.subn(pattern, replacement, server)
        assert count
    return server


@frozen
class Proxy:
    """
    nginx, running.

    :ivar host: where it listens, as it stands in an image's name.
    :ivar ca: what clients have to trust.
    """

    host: str
    ca: Path

    def curl(self, *arguments: str) -> str:
        """Ask it something, from an address that is not its own, and answer the head of the answer."""
        options = ["--silent", "--show-error", "--cacert", str(self.ca), "--interface", CLIENT, "--dump-header", "-"]
        return run(require("curl"), *options, *arguments)


@contextmanager
def nginx(folder: Path, backend: str) -> Iterator[Proxy]:
    """Run nginx before a registry."""
    program = require("nginx")
    pair = certify("proxy.test")
    certificate = pair.write(folder / "proxy.pem")
    (folder / "ca.pem").write_bytes(pair.certificate_pem)
    port = free_port()
    user = "user root;" if os.geteuid() == 0 else ""
    server = documented(backend, port, certificate)
    (folder / "nginx.conf").write_text(FRAME.format(folder=folder, user=user, server=server))
    daemon = Daemon(
        [program, "-p", folder, "-e", folder / "errors.log", "-c", folder / "nginx.conf"], folder / "nginx.log"
    )
    proxy = Proxy(f"{PROXY}:{port}", folder / "ca.pem")
    try:
        daemon.wait_until(lambda: (folder / "nginx.pid").exists() and (folder / "nginx.pid").read_text() != "")
        yield proxy
    finally:
        daemon.stop()


@pytest.fixture
def registry(start_registry: StartRegistry, tmp_path: Path) -> Registry:
    """Run a registry that trusts a proxy on this machine."""
    config = tmp_path / "registry.toml"
    config.write_text(f'[proxy]\ntrusted = ["{PROXY}"]\n')
    return start_registry("--storage", "memory", "--config", config)


@pytest.fixture
def proxy(registry: Registry, tmp_path: Path) -> Iterator[Proxy]:
    """Run nginx before it."""
    folder = tmp_path / "nginx"
    folder.mkdir()
    with nginx(folder, registry.host) as running:
        yield running


def header(head: str, name: str) -> str | None:
    """Answer the value of a header, or ``None``."""
    found = re.search(rf"^{name}: (.*?)\r?$", head, re.IGNORECASE | re.MULTILINE)
    return None if found is None else found[1]


def test_an_upload_stays_with_the_proxy(proxy: Proxy) -> None:
    """Where to go on with an upload is said without scheme, host and port (distribution #2862)."""
    head = proxy.curl("--request", "POST", f"https://{proxy.host}/v2/a/blobs/uploads/")
    assert head.startswith("HTTP/1.1 202 ")
    assert (header(head, "Location") or "").startswith("/v2/a/blobs/uploads/")


def test_the_client_is_in_the_log(proxy: Proxy, registry: Registry) -> None:
    """The access line names whom nginx has seen, whatever the client says of itself."""
    lies = ["X-Forwarded-For: 203.0.113.7", "Forwarded: for=203.0.113.8", "X-Forwarded-Host: evil.test"]
    arguments = [argument for lie in lies for argument in ("--header", lie)]
    proxy.curl(*arguments, f"https://{proxy.host}/v2/seen/tags/list")
    assert registry.accesses("GET", "/v2/seen/tags/list", 404)
    [line] = [line for line in registry.log_path.read_text().splitlines() if "/v2/seen/tags/list" in line]
    assert f"#info] {CLIENT} - " in line


def test_crane_pushes_and_pulls(
    proxy: Proxy, layout: Layout, image: Descriptor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An image goes through the proxy and back, byte for byte."""
    monkeypatch.setenv("SSL_CERT_FILE", str(proxy.ca))
    crane = require("crane")
    run(crane, "push", layout.path, f"{proxy.host}/some/image:v1")
    assert run(crane, "digest", f"{proxy.host}/some/image:v1").strip() == image.digest
    run(crane, "pull", "--format", "oci", f"{proxy.host}/some/image:v1", tmp_path / "back")
    assert everything(tmp_path / "back") == everything(layout.path)


def test_oras_pushes_and_pulls(proxy: Proxy, tmp_path: Path) -> None:
    """So does a file that is larger than what a proxy likes to keep."""
    oras = require("oras")
    content = os.urandom(8 << 20)
    (tmp_path / "large").write_bytes(content)
    reference = f"{proxy.host}/some/files:v1"
    run(oras, "push", "--ca-file", proxy.ca, reference, "large", cwd=tmp_path)
    run(oras, "pull", "--ca-file", proxy.ca, "--output", "back", reference, cwd=tmp_path)
    assert (tmp_path / "back" / "large").read_bytes() == content


@implementer(IAuthorizer)
class NobodyAnonymous:
    """Permits everything to those who log in."""

    async def decide(self, principal: Principal, action: Action, name: RepositoryName | None) -> Decision:
        """Decide."""
        del action, name
        return Decision(permitted=principal.name is not None, by="test")


@waits
async def test_a_client_is_told_to_log_in_where_it_is(tmp_path: Path) -> None:
    """The token service is named as the client sees it: https, and the proxy's port (distribution #2862)."""
    embedded = EmbeddedRegistry.in_memory(
        real_reactor(),
        authenticator=Authentication(BearerChallenge("registry")),
        authorizer=NobodyAnonymous(),
        proxies=TrustedProxies([PROXY]),
    )
    service = embedded.service(f"tcp:0:interface={PROXY}")
    service.startService()
    assert service.port is not None
    backend = f"{PROXY}:{service.port.getHost().port}"  # type: ignore[attr-defined]  # it listens on TCP

    def ask() -> tuple[str, str]:
        with nginx(tmp_path, backend) as proxy:
            return proxy.host, proxy.curl(f"https://{proxy.host}/v2/")

    try:
        host, head = await threads.deferToThread(ask)
    finally:
        await service.stopService()
    assert head.startswith("HTTP/1.1 401 ")
    assert header(head, "WWW-Authenticate") == f'Bearer realm="https://{host}/token",service="registry"'
