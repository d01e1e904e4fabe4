"""Who a host is, as files say."""

from __future__ import annotations

import base64
import hmac
from hashlib import sha1
from typing import TYPE_CHECKING

import pytest

from oci_twisted.engine.errors import HostKeyRefused
from oci_twisted.engine.transport.known_hosts import KnownHosts, fingerprint, kind_of

if TYPE_CHECKING:
    from pathlib import Path


def key(letter: bytes, kind: bytes = b"ssh-ed25519") -> bytes:
    """Answer what could be a key."""
    return len(kind).to_bytes(4, "big") + kind + (32).to_bytes(4, "big") + letter * 32


OURS, OTHER, RSA = key(b"a"), key(b"b"), key(b"c", b"ssh-rsa")


def line(hosts: str, known: bytes = OURS, marker: str = "") -> str:
    """Answer a line of a file."""
    return f"{marker} {hosts} {kind_of(known)} {base64.b64encode(known).decode()} somebody\n".lstrip()


def hashed(name: str) -> str:
    """Answer a name as ``HashKnownHosts`` has it."""
    salt = b"0123456789abcdefghij"
    parts = (salt, hmac.new(salt, name.encode(), sha1).digest())
    return f"|1|{'|'.join(base64.b64encode(part).decode() for part in parts)}"


def read(tmp_path: Path, text: str, host: str = "box.example", port: int = 22) -> KnownHosts:
    """Read a file of this text, and one that is not there."""
    path = tmp_path / "known"
    path.write_text(text)
    return KnownHosts.read([path, tmp_path / "nothing"], host, port)


@pytest.mark.parametrize(
    ("hosts", "host", "port"),
    [
        ("box.example", "box.example", 22),
        ("box.example", "BOX.example", 22),
        ("a,box.example,b", "box.example", 22),
        ("*.example", "box.example", 22),
        ("bo?.example", "box.example", 22),
        ("*.example,!other.example", "box.example", 22),
        ("[box.example]:2222", "box.example", 2222),
        ("[*.example]:2222", "box.example", 2222),
        (hashed("box.example"), "box.example", 22),
        (hashed("[box.example]:2222"), "box.example", 2222),
        ("::1", "::1", 22),
    ],
)
def test_a_known_key_is_verified(tmp_path: Path, hosts: str, host: str, port: int) -> None:
    """Names, patterns, ports and hashes are as OpenSSH has them."""
    read(tmp_path, f"# a comment\n\n{line(hosts)}", host, port).verify(OURS)


@pytest.mark.parametrize(
    "text",
    [
        "",
        line("other.example"),
        line("*.example,!box.example"),
        line("[box.example]:2222"),
        line("[box.example]"),
        line(hashed("other.example")),
        line("|1|nonsense"),
        line("box.example", marker="@cert-authority"),
        "box.example ssh-ed25519\n",
        "box.example ssh-ed25519 !!!\n",
        "\xff\n",
    ],
)
def test_a_key_that_nobody_knows_is_refused(tmp_path: Path, text: str) -> None:
    """What is about another host, and what cannot be read, vouches for nothing."""
    with pytest.raises(HostKeyRefused, match="is not known") as caught:
        read(tmp_path, text).verify(OURS)
    assert fingerprint(OURS) in str(caught.value)
    assert f"ssh-keyscan box.example >> {tmp_path / 'known'}" in str(caught.value)


def test_a_key_that_has_changed_is_refused(tmp_path: Path) -> None:
    """The line of the same kind is named; a key of another kind is none of the host's either."""
    known = read(tmp_path, line("box.example", RSA) + line("box.example", OTHER))
    with pytest.raises(HostKeyRefused, match="known, line 2 has ssh-ed25519"):
        known.verify(OURS)
    with pytest.raises(HostKeyRefused, match="known, line 1 has ssh-rsa"):
        read(tmp_path, line("box.example", RSA)).verify(OURS)


def test_a_host_may_have_several_keys(tmp_path: Path) -> None:
    """Any of them will do, and their kinds are known."""
    known = read(tmp_path, line("box.example", OTHER) + line("box.example", RSA) + line("box.example"))
    for one in (OURS, OTHER, RSA):
        known.verify(one)
    assert known.kinds == {"ssh-ed25519", "ssh-rsa"}


def test_a_revoked_key_is_refused(tmp_path: Path) -> None:
    """That a key is revoked counts for more than that it is known, wherever it stands."""
    known = read(tmp_path, line("box.example") + line("*", marker="@revoked"))
    with pytest.raises(HostKeyRefused, match=r"is revoked by .*line 2"):
        known.verify(OURS)


def test_names_are_quoted_where_they_become_commands(tmp_path: Path) -> None:
    """An advice can be pasted into a shell, whatever an address has in it."""
    with pytest.raises(HostKeyRefused) as caught:
        read(tmp_path, "", "a;reboot", 2222).verify(OURS)
    assert "ssh-keyscan -p 2222 'a;reboot' >>" in str(caught.value)
