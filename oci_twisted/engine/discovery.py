"""
Which engine is meant when nobody says.

The order is that of the ``docker`` command, so that a program of ours talks to the engine that its user sees there: an
address or a context that the program names; ``DOCKER_HOST``; the context that ``DOCKER_CONTEXT`` or the configuration
names; then ``CONTAINER_HOST``, Podman's variable; then the sockets that engines make, those of the user before those of
root for Podman and the other way round for Docker.
"""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from oci_twisted.engine.address import Address, TlsFiles, parse_address
from oci_twisted.engine.errors import ConnectionFailed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DOCKER = "docker"
PODMAN = "podman"


@frozen
class Found:
    """
    An engine that may be there.

    :ivar driver: the name of the driver that is likely to fit.
    :ivar origin: where the address comes from, for messages.
    """

    address: Address
    driver: str
    origin: str


@frozen
class Surroundings:
    """
    What discovery looks at.

    :ivar root: where the file system begins, ``/`` but in tests.
    :ivar user: the number of the user, for the folder of their sockets.
    """

    environment: Mapping[str, str]
    home: Path
    user: int
    root: Path = Path("/")

    @property
    def configuration(self) -> Path:
        """Docker's folder of configuration."""
        return Path(self.environment.get("DOCKER_CONFIG") or self.home / ".docker")


def discover(surroundings: Surroundings, *, context: str | None = None) -> Found:
    """
    Answer the engine that is meant.

    :param context: the name of one of Docker's contexts, which is then the only thing looked at.
    :raise ConnectionFailed: when there is none, with all that was looked at in its reasons.
    :raise ValueError: when one is named and cannot be read.
    """
    if context is not None:
        return _from_context(surroundings, context)
    environment = surroundings.environment
    host = environment.get("DOCKER_HOST")
    if host:
        return Found(_with_tls(parse_address(host), surroundings), driver_for(host), "DOCKER_HOST")
    name = environment.get("DOCKER_CONTEXT") or _current_context(surroundings)
    if name and name != "default":
        return _from_context(surroundings, name)
    host = environment.get("CONTAINER_HOST")
    if host:
        return Found(parse_address(host), PODMAN, "CONTAINER_HOST")
    tried = []
    for driver, path in _sockets(surroundings):
        try:
            if path.is_socket():
                return Found(Address("unix", path=str(path)), driver, "a well-known socket")
        except OSError as error:
            # The folder of root's Podman is root's.
            tried.append(f"{path} cannot be looked at: {error.strerror}")
        else:
            tried.append(f"{path} is not there")
    raise ConnectionFailed(
        f"no engine is named by DOCKER_HOST, a context or CONTAINER_HOST, and none was found: {'; '.join(tried)}",
        reasons=tried,
    )


def driver_for(address: str) -> str:
    """Guess the driver that fits an address nobody has said anything else about."""
    return PODMAN if "podman" in address else DOCKER


def _sockets(surroundings: Surroundings) -> Iterator[tuple[str, Path]]:
    root, runtime = surroundings.root, surroundings.environment.get("XDG_RUNTIME_DIR")
    own = Path(runtime) if runtime else root / "run" / "user" / str(surroundings.user)
    yield DOCKER, root / "var" / "run" / "docker.sock"
    yield DOCKER, own / "docker.sock"
    yield DOCKER, surroundings.home / ".docker" / "run" / "docker.sock"
    yield PODMAN, own / "podman" / "podman.sock"
    yield PODMAN, root / "run" / "podman" / "podman.sock"


def _with_tls(address: Address, surroundings: Surroundings) -> Address:
    environment = surroundings.environment
    if not environment.get("DOCKER_TLS_VERIFY"):
        return address
    named = environment.get("DOCKER_CERT_PATH")
    folder = Path(named or surroundings.configuration)
    if named and not folder.is_dir():
        # Who names certificates does not mean to do without.
        raise ValueError(f"DOCKER_CERT_PATH is {named!r}, and there is no such folder")
    return address.secured(TlsFiles.below(folder))


def _current_context(surroundings: Surroundings) -> str | None:
    document = _read_json(surroundings.configuration / "config.json")
    name = None if document is None else document.get("currentContext")
    return name if isinstance(name, str) else None


def _from_context(surroundings: Surroundings, name: str) -> Found:
    if name == "default":
        path = surroundings.root / "var" / "run" / "docker.sock"
        return Found(Address("unix", path=str(path)), DOCKER, "the default context")
    key = sha256(name.encode()).hexdigest()
    contexts = surroundings.configuration / "contexts"
    path = contexts / "meta" / key / "meta.json"
    document = _read_json(path)
    if document is None:
        raise ValueError(f"there is no context {name!r}: {path} is missing")
    endpoints = document.get("Endpoints")
    endpoint = endpoints.get("docker") if isinstance(endpoints, dict) else None
    host = endpoint.get("Host") if isinstance(endpoint, dict) else None
    if not isinstance(endpoint, dict) or not isinstance(host, str):
        # What is wrong is the file.
        raise ValueError(  # noqa: TRY004
            f"the context {name!r} names no engine: {path} has no Endpoints.docker.Host"
        )
    address = parse_address(host)
    certificates, trusting = contexts / "tls" / key / "docker", bool(endpoint.get("SkipTLSVerify"))
    # To trust everybody needs no files, and is TLS all the same.
    if trusting or certificates.is_dir():
        files = TlsFiles.below(certificates)
        address = address.secured(TlsFiles(files.authority, files.certificate, files.key, verify=not trusting))
    return Found(address, driver_for(host), f"the context {name}")


def _read_json(path: Path) -> dict[str, Any] | None:
    """Answer a document, or nothing if it is not there."""
    try:
        document = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise ValueError(f"{path} is not a JSON object")  # noqa: TRY004 - what is wrong is the file
    return document
