"""
The few programs that every container in memory has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from oci_twisted.testing.engine.memory.processes import STDERR

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oci_twisted.testing.engine.memory.processes import Process, Program


async def true(process: Process) -> int:
    """Succeed."""
    del process
    return 0


async def false(process: Process) -> int:
    """Fail."""
    del process
    return 1


async def echo(process: Process) -> int:
    """Write the arguments."""
    process.write(" ".join(process.argv[1:]).encode() + b"\n")
    return 0


async def cat(process: Process) -> int:
    """Write what is read."""
    while content := await process.read():
        process.write(content)
    return 0


async def sleep(process: Process) -> int:
    """Wait so many seconds."""
    await process.sleep(float(process.argv[1]))
    return 0


async def yes(process: Process) -> int:
    """Write the same for ever."""
    line = " ".join(process.argv[1:] or ("y",)).encode() + b"\n"
    while True:
        process.write(line * (8192 // len(line)))
        await process.flush()


async def shell(process: Process) -> int:
    """
    Do ``-c`` with commands between semicolons.

    There are ``echo`` with or without ``>&2``, ``cat``, ``sleep``, ``stty size`` and ``exit``; no quotes; ``$NAME`` is
    a variable of the environment.  Nothing else that ``stty`` is told changes anything.
    """
    if process.argv[1:2] != ("-c",):
        return await cat(process)
    for command in process.argv[2].split(";"):
        name, *words = (_expanded(word, process) for word in command.split())
        stream = STDERR if ">&2" in words else 1
        words = [word for word in words if word != ">&2"]
        if name == "exit":
            return int(words[0])
        if name == "echo":
            process.write(" ".join(words).encode() + b"\n", stream)
        elif name == "sleep":
            await process.sleep(float(words[0]))
        elif name == "cat":
            await cat(process)
        elif name == "stty" and words != ["size"]:
            continue
        elif name == "stty":
            process.write("{} {}\n".format(*process.size).encode())
        else:
            process.write(f"sh: {name}: not found\n".encode(), STDERR)
            return 127
    return 0


def _expanded(word: str, process: Process) -> str:
    return process.environment.get(word[1:], "") if word.startswith("$") else word


PROGRAMS: Mapping[str, Program] = {
    "true": true,
    "false": false,
    "echo": echo,
    "cat": cat,
    "sleep": sleep,
    "sh": shell,
    "yes": yes,
}
