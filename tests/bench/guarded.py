"""
A registry that asks who it is, as a program of one's own would embed it.

Run as ``python -m tests.bench.guarded MODE FOLDER``.  It serves, prints a line of JSON that says where and with what
one gets in, and ends when it is told to.
"""

from __future__ import annotations

import argparse
import json
import sys
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from twisted.logger import globalLogBeginner, textFileLogObserver
from zope.interface import implementer

from oci_twisted.app import Registry
from oci_twisted.auth.authentication import Authentication
from oci_twisted.auth.challenges import BasicChallenge
from oci_twisted.auth.passwords import HtpasswdFile, Passwords
from oci_twisted.auth.passwords.hashes import hash_password
from oci_twisted.auth.tokens.jwts import LIFETIME, JsonWebTokens
from oci_twisted.auth.tokens.keyrings import KeyRing, MemoryShelf
from oci_twisted.interfaces import Decision, IAuthorizer, Principal
from oci_twisted.spec.scopes import parse_scope
from oci_twisted.stream.pools import ThreadedPool

if TYPE_CHECKING:
    from twisted.internet.address import IPv4Address

    from oci_twisted.interfaces import Action, ITokens
    from oci_twisted.spec.names import RepositoryName

MODES = ("open", "basic", "bearer")
USER, PASSWORD = "ada", "lovelace"
BASIC = "Basic " + b64encode(f"{USER}:{PASSWORD}".encode()).decode()


@implementer(IAuthorizer)
class KnownOnly:
    """Permits everything to whoever is known."""

    async def decide(self, principal: Principal, action: Action, name: RepositoryName | None) -> Decision:
        """Decide."""
        del action, name
        return Decision(permitted=principal.name is not None, by="known")


def issuer(reactor: Any) -> tuple[ITokens, str]:  # noqa: ANN401 - as Registry's own
    """Make what knows tokens, and one of them for all that is measured."""
    keys = KeyRing(MemoryShelf(), reactor, lifetime=LIFETIME)
    known = JsonWebTokens(keys, reactor, issuer="bench", service="bench")
    scopes = [parse_scope(text) for text in ("repository:bench/small:pull,push", "repository:bench/large:pull,push")]
    return known, known.issue(Principal(USER), scopes).token


def guarded(reactor: Any, mode: str, folder: Path, arguments: argparse.Namespace) -> tuple[Registry, str | None]:  # noqa: ANN401
    """Make a registry, and answer it with the ``Authorization`` that lets one in."""
    root = folder / f"{mode}-root"
    if mode == "open":
        return Registry.on_disk(reactor, root, durability="relaxed"), None
    htpasswd = folder / f"{mode}.htpasswd"
    htpasswd.write_text(f"{USER}:{hash_password(PASSWORD, arguments.cost)}\n", "utf-8")
    pool = ThreadedPool(reactor, "logins", arguments.threads, niceness=arguments.niceness)
    passwords = Passwords([HtpasswdFile(htpasswd, pool, reactor)], reactor)
    tokens: list[ITokens] = []
    authorization = BASIC
    if mode == "bearer":
        known, token = issuer(reactor)
        tokens, authorization = [known], f"Bearer {token}"
    authentication = Authentication(BasicChallenge("bench"), passwords=passwords, tokens=tokens)
    registry = Registry.on_disk(
        reactor, root, durability="relaxed", authenticator=authentication, authorizer=KnownOnly()
    )
    return registry, authorization


def main() -> None:
    """Serve."""
    from twisted.internet import reactor as installed  # noqa: PLC0415 - nobody who imports this module gets one by it

    reactor = cast("Any", installed)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mode", choices=MODES)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--threads", type=int, default=1, help="that compare passwords")
    parser.add_argument("--niceness", type=int, default=10, help="of these threads")
    parser.add_argument("--cost", type=int, default=12, help="of the password's hash")
    arguments = parser.parse_args()
    # As in production, where every request leaves a line.
    globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stderr)], redirectStandardIO=False)
    registry, authorization = guarded(reactor, arguments.mode, arguments.folder, arguments)
    service = registry.service("tcp:0:interface=127.0.0.1")
    service.startService()
    reactor.addSystemEventTrigger("before", "shutdown", service.stopService)
    assert service.port is not None
    port = cast("IPv4Address", service.port.getHost()).port
    print(json.dumps({"host": f"127.0.0.1:{port}", "authorization": authorization}), flush=True)
    reactor.run()


if __name__ == "__main__":
    main()
