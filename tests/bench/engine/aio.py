"""What is measured, by aiodocker."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiodocker

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.bench.engine.meter import Meter


def run(row: str, address: str, subject: str, meter: Meter, parallel: int) -> None:
    """Do a row."""

    async def main() -> None:
        async with aiodocker.Docker(url=address) as docker:
            # The first call connects, and asks for the version.
            await docker.version()
            await _ROWS[row](docker, subject, meter, parallel)

    asyncio.run(main())


async def _inspect(docker: Any, subject: str, meter: Meter, parallel: int) -> None:  # noqa: ANN401 - aiodocker's
    container = docker.containers.container(subject)

    async def calls() -> None:
        for _ in range(meter.amount // parallel):
            await container.show()

    with meter.running():
        await asyncio.gather(*(calls() for _ in range(parallel)))


async def _save(docker: Any, subject: str, meter: Meter, parallel: int) -> None:  # noqa: ANN401 - aiodocker's
    del parallel
    async with docker.images.export_image(subject) as content:
        pieces = content.iter_any()
        meter.amount = len(await anext(pieces))
        with meter.running():
            async for piece in pieces:
                meter.amount += len(piece)


async def _logs(docker: Any, subject: str, meter: Meter, parallel: int) -> None:  # noqa: ANN401 - aiodocker's
    del parallel
    meter.amount = 0
    # With ``follow`` it is a stream, which ends where the container has; without, a list of all lines.
    with meter.running():
        async for _ in docker.containers.container(subject).log(stdout=True, stderr=True, follow=True):
            meter.amount += 1


_ROWS: dict[str, Callable[[Any, str, Meter, int], Awaitable[None]]] = {
    "inspect": _inspect,
    "save": _save,
    "logs": _logs,
}
