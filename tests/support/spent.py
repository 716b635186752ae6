"""Processor time: what each part of a measurement has used, and how much of the machine others had meanwhile.

before = spent({"web servers": [12, 13], "workers": [14]})
after = spent(…);  after.since(before).told()      "web servers 3.1 s, workers 9.0 s, all others here 0.4 s, idle 0.2 s"
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Spent:
    """Seconds of processor time, by part; and of all processors together: at work, and idle."""

    parts: Mapping[str, float]
    busy: float
    idle: float

    def since(self, before: Spent) -> Spent:
        """What was used between the two."""
        parts = {name: seconds - before.parts.get(name, 0.0) for name, seconds in self.parts.items()}
        return Spent(parts, self.busy - before.busy, self.idle - before.idle)

    @property
    def others(self) -> float:
        """What processes used that belong to no part, the kernel's own work included."""
        return max(0.0, self.busy - sum(self.parts.values()))

    def told(self) -> str:
        """In words."""
        parts = [f"{name} {seconds:.1f} s" for name, seconds in self.parts.items()]
        return ", ".join([*parts, f"all others here {self.others:.1f} s", f"idle {self.idle:.1f} s"])


def spent(parts: Mapping[str, Iterable[int]]) -> Spent:
    """What the processes of each part, by their ids, have used so far, with their children that have ended."""
    used = {name: sum(map(_seconds, pids)) for name, pids in parts.items()}
    ticks = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    idle = ticks[3] + ticks[4]  # with what waits for a disk
    return Spent(used, (sum(ticks) - idle) / _TICKS, idle / _TICKS)


def family(pid: int) -> list[int]:
    """A process and those that it has started, as of now."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        return []
    return [pid, *(one for child in children for one in family(int(child)))]


def _seconds(pid: int) -> float:
    """proc(5), stat: utime, stime and those of waited-for children. 0 for a process that has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return sum(map(int, fields[11:15])) / _TICKS
