"""
An engine in memory that programs of other processes reach by a socket, as they would reach a real one.

Its argument is an address, and it says when it listens there.
"""

from __future__ import annotations

import sys

from twisted.internet import reactor as installed
from twisted.internet.interfaces import IReactorCore, IReactorTime, IReactorUNIX

from oci_twisted.engine.address import parse_address
from oci_twisted.testing.engine.memory import MemoryEngine


def main() -> None:
    """Serve until the process is ended."""
    engine = MemoryEngine(IReactorTime(installed))
    IReactorUNIX(installed).listenUNIX(parse_address(sys.argv[1]).path, engine.server)
    IReactorCore(installed).callWhenRunning(print, "ready", flush=True)
    IReactorCore(installed).run()


if __name__ == "__main__":
    main()
