"""Which engine is meant."""

from __future__ import annotations

import json
import socket
from hashlib import sha256
from pathlib import Path

import pytest
from attrs import evolve

from oci_twisted.engine.address import TlsFiles
from oci_twisted.engine.discovery import Surroundings, discover
from oci_twisted.engine.errors import ConnectionFailed


@pytest.fixture
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Surroundings:
    """Give a file system with nothing in it; relative, for the paths of sockets must be short."""
    monkeypatch.chdir(tmp_path)
    return Surroundings({}, Path("home"), 7, Path())


def listen(path: Path) -> None:
    """Make a socket."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


def add_context(surroundings: Surroundings, name: str, host: object, *, certificates: bool = False) -> None:
    """Make one of Docker's contexts."""
    key = sha256(name.encode()).hexdigest()
    folder = surroundings.home / ".docker" / "contexts"
    meta = folder / "meta" / key / "meta.json"
    meta.parent.mkdir(parents=True)
    meta.write_text(json.dumps({"Name": name, "Endpoints": {"docker": {"Host": host, "SkipTLSVerify": True}}}))
    if certificates:
        (folder / "tls" / key / "docker").mkdir(parents=True)
        (folder / "tls" / key / "docker" / "ca.pem").touch()


def test_nothing_is_found_where_nothing_is(surroundings: Surroundings) -> None:
    """The error lists every place that was looked at."""
    with pytest.raises(ConnectionFailed, match="DOCKER_HOST") as caught:
        discover(surroundings)
    assert len(caught.value.reasons) == 5
    assert all(reason in str(caught.value) for reason in caught.value.reasons)


def test_a_place_that_cannot_be_looked_at_is_passed_over(surroundings: Surroundings) -> None:
    """What the user may not look into, as the folder of root's Podman, is a reason, no error of its own."""
    unreadable = evolve(surroundings, environment={"XDG_RUNTIME_DIR": "x" * 300})
    with pytest.raises(ConnectionFailed) as caught:
        discover(unreadable)
    assert [reason.endswith("cannot be looked at: File name too long") for reason in caught.value.reasons].count(
        True
    ) == 2
    listen(Path("run/podman/podman.sock"))
    assert discover(unreadable).driver == "podman"


def test_a_configuration_that_cannot_be_read_is_said(surroundings: Surroundings) -> None:
    """It may name another engine than would be found without it."""
    with pytest.raises(ValueError, match=r"config\.json cannot be read: File name too long"):
        discover(evolve(surroundings, environment={"DOCKER_CONFIG": "x" * 300}))


@pytest.mark.parametrize(
    ("path", "driver"),
    [
        ("run/podman/podman.sock", "podman"),
        ("run/user/7/podman/podman.sock", "podman"),
        ("home/.docker/run/docker.sock", "docker"),
        ("run/user/7/docker.sock", "docker"),
        ("var/run/docker.sock", "docker"),
    ],
)
def test_a_well_known_socket_is_found(surroundings: Surroundings, path: str, driver: str) -> None:
    """An engine's socket is found where engines make them, with the driver that fits."""
    listen(Path(path))
    found = discover(surroundings)
    assert (found.address.path, found.driver) == (path, driver)


def test_the_first_of_several_is_meant(surroundings: Surroundings) -> None:
    """Each source comes before those that are asked after it."""
    listen(Path("var/run/docker.sock"))
    assert discover(surroundings).origin == "a well-known socket"
    surroundings = evolve(surroundings, environment={"CONTAINER_HOST": "unix:///c.sock"})
    found = discover(surroundings)
    assert (found.origin, found.driver, found.address.path) == ("CONTAINER_HOST", "podman", "/c.sock")
    add_context(surroundings, "chosen", "unix:///chosen.sock")
    (surroundings.home / ".docker" / "config.json").write_text('{"currentContext": "chosen"}')
    assert discover(surroundings).address.path == "/chosen.sock"
    add_context(surroundings, "named", "unix:///named.sock")
    surroundings = evolve(surroundings, environment={"DOCKER_CONTEXT": "named"})
    assert discover(surroundings).address.path == "/named.sock"
    surroundings = evolve(surroundings, environment={"DOCKER_CONTEXT": "named", "DOCKER_HOST": "unix:///h.sock"})
    assert discover(surroundings).address.path == "/h.sock"
    assert discover(surroundings, context="chosen").address.path == "/chosen.sock"


def test_a_context_brings_its_certificates(surroundings: Surroundings) -> None:
    """A context with TLS is reached over it, and trusts as it says."""
    add_context(surroundings, "far", "tcp://far.test", certificates=True)
    address = discover(surroundings, context="far").address
    assert (address.scheme, address.port) == ("tls", 2376)
    assert address.tls is not None
    assert address.tls.authority is not None
    assert not address.tls.verify


def test_a_context_may_trust_everybody(surroundings: Surroundings) -> None:
    """One that says so is reached over TLS though it has no certificates: nothing is ever sent in the clear instead."""
    add_context(surroundings, "far", "tcp://far.test:2376")
    address = discover(surroundings, context="far").address
    assert (address.scheme, address.tls) == ("tls", TlsFiles(verify=False))


def test_what_cannot_be_looked_at_is_not_there(surroundings: Surroundings) -> None:
    """A folder that is not ours to look into, or has no name that could be one, has no socket in it."""
    listen(Path("run/podman/podman.sock"))
    elsewhere = evolve(surroundings, environment={"XDG_RUNTIME_DIR": "b" * 300})
    assert discover(elsewhere).address.path == "run/podman/podman.sock"


def test_docker_s_variables_ask_for_tls(surroundings: Surroundings) -> None:
    """``DOCKER_TLS_VERIFY`` secures ``DOCKER_HOST`` with what ``DOCKER_CERT_PATH`` has, which has to be there."""
    variables = {"DOCKER_HOST": "tcp://far.test", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "certs"}
    with pytest.raises(ValueError, match="DOCKER_CERT_PATH is 'certs', and there is no such folder"):
        discover(evolve(surroundings, environment=variables))
    Path("certs").mkdir()
    address = discover(evolve(surroundings, environment=variables)).address
    assert address.scheme == "tls"
    assert address.tls is not None
    assert address.tls.verify


@pytest.mark.parametrize(("host", "why"), [(None, "has no Endpoints.docker.Host"), ("what", "is not an engine's")])
def test_a_context_that_cannot_be_read_is_said(surroundings: Surroundings, host: object, why: str) -> None:
    """What is wrong with a context is a `ValueError`, and no other engine is taken instead."""
    add_context(surroundings, "odd", host)
    with pytest.raises(ValueError, match=why):
        discover(surroundings, context="odd")
    with pytest.raises(ValueError, match="there is no context 'none'"):
        discover(surroundings, context="none")
