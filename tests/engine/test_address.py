"""Addresses of engines."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

import pytest

from oci_twisted.engine.address import Address, SshFiles, TlsFiles, parse_address
from oci_twisted.engine.errors import Unsupported
from oci_twisted.engine.transport.endpoints import host_header

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("unix:///var/run/docker.sock", Address("unix", path="/var/run/docker.sock")),
        ("/var/run/docker.sock", Address("unix", path="/var/run/docker.sock")),
        ("http+unix://%2Frun%2Fpodman.sock", Address("unix", path="/run/podman.sock")),
        ("tcp://10.0.0.1", Address("tcp", host="10.0.0.1", port=2375)),
        ("tcp://[::1]:1234", Address("tcp", host="::1", port=1234)),
        ("http://engine.test:80/", Address("tcp", host="engine.test", port=80)),
        ("https://engine.test", Address("tls", host="engine.test", port=2376, tls=TlsFiles())),
        ("ssh://me@engine.test", Address("ssh", host="engine.test", port=22, user="me")),
        ("ssh://engine.test:2222/run/p.sock", Address("ssh", host="engine.test", port=2222, path="/run/p.sock")),
        ("memory://", Address("memory")),
        ("mine://host:9/path", Address("mine", host="host", port=9, path="/path")),
    ],
)
def test_an_address_is_read(text: str, address: Address) -> None:
    """Every form has its parts, and what an address says of itself is read as the same again."""
    assert parse_address(text) == address
    assert parse_address(str(address)).host == address.host


@pytest.mark.parametrize(
    "text",
    ["", "docker", "unix://", "unix://relative", "tcp://host:port", "tcp://host/path", "tcp://a:b@host", "ssh://",
     "ssh://me:secret@host"],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str) -> None:
    """What cannot be connected to is a `ValueError` that names it."""
    with pytest.raises(ValueError, match="is not an engine's address"):
        parse_address(text)


@pytest.mark.parametrize(
    "text",
    ["tcp://me:secret@host", "ssh://me:secret@host", "ssh://me:se/secret@host", "tcp://me:secret/1@host", "x:secret@y"],
)
def test_a_password_is_not_shown(text: str) -> None:
    """Addresses have no passwords; one that somebody has written into one does not end up in a log."""
    with pytest.raises(ValueError, match="is not an engine's address") as caught:
        parse_address(text)
    assert "secret" not in "".join(traceback.format_exception(caught.value))


def test_named_pipes_are_refused() -> None:
    """Windows's are not for us."""
    with pytest.raises(Unsupported):
        parse_address("npipe:////./pipe/docker_engine")


def test_tcp_is_secured_with_what_a_folder_has(tmp_path: Path) -> None:
    """TLS has the port of its own where none was named, and those files that are there."""
    (tmp_path / "ca.pem").touch()
    files = TlsFiles.below(tmp_path)
    assert files == TlsFiles(authority=tmp_path / "ca.pem")
    assert parse_address("tcp://host").secured(files) == Address("tls", host="host", port=2376, tls=files)
    assert parse_address("tcp://host:99").secured(files).port == 99
    assert parse_address("unix:///a").secured(files) == Address("unix", path="/a")


def test_a_socket_behind_ssh_is_the_engines_if_none_is_named() -> None:
    """A path that is there stays, and other addresses have none to be given."""
    assert parse_address("ssh://box").with_socket("/a").path == "/a"
    assert parse_address("ssh://box/b").with_socket("/a").path == "/b"
    assert parse_address("tcp://box").with_socket("/a") == parse_address("tcp://box")


def test_ssh_uses_what_a_user_has(tmp_path: Path) -> None:
    """The files are those of ``ssh``, and the agent is that of the environment."""
    files = SshFiles.below(tmp_path, {"SSH_AUTH_SOCK": "/agent"})
    assert files.known_hosts[0] == tmp_path / ".ssh" / "known_hosts"
    assert files.agent == "/agent"
    assert SshFiles.below(tmp_path, {"SSH_AUTH_SOCK": ""}).agent is None


@pytest.mark.parametrize(
    ("address", "header"),
    [
        ("tcp://b\u00fccher.test:99", "xn--bcher-kva.test:99"),
        ("tcp://[fe80::1%eth0]", "[fe80::1]:2375"),
        ("https://Box.test", "box.test:2376"),
        ("unix:///a", "engine"),
    ],
)
def test_what_a_request_calls_the_host(address: str, header: str) -> None:
    """A host's name is ASCII there, and the number of an interface is nobody else's affair."""
    assert host_header(parse_address(address)) == header
