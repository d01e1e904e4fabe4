"""
Containers, and what is inside of them.

- `containers`: the group, which is made of `execs`, `logs`, `stats` and `archives`
- `config`: what a container is made of; `values`: what an engine says of one
- `processes`: processes that somebody is connected to, over `frames`; `exits`: how they end; `outputs` and `runs` for
  those who only want to know what came out
- `deliveries`: one stream for two consumers
"""

from oci_twisted.engine.containers.archives import PathArchive, PathStat
from oci_twisted.engine.containers.config import Bind, ContainerConfig, PublishedPort
from oci_twisted.engine.containers.containers import Containers
from oci_twisted.engine.containers.frames import Stream
from oci_twisted.engine.containers.logs import Log, LogChunk, LogLine, LogLines
from oci_twisted.engine.containers.outputs import Output
from oci_twisted.engine.containers.processes import ContainerProcess
from oci_twisted.engine.containers.stats import Stats, StatsStream, Traffic
from oci_twisted.engine.containers.values import (
    Container,
    ContainersPruned,
    ContainerSummary,
    Created,
    Exit,
    Mount,
    Port,
    Processes,
    State,
    Status,
)

__all__ = [
    "Bind",
    "Container",
    "ContainerConfig",
    "ContainerProcess",
    "ContainerSummary",
    "Containers",
    "ContainersPruned",
    "Created",
    "Exit",
    "Log",
    "LogChunk",
    "LogLine",
    "LogLines",
    "Mount",
    "Output",
    "PathArchive",
    "PathStat",
    "Port",
    "Processes",
    "PublishedPort",
    "State",
    "Stats",
    "StatsStream",
    "Status",
    "Stream",
    "Traffic",
]
