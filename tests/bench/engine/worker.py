"""
One client, one row: what `tests.bench.engine` runs in a process of its own.

Its arguments are a JSON document, and it prints another one.
"""

from __future__ import annotations

import importlib
import json
import sys

from tests.bench.engine.meter import Meter


def main() -> None:
    """Measure."""
    task = json.loads(sys.argv[1])
    meter = Meter(task["amount"])
    module = importlib.import_module(f"tests.bench.engine.{task['client']}")
    module.run(task["row"], task["address"], task["subject"], meter, task["parallel"])
    print(json.dumps(meter.document()))


if __name__ == "__main__":
    main()
