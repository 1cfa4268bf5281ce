"""How much memory of the host is free, as far as the system says so."""

from __future__ import annotations

import contextlib
import math
from pathlib import Path

_SYSTEM = Path("/proc/meminfo")
_GROUP = Path("/sys/fs/cgroup")  # of the container, or the part of the system, that we are in


def free_host_memory() -> float:
    """Return how many bytes a process may still ask for; infinity where nobody says so."""
    return min(_free_in_system(), _free_in_group())


def _free_in_system() -> float:
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in _SYSTEM.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return 1024.0 * int(line.split()[1])
    return math.inf


def _free_in_group() -> float:
    """Return what the control group (version 2) leaves. It may drop what it has of files."""
    with contextlib.suppress(OSError, ValueError):
        most, used = (int((_GROUP / name).read_text()) for name in ("memory.max", "memory.current"))
        lines = (_GROUP / "memory.stat").read_text().splitlines()
        of_files = dict(line.split() for line in lines).get("inactive_file", "0")
        return float(most - used + int(of_files))
    return math.inf
