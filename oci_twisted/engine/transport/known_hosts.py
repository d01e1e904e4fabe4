"""
Who a host is: the keys in files of the kind of ``~/.ssh/known_hosts``.

Read here and not by Conch, which passes over patterns and over ``@revoked``.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import shlex
from fnmatch import fnmatchcase
from hashlib import sha1, sha256
from typing import TYPE_CHECKING

from attrs import frozen

from oci_twisted.engine.errors import HostKeyRefused

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_PORT = 22
_REVOKED = "@revoked"
_HASHED = "|1|"
# Marker, hosts, kind and key; what follows is a comment.
_WORDS = 3


@frozen
class KnownKey:
    """A line of a file that is about a host."""

    path: Path
    line: int
    kind: str
    key: bytes
    revoked: bool

    def __str__(self) -> str:
        return f"{self.path}, line {self.line}"


@frozen
class KnownHosts:
    """
    What files say of one host.

    :ivar name: as the files have it: ``host``, or ``[host]:port`` where the port is not 22.
    """

    name: str
    paths: tuple[Path, ...]
    keys: tuple[KnownKey, ...]

    @classmethod
    def read(cls, paths: Sequence[Path], host: str, port: int) -> KnownHosts:
        """Read the files that are there; lines that cannot be read say nothing."""
        name = host.lower() if port == _PORT else f"[{host.lower()}]:{port}"
        keys = [key for path in paths if path.is_file() for key in _read(path, name)]
        return cls(name, tuple(paths), tuple(keys))

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of keys that are known."""
        return frozenset(key.kind for key in self.keys if not key.revoked)

    def verify(self, key: bytes) -> None:
        """
        Make sure that a key is the host's.

        :param key: as SSH has it.
        :raise HostKeyRefused: when it is not known to be.
        """
        shown = f"{kind_of(key)} {fingerprint(key)}"
        same = [known for known in self.keys if known.key == key]
        for known in same:
            if known.revoked:
                raise HostKeyRefused(f"the key of {self.name}, {shown}, is revoked by {known}")
        if same:
            return
        others = [known for known in self.keys if not known.revoked]
        if not others:
            where = " or ".join(str(path) for path in self.paths) or "no file"
            raise HostKeyRefused(
                f"the key of {self.name} is not known: it is {shown}, and {where} does not have it",
                advice=f"Compare the fingerprint with the host's own; if it is the same, add the key: {self._adding()}",
            )
        known = next((one for one in others if one.kind == kind_of(key)), others[0])
        raise HostKeyRefused(
            f"the key of {self.name} has changed: it is {shown}, and {known} has {known.kind} {fingerprint(known.key)}",
            advice=(
                "Somebody may be in between. Ask whoever runs the host; if they have changed it, remove the line:"
                f" ssh-keygen -R {shlex.quote(self.name)} -f {shlex.quote(str(known.path))}"
            ),
        )

    def _adding(self) -> str:
        host, _, port = self.name.strip("[").partition("]:")
        path = shlex.quote(str(self.paths[0])) if self.paths else "known_hosts"
        return f"ssh-keyscan {f'-p {port} ' if port else ''}{shlex.quote(host)} >> {path}"


def fingerprint(key: bytes) -> str:
    """Answer a key's fingerprint as ``ssh-keygen -l`` shows it."""
    return f"SHA256:{base64.b64encode(sha256(key).digest()).decode('ascii').rstrip('=')}"


def kind_of(key: bytes) -> str:
    """Answer what a key says it is, such as ``ssh-ed25519``."""
    return key[4 : 4 + int.from_bytes(key[:4], "big")].decode("ascii", "replace")


def _read(path: Path, name: str) -> Iterator[KnownKey]:
    for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1):
        words = line.split()
        marker = words.pop(0) if words and words[0].startswith("@") else ""
        # Of authorities of hosts we know nothing.
        if len(words) < _WORDS or words[0].startswith("#") or marker not in {"", _REVOKED}:
            continue
        hosts, kind, encoded = words[:_WORDS]
        try:
            key = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            continue
        if _is_about(hosts, name):
            yield KnownKey(path, number, kind, key, marker == _REVOKED)


def _is_about(hosts: str, name: str) -> bool:
    if hosts.startswith(_HASHED):
        return _is_hash_of(hosts, name)
    patterns = hosts.lower().split(",")
    if any(_matches(pattern[1:], name) for pattern in patterns if pattern.startswith("!")):
        return False
    return any(_matches(pattern, name) for pattern in patterns if not pattern.startswith("!"))


def _matches(pattern: str, name: str) -> bool:
    # Brackets are around hosts here, not around sets of letters.
    return fnmatchcase(name, pattern.replace("[", "[[]"))


def _is_hash_of(hosts: str, name: str) -> bool:
    try:
        salt, expected = (base64.b64decode(part) for part in hosts.removeprefix(_HASHED).split("|"))
    except ValueError:
        return False
    return hmac.compare_digest(hmac.new(salt, name.encode(), sha1).digest(), expected)
