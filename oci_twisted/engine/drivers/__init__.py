"""
Drivers: what a kind of engine can do, and how it is asked.

- `named`: drivers by name: ours, those that a program registers, and those of other distributions
- `docker`, `podman`: ours, which are tables of `operations.Operation`; `podman_differences` is put around what Podman
  does otherwise, `late_streams` around what it begins to answer late
- `connection`: a table over a pool of HTTP connections: versions, and answers as responses
- `answers`: the only place that knows what statuses mean; `messages`: the only one that knows how JSON is streamed
"""

from oci_twisted.engine.drivers.docker import DockerDriver
from oci_twisted.engine.drivers.named import driver, known, register
from oci_twisted.engine.drivers.podman import PodmanDriver

__all__ = [
    "DockerDriver",
    "PodmanDriver",
    "driver",
    "known",
    "register",
]
