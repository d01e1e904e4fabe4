"""
As whom an engine speaks to a registry: what Docker's and Podman's ``login`` have left behind.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import field, frozen
from zope.interface import implementer

from oci_twisted.engine.credentials.programs import ask_helper
from oci_twisted.engine.errors import CredentialsFailed
from oci_twisted.engine.images.references import DEFAULT_REGISTRY
from oci_twisted.engine.interfaces import IKeychain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oci_twisted.engine.discovery import Surroundings
    from oci_twisted.engine.images.references import ImageReference

HELPER_TIMEOUT = 30.0
"""Seconds.  A helper may ask its user for a password."""

# What Docker calls its own registry where it keeps credentials.
_DEFAULT_SERVER = "https://index.docker.io/v1/"
_TOKEN_USER = "<token>"  # noqa: S105 - a name by which helpers say that the secret is one


@frozen
class Credentials:
    """
    Who somebody is to a registry: a name and a password, or a token.

    :ivar identity_token: that a registry gave for name and password, to be used in their place.
    :ivar registry_token: a bearer token, which the engine sends as it is.
    """

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False, kw_only=True)
    registry_token: str = field(default="", repr=False, kw_only=True)

    @property
    def is_anonymous(self) -> bool:
        """Whether this is nobody."""
        return not (self.username or self.password or self.identity_token or self.registry_token)

    def document(self, registry: str) -> dict[str, str]:
        """Answer the engines' form of it, for ``X-Registry-Auth`` and the body of a login."""
        members = {
            "username": self.username,
            "password": self.password,
            "identitytoken": self.identity_token,
            "registrytoken": self.registry_token,
        }
        given = {name: value for name, value in members.items() if value}
        return {**given, "serveraddress": server_of(registry)} if given else {}


ANONYMOUS = Credentials()
"""Nobody: give it where credentials that are kept somewhere should not be used."""


def server_of(registry: str) -> str:
    """Answer what Docker calls a registry where it keeps or sends credentials."""
    return _DEFAULT_SERVER if registry == DEFAULT_REGISTRY else registry


@implementer(IKeychain)
@frozen
class NoKeychain:
    """Knows nobody."""

    async def find(self, reference: ImageReference) -> Credentials | None:
        """Answer that there are none."""
        del reference
        return None


@implementer(IKeychain)
@frozen
class UserKeychain:
    """
    What the user of a process has logged in with: Docker's ``config.json`` and Podman's ``auth.json``.

    The files are read whenever somebody asks, so that a login counts from then on.  The first that has something for
    an image is taken: that of ``REGISTRY_AUTH_FILE``; ``config.json`` below ``DOCKER_CONFIG`` or ``~/.docker``;
    ``containers/auth.json`` below ``XDG_RUNTIME_DIR``, and below ``XDG_CONFIG_HOME`` or ``~/.config``.

    :param reactor: spawns the helpers that a file names, and times them.
    :ivar helper_timeout: seconds after which a helper is given up.
    """

    reactor: Any = field(repr=False)
    surroundings: Surroundings = field(repr=False)
    helper_timeout: float = HELPER_TIMEOUT

    async def find(self, reference: ImageReference) -> Credentials | None:
        """
        Answer the credentials for where an image is to be had.

        :raise CredentialsFailed: when a file cannot be read, or a helper does not answer.
        """
        for path in self._files():
            document = _read(path)
            if document is None:
                continue
            found = await self._find_in(path, document, reference)
            if found is not None:
                return found
        return None

    def _files(self) -> Iterator[Path]:
        environment, home = self.surroundings.environment, self.surroundings.home
        if named := environment.get("REGISTRY_AUTH_FILE"):
            yield Path(named)
        yield self.surroundings.configuration / "config.json"
        if runtime := environment.get("XDG_RUNTIME_DIR"):
            yield Path(runtime) / "containers" / "auth.json"
        yield Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "containers" / "auth.json"

    async def _find_in(self, path: Path, document: dict[str, Any], reference: ImageReference) -> Credentials | None:
        server = server_of(reference.registry)
        helper, helpers = document.get("credsStore"), document.get("credHelpers")
        if isinstance(helpers, dict):
            # One without a name says that the file itself has this registry's.
            helper = helpers.get(reference.registry, helpers.get(server, helper))
        if isinstance(helper, str) and helper:
            kept = await ask_helper(
                self.reactor,
                helper,
                server,
                environment=self.surroundings.environment,
                seconds=self.helper_timeout,
            )
            if kept is not None:
                return (
                    Credentials(identity_token=kept.secret)
                    if kept.username == _TOKEN_USER
                    else Credentials(kept.username, kept.secret)
                )
        auths = document.get("auths")
        if not isinstance(auths, dict):
            return None
        entries = {_key(name): entry for name, entry in auths.items()}
        for scope in _scopes(reference):
            found = _entry(path, entries.get(scope))
            if found is not None:
                return found
        return None


def _read(path: Path) -> dict[str, Any] | None:
    """Read a file if it is there."""
    try:
        document = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise CredentialsFailed(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError):
        # Without the cause, which would show a part of the file.
        raise CredentialsFailed(f"{path} is not JSON") from None
    if not isinstance(document, dict):
        raise CredentialsFailed(f"{path} is not a JSON object")
    return document


def _key(name: str) -> str:
    """Answer a key of ``auths`` as a scope: the oldest Dockers wrote whole addresses."""
    _, is_address, address = name.partition("://")
    scope = address.partition("/")[0] if is_address else name.rstrip("/")
    return DEFAULT_REGISTRY if scope in {"index.docker.io", "index.docker.io/v1"} else scope


def _scopes(reference: ImageReference) -> Iterator[str]:
    """Answer what keys may be meant, the narrowest first: Podman has credentials for a part of a registry as well."""
    parts = reference.repository.split("/")
    for count in range(len(parts), -1, -1):
        yield "/".join([reference.registry, *parts[:count]])


def _entry(path: Path, entry: object) -> Credentials | None:
    if not isinstance(entry, dict):
        return None
    username, password = str(entry.get("username") or ""), str(entry.get("password") or "")
    if encoded := entry.get("auth"):
        try:
            both = base64.b64decode(str(encoded), validate=True).decode()
        except ValueError:
            raise CredentialsFailed(f"an entry of {path} has an auth that is not base64") from None
        username, colon, password = both.partition(":")
        if not colon:
            raise CredentialsFailed(f"an entry of {path} has an auth without a colon in it")
    found = Credentials(
        username,
        password.strip("\0"),
        identity_token=str(entry.get("identitytoken") or ""),
        registry_token=str(entry.get("registrytoken") or ""),
    )
    return None if found.is_anonymous else found
