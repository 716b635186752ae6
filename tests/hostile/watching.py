"""What must hold while a house is attacked: no 5xx, no traceback, nothing of somebody else's, no process that grows.

503 is no fault: it says "later", and the machine is busy. They are counted.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.hostile.asking import Answered, Asked
from tests.support.processes import ROOT, Stack

TRACES = re.compile(
    rb"Traceback \(most|Internal Server Error|A request of a program failed|Task exception was never"
)
#: What a log may not hold, because a terminal obeys it: control characters, and what turns the direction of writing.
UNSEEN = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]|\xe2\x80[\xa8-\xae]")
#: What no answer may tell: where the code lies, and what went wrong in it.
INSIDE = (str(ROOT).encode(), b"Traceback (most", b"site-packages", b"/holdfast-stack-")
#: Bytes by which a process may have grown between the first third of a door's frames and their end. A first third warms
#: up: code, caches, arenas of the allocator, connections.
MAX_GROWTH = 32 << 20
MAX_TOLD = 20


@dataclass
class Report:
    """What came of one door."""

    door: str
    seed: int
    frames: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    #: Resident bytes, by process: one after each tenth.
    memory: dict[str, list[int]] = field(default_factory=dict)
    seconds: float = 0.0

    def lines(self) -> list[str]:
        """For people."""
        answers = ", ".join(f"{what} {count:,}" for what, count in self.answers.most_common(24))
        rate = self.frames / max(self.seconds, 0.001)
        told = [
            f"{self.door}: {self.frames:,} frames, seed {self.seed}, {self.seconds:.0f} s ({rate:.0f} a second)"
        ]
        told.append(f"  {answers}")
        for name, sizes in self.memory.items():
            told.append(f"  {name}: {' '.join(f'{size >> 20}' for size in sizes)} MB")
        return told + [f"  FAULT {one}" for one in self.faults[:MAX_TOLD]]


class Watch:
    """Looks at one door of one house. `secrets` are texts of somebody else's that no answer to strangers holds."""

    def __init__(self, stack: Stack, secrets: tuple[bytes, ...], door: str, seed: int) -> None:
        self.stack, self.secrets = stack, secrets
        self.report = Report(door, seed)
        self._logs = {label: process.written for label, process in stack.processes.items()}
        self._began = time.monotonic()

    def fault(self, what: str, told: Any = "") -> None:
        """Something that must not be."""
        self.report.faults.append(f"{what}: {str(told)[:2_500]}")

    def answered(self, asked: Asked, answer: Answered, *, allowed: bool = False) -> None:
        """An answer over HTTP. `allowed`: who asked may see everything."""
        self.report.frames += 1
        self.report.answers[str(answer.status)] += 1
        told = (asked.method, asked.path[:300], asked.headers, asked.body[:1_200], answer.body[:300])
        if answer.status >= 500 and answer.status != 503:
            self.fault(f"status {answer.status}", told)
        self.heard(answer.head + answer.body, told, allowed=allowed)

    def heard(self, data: bytes, told: Any, *, allowed: bool = False) -> None:
        """Something that somebody was told."""
        for one in INSIDE if allowed else (*INSIDE, *self.secrets):
            if one in data:
                place = data.index(one)
                self.fault(f"told {data[max(0, place - 80) : place + 80]!r}", told)

    def look(self) -> None:
        """How much memory each process holds now."""
        for label, process in self.stack.processes.items():
            if process.alive:
                self.report.memory.setdefault(label, []).append(resident(process.pid))
            else:
                self.fault(f"{label} has ended", process.output())

    def ended(self) -> Report:
        """The whole; the logs are read."""
        self.look()
        self.report.seconds = time.monotonic() - self._began
        for label, process in self.stack.processes.items():
            written = process.log.read_bytes()[self._logs.get(label, 0) :]
            for found in list(TRACES.finditer(written))[:3]:
                self.fault(
                    f"{label} wrote",
                    written[max(0, found.start() - 400) : found.start() + 2_000].decode("utf-8", "replace"),
                )
            for found in list(UNSEEN.finditer(written))[:3]:
                self.fault(f"{label} wrote what nobody sees", written[max(0, found.start() - 400) :][:800])
        for label, sizes in self.report.memory.items():
            if len(sizes) > 5 and label != "demo" and sizes[-1] - sizes[len(sizes) // 3] > MAX_GROWTH:
                self.fault(f"{label} has grown", [f"{size >> 20} MB" for size in sizes])
        return self.report


def resident(pid: int) -> int:
    """Bytes of memory that a process holds (Linux)."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096
    except (FileNotFoundError, ProcessLookupError):
        return 0


def peak(pid: int) -> int:
    """The most bytes of memory that a process has held since its peak was set back (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) * 1024
