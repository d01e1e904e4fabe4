"""What the operating system says of a running process (Linux)."""

from __future__ import annotations

import os
import re
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """Answer the processor time that a process has used so far, in user and kernel mode."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def resident_bytes(pid: int) -> int:
    """Answer how much memory a process has in use now."""
    return _status(pid, "VmRSS")


def peak_resident_bytes(pid: int) -> int:
    """Answer the most memory that a process has had in use since `forget_peak`."""
    return _status(pid, "VmHWM")


def forget_peak(pid: int) -> None:
    """Begin a new measurement of the peak."""
    Path(f"/proc/{pid}/clear_refs").write_text("5", "utf-8")


def _status(pid: int, key: str) -> int:
    match = re.search(rf"^{key}:\s+([0-9]+) kB$", Path(f"/proc/{pid}/status").read_text("utf-8"), re.MULTILINE)
    assert match is not None, key
    return int(match.group(1)) << 10
