"""What is measured, by docker-py."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import docker

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.bench.engine.meter import Meter


def run(row: str, address: str, subject: str, meter: Meter, parallel: int) -> None:
    """Do a row."""
    client = docker.APIClient(base_url=address, max_pool_size=max(parallel, 1))
    # The first call connects, and asks for the version.
    client.ping()
    _ROWS[row](client, subject, meter, parallel)
    client.close()


def _inspect(client: Any, subject: str, meter: Meter, parallel: int) -> None:  # noqa: ANN401 - docker-py's
    def calls() -> None:
        for _ in range(meter.amount // parallel):
            client.inspect_container(subject)

    if parallel == 1:
        with meter.running():
            calls()
        return
    with ThreadPoolExecutor(parallel) as pool, meter.running():
        for done in [pool.submit(calls) for _ in range(parallel)]:
            done.result()


def _save(client: Any, subject: str, meter: Meter, parallel: int) -> None:  # noqa: ANN401 - docker-py's
    del parallel
    pieces = client.get_image(subject)
    meter.amount = len(next(pieces))
    with meter.running():
        for piece in pieces:
            meter.amount += len(piece)


def _logs(client: Any, subject: str, meter: Meter, parallel: int) -> None:  # noqa: ANN401 - docker-py's
    del parallel
    meter.amount = 0
    with meter.running():
        for _ in client.logs(subject, stream=True):
            meter.amount += 1


_ROWS: dict[str, Callable[[Any, str, Meter, int], None]] = {
    "inspect": _inspect,
    "save": _save,
    "logs": _logs,
}
