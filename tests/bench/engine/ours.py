"""What is measured, by `oci_twisted.engine`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import react

from oci_twisted.engine import EngineClient

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.bench.engine.meter import Meter


def run(row: str, address: str, subject: str, meter: Meter, parallel: int) -> None:
    """Do a row."""

    async def main(reactor: Any) -> None:  # noqa: ANN401 - every kind of reactor
        async with await EngineClient.connect(address, reactor=reactor, driver="docker") as client:
            # The first call connects, and asks for the version.
            await client.system.ping()
            await _ROWS[row](client, subject, meter, parallel)

    try:
        react(lambda reactor: Deferred.fromCoroutine(main(reactor)))
    except SystemExit as end:
        # That is how it returns.
        if end.code:
            raise


async def _inspect(client: EngineClient, subject: str, meter: Meter, parallel: int) -> None:
    async def calls() -> None:
        for _ in range(meter.amount // parallel):
            await client.containers.inspect(subject)

    with meter.running():
        await gatherResults([Deferred.fromCoroutine(calls()) for _ in range(parallel)])


async def _save(client: EngineClient, subject: str, meter: Meter, parallel: int) -> None:
    del parallel
    stream = await client.images.save(subject)
    meter.amount = len(await stream.__anext__())
    with meter.running():
        async for piece in stream:
            meter.amount += len(piece)


async def _logs(client: EngineClient, subject: str, meter: Meter, parallel: int) -> None:
    del parallel
    meter.amount = 0
    with meter.running():
        log = await client.containers.logs(subject)
        async for _ in log.lines():
            meter.amount += 1


_ROWS: dict[str, Callable[[EngineClient, str, Meter, int], Awaitable[None]]] = {
    "inspect": _inspect,
    "save": _save,
    "logs": _logs,
}
