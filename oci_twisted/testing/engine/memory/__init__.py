"""
A container engine in memory: Docker's HTTP API, in this process, with scripted programs for processes.

It is reached through the same client and HTTP as a real one, over a pipe instead of a socket::

    engine = MemoryEngine(reactor)
    client = await engine.client()

Programs are coroutines: ``engine.programs["backup"] = my_backup`` runs whenever a container's command begins with
``backup`` or a path to it.  It fails on demand: ``engine.fail_next("image.list", html())``; see `Fault`.

- `server`: HTTP, as little as is needed
- `routes`: the drivers' table, read the other way round
- `engine`: what there is, and the operations by their names
- `images`, `transfers`, `image_archives`, `builds`, `containers`, `networks`, `volumes`, `system`: the operations
- `execs`, `attachments`: further processes in containers, and connections to them
- `archives`: files into containers, and out of them
- `logs`: what they have written, and what they take
- `processes`, `programs`: what runs in containers
- `events`: what happens
- `faults`: what goes wrong
"""

from oci_twisted.testing.engine.memory.driver import ADDRESS, MemoryDriver
from oci_twisted.testing.engine.memory.engine import MemoryEngine
from oci_twisted.testing.engine.memory.faults import Fault, break_after, complain, garbage, html, refuse, silence
from oci_twisted.testing.engine.memory.processes import Process

__all__ = [
    "ADDRESS",
    "Fault",
    "MemoryDriver",
    "MemoryEngine",
    "Process",
    "break_after",
    "complain",
    "garbage",
    "html",
    "refuse",
    "silence",
]
