"""Memory stays bounded, however large the images are that go through a client."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from tests.clients.tools import run

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.clients

MIB = 1 << 20
SIZE = int(os.environ.get("OCI_ENGINE_STREAM_MIB", "2048")) * MIB
MOST = 32 * MIB

# Runs in a process of its own, so that nothing else is measured: an image of noise is imported, saved, removed and
# loaded, and the process says by how much its resident memory has grown at the most.
PROGRAM = '''
import os
import sys
import tarfile

from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from oci_twisted.engine import EngineClient
from oci_twisted.engine.files import pieces_of_file, write_file

MIB = 1 << 20
address, driver, size, archive, name = sys.argv[1], sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]), sys.argv[5]


def status(field):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(field))


async def noise():
    """A tar archive of one file that no compression makes smaller, and of which no MiB is the same."""
    member = tarfile.TarInfo("noise")
    member.size = size
    yield member.tobuf()
    for _ in range(size // MIB):
        yield os.urandom(MIB)
    yield bytes(2 * tarfile.BLOCKSIZE)


async def main(reactor):
    async with await EngineClient.connect(address, reactor=reactor, driver=driver) as client:
        await client.system.ping()
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
        idle = status("VmRSS:")
        id_ = await client.images.import_archive(noise(), name)
        saved = await write_file(reactor, await client.images.save(name), archive)
        await client.images.remove(name)
        assert not await client.images.exists(id_)
        loaded = await client.images.load(pieces_of_file(reactor, archive))
        assert loaded.names == (name,), loaded
        assert (await client.images.inspect(name)).id == id_
        await client.images.remove(name)
        print(saved, idle, status("VmHWM:") - idle)


react(lambda reactor: Deferred.fromCoroutine(main(reactor)))
'''


def test_gigabytes_through_save_and_load(tmp_path: Path, docker_address: str) -> None:
    """An image of 2 GiB of noise, imported, saved to a file and loaded, adds less than 32 MiB to the process."""
    program, archive = tmp_path / "program.py", tmp_path / "archive.tar"
    program.write_text(PROGRAM)
    name = "oci.test/streams/noise:v1"
    printed = run(sys.executable, program, docker_address, "docker", str(SIZE), archive, name, timeout=600)
    archive.unlink()
    saved, idle, grown = map(int, printed.split())
    print(f"{saved / MIB:.0f} MiB: the peak grew by {grown / MIB:.1f} MiB over {idle / MIB:.1f}")  # noqa: T201 - a figure
    assert saved > SIZE
    assert grown < MOST
